"""WeCom's answer to a creation is lost: the post waits until WeCom's own lists have said what happened."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from sop.effects import CreateTask
from sop.tables import Post, Push
from store.outbox import UNKNOWN, OutboxEffect
from tests.support.clinic import Clinic

KINDS = [
    pytest.param("group", "externalcontact/add_msg_template", id="a group message"),
    pytest.param("moment", "externalcontact/add_moment_task", id="a moment"),
]


async def due_post(clinic: Clinic, kind: str) -> dict[str, Any]:
    """Approve the first post of this kind and move the clock to its hour."""
    post = next(p for p in await clinic.plan() if p["kind"] == kind)
    approved = await clinic.api("POST", f"/posts/{post['id']}/approve", {"digest": post["digest"]})
    clinic.clock.advance_to(datetime.fromisoformat(post["scheduled_at"]) + timedelta(seconds=1))
    return approved


async def the_effect(clinic: Clinic) -> OutboxEffect:
    async with clinic.runtime.database.read() as session:
        return (await session.scalars(select(OutboxEffect).where(OutboxEffect.kind == CreateTask.kind))).one()


async def looked(clinic: Clinic) -> bool:
    async with clinic.runtime.database.read() as session:
        waiting = await session.scalars(
            select(OutboxEffect.id).where(
                OutboxEffect.kind == CreateTask.kind,
                OutboxEffect.state == UNKNOWN,
                OutboxEffect.looks == 1,
                OutboxEffect.leased_until.is_(None),
            )
        )
        return waiting.first() is not None


def tasks(clinic: Clinic, kind: str, text: str) -> list[Any]:
    everything = {
        "moment": clinic.tenant.moments._moments.values(),
        "group": clinic.tenant.mass.tasks.values(),
    }[kind]
    return [task for task in everything if task.text == text]


@pytest.mark.parametrize(("kind", "api"), KINDS)
async def test_a_post_whose_answer_was_lost_is_unknown_until_its_task_is_found(
    clinic: Clinic, kind: str, api: str
) -> None:
    clinic.tenant.faults.add("reset_after", api)
    post = await due_post(clinic, kind)

    unknown = await clinic.state_of(post["id"], "unknown")
    assert "核对" in unknown["reason"]
    ended = await clinic.state_of(post["id"], "awaiting_sender")

    assert not ended["reason"]
    assert len(clinic.journal(api)) == 1
    assert len(tasks(clinic, kind, post["text"])) == 1


@pytest.mark.parametrize(("kind", "api"), KINDS)
async def test_a_task_that_is_absent_twice_a_minute_apart_is_created_once(
    clinic: Clinic, kind: str, api: str
) -> None:
    clinic.tenant.faults.add("reset_before", api)
    post = await due_post(clinic, kind)
    await clinic.until(lambda: looked(clinic), what="the first look")

    clinic.clock.advance(timedelta(seconds=45))
    await clinic.runtime.courier.drain()
    assert await looked(clinic)
    assert len(clinic.journal(api)) == 1

    clinic.clock.advance(timedelta(seconds=17))
    await clinic.state_of(post["id"], "awaiting_sender")
    assert len(clinic.journal(api)) == 2
    assert len(tasks(clinic, kind, post["text"])) == 1


@pytest.mark.parametrize(("kind", "api"), KINDS)
async def test_a_list_that_lags_is_not_mistaken_for_absence(clinic: Clinic, kind: str, api: str) -> None:
    clinic.tenant.rules.list_lag_s = 55
    clinic.tenant.faults.add("reset_after", api)
    post = await due_post(clinic, kind)
    await clinic.until(lambda: looked(clinic), what="the first look, which finds nothing")

    clinic.clock.advance(timedelta(seconds=62))
    await clinic.state_of(post["id"], "awaiting_sender")

    assert len(clinic.journal(api)) == 1
    assert len(tasks(clinic, kind, post["text"])) == 1


async def test_a_list_that_cannot_be_read_is_no_look(clinic: Clinic) -> None:
    clinic.tenant.faults.add("reset_before", "externalcontact/add_msg_template")
    unreadable = clinic.tenant.faults.add("errcode", "externalcontact/get_groupmsg_list_v2", times=None)
    post = await due_post(clinic, "group")
    await clinic.state_of(post["id"], "unknown")

    for _ in range(3):
        clinic.clock.advance(timedelta(seconds=62))
        await clinic.runtime.courier.drain()
    effect = await the_effect(clinic)
    assert (effect.state, effect.looks) == (UNKNOWN, 0)

    clinic.tenant.faults.remove(unreadable.id)
    for _ in range(2):
        clinic.clock.advance(timedelta(seconds=62))
        await clinic.runtime.courier.drain()
    await clinic.state_of(post["id"], "awaiting_sender")
    assert len(tasks(clinic, "group", post["text"])) == 1


async def test_one_task_that_cannot_be_written_down_does_not_keep_the_others_from_being_looked_at(
    clinic: Clinic,
) -> None:
    """Two posts with the same words: another one was given the id of this moment meanwhile."""
    clinic.tenant.rules.moment_job_s = 30
    posts = [p for p in await clinic.plan() if p["kind"] == "moment" and p["sender"] == "xiaohu"][:2]
    stuck, other = posts
    hour = datetime.fromisoformat(stuck["scheduled_at"]) + timedelta(minutes=1)
    other = await clinic.api("PATCH", f"/posts/{other['id']}", {"scheduled_at": hour.isoformat()})
    for post in (stuck, other):
        await clinic.api("POST", f"/posts/{post['id']}/approve", {"digest": post["digest"]})
    clinic.clock.advance_to(datetime.fromisoformat(stuck["scheduled_at"]) + timedelta(seconds=1))
    [moment] = await clinic.until(lambda: tasks(clinic, "moment", stuck["text"]), what="the first moment")

    async def pushed() -> Any:
        async with clinic.runtime.database.read() as session:
            return (await session.scalars(select(Push).where(Push.post_id == stuck["id"]))).first()

    push = await clinic.until(pushed, what="the job in our records")
    async with clinic.runtime.database.write() as session:
        thief = (
            await session.scalars(select(Post.id).where(Post.kind == "moment", Post.sender != "xiaohu"))
        ).first()
        session.add(
            Push(
                post_id=thief,
                kind="moment",
                remote_id=moment.moment_id,
                created_at=push.created_at,
                expires_at=push.expires_at,
            )
        )
    clinic.clock.advance_to(datetime.fromisoformat(other["scheduled_at"]) + timedelta(seconds=1))
    await clinic.until(lambda: tasks(clinic, "moment", other["text"]), what="the second moment")
    clinic.clock.advance(timedelta(seconds=31))

    await clinic.state_of(other["id"], "awaiting_sender")
    async with clinic.http.get(f"{clinic.url}/metrics") as response:
        assert 'xiaohu_alarms_total{name="push.look_broken"}' in await response.text()


async def test_a_card_and_its_outcome_whose_answers_were_lost_are_shown_once_and_decide(
    clinic: Clinic,
) -> None:
    for api in ("message/send", "message/update_template_card"):
        clinic.tenant.faults.add("reset_after", api, times=4)
    await clinic.plan()

    async def cards(userid: str) -> list[Any]:
        clinic.clock.advance(timedelta(seconds=1))
        await clinic.runtime.courier.drain()
        phone = await clinic.phone("members", userid)
        shown = [message["card"] for message in phone["app_chat"]["messages"] if message["card"]]
        return [card for card in shown if "张医生" in card["card"]["main_title"]["title"]]

    for userid in ("zhao.min", "zhang.wei"):
        [card] = await clinic.until(lambda userid=userid: cards(userid), what=f"the card of {userid}")
    await clinic.act("tap-card", userid="zhao.min", task_id=card["task_id"], key="approve")

    async def told() -> bool:
        [card] = await cards("zhao.min")
        return "已通过" in str(card)

    await clinic.until(told, what="the outcome on the card")
    posts = [post for post in await clinic.posts() if post["persona"] == "doctor-zhang"]
    assert {post["state"] for post in posts} == {"approved"}
