"""Customer groups: what we know of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic import audit
from clinic.reconcile import Tally
from clinic.tables import CustomerGroup, GroupMember
from store.tables import Base

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Somebody in a group; ``external``: no member of this corp."""

    person: str
    external: bool
    joined_at: datetime | None
    join_scene: int
    state: str
    inviter: str = ""


async def record(
    session: AsyncSession,
    *,
    chat_id: str,
    name: str,
    owner: str,
    members: int,
    member_version: str | None,
    now: datetime,
    created_at: datetime | None = None,
    asked_at: datetime | None = None,
) -> None:
    """Write a group as WeCom describes it (groupchat/get, doc 92122); what can be read is not dismissed.

    Args:
        asked_at: when WeCom was asked: a dismissal since then stands. None: no event can be younger.
    """
    before = await description(session, chat_id)
    if before is not None:
        for reason in changes_between(before[:2], (name[:200], owner)):
            audit.record(
                session,
                at=now,
                actor=audit.RULES,
                action="group.changed",
                subject=f"group:{chat_id}",
                reason=reason,
            )
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    values: dict[str, Any] = {
        "name": name[:200],
        "owner": owner,
        "members": members,
        "member_version": member_version,
        "changed_at": now,
    }
    if created_at is not None:
        values["created_at"] = created_at
    changes = values | {"dismissed_at": None}
    if asked_at is not None:
        # An event's time has whole seconds; a group that ended before we asked would not have been read.
        since = asked_at.replace(microsecond=0)
        changes["dismissed_at"] = case(
            (CustomerGroup.dismissed_at >= since, CustomerGroup.dismissed_at), else_=None
        )
    await session.execute(
        insert(CustomerGroup)
        .values(chat_id=chat_id, **values)
        .on_conflict_do_update(index_elements=["chat_id"], set_=changes)
    )


def changes_between(before: tuple[str, str], after: tuple[str, str]) -> list[str]:
    """Say what became of a group's name and owner; what was empty was not known before."""
    found = []
    if before[0] and before[0] != after[0]:
        found.append(f"群名从“{before[0][:60]}”改为“{after[0][:60]}”")
    if before[1] and before[1] != after[1]:
        found.append(f"群主从 {before[1]} 换成 {after[1] or '未知'}")
    return found


async def dismissed(session: AsyncSession, chat_id: str, *, at: datetime) -> None:
    """A group exists no more; nothing is planned for it. A group we never met is remembered as gone:
    the event of its creation may still be on its way.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(
        insert(CustomerGroup)
        .values(chat_id=chat_id, dismissed_at=at, changed_at=at)
        .on_conflict_do_nothing(index_elements=["chat_id"])
    )
    await session.execute(
        update(CustomerGroup)
        .where(CustomerGroup.chat_id == chat_id, CustomerGroup.dismissed_at.is_(None))
        .values(dismissed_at=at, changed_at=at)
    )


async def names(session: AsyncSession) -> dict[str, str]:
    """Return the groups' names by chat id."""
    rows = await session.execute(select(CustomerGroup.chat_id, CustomerGroup.name))
    return dict(rows.all())


async def record_seats(session: AsyncSession, chat_id: str, seats: Sequence[Seat]) -> Tally:
    """Write who is in a group; who is not among ``seats`` is no longer in it."""
    listed = {seat.person: seat for seat in seats}
    known = set(await session.scalars(select(GroupMember.person).where(GroupMember.chat_id == chat_id)))
    fresh = [
        {
            "chat_id": chat_id,
            "person": seat.person,
            "external": seat.external,
            "joined_at": seat.joined_at,
            "join_scene": seat.join_scene,
            "inviter": seat.inviter,
            "state": seat.state[:64],
        }
        for person, seat in listed.items()
        if person not in known
    ]
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    if fresh:
        # One row's statement for all: of several hundred rows it would be compiled each time anew.
        connection = await session.connection()
        rows = Base.metadata.tables[GroupMember.__tablename__]
        await connection.execute(insert(rows).on_conflict_do_nothing(), fresh)
    gone = sorted(known - listed.keys())
    if gone:
        await session.execute(
            delete(GroupMember).where(GroupMember.chat_id == chat_id, GroupMember.person.in_(gone))
        )
    return Tally(seen=len(listed), added=len(fresh), lost=len(gone))


async def standing(session: AsyncSession) -> set[str]:
    """Return the chat ids of the groups that are not dismissed as far as we know."""
    return set(
        await session.scalars(select(CustomerGroup.chat_id).where(CustomerGroup.dismissed_at.is_(None)))
    )


async def description(session: AsyncSession, chat_id: str) -> tuple[str, str, int, bool] | None:
    """Return a group's name, owner, number of people and whether it stands; None for an unknown group."""
    row = (
        await session.execute(
            select(
                CustomerGroup.name, CustomerGroup.owner, CustomerGroup.members, CustomerGroup.dismissed_at
            ).where(CustomerGroup.chat_id == chat_id)
        )
    ).first()
    return None if row is None else (row.name, row.owner, row.members, row.dismissed_at is None)
