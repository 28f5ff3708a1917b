"""What patients write in 微信客服, as far as rules want to know: keywords of the pack, never the words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinic.rules.happenings import Happening
from sop.consequences import reconsider
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
    """Let the rules know of the keywords in what a patient wrote, each with the time she wrote it."""
    found = [(at, keyword.key) for at, text in said for keyword in pack.keywords_in(text)]
    if not found:
        return
    roster = await load_roster(session, pack)
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
