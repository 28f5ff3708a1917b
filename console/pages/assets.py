"""The pictures of the content pack, for previews."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from aiohttp import ETag, web

from console.frame import deps_of

if TYPE_CHECKING:
    from collections.abc import Iterable

SIGNATURES: Final = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))


def routes() -> Iterable[web.RouteDef]:
    return (web.get(r"/assets/{key}", picture),)


async def picture(request: web.Request) -> web.StreamResponse:
    """Serve an image asset, or the cover of a link or mini-program card; only what the pack names."""
    pack = deps_of(request).pack
    # The pack looks the key up among its assets: no path can be made of it.
    try:
        data = await asyncio.to_thread(pack.asset_bytes, request.match_info["key"])
    except OSError as exc:  # taken away since the pack was loaded
        raise web.HTTPNotFound from exc
    kind = next((kind for start, kind in SIGNATURES if data.startswith(start)), None)
    if kind is None:
        raise web.HTTPNotFound
    etag = sha256(data).hexdigest()[:32]
    headers = {"ETag": f'"{etag}"', "Cache-Control": "private, max-age=300"}
    if request.if_none_match and any(known in (ETag(etag), ETag("*")) for known in request.if_none_match):
        return web.Response(status=304, headers=headers)
    return web.Response(body=data, content_type=kind, headers=headers)
