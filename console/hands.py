"""Journeys in the hand of staff, as pages and the API take them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sop.journeys import by_hand

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.tables import Patient
    from console.deps import Deps
    from sop.journeys.by_hand import Hand


async def hand_of(session: AsyncSession, patient: Patient, deps: Deps, *, now: datetime) -> Hand:
    """Take up a patient's journeys, by the content as staff have it now."""
    return await by_hand.hand_of(session, patient, pack=await deps.library.pack(session), now=now)
