"""What a campaign would meet, told before anybody queues it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import update

from clinic.tables import Follow, Patient
from content.plans.specs import JourneyBody, Late, Plan, Step
from sop.caps import budget, ledger
from sop.caps.budget import Asked, Budget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.queue import Queue


async def contacted(queue: Queue, patients: Sequence[int], *days: float) -> None:
    """Let these patients have had marketing so many days ago."""
    async with queue.database.write() as session:
        await ledger.write(
            session,
            [
                {
                    "key": f"test:{patient}:{day}",
                    "patient_id": patient,
                    "at": queue.now - timedelta(days=day),
                    "channel": "mass",
                    "purpose": "marketing",
                    "quota": True,
                    "plan_key": "",
                    "persona": "assistant",
                    "touch_id": None,
                    "post_id": None,
                    "state": "made",
                }
                for patient in patients
                for day in days
            ],
        )


async def preview(queue: Queue, patients: Sequence[int], **changes: object) -> Budget:
    values: dict[str, object] = {"at": queue.now + timedelta(hours=1), "purpose": "marketing"}
    async with queue.database.read() as session:
        asked = Asked(**(values | changes))  # type: ignore[arg-type]
        return await budget.preview(session, patients, asked, pack=queue.pack, now=queue.now)


async def test_everybody_is_counted_once_with_the_reason(queue: Queue) -> None:
    patients = await queue.ids_of(await queue.befriend(10))
    await contacted(queue, patients[:3], 3, 6)  # twice in seven days
    await contacted(queue, patients[3:5], 1)  # yesterday
    async with queue.database.write() as session:
        await session.execute(
            update(Follow).where(Follow.patient_id == patients[5]).values(lost_at=queue.now)
        )
        await session.execute(update(Patient).where(Patient.id == patients[6]).values(erased_at=queue.now))
        await session.execute(
            update(Patient).where(Patient.id == patients[7]).values(merged_into=patients[8])
        )

    found = await preview(queue, [*patients, 999_999], patience=timedelta(hours=24))

    assert found.able == (patients[8], patients[9])
    assert found.reasons == (("week", 3), ("apart", 2), ("disconnected", 1), ("unknown", 2))
    assert (found.selected, found.later, found.dropped) == (10, 5, 3)
    assert found.told == (
        "选中 10 人，2 人可以按时收到；3 人一周内已到营销上限；2 人离上一次营销太近；"
        "1 人已经联系不上（没有加好友，或已流失）；2 人没有这位客户，或已按本人要求删除；其中 5 人顺延，3 人不会收到"
    )


async def test_care_meets_no_marketing_cap_and_a_sender_only_his_own_friends(queue: Queue) -> None:
    mine = await queue.ids_of(await queue.befriend(2))
    others = await queue.ids_of(await queue.befriend(2, userid="zhang.wei", prefix="wx-"))
    await contacted(queue, mine, 1, 3)

    assert len((await preview(queue, mine + others, purpose="care")).able) == 4
    assert (await preview(queue, mine + others, purpose="care", sender="zhang.wei")).able == tuple(others)


async def test_a_plan_asks_what_its_first_contact_asks(queue: Queue) -> None:
    steps = (Step(key="tag", channel="tag"), Step(key="hello", channel="mass", late=Late(kind="skip")))
    plan = Plan(
        key="spring",
        kind="journey",
        title="开春",
        purpose="marketing",
        body=JourneyBody(trigger=(), steps=steps),
    )

    asked = budget.asked_by(plan, at=queue.now, persona="assistant")

    assert asked == Asked(
        at=queue.now, purpose="marketing", quota=True, persona="assistant", patience=timedelta()
    )
    silent = Plan(key="t", kind="journey", title="t", body=JourneyBody(trigger=(), steps=steps[:1]))
    assert budget.asked_by(silent, at=queue.now) is None
