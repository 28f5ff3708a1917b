"""The line for SQLite's one writer: one holder at a time, nobody forgotten, whoever gives up."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.turns import Turns


async def hold(turns: Turns, *, urgent: bool, name: str, log: list[str], steps: int = 1) -> None:
    async with turns.turn(urgent=urgent, within_s=5):
        log.append(name)
        for _ in range(steps):
            await asyncio.sleep(0)


async def test_the_urgent_go_first_but_after_three_it_is_somebody_elses_turn() -> None:
    turns, log = Turns(), []
    first = asyncio.create_task(hold(turns, urgent=False, name="first", log=log, steps=3))
    await asyncio.sleep(0)
    waiting = [
        asyncio.create_task(hold(turns, urgent=name.startswith("u"), name=name, log=log))
        for name in ("a", "b", "u1", "u2", "u3", "u4")
    ]

    await asyncio.gather(first, *waiting)

    assert log == ["first", "u1", "u2", "u3", "a", "u4", "b"]


async def test_who_waits_too_long_gives_up_and_the_line_goes_on() -> None:
    turns, log = Turns(), []
    release = asyncio.Event()

    async def block() -> None:
        async with turns.turn(urgent=False, within_s=5):
            await release.wait()

    async def impatient() -> None:
        async with turns.turn(urgent=True, within_s=0.01):
            log.append("impatient")

    holder = asyncio.create_task(block())
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await impatient()
    release.set()
    await holder
    await hold(turns, urgent=False, name="next", log=log)

    assert log == ["next"]


steps = st.lists(
    st.tuples(st.booleans(), st.integers(0, 4), st.one_of(st.none(), st.integers(0, 12))),
    min_size=1,
    max_size=12,
)


@given(plan=steps)
@settings(deadline=None)
def test_whoever_is_cancelled_whenever_there_is_one_holder_and_the_rest_get_their_turn(
    plan: list[tuple[bool, int, int | None]],
) -> None:
    """Each visitor: urgent?, how long it holds, and after how many moments it is cancelled."""

    async def play() -> None:
        turns = Turns()
        holders = 0
        served: set[int] = set()

        async def visit(number: int, *, urgent: bool, moments: int) -> None:
            nonlocal holders
            async with turns.turn(urgent=urgent, within_s=5):
                holders += 1
                assert holders == 1
                try:
                    for _ in range(moments):
                        await asyncio.sleep(0)
                finally:
                    holders -= 1
                served.add(number)

        async def cancel(task: asyncio.Task[None], after: int) -> None:
            for _ in range(after):
                await asyncio.sleep(0)
            task.cancel()

        tasks = [
            asyncio.create_task(visit(number, urgent=urgent, moments=moments))
            for number, (urgent, moments, _) in enumerate(plan)
        ]
        enders = [
            asyncio.create_task(cancel(task, after))
            for task, (_, _, after) in zip(tasks, plan, strict=True)
            if after is not None
        ]
        async with asyncio.timeout(5):
            for task in tasks + enders:
                with suppress(asyncio.CancelledError):
                    await task
        assert served >= {number for number, (_, _, after) in enumerate(plan) if after is None}
        async with asyncio.timeout(1), turns.turn(urgent=False, within_s=1):
            pass

    asyncio.run(play())
