"""Finding patients: by what somebody types, by tag, stage and member; page by page, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, union
from sqlalchemy.orm import aliased

from clinic import terms
from clinic.identity import canonical_phone, read_wanted
from clinic.merging import head_of
from clinic.tables import Follow, Patient, PatientTag, PatientTerm, Tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from store.vault import Vault

PAGE: Final = 30
PAGE_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for; empty = does not matter.

    ``words``: a nickname, remark or part of one, a whole real name, a phone or its last four digits, the
    clinic's number, external_userid or unionid. ``tag`` is ``组/标签``; ``member`` the userid of somebody who
    is connected to her now.
    """

    words: str = ""
    tag: str = ""
    stage: str = ""
    member: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of patients; ``next`` asks for what follows, None at the end."""

    items: Sequence[Patient]
    next: int | None


async def search(
    session: AsyncSession, wanted: Search, vault: Vault, *, before: int | None = None, limit: int = PAGE
) -> Found:
    """Return the patients that fit all of ``wanted``, the latest recorded first.

    A record that was merged is found by its own words too, and shown as the one that speaks for it. Who was
    erased is not found.

    Args:
        before: ``next`` of the page before.
    """
    query = select(Patient).where(Patient.merged_into.is_(None), Patient.erased_at.is_(None))
    if wanted.words.strip():
        query = query.where(Patient.id.in_(_by_words(wanted.words, vault)))
    if wanted.stage:
        query = query.where(Patient.stage == wanted.stage)
    if wanted.tag:
        group, _, name = wanted.tag.partition("/")
        tag = select(Tag.id).where(Tag.group_name == group, Tag.name == name).scalar_subquery()
        query = query.where(
            Patient.id.in_(_heads(select(PatientTag.patient_id).where(PatientTag.tag_id == tag)))
        )
    if wanted.member:
        theirs = select(Follow.patient_id).where(
            Follow.userid == wanted.member, Follow.lost_at.is_(None), Follow.half.is_(False)
        )
        query = query.where(Patient.id.in_(_heads(theirs)))
    if before is not None:
        query = query.where(Patient.id < before)
    rows = (await session.scalars(query.order_by(Patient.id.desc()).limit(limit + 1))).all()
    shown = rows[:limit]
    return Found(items=shown, next=shown[-1].id if len(rows) > limit else None)


def _by_words(words: str, vault: Vault) -> Select[Any]:
    wanted = read_wanted(words)
    ways: list[Select[Any]] = []
    exact = [
        (terms.PHONE, wanted.phone),
        (terms.TAIL, wanted.tail),
        (terms.REAL_NAME, wanted.real_name),
    ]
    digests = [terms.digest(vault, kind, word) for kind, word in exact if word]
    if digests:
        ways.append(select(PatientTerm.patient_id).where(PatientTerm.digest.in_(digests)))
    if wanted.number:
        ways.append(select(Patient.id).where(Patient.clinic_number == wanted.number))
        ways.append(select(Patient.id).where(Patient.unionid == wanted.number))
    if wanted.external_userid:
        ways.append(select(Patient.id).where(Patient.external_userid == wanted.external_userid))
    if wanted.grams:
        pairs = [terms.digest(vault, terms.NAME, gram) for gram in wanted.grams]
        ways.append(
            select(PatientTerm.patient_id)
            .where(PatientTerm.digest.in_(pairs))
            .group_by(PatientTerm.patient_id)
            .having(func.count(PatientTerm.digest.distinct()) == len(set(pairs)))
        )
    if not ways:
        return select(Patient.id).where(Patient.id.is_(None))
    return _heads(select(union(*ways).subquery().c[0]))


def _heads(ids: Select[Any]) -> Select[Any]:
    """Return the ids of the records that speak for these."""
    record = aliased(Patient)
    return select(func.coalesce(record.merged_into, record.id)).where(record.id.in_(ids))


async def by_external_userid(session: AsyncSession, external_userid: str) -> Patient | None:
    """Return the record with exactly this id, merged or not."""
    return (
        await session.scalars(select(Patient).where(Patient.external_userid == external_userid))
    ).one_or_none()


async def by_clinic_number(session: AsyncSession, number: str) -> Patient | None:
    """Return the record with the clinic's own number, merged or not."""
    return (
        await session.scalars(select(Patient).where(Patient.clinic_number == number.strip()))
    ).one_or_none()


async def by_phone(session: AsyncSession, phone: str, vault: Vault) -> list[Patient]:
    """Return the people with this phone, by their speaking records: families share one.

    Raises:
        NotAPhone: it is none.
    """
    digest = terms.digest(vault, terms.PHONE, canonical_phone(phone))
    rows = await session.scalars(
        select(Patient)
        .join(PatientTerm, PatientTerm.patient_id == Patient.id)
        .where(PatientTerm.digest == digest, PatientTerm.kind == terms.PHONE, Patient.erased_at.is_(None))
        .order_by(Patient.id)
    )
    heads = [await head_of(session, patient) for patient in rows]
    return list({head.id: head for head in heads}.values())
