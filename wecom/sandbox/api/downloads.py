"""media/get: a file with its name, whole or in ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import web

from wecom.sandbox.refusal import Refusal

if TYPE_CHECKING:
    from wecom.sandbox.state import Media

WHOLE_UP_TO = 20 * 1024 * 1024


def download(request: web.Request, media: Media) -> web.Response:
    """Answer with a file; a Range header gets 206. Larger files than 20 MB need one (830002)."""
    headers = {
        "Content-Disposition": f'attachment; filename="{quote(media.filename)}"',
        "Accept-Ranges": "bytes",
    }
    size = len(media.blob)
    try:
        wanted = request.http_range
    except ValueError:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"}) from None
    if wanted.start is None and wanted.stop is None:
        return web.Response(body=media.blob, content_type=media.content_type, headers=headers)
    start, stop, _ = wanted.indices(size)
    if start >= stop:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return web.Response(
        status=206, body=media.blob[start:stop], content_type=media.content_type, headers=headers
    )


def check_whole(media: Media, *, ranged: bool) -> None:
    """Refuse to send a large file in one piece (830002)."""
    if len(media.blob) > WHOLE_UP_TO and not ranged:
        raise Refusal(830002)
