"""What a new version, or the end of a plan, does to the people who are inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import exists, func, insert, or_, select, update

from content.plans.naming import name_of
from sop.case import short_key
from sop.journeys.leaving import OPEN, leave
from sop.plan_tables import Enrolment, Touch
from sop.plans.book import PlanBook
from sop.plans.errors import PlanRefused

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from content.plans.specs import Plan
    from sop.plan_tables import PlanVersion

AT_ONCE: Final = 1000
FACT_CHARS: Final = 160  # Enrolment.fact


async def move(session: AsyncSession, plan: Plan, version_id: int, *, at: str | None, now: datetime) -> int:
    """Take everybody who is in an older version into this one and return how many.

    They go on with the step called ``at``, or with the one they are at; whoever has the last step behind her
    has walked the older version and stays there. When a step is due is left open (``due_at`` None), so that
    the next tick times it by the new version.

    Raises:
        PlanRefused: the step, or that of some of them, is not in the plan.
    """
    steps = {step.key for step in plan.journey.steps}
    if at is not None and at not in steps:
        raise PlanRefused(f"新版里没有步骤 {at}；可以写：{'、'.join(sorted(steps)[:12])}")
    inside = _under_way(plan.key, version_id)
    if at is None:
        query = select(Enrolment.step, func.max(Enrolment.version_id), func.count()).where(*inside)
        rows = await session.execute(query.group_by(Enrolment.step).order_by(Enrolment.step))
        gone = [(step or "", version, count) for step, version, count in rows if step not in steps]
        if gone:
            old = await PlanBook().versions(session, [version for _, version, _ in gone])
            told = "、".join(
                f"“{name_of(old[version].journey, step) if version in old else step}”{count} 人"
                for step, version, count in gone
            )
            raise PlanRefused(f"有人停在新版里没有的步骤：{told}；指定让他们从哪一步接着走，或选别的办法")
    values = {"version_id": version_id, "due_at": None, "next_at": now} | ({} if at is None else {"step": at})
    moved = await session.execute(update(Enrolment).where(*inside).values(**values))
    return int(getattr(moved, "rowcount", 0))


async def restart(session: AsyncSession, plan: Plan, version: PlanVersion, *, now: datetime) -> int:
    """End the older journeys of everybody who is inside and let each begin this version; return how many."""
    first = plan.journey.steps[0].key
    count, last = 0, 0
    while True:
        rows = (
            await session.scalars(
                select(Enrolment)
                .where(*_under_way(plan.key, version.id), Enrolment.id > last)
                .order_by(Enrolment.id)
                .limit(AT_ONCE)
            )
        ).all()
        if not rows:
            return count
        last = rows[-1].id
        begun = [
            {
                "patient_id": row.patient_id,
                "plan_key": plan.key,
                "version_id": version.id,
                "fact": short_key(f"v{version.number}:{row.fact}", most=FACT_CHARS),
                "userid": row.userid,
                "state": "active",
                "step": first,
                "trigger_at": now,
                "due_at": None,
                "next_at": now,
                "contacts": 0,
                "reason": f"第 {version.number} 版发布，重新开始",
                "started_at": now,
            }
            for row in rows
        ]
        reason = f"第 {version.number} 版发布，重新开始"
        await leave(session, [row.id for row in rows], reason=reason, now=now)
        await session.execute(insert(Enrolment), begun)
        count += len(rows)


def _under_way(key: str, version_id: int) -> tuple[ColumnElement[bool], ...]:
    """Who is in an older version and still has steps before her."""
    return (
        Enrolment.plan_key == key,
        Enrolment.state == "active",
        Enrolment.version_id != version_id,
        Enrolment.step.is_not(None),
    )


async def end_all(session: AsyncSession, key: str, *, reason: str, now: datetime) -> int:
    """End the journeys of everybody who is inside, withdraw what is planned, and return how many ended."""
    count, last = 0, 0
    open_touch = exists().where(Touch.enrolment_id == Enrolment.id, Touch.state.in_(OPEN))
    while True:
        ids = (
            await session.scalars(
                select(Enrolment.id)
                .where(
                    Enrolment.plan_key == key,
                    Enrolment.id > last,
                    or_(Enrolment.state == "active", open_touch),
                )
                .order_by(Enrolment.id)
                .limit(AT_ONCE)
            )
        ).all()
        if not ids:
            return count
        last = ids[-1]
        count += await leave(session, ids, reason=reason, now=now)
