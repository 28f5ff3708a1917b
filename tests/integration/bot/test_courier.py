"""The courier's drain is airtight: it waits for what its own run loop has just taken."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import ClassVar

from pydantic import BaseModel

from bot.courier import Courier
from bot.deliveries.base import PlainDelivery, Sent
from bot.metrics import Metrics
from store import outbox
from store.clock import SystemClock
from store.database import Database
from store.outbox import OutboxEffect
from store.schema import upgrade


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
