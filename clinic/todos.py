"""To-dos: what a person should do because a machine must not, or could not."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic import audit
from clinic.care_tables import Todo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

PERSONAL: Final = ("lost",)  # what the assignee should take to heart; nobody can do it for him
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
    session: AsyncSession,
    todo_id: int,
    *,
    by: str,
    now: datetime,
    state: TodoState = TodoState.DONE,
    assignees: Iterable[str] | None = None,
) -> bool:
    """Close an open to-do; return False when it was closed already.

    Args:
        assignees: whose to-dos may be closed; None = anybody's.
    """
    closed = await session.execute(
        update(Todo)
        .where(
            Todo.id == todo_id,
            Todo.state == TodoState.OPEN,
            *(() if assignees is None else (Todo.assignee.in_(sorted(set(assignees))),)),
        )
        .values(state=state, closed_at=now, closed_by=by[:80])
        .returning(Todo.id)
    )
    return closed.scalar_one_or_none() is not None


async def pass_on(session: AsyncSession, leaver: str, *, name: str, now: datetime, by: str) -> int:
    """Give a leaver's open to-dos to the managers and return how many; what only concerned him is dropped.

    Args:
        name: how the leaver is called, for whoever reads the to-do now.
    """
    mine = (Todo.assignee == leaver, Todo.state == TodoState.OPEN)
    await session.execute(
        update(Todo)
        .where(*mine, Todo.kind.in_(PERSONAL))
        .values(state=TodoState.DROPPED, closed_at=now, closed_by=by[:80])
    )
    passed = await session.execute(
        update(Todo)
        .where(*mine)
        .values(assignee=MANAGER, body=func.substr(literal(was_his(name)) + Todo.body, 1, 500))
        .returning(Todo.id)
    )
    return len(passed.all())


def was_his(name: str) -> str:
    """Return how the body of a to-do begins that was for somebody who has left."""
    return f"（{name} 已离职，请安排别的同事）"


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


async def reopen(session: AsyncSession, todo_id: int, *, assignees: Iterable[str] | None = None) -> bool:
    """Open a closed to-do again; return False when it is open.

    Args:
        assignees: whose to-dos may be opened; None = anybody's.
    """
    opened = await session.execute(
        update(Todo)
        .where(
            Todo.id == todo_id,
            Todo.state != TodoState.OPEN,
            *(() if assignees is None else (Todo.assignee.in_(sorted(set(assignees))),)),
        )
        .values(state=TodoState.OPEN, closed_at=None, closed_by=None)
        .returning(Todo.id)
    )
    return opened.scalar_one_or_none() is not None


async def listed(
    session: AsyncSession,
    *,
    assignees: Iterable[str] | None = None,
    patient_ids: Iterable[int] | None = None,
    closed: bool = False,
    limit: int = 100,
    offset: int = 0,
) -> Sequence[Todo]:
    """Return to-dos, open ones by urgency or closed ones with the latest first.

    Args:
        assignees, patient_ids: None = of everybody, about anybody.
    """
    query = select(Todo).where(Todo.state != TodoState.OPEN if closed else Todo.state == TodoState.OPEN)
    if assignees is not None:
        query = query.where(Todo.assignee.in_(sorted(set(assignees))))
    if patient_ids is not None:
        query = query.where(Todo.patient_id.in_(sorted(set(patient_ids))))
    order = (
        (Todo.closed_at.desc(), Todo.id.desc()) if closed else (Todo.due_at.is_(None), Todo.due_at, Todo.id)
    )
    return (await session.scalars(query.order_by(*order).limit(limit).offset(offset))).all()


async def open_count(session: AsyncSession, assignees: Iterable[str] | None = None) -> int:
    """Return how many to-dos are open, of these assignees or of everybody."""
    query = select(func.count()).where(Todo.state == TodoState.OPEN)
    if assignees is not None:
        query = query.where(Todo.assignee.in_(sorted(set(assignees))))
    return (await session.scalars(query)).one()


async def settle_kind(session: AsyncSession, kind: str, *, before: datetime, now: datetime, by: str) -> int:
    """Close all open to-dos of a kind asked up to ``before``: their reason has gone away; return how many."""
    closed = await session.execute(
        update(Todo)
        .where(Todo.kind == kind, Todo.state == TodoState.OPEN, Todo.created_at <= before)
        .values(state=TodoState.DROPPED, closed_at=now, closed_by=by[:80])
        .returning(Todo.id)
    )
    return len(closed.all())


async def settle_prefix(session: AsyncSession, prefix: str, *, now: datetime, by: str) -> None:
    """Close the open to-dos whose key begins with ``prefix``: their common reason has gone away."""
    await session.execute(
        update(Todo)
        .where(Todo.key.startswith(prefix, autoescape=True), Todo.state == TodoState.OPEN)
        .values(state=TodoState.DROPPED, closed_at=now, closed_by=by[:80])
    )


async def asked_lately(session: AsyncSession, prefix: str, *, now: datetime) -> bool:
    """Tell whether a to-do whose key begins with ``prefix`` was asked for lately and is still open.

    Then its news, come once more with another time stamp, is the same news.
    """
    lately = select(Todo.id).where(
        Todo.key.startswith(prefix, autoescape=True),
        Todo.state == TodoState.OPEN,
        Todo.created_at >= now - audit.SAME_NEWS,
    )
    return (await session.scalars(lately.limit(1))).first() is not None
