"""Who somebody is to us, by WeCom's id: for what is heard of people who may be nobody's patient yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from clinic.merging import head_of
from clinic.tables import Patient

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


async def known_patient(session: AsyncSession, external_userid: str) -> Patient | None:
    """Return the record that speaks for this person; None for a stranger, or for one who was erased."""
    found = await session.scalars(select(Patient).where(Patient.external_userid == external_userid))
    patient = found.one_or_none()
    if patient is None:
        return None
    head = await head_of(session, patient)
    return head if head.erased_at is None else None
