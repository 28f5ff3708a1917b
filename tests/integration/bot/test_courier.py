"""The courier's drain is airtight: it waits for what its own run loop has just taken."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

import pytest
from pydantic import BaseModel
from sqlalchemy import select

from bot.courier import Courier
from bot.deliveries.base import Outcome, PlainDelivery, Sent
from bot.metrics import Metrics
from clinic import people
from store import outbox
from store.clock import SystemClock
from store.database import Database
from store.outbox import OutboxEffect
from store.schema import upgrade
from tests.support.databases import fresh_database_url

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession


class Note(BaseModel):
    kind: ClassVar[str] = "note"


class NoteDelivery(PlainDelivery):
    kind: ClassVar[str] = Note.kind
    lease: ClassVar[timedelta] = timedelta(seconds=30)

    def __init__(self) -> None:
        self.sent = 0

    async def send(self, effect: OutboxEffect) -> Sent:
        del effect
        await asyncio.sleep(0.005)
        self.sent += 1
        return Sent()


async def test_drain_returns_only_when_what_the_run_loop_took_is_settled(database_url: str) -> None:
    database = Database(database_url)
    await upgrade(database)
    clock, delivery = SystemClock(), NoteDelivery()
    courier = Courier(database, [delivery], clock=clock, metrics=Metrics())
    running = asyncio.create_task(courier.run())
    try:
        for number in range(30):
            async with database.write() as session:
                await outbox.put(session, Note(), key=f"note:{number}", now=clock.now(), cause="")
            courier.wake()
            await asyncio.sleep(number * 0.0002)  # the loop is somewhere in the middle of taking it
            await courier.drain()
            assert delivery.sent == number + 1
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await database.close()


class StubbornDelivery(NoteDelivery):
    """Its outcome wants rows that another transaction holds, and holds what that one wants."""

    def __init__(self, database: Database, external_userid: str) -> None:
        super().__init__()
        self._database = database
        self._patient = external_userid
        self.other: asyncio.Task[None] | None = None

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        if self.other is None:
            entered = asyncio.Event()
            self.other = asyncio.create_task(self._cross(effect.key, entered))
            await entered.wait()
        await people.patient_of(session, self._patient, now=now)

    async def _cross(self, key: str, entered: asyncio.Event) -> None:
        now = datetime.now(UTC)
        async with self._database.write() as session:
            await people.patient_of(session, self._patient, now=now)
            entered.set()
            await asyncio.sleep(0.2)  # PostgreSQL ends whoever has waited longer: the courier
            await outbox.put(session, Note(), key=key, now=now, cause="")


async def test_a_deadlock_costs_an_outcome_nothing(tmp_path: Path) -> None:
    with fresh_database_url("postgresql", tmp_path) as url:
        await crossed(Database(url))


async def crossed(database: Database) -> None:
    await upgrade(database)
    clock, delivery = SystemClock(), StubbornDelivery(database, "wmCROSSED")
    courier = Courier(database, [delivery], clock=clock, metrics=Metrics())
    try:
        async with database.write() as session:
            await outbox.put(session, Note(), key="note", now=clock.now(), cause="")
        await courier.drain()
        assert delivery.other is not None
        await delivery.other
        async with database.read() as session:
            assert [e.state for e in await session.scalars(select(OutboxEffect))] == [outbox.SENT]
    finally:
        await database.close()


class RoomyDelivery(NoteDelivery):
    """All calls are answered at once; each outcome takes its time to be written, in a transaction we see."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.sessions: list[AsyncSession] = []
        self._all = asyncio.Barrier(calls)

    async def send(self, effect: OutboxEffect) -> Sent:
        del effect
        await self._all.wait()
        return Sent()

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        del effect, outcome, now
        self.sessions.append(session)
        await asyncio.sleep(0.003)


@pytest.mark.parametrize(
    ("hold_s", "together"),
    [
        pytest.param(0.0, 1, id="lets others write after each"),
        pytest.param(math.inf, 9, id="lets nobody in between"),
    ],
)
async def test_a_courier_settles_together_what_ends_within_its_hold(
    tmp_path: Path, hold_s: float, together: int
) -> None:
    with fresh_database_url("sqlite", tmp_path) as url:
        database = Database(url)
        await upgrade(database)
        clock, delivery = SystemClock(), RoomyDelivery(10)
        courier = Courier(database, [delivery], clock=clock, metrics=Metrics(), hold_s=hold_s)
        async with database.write() as session:
            for number in range(10):
                await outbox.put(session, Note(), key=f"note:{number}", now=clock.now(), cause="")

        await courier.drain()

        at_once = [len(list(some)) for _, some in groupby(delivery.sessions, key=id)]
        assert (sum(at_once), max(at_once)) == (10, together)
        await database.close()


class HeldDelivery(NoteDelivery):
    """Its call is answered when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.called, self.answer = asyncio.Event(), asyncio.Event()

    async def send(self, effect: OutboxEffect) -> Sent:
        self.called.set()
        await self.answer.wait()
        return await super().send(effect)


async def test_what_can_wait_lets_a_greeting_pass_but_not_for_ever(tmp_path: Path) -> None:
    with fresh_database_url("sqlite", tmp_path) as url:
        database = Database(url)
        await upgrade(database)
        clock, delivery = SystemClock(), HeldDelivery()
        courier = Courier(database, [delivery], clock=clock, metrics=Metrics())
        await asyncio.wait_for(courier.let_pass(within_s=60), timeout=5)  # nobody is being greeted
        async with database.write() as session:
            await outbox.put(session, Note(), key="note", now=clock.now(), cause="", urgent=True)
        draining = asyncio.create_task(courier.drain())
        await asyncio.wait_for(delivery.called.wait(), timeout=10)

        await courier.let_pass(within_s=0.01)
        waiting = asyncio.create_task(courier.let_pass(within_s=60))
        await asyncio.sleep(0.05)
        assert not waiting.done()

        delivery.answer.set()
        await asyncio.wait_for(waiting, timeout=10)
        await draining
        await database.close()
