"""What a card or package lets begin and end, when it is told: its day may have been before we heard of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from clinic.facts import family
from sop.journeys import triggers
from sop.journeys.books import book_of
from sop.journeys.enrolling import Candidate, Gate, begin, hours_of
from sop.journeys.leaving import leave
from sop.plan_tables import Enrolment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.care_tables import Benefit
    from clinic.tables import Patient
    from content.pack import Pack
    from content.plans.specs import Trigger
    from sop.journeys.triggers import Start
    from sop.roster import Roster


async def heed(
    session: AsyncSession, patient: Patient, benefit: Benefit, *, pack: Pack, roster: Roster, now: datetime
) -> None:
    """End what it began and is so no more (used since, renewed); begin what a daily look would have found.

    A journey all of whose steps have gone by begins nothing, as everywhere.
    """
    await session.flush()
    head, _ = await family(session, patient)
    await _end(session, head.id, benefit, now=now)
    book = await book_of(session)
    zone = pack.timezone
    gate = Gate(book=book, pack=pack, roster=roster, hours=hours_of(pack))
    for plan in book.journeys():
        for trigger in plan.plan.journey.trigger:
            for start in starts(trigger, benefit, today=now.astimezone(zone).date(), zone=zone):
                candidate = Candidate(
                    patient_id=head.id,
                    fact=start.fact,
                    trigger_at=start.at,
                    cause=start.cause,
                    apart=start.apart,
                )
                await begin(session, plan, [candidate], gate=gate, now=now)


def starts(trigger: Trigger, benefit: Benefit, *, today: date, zone: ZoneInfo) -> Iterator[Start]:
    """Yield the fact that this trigger waits for in a card, if its day has come and the card still holds."""
    ref = f"{benefit.source}:{benefit.number}"
    end, left = benefit.expires_on, benefit.total - benefit.used
    if end is not None and end < today:
        return
    start = None
    if trigger.kind == "date" and trigger.date == "card_expiry" and end is not None:
        if benefit.total == 0 or left > 0:
            start = triggers.expiry_start(trigger, ref, benefit.title, end, zone)
    elif trigger.kind == "unused_benefit" and left > 0:
        since = benefit.used_on or benefit.issued_on
        start = triggers.unused_start(trigger, ref, benefit.title, left, since, zone)
    if start is not None and start.at.astimezone(zone).date() <= today:
        yield start


async def _end(session: AsyncSession, head_id: int, benefit: Benefit, *, now: datetime) -> None:
    ref = f"{benefit.source}:{benefit.number}"
    since = benefit.used_on or benefit.issued_on
    rows = await session.execute(
        select(Enrolment.id, Enrolment.fact).where(
            Enrolment.patient_id == head_id, Enrolment.state == "active"
        )
    )
    for one in rows.all():
        why = ""
        if one.fact.startswith(f"unused:{ref}:") and one.fact != f"unused:{ref}:{since:%Y%m%d}":
            why = f"“{benefit.title}”又用过了"
        elif one.fact.startswith(f"expiry:{ref}:"):
            until = f"{benefit.expires_on:%Y%m%d}" if benefit.expires_on else ""
            if one.fact != f"expiry:{ref}:{until}":
                why = f"“{benefit.title}”的到期日改了"
        if not why and benefit.total and benefit.used >= benefit.total:
            ours = (f"unused:{ref}:", f"expiry:{ref}:")
            why = f"“{benefit.title}”用完了" if one.fact.startswith(ours) else ""
        if why:
            await leave(session, [one.id], reason=why, now=now)
