"""Journeys in a patient's timeline: why she began, why it ended, and what became of each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic import audit
from clinic.moments import Moment, Person, Place, earlier
from content.plans.naming import name_of
from sop.journeys.books import book_of
from sop.journeys.touch_life import LABELS
from sop.plan_tables import Enrolment, Touch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.plans.specs import Plan

BEGAN_RANK: Final = 21
ENDED_RANK: Final = 22
TOUCH_RANK: Final = 23
ENDS: Final = {"stopped": "旅程停了", "goal": "旅程达到目标", "done": "旅程走完了"}


async def began(session: AsyncSession, person: Person, before: Place | None, limit: int) -> Sequence[Moment]:
    """Return which journeys she began; see :data:`clinic.moments.Source`."""
    at = Enrolment.started_at
    rows = (
        await session.scalars(
            select(Enrolment)
            .where(Enrolment.patient_id.in_(person.ids), *earlier(at, Enrolment.id, BEGAN_RANK, before))
            .order_by(at.desc(), Enrolment.id.desc())
            .limit(limit)
        )
    ).all()
    plans = await _plans(session, rows)
    return [
        Moment(
            place=Place(one.started_at, BEGAN_RANK, one.id),
            action="journey.began",
            actor=audit.RULES,
            reason=f"开始旅程“{_title(plans, one)}”：{one.cause}".rstrip("："),
            record=person.records[one.patient_id],
            detail={"journey": one.plan_key, "enrolment": one.id},
        )
        for one in rows
    ]


async def ended(session: AsyncSession, person: Person, before: Place | None, limit: int) -> Sequence[Moment]:
    """Return which journeys of hers ended, and why."""
    at = Enrolment.ended_at
    rows = (
        await session.scalars(
            select(Enrolment)
            .where(
                Enrolment.patient_id.in_(person.ids),
                at.is_not(None),
                *earlier(at, Enrolment.id, ENDED_RANK, before),
            )
            .order_by(at.desc(), Enrolment.id.desc())
            .limit(limit)
        )
    ).all()
    plans = await _plans(session, rows)
    return [
        Moment(
            place=Place(one.ended_at, ENDED_RANK, one.id),
            action=f"journey.{one.state}",
            actor=audit.RULES,
            reason=f"{ENDS.get(one.state, '旅程结束')}“{_title(plans, one)}”：{one.reason}".rstrip("："),
            record=person.records[one.patient_id],
            detail={"journey": one.plan_key, "enrolment": one.id},
        )
        for one in rows
        if one.ended_at is not None
    ]


async def steps(session: AsyncSession, person: Person, before: Place | None, limit: int) -> Sequence[Moment]:
    """Return what became of the steps of her journeys."""
    rows = (
        await session.scalars(
            select(Touch)
            .where(Touch.patient_id.in_(person.ids), *earlier(Touch.at, Touch.id, TOUCH_RANK, before))
            .order_by(Touch.at.desc(), Touch.id.desc())
            .limit(limit)
        )
    ).all()
    plans = await _plans(session, rows)
    return [
        Moment(
            place=Place(one.at, TOUCH_RANK, one.id),
            action=f"step.{one.state}",
            actor=one.sender or audit.RULES,
            reason=f"旅程“{_title(plans, one)}”的“{_step(plans, one)}”：{LABELS.get(one.state, one.state)}"
            + (f"，{one.reason}" if one.reason else ""),
            record=person.records[one.patient_id],
            detail={"journey": one.plan_key, "step": one.step, "post": one.post_id, "todo": one.todo_id},
        )
        for one in rows
    ]


async def _plans(session: AsyncSession, rows: Sequence[Enrolment] | Sequence[Touch]) -> Mapping[int, Plan]:
    if not rows:
        return {}
    return await (await book_of(session)).versions(session, {one.version_id for one in rows})


def _title(plans: Mapping[int, Plan], one: Enrolment | Touch) -> str:
    plan = plans.get(one.version_id)
    return plan.title if plan is not None else one.plan_key


def _step(plans: Mapping[int, Plan], one: Touch) -> str:
    plan = plans.get(one.version_id)
    return name_of(plan.journey, one.step) if plan is not None else one.step
