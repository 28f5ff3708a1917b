"""What a patient agreed to: given with a proof, for some time or for good, and withdrawn at any time."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import or_, select

from clinic import audit
from clinic.care_tables import Consent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.tables import Patient


class ConsentKind(StrEnum):
    """What may be agreed to, each for itself."""

    RECORD = "record"
    CARE = "care"
    MARKETING = "marketing"
    CASE = "case"

    @property
    def title(self) -> str:  # type: ignore[override]  # nobody asks a consent for Title Case
        """Return the consent as staff call it."""
        return _TITLES[self]


_TITLES: Final = {
    ConsentKind.RECORD: "建档并处理个人信息",
    ConsentKind.CARE: "接收随访和就诊提醒",
    ConsentKind.MARKETING: "接收活动和优惠信息",
    ConsentKind.CASE: "使用病例、照片或评价",
}


class Standing(StrEnum):
    """Whether a consent holds now."""

    HOLDS = "holds"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"

    @property
    def title(self) -> str:  # type: ignore[override]
        """Return the state as staff call it."""
        return {"holds": "有效", "expired": "已到期", "withdrawn": "已撤回"}[self]


class ConsentRefused(ValueError):
    """A consent cannot be recorded so; the message says why."""


def standing(consent: Consent, *, now: datetime) -> Standing:
    """Judge one consent."""
    if consent.withdrawn_at is not None and consent.withdrawn_at <= now:
        return Standing.WITHDRAWN
    if consent.until is not None and consent.until <= now:
        return Standing.EXPIRED
    return Standing.HOLDS


async def give(
    session: AsyncSession,
    patient: Patient,
    *,
    kind: ConsentKind,
    purpose: str,
    proof: str,
    now: datetime,
    actor: str,
    until: datetime | None = None,
) -> Consent:
    """Record that a patient agreed now.

    Args:
        purpose: what for, e.g. ``种植案例发朋友圈``; at most 200 characters.
        proof: where the agreement is kept, e.g. ``纸质同意书 2026-118``; at most 300 characters.
        until: from then on it holds no more; None = until it is withdrawn.

    Raises:
        ConsentRefused: no proof, or an end in the past.
    """
    if not proof.strip():
        raise ConsentRefused("请写明凭据，例如“纸质同意书编号”或“聊天记录日期”")
    if until is not None and until <= now:
        raise ConsentRefused("到期时间要在今天以后")
    consent = Consent(
        patient_id=patient.id,
        kind=kind,
        purpose=purpose.strip()[:200],
        proof=proof.strip()[:300],
        given_at=now,
        until=until,
        recorded_by=actor[:80],
    )
    session.add(consent)
    await session.flush()
    audit.record(
        session,
        at=now,
        actor=actor,
        action="consent.give",
        subject=f"patient:{patient.external_userid}",
        reason=f"登记同意：{kind.title}",
        detail={"consent": consent.id, "kind": kind},
    )
    return consent


async def withdraw(
    session: AsyncSession, patient: Patient, consent_id: int, *, now: datetime, actor: str
) -> bool:
    """End a consent of this patient now; return False when it held no more, or is not hers."""
    consent = await session.get(Consent, consent_id, with_for_update=True)
    if (
        consent is None
        or consent.patient_id != patient.id
        or standing(consent, now=now) is not Standing.HOLDS
    ):
        return False
    consent.withdrawn_at = now
    audit.record(
        session,
        at=now,
        actor=actor,
        action="consent.withdraw",
        subject=f"patient:{patient.external_userid}",
        reason=f"撤回同意：{ConsentKind(consent.kind).title}",
        detail={"consent": consent.id, "kind": consent.kind},
    )
    return True


async def of_patients(session: AsyncSession, patient_ids: Iterable[int]) -> Sequence[Consent]:
    """Return all consents of these records, the latest first."""
    rows = await session.scalars(
        select(Consent)
        .where(Consent.patient_id.in_(list(patient_ids)))
        .order_by(Consent.given_at.desc(), Consent.id.desc())
    )
    return rows.all()


async def holders(
    session: AsyncSession, patient_ids: Iterable[int], kind: ConsentKind, *, now: datetime
) -> set[int]:
    """Return which of these records hold a consent of this kind now."""
    rows = await session.scalars(
        select(Consent.patient_id).where(
            Consent.patient_id.in_(list(patient_ids)),
            Consent.kind == kind,
            Consent.withdrawn_at.is_(None),
            or_(Consent.until.is_(None), Consent.until > now),
        )
    )
    return set(rows)
