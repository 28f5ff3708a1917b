"""The picture of a live code as clinics print it: drawn anew with room for a logo, or as WeCom gave it."""

from __future__ import annotations

import asyncio
import io
from base64 import b64encode
from typing import Final, Literal

import segno
from PIL import Image

from content.qr import Unreadable, read_code

Kind = Literal["svg", "png"]
TYPES: Final[dict[str, str]] = {"svg": "image/svg+xml", "png": "image/png"}
LOGO: Final = "logo"  # the key of the picture that stands in the middle
QUIET: Final = 4  # modules of white around it, as the standard asks
MIDDLE: Final = 0.24  # of the width is left for the logo: 6 % of the area, and level H bears 30 %
MODULE: Final = 24  # pixels: sharp on a poster


async def printable(picture: bytes, kind: str, *, logo: bytes | None) -> tuple[bytes, str]:
    """Return the code as SVG or PNG, and its content type.

    The code's content is read out of WeCom's picture and drawn anew at error level H, its middle free for the
    logo. A picture that cannot be read is handed out as it is: it works, only without our logo.
    """
    return await asyncio.to_thread(_draw, picture, kind, logo)


def _draw(picture: bytes, kind: str, logo: bytes | None) -> tuple[bytes, str]:
    try:
        content = read_code(picture)
    except Unreadable:
        return _as_it_is(picture, kind)
    matrix = _with_room(content)
    if kind == "svg":
        return _svg(matrix, logo), TYPES["svg"]
    return _png(matrix, logo), TYPES["png"]


def _with_room(content: str) -> list[list[bool]]:
    """Return the modules of a code at level H, those under the logo white."""
    code = segno.make(content, error="h", boost_error=False, micro=False)
    matrix = [[bool(module) for module in row] for row in code.matrix]
    width = len(matrix)
    room = _room(width)
    start = (width - room) // 2
    for row in range(start, start + room):
        for column in range(start, start + room):
            matrix[row][column] = False
    return matrix


def _room(width: int) -> int:
    """Return the side of the logo's square in modules: odd like the code's, so that it is centred."""
    side = int(width * MIDDLE)
    return side if side % 2 else side - 1


def _svg(matrix: list[list[bool]], logo: bytes | None) -> bytes:
    width = len(matrix)
    size = width + 2 * QUIET
    path = "".join(
        f"M{x + QUIET} {y + QUIET}h1v1h-1z"
        for y, row in enumerate(matrix)
        for x, dark in enumerate(row)
        if dark
    )
    room = _room(width)
    corner = (size - room) / 2
    inside = (
        f'<image x="{corner + 0.5:g}" y="{corner + 0.5:g}" width="{room - 1}" height="{room - 1}" '
        f'href="data:{_type(logo)};base64,{b64encode(logo).decode()}"/>'
        if logo
        else f'<rect x="{corner + 0.5:g}" y="{corner + 0.5:g}" width="{room - 1}" height="{room - 1}" rx="1" '
        'fill="none" stroke="#c5d3ce" stroke-width=".15" stroke-dasharray=".6 .6"/>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="{size * 8}" '
        f'height="{size * 8}"><rect width="{size}" height="{size}" fill="#fff"/>'
        f'<path d="{path}" fill="#000"/>{inside}</svg>\n'
    ).encode()


def _png(matrix: list[list[bool]], logo: bytes | None) -> bytes:
    width = len(matrix)
    size = width + 2 * QUIET
    small = Image.new("1", (size, size), 1)
    for y, row in enumerate(matrix):
        for x, dark in enumerate(row):
            if dark:
                small.putpixel((x + QUIET, y + QUIET), 0)
    image = small.resize((size * MODULE, size * MODULE), Image.Resampling.NEAREST).convert("RGB")
    if logo:
        room = (_room(width) - 1) * MODULE
        with Image.open(io.BytesIO(logo)) as opened:
            placed = opened.convert("RGBA")
            placed.thumbnail((room, room), Image.Resampling.LANCZOS)
        corner = ((image.width - placed.width) // 2, (image.height - placed.height) // 2)
        image.paste(placed, corner, placed)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _as_it_is(picture: bytes, kind: str) -> tuple[bytes, str]:
    if kind == "png":
        return picture, _type(picture)
    data = b64encode(picture).decode()
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="800" height="800">'
        f'<image width="100" height="100" href="data:{_type(picture)};base64,{data}"/></svg>\n'
    ).encode(), TYPES["svg"]


def _type(data: bytes) -> str:
    if data.startswith(b"\x89PNG"):
        return "image/png"
    return "image/jpeg" if data.startswith(b"\xff\xd8") else "application/octet-stream"
