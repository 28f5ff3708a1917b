"""Customer groups: what we know of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic.tables import CustomerGroup

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


async def record(
    session: AsyncSession,
    *,
    chat_id: str,
    name: str,
    owner: str,
    members: int,
    member_version: str | None,
    now: datetime,
) -> None:
    """Write a group as WeCom describes it (groupchat/get, doc 92122); what can be read is not dismissed."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    values = {
        "name": name[:200],
        "owner": owner,
        "members": members,
        "member_version": member_version,
        "dismissed_at": None,
        "changed_at": now,
    }
    await session.execute(
        insert(CustomerGroup)
        .values(chat_id=chat_id, **values)
        .on_conflict_do_update(index_elements=["chat_id"], set_=values)
    )


async def dismissed(session: AsyncSession, chat_id: str, *, at: datetime) -> None:
    """A group exists no more; nothing is planned for it."""
    await session.execute(
        update(CustomerGroup)
        .where(CustomerGroup.chat_id == chat_id, CustomerGroup.dismissed_at.is_(None))
        .values(dismissed_at=at, changed_at=at)
    )


async def names(session: AsyncSession) -> dict[str, str]:
    """Return the groups' names by chat id."""
    rows = await session.execute(select(CustomerGroup.chat_id, CustomerGroup.name))
    return dict(rows.all())
