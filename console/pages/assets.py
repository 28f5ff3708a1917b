"""The pictures of the library, for previews and lists."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Final

from aiohttp import ETag, web
from PIL import Image

from console.frame import deps_of

if TYPE_CHECKING:
    from collections.abc import Iterable

SIGNATURES: Final = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
THUMBNAIL: Final = (240, 240)  # pixels at most


def routes() -> Iterable[web.RouteDef]:
    return (web.get(r"/assets/{key}", picture),)


async def picture(request: web.Request) -> web.StreamResponse:
    """Serve an image asset, or the cover of a card, ``?size=small`` as a thumbnail; only what is named."""
    # The library looks the key up among its assets: no path can be made of it.
    try:
        data = await deps_of(request).library.picture(request.match_info["key"])
    except OSError as exc:  # taken away since the pack was loaded
        raise web.HTTPNotFound from exc
    kind = next((kind for start, kind in SIGNATURES if data.startswith(start)), None)
    if kind is None:
        raise web.HTTPNotFound
    small = request.query.get("size") == "small"
    etag = sha256(data).hexdigest()[:32] + ("-s" if small else "")
    headers = {"ETag": f'"{etag}"', "Cache-Control": "private, max-age=300"}
    if request.if_none_match and any(known in (ETag(etag), ETag("*")) for known in request.if_none_match):
        return web.Response(status=304, headers=headers)
    if small:
        data, kind = await asyncio.to_thread(_thumbnail, data), "image/jpeg"
    return web.Response(body=data, content_type=kind, headers=headers)


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
