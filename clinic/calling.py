"""Members in sentences about patients: written by userid, shown by name.

A sentence that is kept says ``成员 <userid>``: that stays true when a name changes, and is often written
before the name is known. Whoever shows it puts the name there; who has no name keeps the userid.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic.tables import Member

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

# A userid: letters, digits, .-_@, beginning with a letter or digit, at most 64 bytes (doc 90195).
_CALLED: Final = re.compile(r"成员 ([0-9A-Za-z][0-9A-Za-z_.@-]{0,63})")


def userids_in(sentences: Iterable[str]) -> set[str]:
    """Return the userids that these sentences call members by."""
    return {found[1] for sentence in sentences for found in _CALLED.finditer(sentence)}


def by_name(sentence: str, names: Mapping[str, str]) -> str:
    """Return a sentence with members called by ``names``, by userid; who has none stays as written."""
    return _CALLED.sub(lambda found: f"成员 {names.get(found[1]) or found[1]}", sentence)


async def names_of(session: AsyncSession, userids: set[str]) -> dict[str, str]:
    """Return the names that are known of these members."""
    if not userids:
        return {}
    rows = await session.execute(
        select(Member.userid, Member.name).where(Member.userid.in_(userids), Member.name != "")
    )
    return dict(rows.all())


async def name_of(session: AsyncSession, userid: str) -> str:
    """Return a member's name, for what is written to be read now; the userid where it is not known."""
    return (await names_of(session, {userid})).get(userid, userid)
