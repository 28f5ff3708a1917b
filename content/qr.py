"""Reads a QR code out of a picture that a program drew: upright, whole, nothing else on it (ISO/IEC 18004).

WeCom gives the picture of a code, never what it says, with a portrait over its middle. To print it sharp and
with another logo, its content must be read. No camera was involved, so finding the code is easy; but what the
portrait hides must be mended, as any scanner does.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from PIL import Image
from segno import consts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PIXELS: Final = 4_000_000
ALPHANUMERIC: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_FORMAT_MASK: Final = 0b101010000010010
_MASKS: Final[tuple[Callable[[int, int], bool], ...]] = (
    lambda y, x: (y + x) % 2 == 0,
    lambda y, _x: y % 2 == 0,
    lambda _y, x: x % 3 == 0,
    lambda y, x: (y + x) % 3 == 0,
    lambda y, x: (y // 2 + x // 3) % 2 == 0,
    lambda y, x: y * x % 2 + y * x % 3 == 0,
    lambda y, x: (y * x % 2 + y * x % 3) % 2 == 0,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2 == 0,
)

Matrix = list[list[bool]]


class Unreadable(ValueError):
    """There is no code in the picture, or too much of it is hidden."""


def read_code(picture: bytes) -> str:
    """Return what the code in a picture says.

    Raises:
        Unreadable: not a picture, not such a code, or too damaged.
    """
    matrix = _sample(_open(picture))
    version = (len(matrix) - 17) // 4
    level, mask = _format_of(matrix)
    codewords = _codewords(matrix, version, mask)
    return _text(b"".join(_mended(codewords, version, level)), version)


# ── from pixels to modules ───────────────────────────────────────────────────────────────────────────


def _open(picture: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(picture)) as image:
            if image.width * image.height > PIXELS:
                raise Unreadable("the picture is too large")
            colours = image.convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as exc:
        raise Unreadable("not a picture") from exc
    white = Image.new("RGBA", colours.size, "white")
    return Image.alpha_composite(white, colours).convert("L").point(lambda light: 255 if light < 128 else 0)


def _sample(ink: Image.Image) -> Matrix:
    """Return the modules: True is dark. The corners' finder patterns give the edges and the size of one."""
    box = ink.getbbox()
    if box is None:
        raise Unreadable("an empty picture")
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    pixels = ink.load()
    if pixels is None or abs(width - height) > max(width, height) * 0.02:
        raise Unreadable("not a square")
    run = 0
    while left + run < right and pixels[left + run, top + width // 200]:
        run += 1
    if run < 7:
        raise Unreadable("no finder pattern")
    count = round((width / (run / 7) - 17) / 4) * 4 + 17
    if not 21 <= count <= 177:
        raise Unreadable("no code has so many modules")
    across, down = width / count, height / count
    reach = max(0, int(across / 5))

    def dark(row: int, column: int) -> bool:
        x, y = int(left + (column + 0.5) * across), int(top + (row + 0.5) * down)
        spots = [
            pixels[min(max(x + dx, 0), ink.width - 1), min(max(y + dy, 0), ink.height - 1)]
            for dx in (-reach, 0, reach)
            for dy in (-reach, 0, reach)
        ]
        return sum(bool(spot) for spot in spots) > 4

    return [[dark(row, column) for column in range(count)] for row in range(count)]


# ── from modules to codewords ────────────────────────────────────────────────────────────────────────


def _formats() -> Iterator[tuple[int, int]]:
    """Yield every format word with its five bits of level and mask."""
    for data in range(32):
        rest = data << 10
        for shift in range(4, -1, -1):
            if rest >> (shift + 10) & 1:
                rest ^= 0b10100110111 << shift
        yield (data << 10 | rest) ^ _FORMAT_MASK, data


def _format_of(matrix: Matrix) -> tuple[int, int]:
    """Return error level (as coded) and mask, from whichever copy is the clearer."""
    last = len(matrix) - 1
    one = [(8, x) for x in (0, 1, 2, 3, 4, 5, 7, 8)] + [(y, 8) for y in (7, 5, 4, 3, 2, 1, 0)]
    two = [(last - n, 8) for n in range(7)] + [(8, last - 7 + n) for n in range(8)]
    best = (16, 0)
    for places in (one, two):
        word = sum(matrix[y][x] << (14 - n) for n, (y, x) in enumerate(places))
        best = min(best, *(((word ^ known).bit_count(), data) for known, data in _formats()))
    if best[0] > 3:
        raise Unreadable("no format")
    return best[1] >> 3, best[1] & 7


def _reserved(version: int) -> Matrix:
    """Return which modules carry no data: finders, timing, alignment, format and version."""
    width = version * 4 + 17
    fixed = [[False] * width for _ in range(width)]

    def take(rows: range, columns: range) -> None:
        for y in rows:
            for x in columns:
                fixed[y][x] = True

    take(range(9), range(9))
    take(range(9), range(width - 8, width))
    take(range(width - 8, width), range(9))
    take(range(6, 7), range(width))
    take(range(width), range(6, 7))
    places = consts.ALIGNMENT_POS[version - 2] if version > 1 else ()
    corners = {(places[0], places[0]), (places[0], places[-1]), (places[-1], places[0])} if places else set()
    for y in places:
        for x in places:
            if (y, x) not in corners:
                take(range(y - 2, y + 3), range(x - 2, x + 3))
    if version >= 7:
        take(range(6), range(width - 11, width - 8))
        take(range(width - 11, width - 8), range(6))
    return fixed


def _codewords(matrix: Matrix, version: int, mask: int) -> bytes:
    """Walk the columns in pairs from the right, up and down in turn, and gather eight modules a codeword."""
    width, fixed, flips = len(matrix), _reserved(version), _MASKS[mask]
    bits: list[bool] = []
    upwards = True
    for right in range(width - 1, 0, -2):
        column = right - 1 if right <= 6 else right
        for row in range(width - 1, -1, -1) if upwards else range(width):
            pair = (column, column - 1)
            bits.extend(matrix[row][x] ^ flips(row, x) for x in pair if not fixed[row][x])
        upwards = not upwards
    return bytes(sum(bits[start + n] << (7 - n) for n in range(8)) for start in range(0, len(bits) - 7, 8))


# ── from codewords to data ───────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Block:
    data: int  # how many of its codewords are data
    words: bytearray


def _mended(codewords: bytes, version: int, level: int) -> Iterator[bytes]:
    """Take the interleaved blocks apart and yield the data of each, mended."""
    known: Any = consts.ECC
    parts = [ec for ec in known[version][level] for _ in range(ec.num_blocks)]
    blocks = [_Block(ec.num_data, bytearray()) for ec in parts]
    stream = iter(codewords)
    for place in range(max(block.data for block in blocks)):
        for block in blocks:
            if place < block.data:
                block.words.append(next(stream))
    for _ in range(parts[0].num_total - parts[0].num_data):
        for block in blocks:
            block.words.append(next(stream))
    for block in blocks:
        yield _correct(block.words, len(block.words) - block.data)[: block.data]


_EXP: Final = [1] * 512
for _n in range(1, 512):
    _next = _EXP[_n - 1] << 1
    _EXP[_n] = _next ^ 0x11D if _next > 255 else _next
_LOG: Final = {value: power for power, value in enumerate(_EXP[:255])}


def _times(a: int, b: int) -> int:
    return _EXP[_LOG[a] + _LOG[b]] if a and b else 0


def _over(a: int, b: int) -> int:
    return _EXP[_LOG[a] - _LOG[b] + 255] if a else 0


def _value(polynomial: Sequence[int], x: int) -> int:
    """Evaluate a polynomial, its lowest power first."""
    total = 0
    for factor in reversed(polynomial):
        total = _times(total, x) ^ factor
    return total


def _correct(words: bytearray, checks: int) -> bytes:
    """Mend up to half as many wrong codewords as there are checks (Reed-Solomon over GF(256)).

    Raises:
        Unreadable: there are more.
    """
    backwards = words[::-1]
    syndromes = [_value(backwards, _EXP[n]) for n in range(checks)]
    if not any(syndromes):
        return bytes(words)
    locator = _locator(syndromes)
    wrong = [place for place in range(len(words)) if _value(locator, _EXP[255 - place]) == 0]
    if len(wrong) != len(locator) - 1 or len(wrong) > checks // 2:
        raise Unreadable("too much is hidden")
    evaluator = [0] * checks
    for i, syndrome in enumerate(syndromes):
        for j, factor in enumerate(locator):
            if i + j < checks:
                evaluator[i + j] ^= _times(syndrome, factor)
    slope = [factor if n % 2 else 0 for n, factor in enumerate(locator)][1:]
    for place in wrong:
        inverse = _EXP[255 - place]
        size = _times(_EXP[place], _over(_value(evaluator, inverse), _value(slope, inverse)))
        words[len(words) - 1 - place] ^= size
    if any(_value(words[::-1], _EXP[n]) for n in range(checks)):
        raise Unreadable("too much is hidden")
    return bytes(words)


def _locator(syndromes: Sequence[int]) -> list[int]:
    """Find the polynomial whose roots are the wrong places (Berlekamp-Massey)."""
    found, before, shift, last = [1], [1], 1, 1
    length = 0
    for n, syndrome in enumerate(syndromes):
        gap = syndrome
        for i in range(1, length + 1):
            gap ^= _times(found[i] if i < len(found) else 0, syndromes[n - i])
        if gap == 0:
            shift += 1
            continue
        kept = list(found)
        factor = _over(gap, last)
        found += [0] * (len(before) + shift - len(found))
        for i, value in enumerate(before):
            found[i + shift] ^= _times(factor, value)
        if 2 * length <= n:
            length, before, last, shift = n + 1 - length, kept, gap, 1
        else:
            shift += 1
    while len(found) > 1 and found[-1] == 0:
        found.pop()
    return found


# ── from data to text ────────────────────────────────────────────────────────────────────────────────


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self.left = len(data) * 8

    def take(self, count: int) -> int:
        if count > self.left:
            raise Unreadable("the data ends too early")
        self.left -= count
        return self._value >> self.left & (1 << count) - 1


def _text(data: bytes, version: int) -> str:
    bits = _Bits(data)
    size = 0 if version < 10 else 1 if version < 27 else 2
    out = bytearray()
    while bits.left >= 4 and (mode := bits.take(4)):
        match mode:
            case 0b0001:
                _digits(bits, bits.take((10, 12, 14)[size]), out)
            case 0b0010:
                _capitals(bits, bits.take((9, 11, 13)[size]), out)
            case 0b0100:
                out += bytes(bits.take(8) for _ in range(bits.take((8, 16, 16)[size])))
            case 0b0111:
                bits.take(8)  # which character set; addresses are ASCII in all of them
            case _:
                raise Unreadable("a kind of text that addresses do not use")
    try:
        return out.decode()
    except UnicodeDecodeError as exc:
        raise Unreadable("not text") from exc


def _digits(bits: _Bits, count: int, out: bytearray) -> None:
    while count:
        some = min(3, count)
        out += str(bits.take((0, 4, 7, 10)[some])).zfill(some).encode()
        count -= some


def _capitals(bits: _Bits, count: int, out: bytearray) -> None:
    while count > 1:
        first, second = divmod(bits.take(11), 45)
        if first >= 45:
            raise Unreadable("not a character")
        out += (ALPHANUMERIC[first] + ALPHANUMERIC[second]).encode()
        count -= 2
    if count:
        at = bits.take(6)
        if at >= 45:
            raise Unreadable("not a character")
        out += ALPHANUMERIC[at].encode()
