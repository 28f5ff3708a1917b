"""The line for SQLite's one writer: one at a time, nobody forgotten, whoever gives up."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.line import Line

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.close()


async def hold(line: Line, *, urgent: bool, name: str, log: list[str], until: asyncio.Event) -> None:
    async with line.turn(urgent=urgent, within_s=5):
        log.append(name)
        await until.wait()


async def one_holds(line: Line, log: list[str]) -> tuple[asyncio.Task[None], asyncio.Event]:
    """Let somebody hold the turn until the event is set."""
    until = asyncio.Event()
    holder = asyncio.create_task(hold(line, urgent=False, name="first", log=log, until=until))
    while not log:
        await asyncio.sleep(0.001)
    return holder, until


async def test_the_urgent_go_first_but_after_three_it_is_somebody_elses_turn(line: Line) -> None:
    log: list[str] = []
    holder, until = await one_holds(line, log)
    lent = [
        asyncio.create_task(hold(line, urgent=name.startswith("u"), name=name, log=log, until=until))
        for name in ("a", "u1", "u2")
    ]
    await asyncio.sleep(0)
    done = [
        asyncio.create_task(
            line.do(lambda name=name: log.append(name), urgent=name.startswith("u"), within_s=5)
        )
        for name in ("b", "u3", "u4")
    ]
    await asyncio.sleep(0)

    until.set()
    await asyncio.gather(holder, *lent, *done)

    assert log == ["first", "u1", "u2", "u3", "a", "u4", "b"]


async def test_work_is_done_elsewhere_and_its_answer_or_error_comes_back(line: Line) -> None:
    def fail() -> NoReturn:
        raise LookupError("nothing there")

    there = await line.do(threading.current_thread, urgent=False, within_s=5)
    with pytest.raises(LookupError, match="nothing there"):
        await line.do(fail, urgent=True, within_s=5)

    assert there is not threading.current_thread()
    assert await line.do(lambda: 1, urgent=False, within_s=5) == 1


async def test_who_waits_too_long_gives_up_and_the_line_goes_on(line: Line) -> None:
    log: list[str] = []
    holder, until = await one_holds(line, log)

    with pytest.raises(TimeoutError):
        async with line.turn(urgent=True, within_s=0.01):
            log.append("impatient")
    with pytest.raises(TimeoutError):
        await line.do(lambda: log.append("impatient"), urgent=True, within_s=0.01)
    until.set()
    await holder
    await line.do(lambda: log.append("next"), urgent=False, within_s=5)

    assert log == ["first", "next"]


async def test_work_that_has_begun_is_seen_through_whoever_stops_waiting_for_it(line: Line) -> None:
    log: list[str] = []

    def work() -> None:
        log.append("begun")
        time.sleep(0.05)
        log.append("done")

    await line.do(work, urgent=False, within_s=0.01)  # the limit is for the turn, not for the work
    cancelled = asyncio.create_task(line.do(work, urgent=False, within_s=5))
    while len(log) < 3:
        await asyncio.sleep(0.001)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled

    assert log == ["begun", "done"] * 2


async def test_a_line_that_was_closed_opens_again(line: Line) -> None:
    before = await line.do(threading.current_thread, urgent=False, within_s=5)

    await asyncio.to_thread(line.close)

    assert not before.is_alive()
    assert await line.do(lambda: 1, urgent=False, within_s=5) == 1


steps = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.integers(0, 4), st.one_of(st.none(), st.integers(0, 12))),
    min_size=1,
    max_size=12,
)


class Visitors:
    """Who stands in line; the turn is held by one of them at a time, or a test fails."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.holders = 0
        self.served: set[int] = set()

    async def visit(self, number: int, *, urgent: bool, lent: bool, moments: int) -> None:
        if not lent:
            await self.line.do(lambda: self._work(number, moments), urgent=urgent, within_s=5)
            return
        async with self.line.turn(urgent=urgent, within_s=5):
            self._enter()
            try:
                for _ in range(moments):
                    await asyncio.sleep(0)
            finally:
                self._leave(number)

    def _work(self, number: int, moments: int) -> None:
        self._enter()
        time.sleep(moments / 10_000)
        self._leave(number)

    def _enter(self) -> None:
        self.holders += 1
        assert self.holders == 1

    def _leave(self, number: int) -> None:
        self.holders -= 1
        self.served.add(number)


async def cancel(task: asyncio.Task[None], after: int) -> None:
    for _ in range(after):
        await asyncio.sleep(0)
    task.cancel()


@given(plan=steps)
@settings(deadline=None, max_examples=50)
def test_whoever_is_cancelled_whenever_there_is_one_holder_and_the_rest_get_their_turn(
    plan: list[tuple[bool, bool, int, int | None]],
) -> None:
    """Each visitor: urgent?, itself or by the thread?, how long, and after how many moments it is cancelled."""
    visitors = Visitors(Line())

    async def play() -> None:
        tasks = [
            asyncio.create_task(visitors.visit(number, urgent=urgent, lent=lent, moments=moments))
            for number, (urgent, lent, moments, _) in enumerate(plan)
        ]
        enders = [
            asyncio.create_task(cancel(task, after))
            for task, (_, _, _, after) in zip(tasks, plan, strict=True)
            if after is not None
        ]
        async with asyncio.timeout(5):
            for task in tasks + enders:
                with suppress(asyncio.CancelledError):
                    await task
        assert await visitors.line.do(lambda: visitors.holders, urgent=False, within_s=1) == 0

    asyncio.run(play())
    visitors.line.close()

    assert visitors.served >= {number for number, (_, _, _, after) in enumerate(plan) if after is None}
