"""What patients write in 微信客服, as far as rules want to know: keywords of the pack, never the words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinic.rules.happenings import Happening
from sop.consequences import reconsider
from sop.journeys.desk import JourneyDesk
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.tables import Patient
    from content.pack import Pack


async def heed(
    session: AsyncSession,
    patient: Patient,
    said: Iterable[tuple[datetime, str]],
    *,
    pack: Pack,
    public_url: str,
    now: datetime,
) -> None:
    """Let rules know of the keywords in what a patient wrote, each with the time she wrote it.

    That she wrote at all ends journeys that wait for an answer.
    """
    found = [(at, keyword.key) for at, text in said for keyword in pack.keywords_in(text)]
    roster = await load_roster(session, pack, now=now)
    if not found:
        await JourneyDesk(pack=pack, roster=roster).heard(session, patient, now=now)
        return
    for at, key in found:
        await reconsider(
            session,
            patient,
            Happening(kind="keyword", at=at, keyword=key),
            pack=pack,
            roster=roster,
            public_url=public_url,
            now=now,
        )
