"""Whose tags or stage change only because time passes: birthdays, expiries, long silences."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic.care_tables import KfMessage, SurveyAnswer, Visit
from clinic.rules.happenings import Happening
from clinic.rules.rules import birthday
from clinic.tables import Follow, Patient, PatientTag
from sop.consequences import reconsider
from sop.roster import load_roster
from sop.rulebook import Rulebook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack

EXPIRED_SINCE: Final = timedelta(days=2)  # WeCom may refuse to take a tag off: then not every hour for ever
LOOK_BACK: Final = timedelta(days=7)  # a program that was off for a week catches up


async def expired(session: AsyncSession, *, now: datetime) -> list[int]:
    """Return the patients who wear a tag that should have gone."""
    query = (
        select(PatientTag.patient_id)
        .where(PatientTag.expires_at <= now, PatientTag.expires_at > now - EXPIRED_SINCE)
        .distinct()
    )
    return sorted(await session.scalars(query))


async def ripe(session: AsyncSession, pack: Pack, *, now: datetime) -> list[int]:
    """Return the patients for whom a condition about age or silence may have turned lately."""
    held = [rule.held for rule in Rulebook(pack=pack).held() if rule.held is not None]
    ages = {age for each in held for age in (each.age_from, each.age_below) if age}
    found = await _birthdays(session, ages, now.astimezone(pack.timezone).date())
    for days in {each.inactive_days for each in held if each.inactive_days is not None}:
        found |= await _silent(session, now - timedelta(days=days))
    return sorted(found)


async def _birthdays(session: AsyncSession, ages: Iterable[int], today: date) -> set[int]:
    days = [today - timedelta(days=number) for number in range(LOOK_BACK.days)]
    # A year has 365 days or 366: look at each day of the year and its neighbours, and ask who turned what.
    born = {
        day
        for age in ages
        for turned in days
        for day in _days_around(turned, age)
        if birthday(day, age) == turned
    }
    if not born:
        return set()
    return set(await session.scalars(select(Patient.id).where(Patient.born_on.in_(sorted(born)))))


def _days_around(day: date, years: int) -> Iterable[date]:
    """Yield the days on which somebody may be born who turns ``years`` on ``day``: 1 March has two."""
    middle = day - timedelta(days=round(years * 365.2425))
    return (middle + timedelta(days=off) for off in (-2, -1, 0, 1, 2))


async def _silent(session: AsyncSession, until: datetime) -> set[int]:
    """Return who was heard of in the week before ``until``: some of them not again since."""
    since = until - LOOK_BACK
    sources = (
        select(Visit.patient_id).where(Visit.at > since, Visit.at <= until),
        select(SurveyAnswer.patient_id).where(SurveyAnswer.at > since, SurveyAnswer.at <= until),
        select(Follow.patient_id).where(Follow.added_at > since, Follow.added_at <= until),
        select(Patient.id)
        .join(KfMessage, KfMessage.external_userid == Patient.external_userid)
        .where(KfMessage.at > since, KfMessage.at <= until),
    )
    return {patient_id for query in sources for patient_id in await session.scalars(query.distinct())}


async def look_again(
    session: AsyncSession, patient_ids: Sequence[int], *, pack: Pack, public_url: str, now: datetime
) -> None:
    """Let the rules see what time has done to these patients."""
    roster = await load_roster(session, pack, now=now)
    for patient_id in patient_ids:
        patient = await session.get(Patient, patient_id)
        if patient is not None:
            await reconsider(
                session,
                patient,
                Happening(kind="tick", at=now),
                pack=pack,
                roster=roster,
                public_url=public_url,
                now=now,
            )
