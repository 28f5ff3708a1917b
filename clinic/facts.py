"""Reading what the records hold about one patient, for the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select, union_all

from clinic.care_tables import KfMessage, SurveyAnswer, Visit
from clinic.rules.facts import Facts, VisitFact
from clinic.tables import Follow, Patient

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

FROM_PATIENT = 3  # of a 微信客服 message's origin (doc 94670)


async def family(session: AsyncSession, patient: Patient) -> tuple[Patient, list[Patient]]:
    """Return the record that speaks for a patient, and all that were merged into it, itself first."""
    head = patient
    if patient.merged_into is not None:
        head = await session.get_one(Patient, patient.merged_into)
    merged = await session.scalars(select(Patient).where(Patient.merged_into == head.id).order_by(Patient.id))
    return head, [head, *merged]


async def facts_of(
    session: AsyncSession,
    head: Patient,
    records: Sequence[Patient],
    follows: Sequence[Follow],
    *,
    zone: ZoneInfo,
    now: datetime,
    new: bool = False,
) -> Facts:
    """Gather what conditions may ask, over all records of the person.

    Args:
        new: nothing but ``follows`` can be known of her yet.
    """
    added = [at for follow in follows for at in (follow.first_added_at, follow.added_at) if at is not None]
    if new:
        since = min(added, default=head.first_seen_at)
        return Facts(
            now=now,
            zone=zone,
            since=since,
            seen_at=max(added, default=since),
            stage=head.stage,
            stage_since=head.stage_at or since,
            seen=tuple(added),
        )
    ids = [record.id for record in records]
    visits = (
        await session.execute(
            select(Visit.at, Visit.status, Visit.treatment, Visit.amount_fen)
            .where(Visit.patient_id.in_(ids))
            .order_by(Visit.at, Visit.id)
        )
    ).all()
    written = select(KfMessage.at).where(
        KfMessage.external_userid.in_([record.external_userid for record in records]),
        KfMessage.origin == FROM_PATIENT,
    )
    answered = select(SurveyAnswer.at).where(SurveyAnswer.patient_id.in_(ids))
    spoke = set(await session.scalars(union_all(written, answered)))
    referred = await session.scalars(
        select(Patient.first_seen_at)
        .where(
            Patient.referrer_id.in_(ids),
            or_(Patient.merged_into.is_(None), Patient.merged_into.not_in(ids)),
        )
        .order_by(Patient.first_seen_at)
    )
    kept = [visit for visit in visits if visit.status != "cancelled" and visit.at <= now]
    # Not when the row was made: an old history may be told late, and the rules must not see when.
    known = [*added, *(visit.at for visit in visits)] or [head.first_seen_at]
    seen = [*added, *(visit.at for visit in kept), *(at for at in spoke if at <= now)]
    since = min(known)
    return Facts(
        now=now,
        zone=zone,
        since=since,
        seen_at=max(seen, default=since),
        stage=head.stage,
        stage_since=head.stage_at or since,
        born_on=next((record.born_on for record in records if record.born_on is not None), None),
        visits=tuple(
            VisitFact(
                at=visit.at,
                status=visit.status,
                treatment=visit.treatment or "",
                amount_fen=visit.amount_fen or 0,
            )
            for visit in visits
        ),
        referred=tuple(referred),
        seen=tuple(seen),
    )
