"""Visits as the clinic's own system, a file or a person tells them.

A fact says how a visit stands as a whole. Told twice it is one; of two that differ the newer stands, whatever
order they came in; of two of the same moment, the one further along (a visit is booked before it is done).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

from sqlalchemy import and_, func, or_, select, text, update

from clinic import audit
from clinic.care_tables import Visit
from clinic.tables import Patient

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from store.vault import Vault

SOURCE: Final = "clinic"  # the clinic's own system, by whatever way it tells us
NOTE: Final = "visit.note"  # what a sealed note is bound to
AHEAD: Final = timedelta(days=1)  # how far in the future a visit may be that took place already
AT_ONCE: Final = 400
_TURN: Final = 0x7869616F  # any number that names this lock and no other

Outcome = Literal["added", "changed", "same", "older"]
Key = tuple[str, str]  # source and number


class VisitStatus(StrEnum):
    """How a visit stands; the order is the one in which equals are decided."""

    BOOKED = "booked"
    ARRIVED = "arrived"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"
    DONE = "done"

    @property
    def label(self) -> str:
        """Return the status as staff call it."""
        return _LABELS[self]

    @property
    def took_place(self) -> bool:
        return self in (VisitStatus.ARRIVED, VisitStatus.DONE)


_LABELS: Final = {
    VisitStatus.BOOKED: "已预约",
    VisitStatus.ARRIVED: "已到店",
    VisitStatus.NO_SHOW: "未到店",
    VisitStatus.CANCELLED: "已取消",
    VisitStatus.DONE: "已完成",
}
_RANK: Final = {status: rank for rank, status in enumerate(VisitStatus)}


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFact:
    """How a visit stood at ``changed_at``.

    Args:
        number: the source's id of the visit, at most 64 characters; ``source`` at most 20.
        at: when the visit is or was.
        changed_at: when the source wrote this; ``told`` = it did not say, and the moment we heard it counts.
        code: the treatment as the source calls it, at most 64 characters.
        doctor: a userid, or the name the source uses.
        amount_fen: what was paid, in fen; None = not told.
    """

    number: str
    status: VisitStatus
    at: datetime
    changed_at: datetime
    told: bool = False
    source: str = SOURCE
    code: str = ""
    doctor: str = ""
    amount_fen: int | None = None
    note: str = ""

    @property
    def key(self) -> Key:
        return self.source, self.number

    @property
    def happened_at(self) -> datetime:
        """Return when it came to stand so: a booking is made before the visit it is for."""
        if self.status in (VisitStatus.BOOKED, VisitStatus.CANCELLED):
            return min(self.at, self.changed_at)
        return self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a visit stands in our rows, as far as facts decide it.

    ``person`` is the patient's row id; ``whose`` names her the same way in every database.
    """

    person: int
    status: VisitStatus
    at: datetime
    code: str
    doctor: str
    amount_fen: int | None
    note: str
    whose: str = field(default="", compare=False)

    @property
    def order(self) -> tuple[int, str]:
        """Return by what two facts of one moment are told apart, the same on every machine."""
        content = (self.whose, self.at.timestamp(), self.code, self.doctor, self.amount_fen, self.note)
        return _RANK[self.status], json.dumps(content)


def decide(stored: Standing | None, stored_at: datetime | None, told: Standing, fact: VisitFact) -> Outcome:
    """Return what a fact does to a visit as it stands; ``stored_at`` is the time of what stands."""
    if stored is None or stored_at is None:
        return "added"
    if stored == told:
        return "same"
    if fact.changed_at == stored_at:
        return "changed" if told.order > stored.order else "older"
    return "changed" if fact.changed_at > stored_at else "older"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of a fact; ``before`` is the status it replaced."""

    visit: Visit
    outcome: Outcome
    before: VisitStatus | None = None

    @property
    def fresh(self) -> bool:
        return self.outcome in ("added", "changed")

    @property
    def unknown_code(self) -> bool:
        """Tell whether the catalogue lacks what the source calls this treatment."""
        return bool(self.visit.treatment_code) and self.visit.treatment is None


async def one_at_a_time(session: AsyncSession) -> None:
    """Let only one transaction take in facts until it ends: two would record one new patient twice."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})


async def load(session: AsyncSession, keys: Iterable[Key]) -> dict[Key, Visit]:
    """Return the visits recorded under these keys."""
    by_source: dict[str, list[str]] = {}
    for source, number in dict.fromkeys(keys):
        by_source.setdefault(source, []).append(number)
    found: dict[Key, Visit] = {}
    for source, numbers in by_source.items():
        for i in range(0, len(numbers), AT_ONCE):
            some = numbers[i : i + AT_ONCE]
            query = select(Visit).where(Visit.source == source, Visit.number.in_(some))
            found |= {(visit.source, visit.number): visit for visit in await session.scalars(query)}
    return found


def standing_of(visit: Visit, vault: Vault) -> Standing:
    """Return how a recorded visit stands."""
    return Standing(
        person=visit.patient_id,
        status=VisitStatus(visit.status),
        at=visit.at,
        code=visit.treatment_code,
        doctor=visit.doctor,
        amount_fen=visit.amount_fen,
        note=note_of(visit, vault),
    )


def told_by(fact: VisitFact, person: int) -> Standing:
    """Return how a visit stands by a fact about the patient with row id ``person``."""
    return Standing(
        person=person,
        status=fact.status,
        at=fact.at,
        code=fact.code,
        doctor=fact.doctor,
        amount_fen=fact.amount_fen,
        note=fact.note,
    )


async def record(
    session: AsyncSession,
    patient: Patient,
    fact: VisitFact,
    known: dict[Key, Visit],
    *,
    treatment: str | None,
    title: str,
    vault: Vault,
    actor: str,
    now: datetime,
) -> Recorded:
    """Write down a fact; ``known`` holds the visits of :func:`load` and gains the new ones.

    Call it after :func:`one_at_a_time`, in the transaction that loaded ``known``.

    Args:
        treatment: the catalogue's key for the fact's code, None when it has none; ``title`` for people.
    """
    visit, told = known.get(fact.key), told_by(fact, patient.id)
    stored = standing_of(visit, vault) if visit is not None else None
    if stored is not None and stored.person != patient.id:
        told = replace(told, whose=_called(patient))
        stored = replace(stored, whose=_called(await session.get_one(Patient, stored.person)))
    outcome = decide(stored, visit.updated_at if visit is not None else None, told, fact)
    if visit is None:
        visit = Visit(source=fact.source, number=fact.number, created_at=now)
        known[fact.key] = visit
        session.add(visit)
    elif outcome == "older":
        return Recorded(visit=visit, outcome=outcome)
    elif outcome == "same":
        if fact.told:
            visit.updated_at = max(visit.updated_at, fact.changed_at)
        return Recorded(visit=visit, outcome=outcome)
    visit.patient_id, visit.status, visit.at = patient.id, fact.status.value, fact.at
    visit.treatment, visit.treatment_code = treatment, fact.code
    visit.doctor, visit.amount_fen = fact.doctor, fact.amount_fen
    visit.note_sealed = vault.seal(fact.note, about=NOTE) if fact.note else None
    visit.updated_at = fact.changed_at
    before = stored.status if stored is not None else None
    if stored is not None:
        way = f"{stored.status.label} → {fact.status.label}" if before != fact.status else "内容有更新"
        audit.record(
            session,
            at=now,
            actor=actor,
            action="visit.changed",
            subject=f"patient:{patient.external_userid}",
            reason=f"就诊 {title or fact.code or '未写项目'}：{way}",
            detail={"source": fact.source, "number": fact.number},
        )
    return Recorded(visit=visit, outcome=outcome, before=before)


def _called(patient: Patient) -> str:
    return patient.clinic_number or patient.external_userid


def note_of(visit: Visit, vault: Vault) -> str:
    """Return a visit's note in clear, empty when there is none."""
    return vault.open(visit.note_sealed, about=NOTE) if visit.note_sealed else ""


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────


async def page_of(
    session: AsyncSession,
    *,
    patient_ids: Collection[int] | None,
    start: datetime | None,
    end: datetime | None,
    statuses: Sequence[str],
    after: tuple[datetime, int] | None,
    limit: int,
) -> Sequence[Visit]:
    """Return up to ``limit`` visits in order of their time, from behind ``after`` (time and row id)."""
    query = select(Visit).order_by(Visit.at, Visit.id).limit(limit)
    if patient_ids is not None:
        query = query.where(Visit.patient_id.in_(patient_ids))
    if start is not None:
        query = query.where(Visit.at >= start)
    if end is not None:
        query = query.where(Visit.at < end)
    if statuses:
        query = query.where(Visit.status.in_(statuses))
    if after is not None:
        at, row = after
        query = query.where(or_(Visit.at > at, and_(Visit.at == at, Visit.id > row)))
    return (await session.scalars(query)).all()


async def unknown_codes(session: AsyncSession, *, limit: int = 200) -> Mapping[str, int]:
    """Return the codes that the catalogue lacks and how many visits have each, the most frequent first."""
    rows = await session.execute(
        select(Visit.treatment_code, func.count())
        .where(Visit.treatment.is_(None), Visit.treatment_code != "")
        .group_by(Visit.treatment_code)
        .order_by(func.count().desc(), Visit.treatment_code)
        .limit(limit)
    )
    return {code: count for code, count in rows}  # noqa: C416 - rows are not pairs to a type checker


async def recognise(session: AsyncSession, find: Callable[[str], str | None]) -> int:
    """Map the visits whose codes the catalogue has learned since; return how many codes those were.

    ``find`` returns the catalogue's key for a code, None for one it does not know.
    """
    learned = 0
    for code in await unknown_codes(session, limit=10_000):
        treatment = find(code)
        if treatment is not None:
            learned += 1
            await session.execute(
                update(Visit)
                .where(Visit.treatment.is_(None), Visit.treatment_code == code)
                .values(treatment=treatment)
            )
    return learned
