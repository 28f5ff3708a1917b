"""A chain's installation: web, worker and scheduler apart, woken through Redis; flushing Redis loses nothing."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr
from redis.asyncio import Redis

from bot.app import create_app
from bot.roles import Role
from bot.wakeups import STREAM
from store.clock import ShiftedClock
from tests.support.checking import packaged_checker
from tests.support.clinic import MONDAY, settings_for
from tests.support.redis_server import redis_url
from wecom.sandbox.rules import Rules
from wecom.sandbox.server import running_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from content.pack import Pack


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    with redis_url(tmp_path) as url:
        yield url


class Chain:
    """Three apps that share a database and a Redis, as three processes would."""

    def __init__(self, url: str, sandbox: Any, http: aiohttp.ClientSession, redis: str) -> None:
        self.url, self.sandbox, self.http, self.redis = url, sandbox, http, redis

    async def act(self, action: str, **body: Any) -> Any:
        target = f"{self.sandbox.api_base}/sandbox/api/actions/{action}"
        async with self.http.post(target, json=body) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def calls(self, api: str, count: int) -> list[Any]:
        """Wait for so many calls to an endpoint and return them."""
        async with asyncio.timeout(20):
            while len(calls := list(self.sandbox.tenant.journal.calls(api))) < count:
                await asyncio.sleep(0.05)
        return calls


@pytest.fixture
async def chain(database_url: str, redis: str, pack: Pack) -> AsyncIterator[Chain]:
    clock = ShiftedClock(MONDAY)
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(
            running_sandbox(now=clock.now, callback_url=None, rules=Rules(dispatch_s=0, moment_job_s=0))
        )
        settings = settings_for(sandbox, database_url, redis_url=SecretStr(redis))
        urls = {}
        for role in (Role.WEB, Role.WORKER, Role.SCHEDULER):
            runner = web.AppRunner(
                create_app(settings, pack, role=role, clock=clock, checker=packaged_checker()),
                access_log=None,
            )
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            urls[role] = f"http://127.0.0.1:{runner.addresses[0][1]}"
        sandbox.callbacks.url = f"{urls[Role.WEB]}/wecom/callback"
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield Chain(urls[Role.WEB], sandbox, http, redis)


async def test_a_callback_taken_by_the_web_process_is_greeted_by_the_worker(chain: Chain) -> None:
    await chain.act("patient-adds-member", userid="xiaohu", state="front-desk", name="晓晴")

    assert len(await chain.calls("externalcontact/send_welcome_msg", 1)) == 1
    async with chain.http.get(f"{chain.url}/readyz") as response:
        assert (await response.json())["broker"] == "ok"


async def test_the_scheduler_drafts_the_monday_and_the_worker_sends_the_cards(chain: Chain) -> None:
    sent = await chain.calls("message/send", 3)

    assert {call.body["msgtype"] for call in sent} == {"template_card"}


async def test_flushing_redis_loses_nothing_and_the_listener_finds_its_stream_again(
    chain: Chain, caplog: pytest.LogCaptureFixture
) -> None:
    client = Redis.from_url(chain.redis)
    await client.flushall()

    await chain.act("patient-adds-member", userid="xiaohu", state="front-desk", name="晓晴")

    assert len(await chain.calls("externalcontact/send_welcome_msg", 1)) == 1
    async with asyncio.timeout(20):
        while not (await client.exists(STREAM) and await client.xinfo_groups(STREAM)):
            await asyncio.sleep(0.05)
    await client.aclose()
    # A listener that only tries again and again fills the log, and a processor core, for ever.
    assert not [record for record in caplog.records if record.name.startswith("taskiq")]
