"""Touches follow the post that carries them, to its end and beyond."""

from __future__ import annotations

from datetime import time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from clinic.care_tables import Visit
from clinic.tables import Follow
from content.plans.specs import After, Late, Stop
from sop import decisions, push, receipts
from sop.journeys import withdrawing
from sop.life import PostState
from sop.plan_tables import Enrolment, Touch
from sop.posts import edit_post, get_post
from sop.receipts import Look, Seen
from tests.support.checking import packaged_checker
from tests.support.journeys import hours, journey, step

if TYPE_CHECKING:
    from datetime import datetime

    from content.plans.specs import Plan
    from sop.tables import Post
    from tests.support.journeys import Journeys

DAY_3 = step("day-3", after=After(days=3), at=time(10))
DUE = hours(3)
BEFORE = hours(2.5)


async def queued(journeys: Journeys, count: int = 3, plan: Plan | None = None) -> Post:
    """Let patients come so far that their post waits for review."""
    await journeys.begin(plan or journey(DAY_3), count)
    await journeys.run(hours(2))
    (post,) = await journeys.posts()
    return post


async def decide(journeys: Journeys, post: Post, verb: Any, *, now: datetime = BEFORE) -> None:
    async with journeys.database.write() as session:
        await verb(
            session, post.id, digest=post.digest, actor="admin", via="console", now=now, reason="换个说法"
        )


async def sent(journeys: Journeys, post: Post, *statuses: str, unreachable: int = 0) -> None:
    """Let the post be approved, its task be created and tapped, and the receipts be read."""
    await decide(journeys, post, decisions.approve)
    people = post.audience["external_userids"]
    async with journeys.database.write() as session:
        assert await push.start_due(session, now=DUE) == 1
        row = await push.created(
            session,
            await get_post(session, post.id),
            now=DUE,
            remote_id="msg-1",
            unreachable=people[len(people) - unreachable :],
        )
        seen = [Seen(recipient=who, status=status, at=DUE) for who, status in zip(people, statuses)]  # noqa: B905
        look = Look(tapped=True, rows=tuple(seen))
        await receipts.record(session, row.id, look, now=DUE)
        await receipts.record(session, row.id, look, now=DUE + timedelta(minutes=11))


async def test_each_touch_ends_as_its_receipt_says(journeys: Journeys) -> None:
    post = await queued(journeys, 4)
    await sent(journeys, post, "sent", "capped", "not_friend", unreachable=1)
    assert await journeys.told() == [
        ("day-3", "sent", ""),
        ("day-3", "failed", "这段时间收到的群发已满，没有收到"),
        ("day-3", "failed", "已不是好友，没有收到"),
        ("day-3", "failed", "被企业微信排除（已不是好友，或群发已满），没有收到"),
    ]
    assert [one.contacts for one in await journeys.enrolments()] == [1, 0, 0, 0]


async def test_who_was_left_out_by_the_task_is_sent_to_again(journeys: Journeys) -> None:
    post = await queued(journeys, 2)
    await sent(journeys, post, "sent", "waiting")
    assert (await journeys.told())[1] == ("day-3", "held", "没有发出")
    await journeys.run(DUE + timedelta(minutes=12))
    (_, again) = await journeys.posts()
    assert again.audience["external_userids"] == post.audience["external_userids"][1:]
    assert again.scheduled_at == DUE + timedelta(hours=4, minutes=30)


async def test_what_nobody_approved_is_tried_again_as_long_as_it_may_be_late(journeys: Journeys) -> None:
    await queued(journeys)
    now = DUE
    for _ in range(60):
        async with journeys.database.write() as session:
            await push.expire_unreviewed(session, now=now)
        await journeys.run(now)
        now += timedelta(minutes=30)
    posts = await journeys.posts()
    later = [post.scheduled_at - DUE for post in posts]
    assert later == [timedelta(), timedelta(hours=4), timedelta(hours=8), timedelta(hours=23)]
    assert {post.state for post in posts} == {"expired"}
    assert set(await journeys.told()) == {("day-3", "expired", "没有发出：到发送时间仍未审核，没有发送")}


async def test_a_step_that_is_not_to_be_late_ends_with_its_post(journeys: Journeys) -> None:
    await queued(
        journeys, 1, journey(step("day-3", after=After(days=3), at=time(10), late=Late(kind="skip")))
    )
    async with journeys.database.write() as session:
        await push.expire_unreviewed(session, now=DUE)
    await journeys.run(DUE)
    assert await journeys.told() == [("day-3", "skipped", "错过了时间（原定 03-05 10:00）")]


@pytest.mark.parametrize(
    ("verb", "reason"),
    [
        pytest.param(decisions.reject, "审核时退回了：换个说法", id="rejected"),
        pytest.param(decisions.cancel, "取消了：换个说法", id="cancelled"),
    ],
)
async def test_what_people_decide_against_is_not_tried_again(
    journeys: Journeys, verb: Any, reason: str
) -> None:
    await decide(journeys, await queued(journeys, 1), verb)
    await journeys.run(DUE)
    assert await journeys.told() == [("day-3", "skipped", reason)]


async def test_a_refused_task_is_tried_once_more(journeys: Journeys) -> None:
    post = await queued(journeys, 1)
    for expected in ("held", "failed"):
        async with journeys.database.write() as session:
            row = await get_post(session, post.id, lock=True)
            row.state = PostState.CREATING
            await push.end(session, row, PostState.FAILED, now=DUE, reason="成员没有客户联系权限")
        assert await journeys.told() == [("day-3", expected, "没有发出：成员没有客户联系权限")]
        await journeys.run(DUE)
        post = (await journeys.posts())[-1]


async def test_a_post_that_is_moved_takes_its_touches_along(journeys: Journeys) -> None:
    post = await queued(journeys, 1)
    async with journeys.database.write() as session:
        await edit_post(
            session,
            post.id,
            now=hours(2.5),
            actor="admin",
            pack=journeys.pack,
            checker=packaged_checker(),
            scheduled_at=DUE + timedelta(hours=2),
        )
    (touch,) = await journeys.touches()
    assert (touch.at, touch.due_at) == (DUE + timedelta(hours=2), DUE)


async def test_right_before_it_goes_out_everybody_is_looked_at_again(journeys: Journeys) -> None:
    post = await queued(journeys, 4, journey(DAY_3, stops=(Stop(on="booked"),)))
    (_, booked, lost, stopped) = [touch.patient_id for touch in await journeys.touches()]
    async with journeys.database.write() as session:
        session.add(
            Visit(
                patient_id=booked,
                source="clinic",
                number="1",
                status="booked",
                at=hours(9),
                created_at=hours(2.5),
                updated_at=hours(2.5),
            )
        )
        await session.execute(update(Follow).where(Follow.patient_id == lost).values(lost_at=hours(2.5)))
        await session.execute(
            update(Enrolment)
            .where(Enrolment.patient_id == stopped)
            .values(state="stopped", reason="李护士请她退出", step=None, next_at=None)
        )
    async with journeys.database.read() as session:
        left = await withdrawing.remaining(session, post, pack=journeys.pack, now=DUE)
    assert len(left.external_userids) == 1
    async with journeys.database.write() as session:
        await withdrawing.note(session, post, left.withdrawn, now=DUE)
    assert await journeys.told() == [
        ("day-3", "queued", ""),
        ("day-3", "skipped", "发送前：已经约了 2026-03-11 到店"),
        ("day-3", "dropped", "已经没有好友关系"),
        ("day-3", "skipped", "李护士请她退出"),
    ]
    assert [one.contacts for one in await journeys.enrolments()] == [1, 0, 0, 0]


async def test_a_post_that_no_journey_queued_is_for_everybody(journeys: Journeys) -> None:
    post = await queued(journeys, 2)
    async with journeys.database.write() as session:
        await session.execute(update(Touch).values(post_id=None))
    async with journeys.database.read() as session:
        left = await withdrawing.remaining(session, post, pack=journeys.pack, now=DUE)
    assert list(left.external_userids) == post.audience["external_userids"]
