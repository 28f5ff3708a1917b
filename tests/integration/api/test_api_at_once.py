"""Programs and people that act at the same moment: one of them is first, the others are told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import select

from sop.review import Tap, tapped
from sop.roster import load_roster
from sop.tables import Approval, ReviewCard

if TYPE_CHECKING:
    from tests.support.api_driver import ApiClinic


async def decisions(clinic: ApiClinic) -> list[str]:
    async with clinic.database.read() as session:
        return list(await session.scalars(select(Approval.decision).order_by(Approval.id)))


async def test_two_orders_at_once_draft_one_week(clinic_anywhere: ApiClinic) -> None:
    clinic = clinic_anywhere

    replies = await asyncio.gather(*(clinic.post("/api/v1/plans/week") for _ in range(4)))

    assert sorted(reply.status for reply in replies) == [200, 200, 200, 201]
    assert len({str(reply.json["items"]) for reply in replies}) == 1
    assert len(await clinic.posts()) == 4


async def test_two_approvals_at_once_are_one(clinic_anywhere: ApiClinic) -> None:
    clinic = clinic_anywhere
    post = (await clinic.planned())[0]

    replies = await asyncio.gather(*(clinic.decide(post, "approve") for _ in range(5)))

    assert {(reply.status, reply.json["state"]) for reply in replies} == {(200, "approved")}
    assert await decisions(clinic) == ["approve"]


async def test_approving_and_rejecting_at_once_ends_rejected(clinic_anywhere: ApiClinic) -> None:
    clinic = clinic_anywhere
    post = (await clinic.planned())[0]

    replies = await asyncio.gather(clinic.decide(post, "reject"), clinic.decide(post, "approve"))

    assert sorted(reply.status for reply in replies) in ([200, 200], [200, 409])
    assert (await clinic.posts())[0]["state"] == "rejected"


async def test_a_whole_batch_is_decided_at_once_without_waiting_for_each_other(
    clinic_anywhere: ApiClinic,
) -> None:
    clinic = clinic_anywhere
    posts = await clinic.planned()

    replies = await asyncio.gather(*(clinic.decide(post, "approve") for post in posts * 2))

    assert {reply.status for reply in replies} == {200}
    assert len(await decisions(clinic)) == len(posts)


async def test_a_tap_on_the_card_and_an_approval_by_the_api_decide_each_post_once(
    clinic_anywhere: ApiClinic,
) -> None:
    clinic = clinic_anywhere
    posts = [post for post in await clinic.planned() if post["persona"] == "assistant"]

    async def tap() -> str:
        async with clinic.database.write() as session:
            task_id = await session.scalar(
                select(ReviewCard.task_id).where(ReviewCard.batch_id == posts[0]["batch_id"])
            )
            return await tapped(
                session,
                Tap(userid="chen.jing", key="approve", task_id=str(task_id), response_code="CODE"),
                roster=await load_roster(session, clinic.pack),
                now=clinic.clock.now(),
                public_url="https://clinic.example",
            )

    _, *replies = await asyncio.gather(tap(), *(clinic.decide(post, "approve") for post in posts))

    assert {reply.status for reply in replies} == {200}
    assert await decisions(clinic) == ["approve"] * len(posts)


async def test_an_outdated_digest_does_not_overwrite_somebody_elses_edit(clinic_anywhere: ApiClinic) -> None:
    clinic = clinic_anywhere
    post = (await clinic.planned())[0]

    replies = await asyncio.gather(
        *(clinic.edit(post, {"text": f"第 {n} 个人写的。", "digest": post["digest"]}) for n in range(3))
    )

    assert sorted(reply.status for reply in replies) == [200, 409, 409]
    assert (await clinic.posts())[0]["revision"] == 2


async def test_an_edit_and_an_approval_at_once_never_approve_words_nobody_saw(
    clinic_anywhere: ApiClinic,
) -> None:
    clinic = clinic_anywhere
    posts = await clinic.planned()

    await asyncio.gather(
        *(clinic.decide(post, "approve") for post in posts),
        *(clinic.edit(post, {"text": f"{post['text']}！", "digest": post["digest"]}) for post in posts),
    )

    assert {post["state"] for post in await clinic.posts()} == {"in_review"}
