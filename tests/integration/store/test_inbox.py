"""The inbox: each event once, in order per lane, however many workers there are and however often they fail."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from store import inbox
from store.inbox import BACKOFF, DEAD, DONE, NEW, RETRY, InboxEvent
from store.ingest import Ingest, NotStored
from store.sinks import sink_for

if TYPE_CHECKING:
    from store.database import Database

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def row(body: str, *, lane: str = "p:one", urgent: bool = False) -> dict[str, Any]:
    return inbox.new_row(body.encode(), lane=lane, urgent=urgent, received_at=NOW)


async def arrive(database: Database, *rows: dict[str, Any]) -> int:
    """Store rows as the webhook does: batch by batch through the sink."""
    sink = sink_for(database)
    try:
        return sum([await sink.commit([one]) for one in rows])
    finally:
        await sink.close()


async def states(database: Database) -> dict[str, str]:
    async with database.read() as session:
        events = await session.scalars(select(InboxEvent))
        return {event.body.decode(): event.state for event in events}


async def take_body(database: Database, *, now: datetime = NOW) -> str | None:
    """Take one event, finish it and return what it said."""
    async with database.write() as session:
        event = await inbox.take(session, now=now)
        if event is None:
            return None
        inbox.finish(event, kind="test", now=now)
        return event.body.decode()


async def take_and_fail(database: Database, *, now: datetime) -> InboxEvent | None:
    async with database.write() as session:
        event = await inbox.take(session, now=now)
        if event is not None:
            inbox.fail(event, error="KeyError: x", now=now)
        return event


# -- storing ----------------------------------------------------------------------------------------


async def test_the_same_plaintext_is_one_row_within_a_batch_and_across(database: Database) -> None:
    sink = sink_for(database)

    assert await sink.commit([row("a"), row("a"), row("b")]) == 2
    assert await sink.commit([row("b"), row("c")]) == 1
    await sink.close()

    assert set(await states(database)) == {"a", "b", "c"}


async def test_what_the_webhook_stored_is_read_back_to_the_byte_and_instant(database: Database) -> None:
    body = "<xml>你好\0\x7f</xml>".encode()
    at = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)
    sink = sink_for(database)
    await sink.commit([inbox.new_row(body, lane="p:x", urgent=True, received_at=at)])
    await sink.close()

    async with database.read() as session:
        event = (await session.scalars(select(InboxEvent))).one()
    assert (event.body, event.received_at, event.urgent, event.state) == (body, at, True, NEW)
    assert (event.attempts, event.lane, event.next_at) == (0, "p:x", None)


async def test_a_lane_longer_than_its_column_still_holds_its_events_together() -> None:
    long = "p:" + "x" * 5000

    assert row("a", lane=long)["lane"] == row("b", lane=long)["lane"]
    assert row("a", lane=long)["lane"] != row("a", lane=long + "y")["lane"]
    assert len(row("a", lane=long)["lane"]) <= inbox.LANE_CHARS


async def test_concurrent_callers_share_commits_and_each_hears_the_truth(database: Database) -> None:
    stored: list[tuple[int, bool]] = []
    ingest = Ingest(sink_for(database), on_stored=lambda *told: stored.append(told))
    running = asyncio.create_task(ingest.run())

    await asyncio.gather(*(ingest.store(row(f"e{n % 200}")) for n in range(600)))
    assert not any(urgent for _, urgent in stored)
    await ingest.store(row("u", urgent=True))

    assert sum(count for count, _ in stored) == 201
    assert stored[-1] == (1, True)
    assert len(await states(database)) == 201
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_who_waits_when_the_program_stops_is_told_to_come_again(database: Database) -> None:
    ingest = Ingest(sink_for(database), on_stored=lambda *_: None)
    running = asyncio.create_task(ingest.run())
    await asyncio.sleep(0)
    calls = [asyncio.create_task(ingest.store(row(f"e{n}"))) for n in range(400)]
    await asyncio.sleep(0)

    running.cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    await asyncio.gather(running, return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, NotStored)]
    assert len(answers) == len(refused) + answers.count(None)
    # Nobody was told 200 who is not in the table.
    assert len(await states(database)) >= answers.count(None)


# -- order ------------------------------------------------------------------------------------------


async def hurry(database: Database) -> list[str]:
    async with database.write() as session:
        rows = await inbox.take_urgent(session, limit=10)
        for event in rows:
            event.urgent = False
        return [event.body.decode() for event in rows]


async def test_urgent_events_are_hurried_at_once_and_then_wait_their_turn(database: Database) -> None:
    await arrive(
        database,
        row("old", lane="p:one"),
        row("older sister", lane="p:two"),
        row("welcome of two", lane="p:two", urgent=True),
        row("welcome of three", lane="p:three", urgent=True),
    )

    assert [await hurry(database), await hurry(database)] == [["welcome of two", "welcome of three"], []]
    order = [await take_body(database) for _ in range(5)]

    assert order == ["old", "older sister", "welcome of two", "welcome of three", None]


async def test_an_urgent_event_holds_its_lane_until_it_was_hurried(database: Database) -> None:
    await arrive(database, row("welcome", urgent=True), row("edited"))

    assert await take_body(database) is None
    await hurry(database)
    assert [await take_body(database), await take_body(database)] == ["welcome", "edited"]


async def test_an_urgent_event_that_cannot_be_hurried_still_has_its_turn(database: Database) -> None:
    await arrive(database, row("welcome", urgent=True))

    async with database.write() as session:
        assert [await inbox.calm_first(session), await inbox.calm_first(session)] == [1, 0]

    assert await take_body(database) == "welcome"


async def test_events_without_a_lane_wait_for_nobody(database: Database) -> None:
    await arrive(database, row("a", lane=""), row("b", lane=""))

    assert await take_and_fail(database, now=NOW) is not None
    assert await take_body(database) == "b"


async def test_an_event_that_waits_for_its_retry_holds_its_lane_and_no_other(database: Database) -> None:
    await arrive(database, row("one-1"), row("one-2"), row("two-1", lane="p:two"))
    await take_and_fail(database, now=NOW)

    assert await take_body(database) == "two-1"
    assert await take_body(database) is None
    assert await take_body(database, now=NOW + BACKOFF[0]) == "one-1"
    assert await take_body(database, now=NOW + BACKOFF[0]) == "one-2"


@pytest.mark.parametrize("seed", range(6))
async def test_several_workers_that_fail_now_and_then_keep_every_lanes_order(
    database: Database, seed: int
) -> None:
    """Random lanes and urgencies, failing handlers, crashing transactions, and events that still arrive."""
    chance = random.Random(seed)
    lanes = [f"p:{n}" for n in range(4)]
    rows = [row(f"{n}", lane=chance.choice([*lanes, ""]), urgent=chance.random() < 0.3) for n in range(60)]
    lane_of = {one["body"].decode(): one["lane"] for one in rows}
    handled: list[str] = []
    time = NOW

    async def work(worker: int) -> None:
        nonlocal time
        dice = random.Random(seed * 100 + worker)
        while len(handled) < len(rows):
            time += timedelta(seconds=1)  # retries come due while the others work
            await hurry(database)
            with suppress(ZeroDivisionError):
                async with database.write() as session:
                    event = await inbox.take(session, now=time)
                    if event is None:
                        await asyncio.sleep(0.005)
                        continue
                    await asyncio.sleep(dice.choice([0, 0.002]))
                    fate = dice.random()
                    if fate < 0.1:
                        raise ZeroDivisionError  # the transaction is lost: the event is as it was
                    if fate < 0.25 and event.attempts < len(BACKOFF):
                        inbox.fail(event, error="x", now=time)
                        continue
                    inbox.finish(event, kind="test", now=time)
                    # Inside the transaction, where the row's lock still says who is first.
                    handled.append(event.body.decode())

    async def feed() -> None:
        for one in rows[20:]:
            await arrive(database, one)

    await arrive(database, *rows[:20])
    async with asyncio.timeout(60):
        await asyncio.gather(feed(), *(work(worker) for worker in range(4)))

    assert sorted(handled, key=int) == [str(n) for n in range(60)]
    assert set((await states(database)).values()) == {DONE}
    by_lane = defaultdict(list)
    for body in handled:
        by_lane[lane_of[body]].append(int(body))
    assert all(by_lane[lane] == sorted(by_lane[lane]) for lane in lanes)


# -- failing ----------------------------------------------------------------------------------------


async def test_each_failure_waits_longer_and_the_last_one_buries_the_event(database: Database) -> None:
    await arrive(database, row("a"), row("next"))
    now = NOW

    for pause in BACKOFF:
        event = await take_and_fail(database, now=now)
        assert event is not None
        assert (event.state, event.next_at, event.error) == (RETRY, now + pause, "KeyError: x")
        assert await take_body(database, now=now + pause - timedelta(milliseconds=1)) is None
        now += pause
    event = await take_and_fail(database, now=now)

    assert event is not None
    assert (event.state, event.attempts) == (DEAD, len(BACKOFF) + 1)
    # A dead event does not hold its lane for ever.
    assert await take_body(database, now=now) == "next"


async def test_a_dead_event_can_be_replayed_once(database: Database) -> None:
    await arrive(database, row("a"))
    async with database.write() as session:
        event = await inbox.take(session, now=NOW)
        assert event is not None
        inbox.bury(event, error="cannot be parsed", now=NOW)
    assert await take_body(database, now=NOW + 1000 * HOUR) is None

    async with database.write() as session:
        assert await inbox.replay(session, event.id)
    async with database.write() as session:
        assert not await inbox.replay(session, event.id)

    async with database.read() as session:
        again = await session.get_one(InboxEvent, event.id)
        assert (again.state, again.attempts, again.error, again.handled_at) == (NEW, 0, None, None)
    assert await take_body(database) == "a"
    async with database.write() as session:
        assert not await inbox.replay(session, event.id)
        assert not await inbox.replay(session, 10_000_000)


async def test_an_error_longer_than_its_column_is_cut(database: Database) -> None:
    await arrive(database, row("a"))
    async with database.write() as session:
        event = await inbox.take(session, now=NOW)
        assert event is not None
        inbox.fail(event, error="错" * 10_000, now=NOW)

    assert len(event.error or "") == inbox.ERROR_CHARS


async def test_a_transaction_that_fails_leaves_the_event_as_it_was(database: Database) -> None:
    await arrive(database, row("a"))

    async def handle() -> None:
        async with database.write() as session:
            event = await inbox.take(session, now=NOW)
            assert event is not None
            inbox.finish(event, kind="x", now=NOW)
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await handle()

    assert await states(database) == {"a": NEW}


async def test_events_are_counted_by_state(database: Database) -> None:
    await arrive(database, row("a"), row("b", lane="p:two"), row("c", lane="p:three"))
    await take_body(database)
    await take_and_fail(database, now=NOW)

    async with database.read() as session:
        assert await inbox.count_by_state(session) == {DONE: 1, RETRY: 1, NEW: 1}
