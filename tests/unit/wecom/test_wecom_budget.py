"""Budgets: never too often, in order, and nothing leaks; on a clock that the tests move."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wecom.budget import DAY, HOUR, MINUTE, RATES, Budget, Budgets, Rate, SlidingWindow
from wecom.errors import RateLimited

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

API = "some/api"


class Time:
    """Seconds that pass only by sleeping or by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.now += seconds


def budget(time: Time, rate: Rate, *, patience_s: float = 1e9, seen: list[Any] | None = None) -> Budget:
    on_wait = None if seen is None else lambda *told: seen.append(told)
    budgets = Budgets(
        default=rate, rates={}, clock=time, sleep=time.sleep, patience_s=patience_s, on_wait=on_wait
    )
    return budgets.of("corp", API)


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


async def spins(times: int = 20) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


RATE = st.builds(
    Rate,
    windows=st.lists(
        st.tuples(st.integers(1, 8), st.sampled_from([0.5, 1.0, 7.0, 60.0])), min_size=1, max_size=3
    ).map(tuple),
    at_once=st.integers(1, 4),
    keeps_room=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(
    rate=RATE,
    calls=st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 0.9, 5.0, 61.0]), st.booleans(), st.booleans()),
        min_size=1,
        max_size=40,
    ),
)
def test_no_span_holds_more_calls_than_the_rate_and_the_first_to_come_goes_first(
    rate: Rate, calls: list[tuple[float, bool, bool]]
) -> None:
    time = Time()
    began: list[tuple[int, float]] = []
    most_at_once = 0

    async def play() -> Budget:
        nonlocal most_at_once
        turns = budget(time, rate)

        async def call(number: int, *, urgent: bool) -> None:
            nonlocal most_at_once
            async with turns.turn(urgent=urgent):
                began.append((number, time.now))
                most_at_once = max(most_at_once, turns.running)
                await asyncio.sleep(0)

        tasks = []
        for number, (pause, cancelled, urgent) in enumerate(calls):
            time.now += pause
            task = asyncio.create_task(call(number, urgent=urgent))
            tasks.append(task)
            await asyncio.sleep(0)
            if cancelled:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return turns

    turns = run(play())
    assert (turns.waiting, turns.running) == (0, 0)
    for wanted in (True, False):
        alike = [number for number, _ in began if calls[number][2] is wanted]
        assert alike == sorted(alike)
    kept = {number for number, (_, cancelled, _) in enumerate(calls) if not cancelled}
    assert kept <= {number for number, _ in began}
    assert most_at_once <= rate.at_once_most
    times = [at for _, at in began]
    for most, seconds in rate.windows:
        for start in times:
            assert sum(start <= at < start + seconds for at in times) <= most


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 5))
def test_a_window_says_when_the_next_call_fits(pauses: list[float], most: int) -> None:
    window, now = SlidingWindow(most, 10.0), 0.0
    for pause in pauses:
        now += pause
        while delay := window.delay(now):
            assert delay <= 10.0 * 61 / 60 + 0.01
            now += delay
        window.count(now)


def test_those_who_wait_go_in_the_order_of_their_arrival_and_metrics_see_them() -> None:
    time, order, seen = Time(), [], []

    async def play() -> None:
        turns = budget(time, Rate(windows=((1, 60.0),)), seen=seen)

        async def call(name: str) -> None:
            async with turns.turn():
                order.append(name)

        await asyncio.gather(*(call(name) for name in "abcd"))

    run(play())
    assert order == ["a", "b", "c", "d"]
    assert [told[:2] for told in seen[:3]] == [(API, 1), (API, 2), (API, 3)]
    assert [told[1] for told in seen[3:]] == [2, 1, 0]
    waits = [told[2] for told in seen[3:]]
    assert all(59 <= later - earlier <= 62 for earlier, later in pairwise([0.0, *waits]))


def test_an_urgent_call_waits_for_no_ordinary_one() -> None:
    time, order = Time(), []

    async def play() -> None:
        turns = budget(time, Rate(windows=((10, MINUTE),), at_once=3, keeps_room=True))
        hold = asyncio.Event()

        async def call(name: str, *, urgent: bool = False) -> None:
            async with turns.turn(urgent=urgent):
                order.append(name)
                await hold.wait()

        calls = [asyncio.create_task(call(f"ordinary {n}")) for n in range(9)]
        await spins()
        assert order == ["ordinary 0", "ordinary 1"]  # of three at once, one is kept
        calls.append(asyncio.create_task(call("urgent", urgent=True)))
        await spins()
        assert order[2:] == ["urgent"]
        hold.set()
        before = time.now
        await asyncio.gather(*calls)
        assert time.now - before >= 59  # the ninth ordinary one leaves two of the ten to the urgent

    run(play())


def test_a_wait_beyond_the_patience_is_refused_at_once_and_says_how_long() -> None:
    time = Time()

    async def play() -> None:
        turns = budget(time, Rate(windows=((2, MINUTE),)), patience_s=10)
        for _ in range(2):
            async with turns.turn():
                pass
        with pytest.raises(RateLimited) as caught:
            async with turns.turn():
                pytest.fail("no turn is left")
        assert caught.value.retry_after_s == pytest.approx(60, abs=1.5)
        time.now += caught.value.retry_after_s
        async with turns.turn():
            pass

    run(play())


def test_a_clock_that_stands_still_does_not_hold_a_call_for_ever() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def play() -> None:
        budgets = Budgets(default=Rate(windows=((1, 1.0),)), clock=lambda: 5.0, sleep=sleep, patience_s=3)
        turns = budgets.of("corp", API)
        async with turns.turn():
            pass
        with pytest.raises(RateLimited):
            async with turns.turn():
                pass

    run(play())
    assert sum(slept) <= 3


def test_a_wall_clock_that_is_set_back_freezes_nothing() -> None:
    time = Time()

    async def play() -> None:
        turns = budget(time, Rate(windows=((1, 10.0),)), patience_s=1)
        async with turns.turn():
            pass
        time.now -= 3600
        with pytest.raises(RateLimited):
            async with turns.turn():
                pass
        time.now += 11
        async with turns.turn():
            pass

    run(play())


def test_45033_halves_once_for_calls_in_flight_together_and_a_clean_minute_gives_one_back() -> None:
    time = Time()

    async def play() -> None:
        turns = budget(time, Rate(windows=(), at_once=8, at_once_most=8))
        release = asyncio.Event()

        async def call() -> None:
            async with turns.turn() as heard:
                await release.wait()
                heard(45033)

        tasks = [asyncio.create_task(call()) for _ in range(8)]
        await spins()
        release.set()
        await asyncio.gather(*tasks)
        assert turns.at_once == 4
        async with turns.turn() as heard:
            heard(45033)
        assert turns.at_once == 2
        time.now += 59
        assert turns.at_once == 2
        time.now += 1
        assert turns.at_once == 3
        time.now += HOUR
        assert turns.at_once == 8
        for _ in range(9):
            async with turns.turn() as heard:
                heard(45033)
        assert turns.at_once == 1

    run(play())


def test_45009_closes_the_api_for_a_minute_then_an_hour_then_a_day() -> None:
    time, blocks = Time(), []

    async def play() -> None:
        turns = budget(time, Rate(windows=()), patience_s=5)
        for _ in range(4):
            async with turns.turn() as heard:
                heard(45009)
                heard(45009)
            with pytest.raises(RateLimited) as caught:
                async with turns.turn():
                    pass
            blocks.append(caught.value.retry_after_s)
            time.now += caught.value.retry_after_s
        time.now += 61
        async with turns.turn() as heard:
            heard(45009)
        with pytest.raises(RateLimited) as caught:
            async with turns.turn():
                pass
        blocks.append(caught.value.retry_after_s)

    run(play())
    assert blocks == pytest.approx([MINUTE, HOUR, DAY, DAY, MINUTE])


def test_a_short_rest_of_a_block_is_waited_for() -> None:
    time = Time()

    async def play() -> None:
        turns = budget(time, Rate(windows=()), patience_s=10)
        async with turns.turn() as heard:
            heard(45009)
        time.now += 55
        async with turns.turn():
            assert time.now == pytest.approx(1060)

    run(play())


def test_a_waiter_that_is_cancelled_leaves_no_trace() -> None:
    time = Time()

    async def play() -> None:
        turns = budget(time, Rate(windows=(), at_once=1, at_once_most=1))
        release, order = asyncio.Event(), []

        async def call(name: str) -> None:
            async with turns.turn():
                order.append(name)
                await release.wait()

        tasks = [asyncio.create_task(call(name)) for name in "abcd"]
        await spins()
        assert (turns.running, turns.waiting) == (1, 3)
        tasks[1].cancel()  # the head of the queue
        tasks[2].cancel()  # somebody behind it
        await spins()
        assert (turns.running, turns.waiting) == (1, 1)
        release.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == ["a", "d"]
        assert (turns.running, turns.waiting) == (0, 0)

    run(play())


def test_apis_and_corps_have_budgets_of_their_own() -> None:
    budgets = Budgets()
    assert budgets.of("a", API) is budgets.of("a", API)
    assert budgets.of("a", API) is not budgets.of("b", API)
    assert budgets.of("a", API) is not budgets.of("a", "other/api")


def test_the_table_keeps_every_api_under_the_published_rates() -> None:
    per_minute = {
        api: min((most * 60 / s for most, s in rate.windows), default=0) for api, rate in RATES.items()
    }
    assert max(per_minute.values()) <= 10_000
    assert RATES["externalcontact/mark_tag"].at_once_most == 5
    assert (10, MINUTE) in RATES["externalcontact/add_moment_task"].windows
