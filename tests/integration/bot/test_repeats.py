"""What may be repeated after a lost answer is, inside its window; and nobody is told that it was not sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

import pytest
from pydantic import BaseModel
from sqlalchemy import select

from bot.courier import Courier
from bot.deliveries.base import PlainDelivery, Sent
from bot.deliveries.cards import REPEAT_S, NoticeDelivery
from bot.metrics import Metrics
from store import outbox
from store.clock import ShiftedClock
from store.database import Database
from store.outbox import OutboxEffect
from wecom.errors import Busy, OutcomeUnknown, WeComError, error_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
LOST = OutcomeUnknown("message/send", "the connection broke")
AWAY = Busy("message/send", "errcode -1", errcode=-1)
WINDOW = timedelta(hours=4)


class Note(BaseModel):
    kind: ClassVar[str] = "note"


class NoteDelivery(PlainDelivery):
    """Ends each attempt as the script says, the ones after it well."""

    kind: ClassVar[str] = Note.kind
    again_within: ClassVar[timedelta | None] = WINDOW

    def __init__(self, *script: WeComError) -> None:
        self._script = list(script)
        self.calls = 0

    async def send(self, effect: OutboxEffect) -> Sent:
        del effect
        self.calls += 1
        if self._script:
            raise self._script.pop(0)
        return Sent()


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    opened = Database(migrated_url)
    yield opened
    await opened.close()


async def carried(
    database: Database, delivery: NoteDelivery, *, pauses: list[timedelta], deadline: timedelta | None
) -> OutboxEffect:
    """Queue a note and let the courier look after each pause; return the effect at the end."""
    clock = ShiftedClock(START)
    courier = Courier(database, [delivery], clock=clock, metrics=Metrics())
    async with database.write() as session:
        now = clock.now()
        until = now + deadline if deadline else None
        await outbox.put(session, Note(), key="note", now=now, deadline=until, cause="")
    await courier.drain()
    for pause in pauses:
        clock.advance(pause)
        await courier.drain()
    async with database.read() as session:
        return (await session.scalars(select(OutboxEffect))).one()


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def test_an_unanswered_call_is_made_again_inside_its_window(database: Database) -> None:
    delivery = NoteDelivery(LOST, LOST)

    effect = await carried(database, delivery, pauses=[MINUTE, HOUR], deadline=None)

    assert (effect.state, delivery.calls) == (outbox.SENT, 3)


async def test_after_its_window_it_is_not_made_again_and_may_have_arrived(database: Database) -> None:
    delivery = NoteDelivery(LOST)

    effect = await carried(database, delivery, pauses=[WINDOW], deadline=None)

    assert (effect.state, delivery.calls) == (outbox.EXPIRED, 1)
    assert "可能已经发出" in str(effect.error)


async def test_a_busy_wecom_in_between_does_not_begin_the_window_anew(database: Database) -> None:
    delivery = NoteDelivery(LOST, AWAY, AWAY)

    effect = await carried(database, delivery, pauses=[MINUTE, HOUR, 3 * HOUR], deadline=None)

    assert (effect.state, delivery.calls) == (outbox.EXPIRED, 3)
    assert "可能已经发出" in str(effect.error)


ENDINGS = [
    pytest.param([LOST, AWAY, AWAY], outbox.EXPIRED, id="busy until its time was over"),
    pytest.param([LOST, LOST, LOST], outbox.EXPIRED, id="never answered"),
    pytest.param(
        [LOST, error_for("message/send", 48002, "api forbidden")],
        outbox.REFUSED,
        id="refused when tried again",
    ),
]


@pytest.mark.parametrize(("script", "state"), ENDINGS)
async def test_whatever_follows_an_unanswered_call_staff_read_that_it_may_have_arrived(
    database: Database, script: list[WeComError], state: str
) -> None:
    seconds = timedelta(seconds=9)

    effect = await carried(
        database, NoteDelivery(*script), pauses=[seconds] * 3, deadline=timedelta(seconds=20)
    )

    assert (effect.state, "可能已经发出" in str(effect.error)) == (state, True)


async def test_what_was_never_without_an_answer_is_said_to_be_unsent(database: Database) -> None:
    delivery = NoteDelivery(AWAY, AWAY, AWAY, AWAY)

    effect = await carried(
        database, delivery, pauses=[timedelta(seconds=9)] * 3, deadline=timedelta(seconds=20)
    )

    assert effect.state == outbox.EXPIRED
    assert "可能已经发出" not in str(effect.error)


def test_a_notice_is_repeated_only_while_wecom_drops_the_repeat() -> None:
    assert NoticeDelivery.again_within is not None
    assert NoticeDelivery.again_within < timedelta(seconds=REPEAT_S)
