"""The pictures and videos of the library, for previews and lists."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Final

from aiohttp import ETag, web
from PIL import Image

from console.frame import deps_of
from content.videos import is_mp4

if TYPE_CHECKING:
    from collections.abc import Iterable

SIGNATURES: Final = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
VIDEO: Final = "video/mp4"
THUMBNAIL: Final = (240, 240)  # pixels at most


def routes() -> Iterable[web.RouteDef]:
    return (web.get(r"/assets/{key}", picture),)


async def picture(request: web.Request) -> web.StreamResponse:
    """Serve an image, a video, or the cover of a card; ``?size=small`` gives a thumbnail."""
    # The library looks the key up among its assets: no path can be made of it.
    try:
        data = await deps_of(request).library.picture(request.match_info["key"])
    except OSError as exc:  # taken away since the pack was loaded
        raise web.HTTPNotFound from exc
    kind = (
        VIDEO if is_mp4(data) else next((kind for start, kind in SIGNATURES if data.startswith(start)), None)
    )
    small = request.query.get("size") == "small"
    if kind is None or (small and kind == VIDEO):
        raise web.HTTPNotFound
    etag = sha256(data).hexdigest()[:32] + ("-s" if small else "")
    headers = {"ETag": f'"{etag}"', "Cache-Control": "private, max-age=300"}
    if request.if_none_match and any(known in (ETag(etag), ETag("*")) for known in request.if_none_match):
        return web.Response(status=304, headers=headers)
    if kind == VIDEO:
        return _part(request, data, headers)
    if small:
        data, kind = await asyncio.to_thread(_thumbnail, data), "image/jpeg"
    return web.Response(body=data, content_type=kind, headers=headers)


def _part(request: web.Request, data: bytes, headers: dict[str, str]) -> web.Response:
    """Answer with the part of a video that the browser asks for: Safari plays nothing from who cannot."""
    headers["Accept-Ranges"] = "bytes"
    size = len(data)
    try:
        wanted = request.http_range
    except ValueError:  # not understood: the whole is a right answer too
        wanted = slice(None)
    if wanted.start is None:
        return web.Response(body=data, content_type=VIDEO, headers=headers)
    first, end, _ = wanted.indices(size)
    if first >= end:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
    return web.Response(status=206, body=data[first:end], content_type=VIDEO, headers=headers)


def _thumbnail(data: bytes) -> bytes:
    with Image.open(BytesIO(data)) as image:
        image.draft("RGB", THUMBNAIL)
        small = Image.new("RGB", image.size, "white")
        clear = image.convert("RGBA")
        small.paste(clear, mask=clear)
    small.thumbnail(THUMBNAIL)
    out = BytesIO()
    small.save(out, "JPEG", quality=82)
    return out.getvalue()
