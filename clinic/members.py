"""Members: who has the customer-contact function, and how each is called."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import case, false, true, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic.tables import Member

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

LEFT_JUST_NOW: Final = timedelta(minutes=5)


async def record_serving(session: AsyncSession, userids: Iterable[str], *, now: datetime) -> None:
    """Write down who has the customer-contact function now (get_follow_user_list, doc 92571).

    Who left just now may still be listed; who left long ago and is listed has come back.
    """
    serving = set(userids)
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    just_left = Member.left_at > now - LEFT_JUST_NOW
    changes = {
        "serves": case((just_left, false()), else_=true()),
        "active": case((just_left, false()), else_=true()),
        "left_at": case((just_left, Member.left_at), else_=None),
        "seen_at": now,
    }
    for userid in sorted(serving):
        await session.execute(
            insert(Member)
            .values(userid=userid, name="", alias="", serves=True, seen_at=now)
            .on_conflict_do_update(index_elements=["userid"], set_=changes)
        )
    await session.execute(update(Member).where(Member.userid.not_in(serving)).values(serves=False))


async def record_name(session: AsyncSession, userid: str, *, name: str, alias: str) -> None:
    """Write down how a member is called."""
    await session.execute(
        update(Member).where(Member.userid == userid).values(name=name[:64], alias=alias[:64])
    )
