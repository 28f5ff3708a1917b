"""Kill switches: what they hold, what they let go on, and what is written down about them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sop import pauses, push
from sop.pauses import UnknownScope
from sop.plan_tables import StoredPlan

if TYPE_CHECKING:
    from tests.support.queue import Queue


async def throw(queue: Queue, scope: str, reason: str = "文案有误") -> bool:
    async with queue.database.write() as session:
        return await pauses.throw(
            session, scope, pack=queue.pack, by="chen.jing", reason=reason, now=queue.now
        )


async def lift(queue: Queue, scope: str) -> bool:
    async with queue.database.write() as session:
        return await pauses.lift(session, scope, by="chen.jing", now=queue.now)


async def start_due(queue: Queue) -> int:
    async with queue.database.write() as session:
        return await push.start_due(session, now=queue.now)


async def add_plan(queue: Queue, state: str = "active") -> None:
    async with queue.database.write() as session:
        session.add(
            StoredPlan(
                key="scaling.recall",
                kind="journey",
                title="洗牙复诊",
                state=state,
                created_at=queue.now,
                changed_at=queue.now,
            )
        )


@pytest.mark.parametrize("scope", ["all", "persona:assistant", "plan:scaling.recall"])
async def test_what_a_switch_holds_stays_approved_until_it_is_lifted(queue: Queue, scope: str) -> None:
    await add_plan(queue)
    patients = await queue.befriend(2)
    post = await queue.post(patients, approve=True, plan_key="scaling.recall")
    assert await throw(queue, scope)
    queue.now += timedelta(hours=2)

    assert await start_due(queue) == 0
    assert (await queue.read(post)).state == "approved"

    assert await lift(queue, scope)
    assert await start_due(queue) == 1
    assert (await queue.read(post)).state == "creating"


async def test_a_switch_holds_nothing_but_its_own(queue: Queue) -> None:
    await add_plan(queue)
    patients = await queue.befriend(1)
    post = await queue.post(patients, approve=True)
    await throw(queue, "persona:doctor-zhang")
    await throw(queue, "plan:scaling.recall")
    queue.now += timedelta(hours=2)

    assert await start_due(queue) == 1
    assert (await queue.read(post)).state == "creating"


async def test_a_post_held_too_long_says_that_the_pause_made_it_late(queue: Queue) -> None:
    post = await queue.post(await queue.befriend(1), approve=True)
    await throw(queue, "all")
    queue.now += timedelta(hours=8)
    await lift(queue, "all")

    assert await start_due(queue) == 0
    ended = await queue.read(post)
    assert (ended.state, ended.reason) == ("expired", "暂停期间错过了发送时间，没有发送")


async def test_who_threw_and_who_lifted_a_switch_is_written_down_once(queue: Queue) -> None:
    assert await throw(queue, "all", reason="有客户投诉")
    assert not await throw(queue, "all", reason="再按一次")
    assert await lift(queue, "all")
    assert not await lift(queue, "all")

    assert await queue.story("pause:all") == [
        ("pause.on", "chen.jing", "有客户投诉"),
        ("pause.off", "chen.jing", ""),
    ]


async def test_switches_say_in_words_what_stands_still_and_why(queue: Queue) -> None:
    await add_plan(queue, state="paused")
    await throw(queue, "persona:doctor-zhang")
    async with queue.database.read() as session:
        paused = await pauses.load(session, queue.pack)

    assert paused.why(persona="doctor-zhang") == "“张医生”已暂停（chen.jing：文案有误）"
    assert paused.why(persona="assistant", plan="scaling.recall") == "计划“洗牙复诊”已暂停"
    assert not paused.why(persona="assistant")
    assert not paused.everything


@pytest.mark.parametrize("scope", ["persona:nobody", "plan:nothing", "everything", "plan:", "plan:a b"])
async def test_only_what_there_is_can_be_paused(queue: Queue, scope: str) -> None:
    with pytest.raises(UnknownScope):
        await throw(queue, scope)
