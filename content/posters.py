"""Draws posters: the clinic's words on one of a few layouts, with a code to scan, as a PNG for phones."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import segno
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

    from content.fonts import Face

WIDTH: Final = 1080  # the short side that moments take: doc 95098
HEIGHT: Final = 1600
MARGIN: Final = 96
CODE: Final = 260  # px; prints and photographs well
QUIET: Final = 4  # modules of white around a code, as the standard asks
TITLE_CHARS: Final = 24
TEXT_CHARS: Final = 160
HINT_CHARS: Final = 30
CONTACT_CHARS: Final = 80
LINK_BYTES: Final = 300  # a longer one makes modules too small to scan from a phone's screen
_NEVER_FIRST: Final = frozenset("，。！？、；：”’）》】…—,.!?;:)%-")  # 避头: they stay with the word before


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The colours of a layout."""

    ground: str
    shape: str
    ink: str
    soft: str
    accent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A kind of poster that staff can pick."""

    key: str
    title: str
    palette: Palette
    tall: bool  # the title stands large in the upper half, for a festival


LAYOUTS: Final = (
    Layout(
        key="share",
        title="分享海报 · 薄荷",
        palette=Palette(ground="#eef8f4", shape="#cdebdf", ink="#16302b", soft="#4a645d", accent="#0f766e"),
        tall=False,
    ),
    Layout(
        key="share-warm",
        title="分享海报 · 暖杏",
        palette=Palette(ground="#fdf5ea", shape="#f7dfbf", ink="#3a2a17", soft="#74603f", accent="#a8570c"),
        tall=False,
    ),
    Layout(
        key="festival",
        title="节日海报 · 喜庆红",
        palette=Palette(ground="#a3271f", shape="#b83a30", ink="#fff4e0", soft="#fbdcb8", accent="#ffe0a3"),
        tall=True,
    ),
    Layout(
        key="festival-night",
        title="节日海报 · 月夜",
        palette=Palette(ground="#123047", shape="#1b435f", ink="#f2f7fa", soft="#bfd4e0", accent="#ffd98a"),
        tall=True,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """What stands on a poster. ``link`` is what the code says; without one there is no code."""

    layout: str
    clinic: str
    title: str
    text: str = ""
    doctor: str = ""
    contact: str = ""
    link: str = ""
    hint: str = ""  # beside the code

    @property
    def words(self) -> str:
        """Everything people read on it, for the content check."""
        lines = (self.title, self.text, self.doctor, self.hint)
        return "\n".join(line for line in lines if line)


class PosterRefused(ValueError):
    """A poster cannot be drawn so; ``field`` names the place, the message says the remedy."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def layout_of(key: str) -> Layout:
    """Return the layout called ``key``.

    Raises:
        PosterRefused: there is none.
    """
    for layout in LAYOUTS:
        if layout.key == key:
            return layout
    raise PosterRefused("layout", "没有这个样式，请重新选择")


def draw(poster: Poster, face: Face) -> bytes:
    """Return the poster as PNG, 1080 × 1600 px; the same poster gives the same bytes. Call it in a thread.

    Raises:
        PosterRefused: no title, too many words, or a link that makes no code one can scan.
    """
    layout = layout_of(poster.layout)
    _check(poster)
    image = Image.new("RGB", (WIDTH, HEIGHT), layout.palette.ground)
    pen = ImageDraw.Draw(image)
    _shapes(pen, layout)
    _head(pen, poster, layout, face)
    _words(pen, poster, layout, face)
    _foot(image, pen, poster, layout, face)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _check(poster: Poster) -> None:
    if not poster.title.strip():
        raise PosterRefused("title", "请写上标题")
    if len(poster.title) > TITLE_CHARS:
        raise PosterRefused("title", f"标题有 {len(poster.title)} 字，最多 {TITLE_CHARS} 字")
    if len(poster.text) > TEXT_CHARS:
        raise PosterRefused("text", f"正文有 {len(poster.text)} 字，最多 {TEXT_CHARS} 字")
    if len(poster.hint) > HINT_CHARS:
        raise PosterRefused("hint", f"二维码旁边的话最多 {HINT_CHARS} 字")
    if len(poster.contact) > CONTACT_CHARS:
        raise PosterRefused("contact", f"地址和电话最多 {CONTACT_CHARS} 字")
    if poster.link and not poster.link.startswith(("https://", "http://")):
        raise PosterRefused("link", "二维码的地址要以 https:// 开头")
    if len(poster.link.encode()) > LINK_BYTES:
        raise PosterRefused("link", "地址太长，二维码会小得扫不出来，请换一个短一些的")


def _shapes(pen: ImageDraw.ImageDraw, layout: Layout) -> None:
    colour = layout.palette.shape
    if layout.tall:
        pen.ellipse((WIDTH - 520, -180, WIDTH + 220, 560), fill=colour)
        pen.ellipse((-260, HEIGHT - 760, 320, HEIGHT - 180), fill=colour)
        return
    pen.ellipse((WIDTH - 420, -220, WIDTH + 260, 460), fill=colour)
    pen.rounded_rectangle((MARGIN, 560, MARGIN + 96, 572), radius=6, fill=layout.palette.accent)


def _head(pen: ImageDraw.ImageDraw, poster: Poster, layout: Layout, face: Face) -> None:
    pen.text((MARGIN, MARGIN), poster.clinic, font=face.at(44, bold=True), fill=layout.palette.accent)


def _words(pen: ImageDraw.ImageDraw, poster: Poster, layout: Layout, face: Face) -> None:
    room = WIDTH - 2 * MARGIN
    size = 128 if layout.tall else 92
    top = 330 if layout.tall else 270
    lines, font = _fitted(poster.title, face, size=size, room=room, most=3 if layout.tall else 2)
    for line in lines:
        pen.text((MARGIN, top), line, font=font, fill=layout.palette.ink)
        top += round(font.size * 1.3)
    top = max(top + 50, 620 if not layout.tall else 0)
    room_below = HEIGHT - 460 - top
    lines, font = _in_box(poster.text, face, size=50, room=room, height=room_below)
    for line in lines:
        pen.text((MARGIN, top), line, font=font, fill=layout.palette.soft)
        top += round(font.size * 1.65)


def _foot(image: Image.Image, pen: ImageDraw.ImageDraw, poster: Poster, layout: Layout, face: Face) -> None:
    top = HEIGHT - MARGIN - CODE
    room = WIDTH - 2 * MARGIN
    if poster.link:
        code = _code(poster.link)
        at = WIDTH - MARGIN - code.width
        pen.rounded_rectangle(
            (at - 20, top - 20, at + code.width + 20, top + code.height + 20), radius=24, fill="white"
        )
        image.paste(code, (at, top))
        room -= code.width + 70
    line = top
    for words, size, bold, colour in (
        (poster.doctor, 46, True, layout.palette.ink),
        (poster.hint if poster.link else "", 38, False, layout.palette.accent),
        (poster.contact, 34, False, layout.palette.soft),
    ):
        if words:
            lines, font = _fitted(words, face, size=size, room=room, most=3, bold=bold)
            for part in lines:
                pen.text((MARGIN, line), part, font=font, fill=colour)
                line += round(font.size * 1.5)
            line += 8


def _code(link: str) -> Image.Image:
    """Return a code whose modules are whole pixels, about `CODE` wide with its quiet zone."""
    code = segno.make(link, error="m", micro=False, boost_error=False)
    modules = code.symbol_size(scale=1, border=QUIET)[0]
    out = io.BytesIO()
    code.save(out, kind="png", scale=max(2, CODE // modules), border=QUIET, dark="#000", light="#fff")
    with Image.open(io.BytesIO(out.getvalue())) as image:
        return image.convert("RGB")


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────


def _fitted(
    text: str, face: Face, *, size: int, room: int, most: int, bold: bool = True
) -> tuple[list[str], FreeTypeFont]:
    """Return text in at most ``most`` lines, in a smaller size when it needs more."""
    while True:
        font = face.at(size, bold=bold)
        lines = wrapped(text, font, room)
        if len(lines) <= most or size <= 24:
            return lines, font
        size = round(size * 0.9)


def _in_box(text: str, face: Face, *, size: int, room: int, height: int) -> tuple[list[str], FreeTypeFont]:
    """Return text in as many lines as fit a height, in a smaller size when it needs more."""
    while True:
        font = face.at(size)
        lines = wrapped(text, font, room)
        if len(lines) * size * 1.65 <= height or size <= 24:
            return lines, font
        size = round(size * 0.92)


def wrapped(text: str, font: FreeTypeFont, room: int) -> list[str]:
    """Break text into lines of at most ``room`` pixels: anywhere between Chinese characters, never before
    a closing mark, and not inside a word or number of ASCII letters that fits a line.
    """
    lines: list[str] = []
    for paragraph in text.replace("\r\n", "\n").split("\n"):
        line = ""
        for part in _parts(paragraph):
            if line and font.getlength(line + part) > room:
                lines.append(line.rstrip())
                line = part.lstrip()
            else:
                line += part
            while len(line) > 1 and font.getlength(line) > room:  # one word, longer than a line
                cut = _longest(line, font, room)
                lines.append(line[:cut])
                line = line[cut:]
        lines.append(line.rstrip())
    return lines


def _parts(text: str) -> list[str]:
    """Return what must stay together: a character with the closing marks behind it, or an ASCII word."""
    parts: list[str] = []
    for character in text:
        last = parts[-1][-1] if parts else ""
        word = last.isascii() and (last.isalnum() or last == "-")
        if parts and (character in _NEVER_FIRST or (word and character.isascii() and character.isalnum())):
            parts[-1] += character
        else:
            parts.append(character)
    return parts


def _longest(line: str, font: FreeTypeFont, room: int) -> int:
    cut = 1
    while cut < len(line) and font.getlength(line[: cut + 1]) <= room:
        cut += 1
    return cut
