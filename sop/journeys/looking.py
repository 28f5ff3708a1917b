"""Whom a date, or silence, lets begin a plan on one clinic day: found by index, a few statements a day.

What is found again (the look was cut off, an event had told it) carries the same fact and begins nothing new.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, or_, select

from clinic.care_tables import Benefit, KfMessage, SurveyAnswer, Visit
from clinic.facts import FROM_PATIENT
from clinic.tables import Follow, Patient
from sop.journeys import triggers
from sop.journeys.conditions import Needs
from sop.journeys.enrolling import Candidate
from sop.journeys.snapshot import snapshots_of
from sop.journeys.triggers import day_start
from sop.plan_tables import JourneyDay

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.plans.specs import Trigger
    from sop.journeys.enrolling import Gate
    from sop.journeys.triggers import Start
    from sop.plans.book import Published

KINDS: Final = ("date", "dormant", "unused_benefit")
OLDEST: Final = 120  # years
CATCH_UP: Final = 31  # days: what was missed longer ago is past every late policy
_LEAP_DAY: Final = (2, 29)


def looks_by_day(plan: Published) -> bool:
    """Tell whether anybody begins a plan because a day comes."""
    return any(trigger.kind in KINDS for trigger in plan.plan.journey.trigger)


def days_to_look(looked: date | None, today: date) -> list[date]:
    """Return the days that are to be looked through: today for a new plan, else those since the last look."""
    if looked is None:
        return [today]
    first = max(looked + timedelta(days=1), today - timedelta(days=CATCH_UP))
    return [first + timedelta(days=number) for number in range((today - first).days + 1)]


async def looked_until(session: AsyncSession, plan_key: str) -> date | None:
    """Return up to which day a plan was looked through."""
    return await session.scalar(select(JourneyDay.day).where(JourneyDay.plan_key == plan_key))


async def note_looked(session: AsyncSession, plan_key: str, day: date) -> None:
    """Remember that a plan was looked through up to a day."""
    row = await session.get(JourneyDay, plan_key)
    if row is None:
        session.add(JourneyDay(plan_key=plan_key, day=day))
    elif row.day < day:
        row.day = day


async def found_on(
    session: AsyncSession, plan: Published, day: date, *, gate: Gate, now: datetime
) -> list[Candidate]:
    """Return everybody for whom ``day`` is the day of one of the plan's triggers."""
    found: list[Candidate] = []
    for trigger in plan.plan.journey.trigger:
        if trigger.kind in KINDS:
            look = _Look(session=session, trigger=trigger, day=day, gate=gate, now=now)
            found += await look.candidates()
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    session: AsyncSession
    trigger: Trigger
    day: date
    gate: Gate
    now: datetime

    @property
    def zone(self) -> ZoneInfo:
        return self.gate.pack.timezone

    async def candidates(self) -> list[Candidate]:
        kinds = {
            "birthday": self._birthdays,
            "appointment": self._appointments,
            "card_expiry": self._expiries,
            "dormant": self._dormant,
            "unused_benefit": self._unused,
        }
        wanted = self.trigger.date if self.trigger.kind == "date" else self.trigger.kind
        return await kinds[wanted]() if wanted in kinds else []

    async def _birthdays(self) -> list[Candidate]:
        birthday = self.day - timedelta(days=self.trigger.offset_days)
        born = list(born_on(birthday))
        ids = await self.session.scalars(
            select(Patient.id).where(Patient.born_on.in_(born), Patient.erased_at.is_(None))
        )
        start = triggers.birthday_start(self.trigger, birthday, self.zone)
        return [_of(patient_id, start) for patient_id in ids]

    async def _appointments(self) -> list[Candidate]:
        on = self.day - timedelta(days=self.trigger.offset_days)
        rows = await self.session.execute(
            select(Visit.patient_id, Visit.source, Visit.number, Visit.treatment, Visit.at).where(
                Visit.at >= day_start(on, self.zone),
                Visit.at < day_start(on + timedelta(days=1), self.zone),
                Visit.status == "booked",
            )
        )
        titles = {one.key: one.title for one in self.gate.pack.treatments}
        return [
            _of(
                row.patient_id,
                triggers.appointment_start(
                    self.trigger,
                    f"{row.source}:{row.number}",
                    row.treatment or "",
                    row.at,
                    titles=titles,
                    zone=self.zone,
                ),
            )
            for row in rows
            if not self.trigger.treatment
            or triggers.of_treatment(self.trigger.treatment, row.treatment or "")
        ]

    async def _expiries(self) -> list[Candidate]:
        expires_on = self.day - timedelta(days=self.trigger.offset_days)
        rows = await self.session.scalars(
            select(Benefit).where(
                Benefit.expires_on == expires_on, or_(Benefit.total == 0, Benefit.used < Benefit.total)
            )
        )
        return [
            _of(
                row.patient_id,
                triggers.expiry_start(
                    self.trigger, f"{row.source}:{row.number}", row.title, expires_on, self.zone
                ),
            )
            for row in rows
        ]

    async def _unused(self) -> list[Candidate]:
        since = self.day - timedelta(days=self.trigger.days)
        rows = await self.session.scalars(
            select(Benefit).where(
                or_(Benefit.used_on == since, Benefit.issued_on == since),
                func.coalesce(Benefit.used_on, Benefit.issued_on) == since,
                Benefit.used < Benefit.total,
                or_(Benefit.expires_on.is_(None), Benefit.expires_on >= self.day),
            )
        )
        return [
            _of(
                row.patient_id,
                triggers.unused_start(
                    self.trigger,
                    f"{row.source}:{row.number}",
                    row.title,
                    row.total - row.used,
                    since,
                    self.zone,
                ),
            )
            for row in rows
        ]

    async def _dormant(self) -> list[Candidate]:
        """Of those who were heard of on that day, return whom nobody has heard of since."""
        seen_on = self.day - timedelta(days=self.trigger.days)
        first, end = day_start(seen_on, self.zone), day_start(seen_on + timedelta(days=1), self.zone)
        sources = (
            select(Visit.patient_id).where(Visit.at >= first, Visit.at < end, Visit.status != "cancelled"),
            select(SurveyAnswer.patient_id).where(SurveyAnswer.at >= first, SurveyAnswer.at < end),
            select(Follow.patient_id).where(Follow.added_at >= first, Follow.added_at < end),
            select(Patient.id)
            .join(KfMessage, KfMessage.external_userid == Patient.external_userid)
            .where(KfMessage.at >= first, KfMessage.at < end, KfMessage.origin == FROM_PATIENT),
        )
        ids = {one for query in sources for one in await self.session.scalars(query.distinct())}
        known = await snapshots_of(
            self.session,
            ids,
            needs=Needs(visits=True, spoken=True),
            pack=self.gate.pack,
            roster=self.gate.roster,
            now=self.now,
        )
        return [
            _of(snapshot.patient_id, triggers.dormant_start(self.trigger, snapshot.facts.seen_at, self.zone))
            for snapshot in {one.patient_id: one for one in known.values()}.values()
            if snapshot.facts.seen_at < end
            # Who has booked is not dormant, whenever she was here last.
            and not snapshot.bookings
        ]


def born_on(birthday: date) -> Iterator[date]:
    """Yield the days on which somebody may be born who has her birthday then.

    Who was born on 29 February has it on 1 March in other years, as :func:`clinic.rules.rules.birthday` says.
    """
    for year in range(birthday.year - OLDEST, birthday.year):
        if (birthday.month, birthday.day) != _LEAP_DAY or calendar.isleap(year):
            yield date(year, birthday.month, birthday.day)
        if (
            (birthday.month, birthday.day) == (3, 1)
            and calendar.isleap(year)
            and not calendar.isleap(birthday.year)
        ):
            yield date(year, 2, 29)


def _of(patient_id: int, start: Start) -> Candidate:
    return Candidate(
        patient_id=patient_id, fact=start.fact, trigger_at=start.at, cause=start.cause, apart=start.apart
    )


def in_slices(candidates: Sequence[Candidate], size: int) -> Iterable[Sequence[Candidate]]:
    """Yield candidates in slices that one short transaction takes in."""
    return (candidates[start : start + size] for start in range(0, len(candidates), size))
