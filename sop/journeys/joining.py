"""Two records become one person: her journeys are the person's, and of two of one plan the older goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from clinic import merging
from clinic.tables import Patient
from sop.case import short_key
from sop.journeys.enrolling import ACTIVE, FACT_CHARS
from sop.journeys.leaving import leave
from sop.plan_tables import Enrolment, LedgerEntry, Touch

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

TWICE = "两份档案合并了，旅程只走一份"


async def merge(
    session: AsyncSession, keep: Patient, other: Patient, *, actor: str, reason: str, now: datetime
) -> Patient:
    """Merge two records (:func:`clinic.merging.merge`) with their journeys; a split leaves those.

    Raises:
        NotMergeable: the two are one already, or one of them was erased.
    """
    head = await merging.merge(session, keep, other, actor=actor, reason=reason, now=now)
    await session.flush()
    records = select(Patient.id).where(Patient.merged_into == head.id)
    mine = (await session.scalars(select(Enrolment).where(Enrolment.patient_id == head.id))).all()
    theirs = (
        await session.scalars(
            select(Enrolment).where(Enrolment.patient_id.in_(records)).order_by(Enrolment.id)
        )
    ).all()
    if not theirs:
        return head
    facts = {(one.plan_key, one.fact) for one in mine}
    running = {one.plan_key: one for one in mine if one.state == ACTIVE}
    twice = []
    for one in theirs:
        if (one.plan_key, one.fact) in facts:
            one.fact = short_key(f"{one.fact}:{one.id}", most=FACT_CHARS)
        facts.add((one.plan_key, one.fact))
        one.patient_id = head.id
        if one.state == ACTIVE:
            first = running.get(one.plan_key)
            if first is None:
                running[one.plan_key] = one
            else:
                later = max(first, one, key=lambda each: (each.started_at, each.id))
                running[one.plan_key] = first if later is one else one
                twice.append(later.id)
    await session.flush()
    for table in (Touch, LedgerEntry):
        await session.execute(update(table).where(table.patient_id.in_(records)).values(patient_id=head.id))
    await leave(session, twice, reason=TWICE, now=now)
    return head
