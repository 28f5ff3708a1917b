"""A WeCom that answers exactly what a test scripted, over a real socket, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it came over the wire."""

    method: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return orjson.loads(self.raw)


Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


def ok(**fields: Any) -> Reply:
    return failing(0, "ok", **fields)


def failing(errcode: int, errmsg: str = "scripted", **fields: Any) -> Reply:
    return raw(orjson.dumps({"errcode": errcode, "errmsg": errmsg, **fields}))


def raw(body: bytes, *, status: int = 200, content_type: str = "application/json") -> Reply:
    async def reply(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, content_type=content_type)

    return reply


def redirect(to: str) -> Reply:
    async def reply(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": to})

    return reply


async def reset(request: web.Request) -> web.StreamResponse:
    """Cut the connection when the request has been read: WeCom may have done it, nobody will say."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def truncated(request: web.Request) -> web.StreamResponse:
    """Cut the connection in the middle of the answer."""
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"errcode": 0, "er')
    assert request.transport is not None
    request.transport.close()
    return response


def slow(seconds: float, then: Reply) -> Reply:
    async def reply(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await then(request)

    return reply


class ScriptedWeCom:
    """Answers each path from its own queue, the last one for ever; tokens are ``AT-1``, ``AT-2``, …"""

    def __init__(self) -> None:
        self.calls: dict[str, list[Call]] = defaultdict(list)
        self.accepted = "AT-1"  # the one token that business calls take
        self._scripts: dict[str, deque[Reply]] = {}
        self._issued = 0
        self._asked = asyncio.Condition()
        self.app = web.Application(client_max_size=64 * 1024 * 1024)
        self.app.router.add_route("*", "/{prefix:.*}cgi-bin/{path:.+}", self._handle)

    def script(self, path: str, *replies: Reply) -> None:
        self._scripts[path] = deque(replies)

    def issue_token(self, *, expires_in: int = 7200, seconds: float = 0.0) -> Reply:
        """Issue a new token at each call and accept only that one from then on."""

        async def reply(_request: web.Request) -> web.StreamResponse:
            await asyncio.sleep(seconds)
            self._issued += 1
            self.accepted = f"AT-{self._issued}"
            return web.json_response(
                {"errcode": 0, "errmsg": "ok", "access_token": self.accepted, "expires_in": expires_in}
            )

        return reply

    async def until_asked(self, path: str, *, times: int = 1) -> None:
        """Wait until ``path`` was called ``times`` times in all."""
        async with self._asked:
            await self._asked.wait_for(lambda: len(self.calls[path]) >= times)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        self.calls[path].append(
            Call(
                method=request.method,
                query=dict(request.query),
                headers=dict(request.headers),
                raw=await request.read(),
            )
        )
        async with self._asked:
            self._asked.notify_all()
        if path == "gettoken" and path not in self._scripts:
            self.script(path, self.issue_token())
        if path != "gettoken" and request.query.get("access_token") != self.accepted:
            return web.json_response({"errcode": 40014, "errmsg": "invalid access_token"})
        queue = self._scripts[path]
        return await (queue.popleft() if len(queue) > 1 else queue[0])(request)
