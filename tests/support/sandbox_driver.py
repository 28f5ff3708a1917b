"""Speaks to a running sandbox over sockets: as a program calls WeCom, as a page calls the control API."""

from __future__ import annotations

import io
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import xmltodict
from aiohttp import web
from PIL import Image
from wechatpy.work.crypto import WeChatCrypto

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wecom.sandbox import Sandbox

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # a Monday, 09:00 in China


@dataclass
class FrozenClock:
    """An outside clock that stands until somebody moves it."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def picture(width: int = 60, height: int = 40, *, kind: str = "PNG") -> bytes:
    """Return a small picture file."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "#3aa").save(buffer, kind)
    return buffer.getvalue()


def mp4(seconds: int = 5) -> bytes:
    """Return the beginning of an MP4 file whose movie header states a length."""
    header = b"\0" * 12 + (1000).to_bytes(4) + (seconds * 1000).to_bytes(4) + b"\0" * 80
    return b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + b"\0\0\0\x6cmvhd" + header


@dataclass
class Program:
    """A program that works for the tenant: it has the secret, and a token once it asked for one."""

    sandbox: Sandbox
    http: aiohttp.ClientSession
    token: str = ""

    async def login(self) -> str:
        connection = self.sandbox.connection
        answer = await self.get(
            "gettoken", corpid=connection["corp_id"], corpsecret=connection["secret"], access_token=None
        )
        self.token = answer["access_token"]
        return self.token

    def _query(self, query: dict[str, str | None]) -> dict[str, str]:
        wanted = {"access_token": self.token, **query}
        return {key: value for key, value in wanted.items() if value is not None}

    async def get(self, api: str, **query: str | None) -> dict[str, Any]:
        url = f"{self.sandbox.api_base}/cgi-bin/{api}"
        async with self.http.get(url, params=self._query(query)) as answer:
            assert answer.status == 200
            return await answer.json()

    async def post(self, api: str, body: Any = None, **query: str | None) -> dict[str, Any]:
        return await self.post_raw(api, json.dumps(body or {}, ensure_ascii=False).encode(), **query)

    async def post_raw(self, api: str, body: bytes, **query: str | None) -> dict[str, Any]:
        url = f"{self.sandbox.api_base}/cgi-bin/{api}"
        headers = {"Content-Type": "application/json"}
        async with self.http.post(url, params=self._query(query), data=body, headers=headers) as answer:
            assert answer.status == 200
            return await answer.json()

    async def upload(
        self, api: str, blob: bytes, *, filename: str = "a.png", field: str = "media", **query: str
    ) -> dict[str, Any]:
        form = aiohttp.FormData()
        form.add_field(field, io.BytesIO(blob), filename=filename, content_type="image/png")
        url = f"{self.sandbox.api_base}/cgi-bin/{api}"
        async with self.http.post(url, params=self._query(dict(query)), data=form) as answer:
            assert answer.status == 200
            return await answer.json()

    async def image(self) -> str:
        """Upload a picture for mass sends and welcomes and return its media_id."""
        return (await self.upload("media/upload", picture(), type="image"))["media_id"]

    async def moment_image(self) -> str:
        """Upload a picture for moments and return its media_id."""
        answer = await self.upload(
            "media/upload_attachment", picture(), media_type="image", attachment_type="1"
        )
        return answer["media_id"]

    # -- the control API --------------------------------------------------------------------------

    async def control(self, method: str, path: str, body: Any = None, *, status: int = 200) -> dict[str, Any]:
        url = f"{self.sandbox.api_base}/sandbox/api{path}"
        async with self.http.request(method, url, json=body) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def act(self, action: str, /, *, status: int = 200, **body: Any) -> dict[str, Any]:
        return await self.control("POST", f"/actions/{action}", body, status=status)


@asynccontextmanager
async def program_of(sandbox: Sandbox) -> AsyncIterator[Program]:
    """Open an HTTP client with a token."""
    async with aiohttp.ClientSession() as http:
        program = Program(sandbox, http)
        await program.login()
        yield program


@dataclass
class CallbackServer:
    """A program's callback URL: decrypts with wechatpy, answers what it is told to."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)  # of the next answers; 200 when used up
    requests: list[tuple[dict[str, str], str]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    crypto: WeChatCrypto | None = None

    def trust(self, sandbox: Sandbox) -> None:
        connection = sandbox.connection
        self.crypto = WeChatCrypto(connection["token"], connection["aes_key"], connection["corp_id"])

    async def receive(self, request: web.Request) -> web.Response:
        assert self.crypto is not None
        body = await request.text()
        query = dict(request.query)
        self.requests.append((query, body))
        plain = self.crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
        self.events.append(xmltodict.parse(plain)["xml"])
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def verify(self, request: web.Request) -> web.Response:
        assert self.crypto is not None
        query = request.query
        echo = self.crypto.check_signature(
            query["msg_signature"], query["timestamp"], query["nonce"], query["echostr"]
        )
        return web.Response(body=echo)


@asynccontextmanager
async def callback_server() -> AsyncIterator[CallbackServer]:
    """Serve a callback URL on a free port."""
    server = CallbackServer()
    app = web.Application()
    app.router.add_post("/wecom/callback", server.receive)
    app.router.add_get("/wecom/callback", server.verify)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/wecom/callback"
        yield server
    finally:
        await runner.cleanup()
