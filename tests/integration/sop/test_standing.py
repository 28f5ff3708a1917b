"""Standing approvals: one exact content of a care step, and nothing else, passes without being looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from sop import standing
from sop.posts import Outdated
from sop.standing import NotGrantable
from sop.tables import Approval, Batch
from tests.support.queue import PUBLIC

if TYPE_CHECKING:
    from sop.plan_tables import StandingApproval
    from sop.tables import Post
    from tests.support.queue import Queue

STEP = {"plan_key": "scaling.care", "step": "day-3"}


async def grant(queue: Queue, post: Post, *, digest: str = "") -> StandingApproval:
    async with queue.database.write() as session:
        return await standing.grant(
            session, post.id, digest=digest or post.digest, actor="chen.jing", now=queue.now
        )


async def revoke(queue: Queue, standing_id: int) -> int | None:
    roster = await queue.roster()
    async with queue.database.write() as session:
        return await standing.revoke(
            session,
            standing_id,
            actor="chen.jing",
            reason="要改措辞",
            roster=roster,
            public_url=PUBLIC,
            now=queue.now,
        )


async def test_the_same_content_passes_at_once_for_other_patients_at_another_hour(queue: Queue) -> None:
    patients = await queue.befriend(2)
    first = await queue.post(patients[:1], approve=True, slot="first", **STEP)
    granted = await grant(queue, first)
    assert (await grant(queue, first)).id == granted.id
    later = queue.now + timedelta(days=2)

    second = await queue.post(patients[1:], slot="second", scheduled_at=later, **STEP)

    found = await queue.read(second)
    assert found.state == "approved"
    async with queue.database.read() as session:
        approval = (await session.scalars(select(Approval).where(Approval.post_id == second.id))).one()
        revision = await session.scalar(select(Batch.revision))
    assert (approval.actor, approval.via, approval.digest) == (
        "standing:chen.jing",
        "standing",
        second.digest,
    )
    assert revision == 2, "a post that needs no review outdates no card"
    assert (await queue.story(f"post:{second.id}"))[-1][:2] == ("post.approve", "standing:chen.jing")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"text": "洗牙第三天啦，牙龈还有不舒服吗？"}, id="another text"),
        pytest.param({"step": "day-7"}, id="another step"),
        pytest.param({"plan_key": "filling.care"}, id="another plan"),
        pytest.param({"variant": "b"}, id="another wording"),
        pytest.param({"purpose": "marketing"}, id="marketing"),
        pytest.param(
            {"attachments": ({"kind": "link", "title": "护理", "url": "https://clinic.example/a"},)},
            id="another attachment",
        ),
    ],
)
async def test_any_change_of_the_content_is_looked_at(queue: Queue, changes: dict[str, Any]) -> None:
    patients = await queue.befriend(2)
    await grant(queue, await queue.post(patients[:1], approve=True, slot="first", **STEP))

    second = await queue.post(patients[1:], slot="second", **(STEP | changes))

    assert (await queue.read(second)).state == "in_review"


async def test_a_revoked_approval_lets_nothing_pass_and_calls_back_what_waits(queue: Queue) -> None:
    patients = await queue.befriend(3)
    by_hand = await queue.post(patients[:1], approve=True, slot="first", **STEP)
    granted = await grant(queue, by_hand)
    second = await queue.post(patients[1:2], slot="second", **STEP)

    assert await revoke(queue, granted.id) == 1
    assert await revoke(queue, granted.id) is None

    assert (await queue.read(by_hand)).state == "approved", "a person approved it"
    back = await queue.read(second)
    assert (back.state, back.reason) == ("in_review", "自动通过已取消，请再审核一次")
    third = await queue.post(patients[2:], slot="third", **STEP)
    assert (await queue.read(third)).state == "in_review"
    assert [(action, reason) for action, _, reason in await queue.story(f"standing:{granted.id}")] == [
        ("standing.grant", "计划“scaling.care”的“day-3”：以后同样的内容自动通过"),
        ("standing.revoke", "要改措辞"),
    ]


@pytest.mark.parametrize(
    ("changes", "approve", "said"),
    [
        pytest.param({**STEP, "purpose": "marketing"}, True, "营销内容每次都要审核", id="marketing"),
        pytest.param({}, True, "只有旅程里的一对一关怀内容", id="no step of a plan"),
        pytest.param(STEP, False, "先审核通过这一条", id="nobody has looked at it"),
    ],
)
async def test_only_care_that_somebody_approved_can_be_approved_for_good(
    queue: Queue, changes: dict[str, Any], approve: bool, said: str
) -> None:
    post = await queue.post(await queue.befriend(1), approve=approve, **changes)

    with pytest.raises(NotGrantable, match=said):
        await grant(queue, post)


async def test_what_was_changed_since_it_was_seen_is_not_granted(queue: Queue) -> None:
    post = await queue.post(await queue.befriend(1), approve=True, **STEP)

    with pytest.raises(Outdated):
        await grant(queue, post, digest="0" * 64)
