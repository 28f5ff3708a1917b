"""Server-Sent Events: phones hear that something changed and fetch their view again."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from .tenant import Tenant

KEEPALIVE_S = 15.0
WAITING = 1000  # changes a slow page may lag behind before it is told to reload


class LiveChanges:
    """Fans changes of a tenant out to every open event stream."""

    def __init__(self, tenant: Tenant) -> None:
        self._streams: set[asyncio.Queue[str | None]] = set()
        self._seq = 0
        tenant.on_change(self._publish)

    def _publish(self, what: str, who: dict[str, list[str]]) -> None:
        self._seq += 1
        line = f"id: {self._seq}\nevent: change\ndata: {json.dumps({'what': what, 'who': who})}\n\n"
        for queue in self._streams:
            if queue.qsize() < WAITING:
                queue.put_nowait(line)

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        for queue in self._streams:
            queue.put_nowait(None)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Answer GET /sandbox/api/events until the page or the server goes away."""
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
            }
        )
        await response.prepare(request)
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._streams.add(queue)
        try:
            await response.write(b"retry: 1000\nevent: hello\ndata: {}\n\n")
            while True:
                try:
                    line = await asyncio.wait_for(queue.get(), KEEPALIVE_S)
                except TimeoutError:
                    line = ": still here\n\n"
                if line is None:
                    break
                await response.write(line.encode())
        except ConnectionResetError:
            pass  # the page was closed: nothing is lost, it will read its view again
        finally:
            self._streams.discard(queue)
        return response
