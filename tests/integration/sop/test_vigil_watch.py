"""Watching over what waits for approval: who is reminded, who stands in, and how two people decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from clinic.tables import Member
from sop import absences, decisions, push, renaming, vigil
from sop.absences import AbsenceRefused
from sop.tables import ReviewCard
from tests.support.queue import PUBLIC

if TYPE_CHECKING:
    from sop.tables import Post
    from tests.support.queue import Queue

REVIEWER, STAND_IN = "chen.jing", "zhao.min"


async def watch(queue: Queue) -> int:
    roster = await queue.roster()
    async with queue.database.write() as session:
        return await vigil.watch(
            session, roster=roster, now=queue.now, zone=queue.pack.timezone, public_url=PUBLIC
        )


async def differs(queue: Queue) -> bool:
    roster = await queue.roster()
    async with queue.database.read() as session:
        return await vigil.differs(session, roster=roster, now=queue.now, zone=queue.pack.timezone)


async def send_off(
    queue: Queue, userid: str = REVIEWER, substitute: str = "", *, since: datetime | None = None
) -> int:
    roster = await queue.roster()
    async with queue.database.write() as session:
        away = await absences.note(
            session,
            userid,
            since=since or queue.now,
            until=queue.now + timedelta(days=14),
            substitute=substitute,
            roster=roster,
            actor="admin",
            now=queue.now,
        )
        return away.id


async def approve(queue: Queue, post: Post, actor: str, *, needed: int = 2) -> Post:
    async with queue.database.write() as session:
        return await decisions.approve(
            session,
            post.id,
            digest=post.digest,
            actor=actor,
            via="console",
            now=queue.now,
            needed=needed,
        )


async def test_reviewers_are_reminded_twice_and_the_manager_before_it_is_too_late(queue: Queue) -> None:
    post = await queue.post(
        await queue.befriend(1, userid="zhang.wei"),
        persona="doctor-zhang",
        sender="zhang.wei",
        scheduled_at=queue.now + timedelta(hours=6),
    )
    assert await watch(queue) == 0
    queue.now += timedelta(hours=2)
    assert await differs(queue)
    await watch(queue)
    assert not await differs(queue)
    queue.now += timedelta(hours=3)
    await watch(queue)
    await watch(queue)

    doctors = ("zhang.wei", "zhao.min")
    assert await queue.told() == [
        (doctors, "内容还在等你审核"),
        (doctors, "内容还在等你审核"),
        (("chen.jing",), "有内容快到时间还没有审核"),
    ]
    queue.now += timedelta(hours=1)
    async with queue.database.write() as session:
        late = await push.expire_unreviewed(session, now=queue.now)
        await vigil.tell_expired(session, late, roster=await queue.roster(), now=queue.now, public_url=PUBLIC)
    ended = await queue.read(post)
    assert (ended.state, ended.reason) == ("expired", "到发送时间仍未审核，没有发送")
    assert (await queue.told())[-1] == ((*doctors, "chen.jing"), "有内容没有审核，已过期")
    assert [action for action, _, _ in await queue.story(f"post:{post.id}")] == [
        "post.reminded",
        "post.reminded",
        "post.escalated",
        "post.expired",
    ]


async def test_posts_of_one_batch_and_hour_are_one_reminder(queue: Queue) -> None:
    patients = await queue.befriend(2)
    at = queue.now + timedelta(hours=6)
    for patient in patients:
        await queue.post([patient], slot=f"care:{patient}", scheduled_at=at)
    queue.now += timedelta(hours=2)

    await watch(queue)

    assert await queue.told() == [((REVIEWER,), "内容还在等你审核")]


async def test_a_stand_in_gets_the_card_the_reminder_and_the_say(queue: Queue) -> None:
    post = await queue.post(await queue.befriend(1), scheduled_at=queue.now + timedelta(hours=6))
    await send_off(queue, substitute=STAND_IN, since=queue.now + timedelta(hours=1))
    assert await watch(queue) == 0
    queue.now += timedelta(hours=1)

    assert await watch(queue) == 1
    async with queue.database.read() as session:
        cards = (await session.scalars(select(ReviewCard).order_by(ReviewCard.revision))).all()
    assert [(card.receivers, card.closed_at is None) for card in cards] == [
        ([REVIEWER], False),
        ([STAND_IN], True),
    ]
    roster = await queue.roster()
    assert roster.managers() == (STAND_IN,)
    assert roster.may_decide(post.persona, STAND_IN)
    assert roster.may_decide(post.persona, REVIEWER), "who is away may still decide"
    queue.now += timedelta(hours=1)
    await watch(queue)
    assert await queue.told() == [((STAND_IN,), "内容还在等你审核")]


async def test_who_is_back_is_asked_again(queue: Queue) -> None:
    absence = await send_off(queue, substitute=STAND_IN)
    assert (await queue.roster()).reviewers("assistant") == (STAND_IN,)
    queue.now += timedelta(days=2)
    async with queue.database.write() as session:
        assert await absences.end(session, absence, actor="admin", now=queue.now)
        assert not await absences.end(session, absence, actor="admin", now=queue.now)

    assert (await queue.roster()).reviewers("assistant") == (REVIEWER,)
    assert [action for action, _, _ in await queue.story(f"member:{REVIEWER}")] == [
        "member.away",
        "member.back",
    ]


async def test_a_doctor_without_anybody_leaves_the_manager_to_decide(queue: Queue) -> None:
    await send_off(queue, "zhang.wei")
    assert (await queue.roster()).reviewers("doctor-zhang") == ("zhao.min",)
    assert (await queue.roster()).tappers("doctor-zhang", "zhang.wei") == ("zhao.min",)
    await send_off(queue, "zhao.min")

    roster = await queue.roster()
    assert roster.reviewers("doctor-zhang") == (REVIEWER,)
    assert roster.tappers("doctor-zhang", "zhang.wei") == ("zhang.wei", REVIEWER)
    assert roster.senders("doctor-zhang") == ("zhang.wei",), "his account alone can send it"


async def test_people_who_stand_in_for_one_another_do_not_go_round_for_ever(queue: Queue) -> None:
    await send_off(queue, REVIEWER, STAND_IN)
    await send_off(queue, STAND_IN, REVIEWER)

    assert (await queue.roster()).reviewers("assistant") == (REVIEWER,), "somebody must be told"


async def test_who_has_left_the_corp_is_asked_nothing_and_stands_in_for_nobody(queue: Queue) -> None:
    await send_off(queue, "zhang.wei", STAND_IN)
    async with queue.database.write() as session:
        member = await session.get_one(Member, STAND_IN)
        member.left_at = queue.now

    roster = await queue.roster()
    assert roster.stand_in("zhang.wei") is None
    assert roster.reviewers("doctor-zhang") == (REVIEWER,), "the manager decides when nobody is left"


async def test_an_absence_follows_a_member_to_his_new_userid(queue: Queue) -> None:
    await send_off(queue, "zhang.wei", STAND_IN)
    async with queue.database.write() as session:
        await renaming.rename(session, STAND_IN, "zhao.m", pack=queue.pack, public_url=PUBLIC, now=queue.now)

    assert (await queue.roster()).stand_in("zhang.wei") == "zhao.m"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"days": 0}, "until", id="ends before it begins"),
        pytest.param({"days": -1}, "until", id="is over"),
        pytest.param({"days": 400}, "until", id="too long"),
        pytest.param({"substitute": REVIEWER}, "substitute", id="stands in for himself"),
        pytest.param({"substitute": "nobody"}, "substitute", id="nobody we know"),
        pytest.param({"userid": "nobody"}, "userid", id="of nobody we know"),
    ],
)
async def test_an_absence_that_cannot_be_is_refused_with_its_place(
    queue: Queue, changes: dict[str, object], field: str
) -> None:
    days, roster = int(str(changes.get("days", 3))), await queue.roster()
    with pytest.raises(AbsenceRefused) as refused:
        async with queue.database.write() as session:
            await absences.note(
                session,
                str(changes.get("userid", REVIEWER)),
                since=queue.now - timedelta(days=max(-days, 0) + 1) if days < 0 else queue.now,
                until=queue.now + timedelta(days=days),
                substitute=str(changes.get("substitute", "")),
                roster=roster,
                actor="admin",
                now=queue.now,
            )
    assert refused.value.field == field


# -- two people ----------------------------------------------------------------------------------------------


async def test_two_different_people_must_approve_and_the_first_is_kept(queue: Queue) -> None:
    post = await queue.post(await queue.befriend(1))

    first = await approve(queue, post, REVIEWER)
    assert (first.state, first.reason) == ("in_review", "已有 1/2 人通过，还需要另一位审核")
    again = await approve(queue, post, REVIEWER)
    assert again.state == "in_review", "one person is not two"
    second = await approve(queue, post, STAND_IN)

    assert (second.state, second.reason) == ("approved", "")
    story = await queue.story(f"post:{post.id}")
    assert story == [
        ("post.approve", REVIEWER, "第 1 位，共需 2 位"),
        ("post.approve", STAND_IN, ""),
    ]


async def test_an_edit_makes_the_first_approval_void_also_of_who_edits(queue: Queue) -> None:
    post = await queue.post(await queue.befriend(1))
    await approve(queue, post, REVIEWER)
    edited = await queue.edit(post, text="洗牙第三天，牙龈还好吗？", actor=REVIEWER)

    assert (await approve(queue, edited, REVIEWER)).state == "in_review"
    assert (await approve(queue, edited, STAND_IN)).state == "approved"


async def test_what_one_of_two_approved_expires_and_names_who_did(queue: Queue) -> None:
    post = await queue.post(await queue.befriend(1))
    await approve(queue, post, REVIEWER)
    queue.now += timedelta(hours=1)
    async with queue.database.write() as session:
        await push.expire_unreviewed(session, now=queue.now)

    assert (await queue.read(post)).reason == "到发送时间只有 chen.jing 审核通过，还差一位，没有发送"


async def test_who_has_approved_already_is_not_reminded_again(queue: Queue) -> None:
    queue.pack = replace(queue.pack, house=replace(queue.pack.house, two_person=True))
    post = await queue.post(
        await queue.befriend(1, userid="zhang.wei"),
        persona="doctor-zhang",
        sender="zhang.wei",
        scheduled_at=queue.now + timedelta(hours=6),
    )
    await approve(queue, post, "zhang.wei")
    queue.now += timedelta(hours=2)

    await watch(queue)

    assert await queue.told() == [(("zhao.min",), "内容还在等你审核")]
