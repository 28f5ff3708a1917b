"""The webhook's promise: a 200 means durable, anything else means that WeCom must try again."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import sys
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import pytest
from sqlalchemy import select
from sqlalchemy.engine import make_url

from store import inbox
from store.inbox import InboxEvent
from tests.support.clinic import Clinic
from tests.support.databases import Templates
from tests.support.process import Program, free_port, settings_of
from tests.support.webhook import CORP, KEY, NONCE, PLAIN, TOKEN, Endpoint, running_endpoint
from wecom.crypto import CallbackCrypto

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack


@pytest.fixture
async def endpoint_anywhere(started_url: str, pack: Pack) -> AsyncIterator[Endpoint]:
    async with running_endpoint(started_url, pack) as running:
        yield running


async def test_the_same_event_in_two_envelopes_is_one_row(endpoint_anywhere: Endpoint) -> None:
    statuses = await asyncio.gather(*(endpoint_anywhere.deliver(PLAIN) for _ in range(20)))

    assert set(statuses) == {200}
    assert await endpoint_anywhere.stored() == 1


async def test_many_callbacks_at_once_are_all_stored(endpoint_anywhere: Endpoint) -> None:
    plains = [PLAIN.replace("{n}", str(n)) for n in range(300)]

    statuses = await asyncio.gather(*(endpoint_anywhere.deliver(plain) for plain in plains))

    assert set(statuses) == {200}
    assert await endpoint_anywhere.stored() == 300


async def test_a_signed_body_that_cannot_be_parsed_is_kept_as_a_dead_event_with_an_alarm(
    clinic: Clinic,
) -> None:
    facts = clinic.sandbox.connection
    crypto = CallbackCrypto(token=facts["token"], aes_key=facts["aes_key"], corp_id=facts["corp_id"])
    stamp = str(int(clinic.clock.now().timestamp()))
    body, signature = crypto.envelope("<xml><broken", timestamp=stamp, nonce=NONCE)
    query = {"msg_signature": signature, "timestamp": stamp, "nonce": NONCE}

    async with clinic.http.post(f"{clinic.url}/wecom/callback", params=query, data=body) as response:
        assert response.status == 200

    async def buried() -> Any:
        async with clinic.runtime.database.read() as session:
            return (await session.scalars(select(InboxEvent).where(InboxEvent.state == inbox.DEAD))).all()

    [event] = await clinic.until(buried, what="the dead event")
    assert event.body == b"<xml><broken"
    async with clinic.http.get(f"{clinic.url}/metrics") as response:
        assert 'xiaohu_alarms_total{name="inbox.unparseable"} 1.0' in await response.text()


@asynccontextmanager
async def held_by_another(database_url: str) -> AsyncIterator[None]:
    """Hold the database as another program would that writes and does not come to an end."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        connection = sqlite3.connect(url.database or "", isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
        finally:
            connection.close()
        return
    other = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        async with other.transaction():
            await other.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await other.close()


async def test_a_locked_database_means_503_before_wecom_gives_up_and_then_works_again(
    endpoint_anywhere: Endpoint, started_url: str
) -> None:
    async with held_by_another(started_url):
        async with asyncio.timeout(5):  # WeCom's patience
            statuses = await asyncio.gather(
                *(endpoint_anywhere.deliver(PLAIN.replace("{n}", str(n))) for n in range(5))
            )
        assert set(statuses) == {503}
        assert await endpoint_anywhere.counted("not_stored") == 5

    assert await endpoint_anywhere.deliver(PLAIN.replace("{n}", "later")) == 200


async def test_callbacks_that_come_one_by_one_while_the_database_is_locked_are_all_answered_in_time(
    endpoint_anywhere: Endpoint, started_url: str
) -> None:
    async def deliver(n: int) -> int:
        await asyncio.sleep(n * 0.5)
        async with asyncio.timeout(5):
            return await endpoint_anywhere.deliver(PLAIN.replace("{n}", str(n)))

    async with held_by_another(started_url):
        assert set(await asyncio.gather(*(deliver(n) for n in range(10)))) == {503}

    assert await endpoint_anywhere.deliver(PLAIN.replace("{n}", "later")) == 200


async def test_a_postgresql_that_is_gone_means_5xx_and_when_it_is_back_200(
    tmp_path: Path, started: Templates, pack: Pack
) -> None:
    with started.copy("postgresql", tmp_path) as url:
        async with running_endpoint(url, pack) as endpoint:
            name = make_url(url).database
            server = await asyncpg.connect(
                make_url(url).set(drivername="postgresql", database="postgres").render_as_string(False)
            )
            try:
                await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
                await server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
                )
                assert await endpoint.deliver(PLAIN.replace("{n}", "1")) == 503

                await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
                assert await endpoint.deliver(PLAIN.replace("{n}", "1")) == 200
            finally:
                await server.close()
            assert await endpoint.stored() == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the files of another process")
async def test_a_full_disk_means_5xx_and_with_room_again_200(tmp_path: Path) -> None:
    facts = {
        "api_base": "http://127.0.0.1:9",
        "corp_id": CORP,
        "agent_id": 1000002,
        "secret": "endpoint-secret",
        "token": TOKEN,
        "aes_key": KEY,
    }
    port = free_port()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        settings = settings_of(facts, database_url=f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", port=port)
        program = Program(settings=settings, cwd=tmp_path, port=port, http=http)
        crypto = CallbackCrypto(token=TOKEN, aes_key=KEY, corp_id=CORP)

        async def deliver(n: int) -> int:
            stamp = str(int(datetime.now(UTC).timestamp()))
            body, signature = crypto.envelope(PLAIN.replace("{n}", str(n)), timestamp=stamp, nonce=NONCE)
            query = {"msg_signature": signature, "timestamp": stamp, "nonce": NONCE}
            async with http.post(f"{program.url}/wecom/callback", params=query, data=body) as response:
                return response.status

        try:
            await program.start()
            assert await deliver(1) == 200
            # The kernel refuses the process every byte beyond the first of any file, as a full disk does.
            _, hard = resource.prlimit(program.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (1, hard))
            assert {await deliver(n) for n in range(2, 6)} == {503}

            resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (hard, hard))
            assert {await deliver(n) for n in range(2, 6)} == {200}
            assert 'xiaohu_callbacks_total{outcome="not_stored"} 4.0' in await program.metrics()
        finally:
            await program.close()
        with closing(sqlite3.connect(tmp_path / "x.db")) as left:
            assert left.execute("SELECT count(*) FROM inbox").fetchone() == (5,)
