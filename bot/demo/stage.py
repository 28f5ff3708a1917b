"""The stage: the program beside a simulated tenant, on one clock that the story moves forward."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web
from pydantic import SecretStr

from bot.app import RUNTIME, create_app
from bot.settings import Settings
from content.loader import load_pack
from store.clock import ShiftedClock
from wecom.sandbox.rules import Rules
from wecom.sandbox.server import Sandbox, running_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from bot.runtime import Runtime
    from content.pack import Pack

HOST: Final = "127.0.0.1"
FOLDER: Final = Path("var/demo")
USER: Final = "admin"
PASSWORD: Final = "xiaohu-demo"  # noqa: S105  (shown on the demo's own login page)
API_KEY: Final = "xiaohu-demo-api-key"
ZONE: Final = ZoneInfo("Asia/Shanghai")
WAIT_S: Final = 20.0
CSRF: Final = re.compile(r'name="csrf" value="([^"]+)"')


class DidNotHappen(Exception):
    """A step of the story did not happen; the message says which."""


def next_monday(now: datetime) -> datetime:
    """Return the coming Monday, 08:25 in the clinic: five minutes before the week is planned."""
    local = now.astimezone(ZONE)
    day = local.date() + timedelta(days=(7 - local.weekday()) % 7 or 7)
    return datetime(day.year, day.month, day.day, 8, 25, tzinfo=ZONE).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the story plays on. People act through the sandbox's phones and the console, as in life."""

    url: str
    clock: ShiftedClock
    sandbox: Sandbox
    runtime: Runtime
    pack: Pack
    http: aiohttp.ClientSession

    async def until(self, truth: Callable[[], Awaitable[Any]], *, what: str) -> Any:
        """Wait for a truthy answer.

        Raises:
            DidNotHappen: not within 20 s.
        """
        deadline = time.monotonic() + WAIT_S
        while not (value := await truth()):
            if time.monotonic() > deadline:
                raise DidNotHappen(what)
            await asyncio.sleep(0.05)
        return value

    async def act(self, action: str, **body: Any) -> dict[str, Any]:
        """Let a person do something on a phone of the tenant."""
        return await self._json("POST", f"{self.sandbox.api_base}/sandbox/api/actions/{action}", json=body)

    async def phone(self, whose: str, key: str) -> dict[str, Any]:
        """Return what a phone shows; ``whose`` is members, patients or groups."""
        return await self._json("GET", f"{self.sandbox.api_base}/sandbox/api/phones/{whose}/{key}")

    async def api(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Call the program's JSON API."""
        headers = {"Authorization": f"Bearer {API_KEY}"}
        return await self._json(method, f"{self.url}/api/v1{path}", json=body, headers=headers)

    async def calls(self, api: str) -> list[dict[str, Any]]:
        """Return the calls the tenant received for one endpoint."""
        url = f"{self.sandbox.api_base}/sandbox/api/journal"
        return list((await self._json("GET", url, params={"api": api}))["items"])

    async def redeliver(self) -> None:
        """Deliver the last callback once more, byte for byte."""
        await self._json("POST", f"{self.sandbox.api_base}/sandbox/api/callbacks/redeliver", json={})

    async def sign_in(self) -> None:
        """Log in to the console as a person does, by its form."""
        page = f"{self.url}/console/login"
        await self._post_form(page, page, [("name", USER), ("password", PASSWORD)])

    async def click(self, page: str, action: str, *fields: tuple[str, str]) -> None:
        """Send a form of a console page."""
        await self._post_form(f"{self.url}{page}", f"{self.url}{action}", fields)

    async def _post_form(self, page: str, action: str, fields: Sequence[tuple[str, str]]) -> None:
        async with self.http.get(page) as response:
            text = await response.text()
        if (found := CSRF.search(text)) is not None:
            fields = [("csrf", found[1]), *fields]
        headers = {"Origin": self.url}
        async with self.http.post(action, data=fields, headers=headers) as response:
            if response.status >= 400:
                raise DidNotHappen(f"控制台 {action} 回答 {response.status}")

    async def _json(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        async with self.http.request(method, url, **options) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            if response.status >= 400:
                raise DidNotHappen(f"{method} {url} 回答 {response.status}：{answer}")
            return answer


@asynccontextmanager
async def stage(*, port: int, sandbox_port: int, on_crash: Callable[[], None]) -> AsyncIterator[Stage]:
    """Set the stage: a fresh database, the tenant, the program.

    Raises:
        OSError: neither the wanted ports nor free ones can be used.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    pack = load_pack("dental")
    clock = ShiftedClock(next_monday(datetime.now(UTC)))
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(
            running_sandbox(
                host=HOST,
                port=usable(sandbox_port),
                now=clock.now,
                callback_url=f"http://{HOST}/",
                rules=Rules(dispatch_s=0.2, moment_job_s=0.5),
            )
        )
        # The program's address is needed before it listens: cards carry links to the console.
        chosen = usable(port) or free_port()
        url = f"http://{HOST}:{chosen}"
        sandbox.callbacks.url = f"{url}/wecom/callback"
        app = create_app(settings_for(sandbox, url), pack, clock=clock, demo_login=True, on_crash=on_crash)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, HOST, chosen).start()
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of a numeric host
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20), cookie_jar=jar)
        http = await stack.enter_async_context(session)
        yield Stage(url=url, clock=clock, sandbox=sandbox, runtime=app[RUNTIME], pack=pack, http=http)


def settings_for(sandbox: Sandbox, url: str) -> Settings:
    """Return settings that need no environment."""
    facts = sandbox.connection
    values: dict[str, Any] = {
        "database_url": SecretStr(f"sqlite+aiosqlite:///{FOLDER / 'xiaohu.db'}"),
        "redis_url": None,
        "public_url": url,
        "secret_key": SecretStr("xiaohu-demo-secret-key"),
        "admin_password": SecretStr(PASSWORD),
        "api_key": SecretStr(API_KEY),
        "content_pack": "dental",
        "wecom_api_base": facts["api_base"],
        "wecom_corp_id": facts["corp_id"],
        "wecom_agent_id": facts["agent_id"],
        "wecom_secret": SecretStr(facts["secret"]),
        "wecom_token": SecretStr(facts["token"]),
        "wecom_aes_key": SecretStr(facts["aes_key"]),
    }
    return Settings(_env_file=None, **values)


def usable(port: int) -> int:
    """Return ``port``, or 0 (any free one) when something else listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return 0
    return port


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
