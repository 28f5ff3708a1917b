"""To-dos: what a person should do because a machine must not, or could not."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic.care_tables import Todo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

MANAGER: Final = "manager"  # whoever the roster says manages when the to-do is shown


class TodoState(StrEnum):
    """Open until somebody did it or decided that it need not be done."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


async def ask(
    session: AsyncSession,
    *,
    key: str,
    kind: str,
    assignee: str,
    title: str,
    body: str,
    now: datetime,
    patient_id: int | None = None,
    due_at: datetime | None = None,
) -> bool:
    """Ask somebody to do something, once: return False when ``key`` was asked before, however it ended.

    Args:
        key: names the reason, e.g. ``welcome-missed:<effect key>``; at most 160 characters.
        kind: groups to-dos in lists, e.g. ``welcome_missed``, ``handoff``, ``lost``, ``transfer``.
        assignee: a userid, or :data:`MANAGER`.
        title: one line, at most 120 characters; ``body``: at most 500. No phone numbers, no real names: cards
            carry both through WeCom.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    asked = await session.execute(
        insert(Todo)
        .values(
            key=key[:160],
            kind=kind,
            assignee=assignee,
            patient_id=patient_id,
            title=title[:120],
            body=body[:500],
            state=TodoState.OPEN,
            created_at=now,
            due_at=due_at,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(Todo.id)
    )
    return asked.scalar_one_or_none() is not None


async def close(
    session: AsyncSession, todo_id: int, *, by: str, now: datetime, state: TodoState = TodoState.DONE
) -> bool:
    """Close an open to-do; return False when it was closed already."""
    closed = await session.execute(
        update(Todo)
        .where(Todo.id == todo_id, Todo.state == TodoState.OPEN)
        .values(state=state, closed_at=now, closed_by=by[:80])
        .returning(Todo.id)
    )
    return closed.scalar_one_or_none() is not None


async def settle(session: AsyncSession, key: str, *, now: datetime, by: str) -> None:
    """Close the to-do asked under ``key``, if it is open: its reason has gone away by itself."""
    await session.execute(
        update(Todo)
        .where(Todo.key == key[:160], Todo.state == TodoState.OPEN)
        .values(state=TodoState.DROPPED, closed_at=now, closed_by=by[:80])
    )


async def open_for(session: AsyncSession, assignees: Iterable[str], *, limit: int = 100) -> Sequence[Todo]:
    """Return the open to-dos of these assignees, the most pressing first."""
    query = (
        select(Todo)
        .where(Todo.state == TodoState.OPEN, Todo.assignee.in_(sorted(set(assignees))))
        .order_by(Todo.due_at.is_(None), Todo.due_at, Todo.id)
        .limit(limit)
    )
    return (await session.scalars(query)).all()
