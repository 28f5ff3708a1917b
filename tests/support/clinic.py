"""Drives the whole program as WeCom, patients and staff do: over real sockets, on one shared clock."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from blockbuster import blockbuster_ctx
from pydantic import SecretStr

from bot.app import RUNTIME, create_app
from bot.runtime import Runtime
from bot.settings import Settings
from store.clock import ShiftedClock
from tests.support.checking import packaged_checker
from wecom.sandbox.rules import Rules
from wecom.sandbox.server import Sandbox, running_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from content.pack import Pack

MONDAY = datetime(2026, 11, 23, 0, 40, tzinfo=UTC)  # 08:40 in the clinic
ROOMS = ("bot", "clinic", "console", "handlers", "pages", "sop", "store")
API_KEY = "test-api-key"
PASSWORD = "test-password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """A running program and its tenant."""

    url: str
    clock: ShiftedClock
    sandbox: Sandbox
    runtime: Runtime
    http: aiohttp.ClientSession
    settings: Settings
    pack: Pack

    @property
    def tenant(self) -> Any:
        return self.sandbox.tenant

    async def api(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """Call the JSON API; fail loudly on another status than ``expect``."""
        headers = {"Authorization": f"Bearer {API_KEY}"}
        async with self.http.request(
            method, f"{self.url}/api/v1{path}", json=body, headers=headers
        ) as response:
            answer = await response.json(content_type=None)
            assert response.status == expect, (response.status, answer)
            return answer

    async def until(
        self, truth: Callable[[], Any | Awaitable[Any]], *, what: str, within_s: float = 75
    ) -> Any:
        """Wait until ``truth()`` is true and return its value."""
        deadline = time.monotonic() + within_s
        while True:
            value = truth()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"did not happen within {within_s} s: {what}")
            await asyncio.sleep(0.03)

    async def posts(self, **filters: str) -> list[dict[str, Any]]:
        """Return all posts that the API lists under these filters."""
        items: list[dict[str, Any]] = []
        query = {"limit": "200", **filters}
        while True:
            text = "&".join(f"{name}={value}" for name, value in query.items())
            page = await self.api("GET", f"/posts?{text}")
            items += page["items"]
            if page["next"] is None:
                return items
            query["cursor"] = page["next"]

    async def plan(self, start: str = "2026-11-23") -> list[dict[str, Any]]:
        """Plan the week and return its posts."""
        headers = {"Authorization": f"Bearer {API_KEY}"}
        async with self.http.post(
            f"{self.url}/api/v1/plans/week", json={"start": start}, headers=headers
        ) as response:
            assert response.status in (200, 201), await response.text()
            return list((await response.json())["items"])

    async def state_of(self, post_id: int, *states: str) -> dict[str, Any]:
        """Wait until the post stands in one of ``states`` and return it."""

        async def there() -> Any:
            post = await self.api("GET", f"/posts/{post_id}")
            return post if post["state"] in states else None

        found: dict[str, Any] = await self.until(there, what=f"post {post_id} in {states}")
        return found

    async def act(self, action: str, **body: Any) -> dict[str, Any]:
        """Let a person do something in the tenant (the sandbox's control API)."""
        url = f"{self.sandbox.api_base}/sandbox/api/actions/{action}"
        async with self.http.post(url, json=body) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 200, answer
            return answer

    async def phone(self, whose: str, key: str) -> dict[str, Any]:
        """Return what a phone shows; ``whose`` is members, patients or groups."""
        async with self.http.get(f"{self.sandbox.api_base}/sandbox/api/phones/{whose}/{key}") as response:
            shown: dict[str, Any] = await response.json()
            assert response.status == 200, shown
            return shown

    def tenant_read(self) -> bool:
        """Tell whether the program has read members and groups since it started, or failed to."""
        samples = (sample for family in self.runtime.metrics.ticks.collect() for sample in family.samples)
        return any(sample.labels.get("job") == "read_tenant" and sample.value for sample in samples)

    def journal(self, api: str) -> list[Any]:
        """Return the calls the tenant received for one endpoint."""
        return list(self.tenant.journal.calls(api))


def without_journeys(pack: Pack) -> Pack:
    """Return a pack whose plans write to no single patient."""
    return replace(pack, plans=tuple(plan for plan in pack.plans if plan.kind != "journey"))


@asynccontextmanager
async def running_clinic(
    database_url: str,
    pack: Pack,
    *,
    start: datetime = MONDAY,
    rules: Rules | None = None,
    journeys: bool = False,
    **options: Any,
) -> AsyncIterator[Clinic]:
    """Run program and tenant until the block ends.

    Args:
        journeys: whether the pack's journeys run: they have something to say to nearly everybody, which most
            tests are not about.
    """
    clock = ShiftedClock(start)
    if not journeys:
        pack = without_journeys(pack)
    async with running_sandbox(
        now=clock.now,
        callback_url=None,
        retry_after_s=0.2,
        rules=rules or Rules(dispatch_s=0, moment_job_s=0),
    ) as sandbox:
        settings = settings_for(sandbox, database_url, **options)
        app = create_app(settings, pack, clock=clock, checker=packaged_checker())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            sandbox.callbacks.url = f"{url}/wecom/callback"
            sandbox.tenant.rules.callbacks_configured = True
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
                # Starting may block; from here on, whatever of our rooms blocks the loop fails the test.
                # Not on PostgreSQL: its driver looks for a password file at each new connection.
                with nullcontext() if "postgresql" in database_url else _watched_loop():
                    yield Clinic(
                        url=url,
                        clock=clock,
                        sandbox=sandbox,
                        runtime=app[RUNTIME],
                        http=http,
                        settings=settings,
                        pack=pack,
                    )
        finally:
            await runner.cleanup()


@contextmanager
def _watched_loop() -> Iterator[None]:
    """Fail what blocks the loop, but for what the store does so on purpose (ADR 0013)."""
    with blockbuster_ctx(list(ROOMS)) as watch:
        for name, function in watch.functions.items():
            if name.startswith("sqlite3."):
                function.can_block_in("store/one_visit.py", "_execute")
            elif "acquire" in name:
                function.can_block_in("store/line.py", "_stand_in_line")
        yield


def settings_for(sandbox: Sandbox, database_url: str, **options: Any) -> Settings:
    """Return the settings of a program that talks to ``sandbox``."""
    facts = sandbox.connection
    values: dict[str, Any] = {
        "database_url": SecretStr(database_url),
        "secret_key": SecretStr("test-secret-key"),
        "admin_password": SecretStr(PASSWORD),
        "api_key": SecretStr(API_KEY),
        "wecom_api_base": facts["api_base"],
        "wecom_corp_id": facts["corp_id"],
        "wecom_agent_id": facts["agent_id"],
        "wecom_secret": SecretStr(facts["secret"]),
        "wecom_token": SecretStr(facts["token"]),
        "wecom_aes_key": SecretStr(facts["aes_key"]),
    }
    return Settings(_env_file=None, **(values | options))
