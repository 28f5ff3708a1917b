"""The web part of the program by itself, and callbacks for it as WeCom makes them."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from pydantic import SecretStr
from sqlalchemy import func, select

from bot.app import RUNTIME, create_app
from bot.roles import Role
from bot.runtime import Runtime
from bot.settings import Settings
from store.clock import ShiftedClock
from store.inbox import InboxEvent
from tests.support.checking import packaged_checker
from tests.support.clinic import MONDAY
from wecom.crypto import CallbackCrypto

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from content.pack import Pack

TOKEN, KEY, CORP = "endpointToken", "qWERtyUI0pasDFghJKLzxcVBNM1234567890abcDEFg", "wwendpointcorp"
NONCE = "884201"
PLAIN = (
    "<xml><ToUserName><![CDATA[wwendpointcorp]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>"
    "<CreateTime>1795221600</CreateTime><MsgType><![CDATA[event]]></MsgType>"
    "<Event><![CDATA[change_external_contact]]></Event>"
    "<ChangeType><![CDATA[edit_external_contact]]></ChangeType>"
    "<UserID><![CDATA[xiaohu]]></UserID><ExternalUserID><![CDATA[wmSECRETPATIENT{n}]]></ExternalUserID></xml>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The web part of the program, with nobody behind it who handles what it stores."""

    url: str
    runtime: Runtime
    clock: ShiftedClock
    http: aiohttp.ClientSession
    crypto: CallbackCrypto

    def stamp(self, off: timedelta = timedelta()) -> str:
        return str(int((self.clock.now() + off).timestamp()))

    def query(self, encrypt: str, *, timestamp: str | None = None) -> dict[str, str]:
        """Return the parameters that belong to a ciphertext."""
        stamp = timestamp or self.stamp()
        signature = self.crypto.sign(stamp, NONCE, encrypt)
        return {"msg_signature": signature, "timestamp": stamp, "nonce": NONCE}

    async def post(self, query: dict[str, str], body: Any) -> int:
        async with self.http.post(self.url, params=query, data=body) as response:
            await response.read()
            return response.status

    async def deliver(self, plain: str, *, timestamp: str | None = None) -> int:
        """POST a callback as WeCom does."""
        encrypt = self.crypto.encrypt(plain)
        return await self.post(self.query(encrypt, timestamp=timestamp), envelope(encrypt))

    async def counted(self, outcome: str) -> float:
        """Return what ``/metrics`` says about this outcome."""
        async with self.http.get(self.url.replace("/wecom/callback", "/metrics")) as response:
            found = re.search(
                rf'^xiaohu_callbacks_total{{outcome="{outcome}"}} (\S+)$', await response.text(), re.MULTILINE
            )
        return float(found[1]) if found else 0.0

    async def stored(self) -> int:
        async with self.runtime.database.read() as session:
            return await session.scalar(select(func.count()).select_from(InboxEvent)) or 0


def envelope(encrypt: str) -> bytes:
    return f"<xml><ToUserName>x</ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>".encode()


@asynccontextmanager
async def running_endpoint(database_url: str, pack: Pack) -> AsyncIterator[Endpoint]:
    clock = ShiftedClock(MONDAY)
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(database_url),
        secret_key=SecretStr("endpoint-secret-key"),
        admin_password=SecretStr("endpoint-password"),
        wecom_api_base="http://127.0.0.1:9",
        wecom_corp_id=CORP,
        wecom_agent_id=1000002,
        wecom_secret=SecretStr("endpoint-secret"),
        wecom_token=SecretStr(TOKEN),
        wecom_aes_key=SecretStr(KEY),
    )
    app = create_app(settings, pack, role=Role.WEB, clock=clock, checker=packaged_checker())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
            yield Endpoint(
                url=f"http://127.0.0.1:{runner.addresses[0][1]}/wecom/callback",
                runtime=app[RUNTIME],
                clock=clock,
                http=http,
                crypto=CallbackCrypto(token=TOKEN, aes_key=KEY, corp_id=CORP),
            )
    finally:
        await runner.cleanup()
