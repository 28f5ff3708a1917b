"""Cards and packages of patients (次卡、套餐、会员卡): told by the clinic's own system, each once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic import audit
from clinic.care_tables import Benefit
from clinic.visits import SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.tables import Patient
    from clinic.visits import Key, Outcome

AT_ONCE: Final = 400
MOST_USES: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BenefitFact:
    """How a card or package stood at ``changed_at``.

    Args:
        number: the source's id of it, at most 64 characters; ``source`` at most 20.
        title: what people call it; ``kind``: the source's code for it.
        total: so many uses; 0: as often as she likes, until it ends.
        changed_at: when the source wrote this; ``told`` = False: it did not say, and when we heard it counts.
    """

    number: str
    title: str
    issued_on: date
    changed_at: datetime
    total: int = 0
    used: int = 0
    used_on: date | None = None
    expires_on: date | None = None
    kind: str = ""
    told: bool = False
    source: str = SOURCE

    @property
    def key(self) -> Key:
        return self.source, self.number

    def faults(self, *, today: date) -> Iterable[tuple[str, str]]:
        """Yield what cannot be: the field, and how to write it."""
        if self.total and self.used > self.total:
            yield "used", "用掉的比总次数还多：请核对"
        if self.issued_on > today:
            yield "issued_on", "开卡日期在将来：请核对"
        if self.used_on is not None and self.used_on > today:
            yield "used_on", "最近使用的日期在将来：请核对"
        if self.used_on is not None and self.used_on < self.issued_on:
            yield "used_on", "使用比开卡还早：请核对"
        if self.expires_on is not None and self.expires_on < self.issued_on:
            yield "expires_on", "到期比开卡还早：请核对"

    def content(self, patient_id: int | None) -> tuple[object, ...]:
        return (
            patient_id,
            self.title,
            self.total,
            self.used,
            str(self.issued_on),
            str(self.used_on or ""),
            str(self.expires_on or ""),
            self.kind,
        )


async def load(session: AsyncSession, keys: Iterable[Key]) -> dict[Key, Benefit]:
    """Return what is recorded under these keys."""
    by_source: dict[str, list[str]] = {}
    for source, number in dict.fromkeys(keys):
        by_source.setdefault(source, []).append(number)
    found: dict[Key, Benefit] = {}
    for source, numbers in by_source.items():
        for start in range(0, len(numbers), AT_ONCE):
            some = numbers[start : start + AT_ONCE]
            query = select(Benefit).where(Benefit.source == source, Benefit.number.in_(some))
            found |= {(one.source, one.number): one for one in await session.scalars(query)}
    return found


def decide(stored: Benefit | None, patient_id: int | None, fact: BenefitFact) -> Outcome:
    """Return what a fact does to what stands: the later word counts; of one moment, always the same one."""
    if stored is None:
        return "added"
    stands, told = fact_of(stored).content(stored.patient_id), fact.content(patient_id)
    if stands == told:
        return "same"
    if fact.changed_at == stored.changed_at:
        return "changed" if json.dumps(told) > json.dumps(stands) else "older"
    return "changed" if fact.changed_at > stored.changed_at else "older"


def fact_of(row: Benefit) -> BenefitFact:
    """Return what stands in our rows as a fact."""
    return BenefitFact(
        number=row.number,
        source=row.source,
        title=row.title,
        kind=row.key,
        total=row.total,
        used=row.used,
        issued_on=row.issued_on,
        used_on=row.used_on,
        expires_on=row.expires_on,
        changed_at=row.changed_at,
    )


def record(
    session: AsyncSession,
    patient: Patient,
    fact: BenefitFact,
    known: dict[Key, Benefit],
    *,
    actor: str,
    now: datetime,
) -> tuple[Benefit, Outcome]:
    """Write down a fact, and what changed into her timeline; ``known`` gains the new ones.

    Call it after :func:`clinic.visits.one_at_a_time`, in the transaction that loaded ``known``.
    """
    row = known.get(fact.key)
    outcome = decide(row, patient.id, fact)
    if row is None:
        row = Benefit(source=fact.source, number=fact.number, created_at=now)
        known[fact.key] = row
        session.add(row)
    elif outcome == "older":
        return row, outcome
    elif outcome == "same":
        if fact.told:
            row.changed_at = max(row.changed_at, fact.changed_at)
        return row, outcome
    before = fact_of(row) if outcome == "changed" else None
    row.patient_id, row.title, row.key = patient.id, fact.title, fact.kind
    row.total, row.used, row.changed_at = fact.total, fact.used, fact.changed_at
    row.issued_on, row.used_on, row.expires_on = fact.issued_on, fact.used_on, fact.expires_on
    audit.record(
        session,
        at=now,
        actor=actor,
        action=f"benefit.{outcome}",
        subject=f"patient:{patient.external_userid}",
        reason=f"权益“{fact.title}”：{_words(before, fact)}"[:500],
        detail={"source": fact.source, "number": fact.number},
    )
    return row, outcome


def _words(before: BenefitFact | None, fact: BenefitFact) -> str:
    until = f"{fact.expires_on} 到期" if fact.expires_on else "长期有效"
    if before is None:
        return f"{fact.issued_on} 起，{left_of(fact.total, fact.used)}，{until}"
    said = []
    if (before.total, before.used) != (fact.total, fact.used):
        said.append(f"{left_of(before.total, before.used)} → {left_of(fact.total, fact.used)}")
    if before.expires_on != fact.expires_on:
        said.append(f"改成{until}")
    return "，".join(said) or "内容有更新"


def left_of(total: int, used: int) -> str:
    """Say how many uses are left."""
    return f"剩 {max(total - used, 0)}/{total} 次" if total else "不限次"


async def of(session: AsyncSession, patient_ids: Sequence[int]) -> Sequence[Benefit]:
    """Return the cards and packages of these records, those that end first."""
    query = select(Benefit).where(Benefit.patient_id.in_(patient_ids))
    rows = (await session.scalars(query.order_by(Benefit.id))).all()
    return sorted(rows, key=lambda one: (one.expires_on is None, one.expires_on or one.issued_on, one.id))
