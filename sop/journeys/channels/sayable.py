"""Steps that say something without a review of its own: what quotes a patient needs her consent here too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sop import consented
from sop.journeys.ports import FAILED, Made
from sop.journeys.wording import words_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.journeys.ports import Due


async def barred_of(session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> dict[str, Made]:
    """Return what becomes of steps whose text lacks a patient's consent, by the steps' keys."""
    texts = {due.key: words_of(due.step, due.variant)[0] for due in dues}
    barred = await consented.unsayable(session, filter(None, texts.values()), now=now)
    return {
        key: Made(state=FAILED, reason=barred[content]) for key, content in texts.items() if content in barred
    }
