"""Two records of one person: the survivor speaks for both, and nothing is lost, so it can be undone.

Everything stays on the record it came to. ``merged_into`` is one step deep: whoever was merged into the
record that is merged now goes with it, and comes back with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import aliased

from clinic import audit, stages
from clinic.tables import LOCAL, AuditEntry, Patient, PatientTerm
from clinic.terms import PHONE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

MERGE: Final = "patient.merge"
SPLIT: Final = "patient.split"
DISTINCT: Final = "patient.distinct"
SUGGESTED: Final = 10


class NotMergeable(ValueError):
    """These two records cannot be merged; the message says why."""


async def head_of(session: AsyncSession, patient: Patient) -> Patient:
    """Return the record that speaks for this one: itself, unless it was merged."""
    if patient.merged_into is None:
        return patient
    return await session.get_one(Patient, patient.merged_into)


async def family_of(session: AsyncSession, patient: Patient) -> list[Patient]:
    """Return all records of the person, the one that speaks for them first."""
    head = await head_of(session, patient)
    others = await session.scalars(select(Patient).where(Patient.merged_into == head.id).order_by(Patient.id))
    return [head, *others]


async def merge(
    session: AsyncSession, keep: Patient, other: Patient, *, actor: str, reason: str, now: datetime
) -> Patient:
    """Let ``keep`` speak for ``other`` too and return it; a record that WeCom knows always speaks.

    Raises:
        NotMergeable: the two are one already, or one of them was erased.
    """
    ids = sorted({keep.id, other.id, keep.merged_into or keep.id, other.merged_into or other.id})
    # Locked in one order: two people who merge the same records at once wait for each other.
    locked = await session.scalars(
        select(Patient)
        .where(Patient.id.in_(ids))
        .order_by(Patient.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    by_id = {patient.id: patient for patient in locked}
    keep, other = by_id[keep.id], by_id[other.id]
    keep, other = by_id[keep.merged_into or keep.id], by_id[other.merged_into or other.id]
    if keep is other:
        raise NotMergeable("这两份档案已经是同一位客户了")
    if keep.erased_at is not None or other.erased_at is not None:
        raise NotMergeable("其中一份档案已按本人要求删除，不能合并")
    if keep.external_userid.startswith(LOCAL) and not other.external_userid.startswith(LOCAL):
        keep, other = other, keep
    followers = list(await session.scalars(select(Patient.id).where(Patient.merged_into == other.id)))
    await session.execute(update(Patient).where(Patient.merged_into == other.id).values(merged_into=keep.id))
    other.merged_into, other.updated_at, keep.updated_at = keep.id, now, now
    await session.flush()
    await stages.recompute(session, keep)
    for one, another, words in ((keep, other, "合并了另一份档案"), (other, keep, "并入了另一份档案")):
        audit.record(
            session,
            at=now,
            actor=actor,
            action=MERGE,
            subject=f"patient:{one.external_userid}",
            reason=f"{words}：{reason}" if reason else words,
            detail={"other": another.id, "into": keep.id, "with": followers},
        )
    return keep


async def split(
    session: AsyncSession, patient: Patient, *, actor: str, reason: str, now: datetime
) -> Patient:
    """Take a merged record out again, with whoever came with it, and return the record it was part of.

    Raises:
        NotMergeable: it is not part of another record.
    """
    if patient.merged_into is None:
        raise NotMergeable("这份档案没有并入别的档案，不用拆开")
    head = await session.get_one(Patient, patient.merged_into)
    came_with = await _came_with(session, patient)
    patient.merged_into, patient.updated_at, head.updated_at = None, now, now
    await session.execute(
        update(Patient)
        .where(Patient.id.in_(came_with), Patient.merged_into == head.id)
        .values(merged_into=patient.id)
    )
    await session.flush()
    for one, another, words in (
        (head, patient, "拆出了合并错的一份档案"),
        (patient, head, "从合并的档案里拆出"),
    ):
        await stages.recompute(session, one)
        audit.record(
            session,
            at=now,
            actor=actor,
            action=SPLIT,
            subject=f"patient:{one.external_userid}",
            reason=f"{words}：{reason}" if reason else words,
            detail={"other": another.id},
        )
    return head


async def _came_with(session: AsyncSession, patient: Patient) -> list[int]:
    entry = await session.scalar(
        select(AuditEntry)
        .where(AuditEntry.subject == f"patient:{patient.external_userid}", AuditEntry.action == MERGE)
        .order_by(AuditEntry.id.desc())
        .limit(1)
    )
    if entry is None or entry.detail.get("into") == patient.id:
        return []
    return [int(one) for one in entry.detail.get("with", ())]


def keep_apart(session: AsyncSession, one: Patient, another: Patient, *, actor: str, now: datetime) -> None:
    """Remember that two records are two people (mother and child share a phone): nobody is asked again."""
    for first, second in ((one, another), (another, one)):
        audit.record(
            session,
            at=now,
            actor=actor,
            action=DISTINCT,
            subject=f"patient:{first.external_userid}",
            reason="确认不是同一个人",
            detail={"other": second.id},
        )


async def suggestions(session: AsyncSession, family: Sequence[Patient]) -> list[tuple[Patient, str]]:
    """Return other records that may be the same person, each with the reason; never merged by itself."""
    ids = [patient.id for patient in family]
    unionids = {patient.unionid for patient in family if patient.unionid}
    own, other = aliased(PatientTerm), aliased(PatientTerm)
    by_phone = (
        select(other.patient_id)
        .join(own, and_(own.digest == other.digest, own.kind == other.kind))
        .where(own.patient_id.in_(ids), own.kind == PHONE)
    )
    found = await session.scalars(
        select(Patient)
        .where(
            or_(Patient.id.in_(by_phone), Patient.unionid.in_(unionids)),
            Patient.id.not_in(ids),
            Patient.erased_at.is_(None),
        )
        .order_by(Patient.id)
        .limit(SUGGESTED)
    )
    declined = set().union(*(await _declined(session, family)).values())
    heads: dict[int, tuple[Patient, str]] = {}
    for patient in found:
        head = await head_of(session, patient)
        if {patient.id, head.id} & declined:
            continue
        reason = "同一个微信（unionid 相同）" if patient.unionid in unionids else "手机号相同"
        heads.setdefault(head.id, (head, reason))
    return list(heads.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubles:
    """Groups of records that share a phone; ``next`` asks for further ones, None at the end."""

    groups: tuple[tuple[Patient, ...], ...]
    next: str | None


async def doubles(session: AsyncSession, *, after: str = "", limit: int = SUGGESTED) -> Doubles:
    """Return people who may be recorded twice, a page of ``limit`` shared phones at most.

    A phone whose people are one record by now, or known to be several people, is left out. It reads the
    whole index, half a second for 300 000 patients.

    Args:
        after: ``next`` of the page before.
    """
    shared = await session.scalars(
        select(PatientTerm.digest)
        .where(PatientTerm.kind == PHONE, PatientTerm.digest > after)
        .group_by(PatientTerm.digest)
        .having(func.count() > 1)
        .order_by(PatientTerm.digest)
        .limit(limit + 1)
    )
    found = list(shared)
    digests = found[:limit]
    rows = await session.execute(
        select(PatientTerm.digest, Patient)
        .join(Patient, Patient.id == PatientTerm.patient_id)
        .where(PatientTerm.digest.in_(digests), PatientTerm.kind == PHONE, Patient.erased_at.is_(None))
        .order_by(PatientTerm.digest, Patient.id)
    )
    heads: dict[str, dict[int, Patient]] = {digest: {} for digest in digests}
    for digest, patient in rows:
        head = await head_of(session, patient)
        heads[digest][head.id] = head
    groups = []
    for people in heads.values():
        apart = await _declined(session, list(people.values()))
        group = tuple(
            one
            for one in people.values()
            if any(other is not one and other.id not in apart[one.id] for other in people.values())
        )
        if len(group) > 1:
            groups.append(group)
    return Doubles(groups=tuple(groups), next=digests[-1] if len(found) > limit else None)


async def _declined(session: AsyncSession, patients: Sequence[Patient]) -> dict[int, set[int]]:
    """Return of whom each is known to be somebody else."""
    subjects = {f"patient:{patient.external_userid}": patient.id for patient in patients}
    declined: dict[int, set[int]] = {patient.id: set() for patient in patients}
    rows = await session.execute(
        select(AuditEntry.subject, AuditEntry.detail).where(
            AuditEntry.subject.in_(subjects), AuditEntry.action == DISTINCT
        )
    )
    for subject, detail in rows:
        declined[subjects[subject]].add(int(detail["other"]))
    return declined
