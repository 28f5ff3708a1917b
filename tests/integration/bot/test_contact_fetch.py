"""Reading a contact that changes while she is read: what is recorded in the end is what WeCom said last."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestServer
from sqlalchemy import func, select

from bot.courier import Courier
from bot.deliveries.base import Outcome
from bot.deliveries.people import ContactFetch
from bot.metrics import Metrics
from clinic import people
from clinic.effects import FetchContact
from clinic.people import Profile
from clinic.tables import EXTERNAL_CHARS, USERID_CHARS, Patient
from store import outbox
from store.clock import ShiftedClock
from store.database import Database
from store.outbox import OutboxEffect
from store.vault import Vault
from tests.support.scripted_wecom import Reply, ScriptedWeCom, ok
from wecom.client import Credentials, WeComClient, open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    from content.pack import Pack

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
WHO = "wm" + "A" * (EXTERNAL_CHARS - 2)
MEMBER = "m" * USERID_CHARS
GET = "externalcontact/get"
ROUNDS = 40


class Reading:
    """A courier that reads contacts, on a clock that can be moved."""

    def __init__(
        self, database: Database, wecom: ScriptedWeCom, delivery: ContactFetch, vault: Vault
    ) -> None:
        self.database, self.wecom, self.delivery, self.vault = database, wecom, delivery, vault
        self.clock = ShiftedClock(NOW)
        self.courier = Courier(database, [delivery], clock=self.clock, metrics=Metrics())

    async def want(self) -> None:
        async with self.database.write() as session:
            await outbox.put(
                session,
                FetchContact(external_userid=WHO, edited_at=int(NOW.timestamp())),
                key=f"fetch:{WHO}:{MEMBER}:{int(NOW.timestamp())}",
                now=self.clock.now(),
                deadline=self.clock.now() + timedelta(days=1),
                cause="读取客户详情",
            )

    def overtaken(self, name: str) -> Reply:
        """Answer, but not before another reading, asked a second later, was written down."""

        async def reply(request: web.Request) -> web.StreamResponse:
            self.clock.advance(timedelta(seconds=1))
            profile = Profile(external_userid=WHO, name="别处读到的", unionid=None, gender=0, follows=())
            async with self.database.write() as session:
                await people.apply_profile(session, profile, vault=self.vault, now=self.clock.now())
            return await told(name)(request)

        return reply

    async def name(self) -> str:
        async with self.database.read() as session:
            patient = (await session.scalars(select(Patient).where(Patient.external_userid == WHO))).one()
            return people.name_of(patient, self.vault)

    async def effects(self) -> list[OutboxEffect]:
        async with self.database.read() as session:
            return list(await session.scalars(select(OutboxEffect).order_by(OutboxEffect.id)))


def told(name: str) -> Reply:
    follow: dict[str, Any] = {"userid": MEMBER, "createtime": int(NOW.timestamp()), "tags": []}
    contact = {"external_userid": WHO, "name": name, "type": 1, "gender": 2}
    return ok(external_contact=contact, follow_user=[follow])


@asynccontextmanager
async def running_reading(database_url: str, pack: Pack) -> AsyncIterator[Reading]:
    wecom, database, vault = ScriptedWeCom(), Database(database_url), Vault("a secret of the tests")
    try:
        async with TestServer(wecom.app) as server, open_session() as session:
            client = WeComClient(
                session,
                api_base=str(server.make_url("/")),
                credentials=Credentials(corp_id="ww", secret="s", agent_id=1),
            )
            delivery = ContactFetch(client, vault, pack=pack, public_url="https://xiaohu.example")
            yield Reading(database, wecom, delivery, vault)
    finally:
        await database.close()


@pytest.fixture
async def reading(migrated_url: str, pack: Pack) -> AsyncIterator[Reading]:
    async with running_reading(migrated_url, pack) as running:
        yield running


async def test_a_reading_that_is_overtaken_forty_times_is_made_until_one_is_not(reading: Reading) -> None:
    overtaken = [reading.overtaken(f"第 {number} 次读到的") for number in range(ROUNDS)]
    reading.wecom.script(GET, *overtaken, told("最后读到的"))
    await reading.want()

    await reading.courier.drain()

    assert len(reading.wecom.calls[GET]) == ROUNDS + 1
    assert await reading.name() == "最后读到的"
    effects = await reading.effects()
    assert {effect.state for effect in effects} == {outbox.SENT}
    first, *again = effects
    assert {effect.deadline for effect in again} == {first.deadline}, "no round gets more time than the first"


async def test_an_overtaken_reading_whose_end_is_written_down_twice_is_made_again_once(
    reading: Reading,
) -> None:
    reading.wecom.script(GET, reading.overtaken("第一次读到的"))
    await reading.want()
    async with reading.database.write() as session:
        (effect,) = await reading.courier.lease(session, urgent=False)
    sent = await reading.delivery.send(effect)

    for _ in range(2):
        async with reading.database.write() as session:
            outcome = Outcome(state=outbox.SENT, facts=sent.facts)
            await reading.delivery.record(session, effect, outcome, now=reading.clock.now())

    async with reading.database.read() as session:
        queued = select(func.count()).where(OutboxEffect.state == outbox.QUEUED)
        assert await session.scalar(queued) == 1
