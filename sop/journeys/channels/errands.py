"""What staff do with the to-dos of journeys: sent, not needed, put back, or nothing at all."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update

from clinic import audit, todos
from clinic.care_tables import Todo
from clinic.todos import TodoState
from sop.journeys.channels.todo import KIND
from sop.journeys.ports import DONE, EXPIRED, QUEUED, SKIPPED
from sop.journeys.touch_life import change, recount
from sop.plan_tables import LedgerEntry, Touch

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

GRACE: Final = timedelta(hours=48)  # after its hour; then what it says is out of date
AT_ONCE: Final = 200
LEFT_UNDONE: Final = "过了时间没有人发"


async def put_back(session: AsyncSession, todo_id: int, *, now: datetime) -> None:
    """A to-do is open again: its touch waits for it as before, unless its journey took it back."""
    rows = (
        await session.execute(
            select(Touch.id, Touch.enrolment_id)
            .join(Todo, Todo.id == Touch.todo_id)
            .where(Todo.id == todo_id, Todo.kind == KIND, Touch.state.in_((DONE, SKIPPED)))
        )
    ).all()
    ids = [row.id for row in rows]
    if not ids:
        return
    await change(session, ids, QUEUED, reason="", now=now)
    await session.execute(
        update(LedgerEntry)
        .where(LedgerEntry.key.in_([f"touch:{one}" for one in ids]))
        .values(state="planned", at=now)
    )
    await recount(session, [row.enrolment_id for row in rows])


def may_be_put_back(todo: Todo) -> bool:
    """Tell whether a closed to-do can be opened again: what a journey took back is over."""
    return todo.kind != KIND or todo.closed_by != audit.RULES


def _late(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Todo.kind == KIND,
        Todo.state == TodoState.OPEN,
        Todo.due_at < now - GRACE,
        Touch.state == QUEUED,
    )


async def anything_late(session: AsyncSession, *, now: datetime) -> bool:
    """Tell whether there is something to give up."""
    query = select(Touch.id).join(Todo, Todo.id == Touch.todo_id).where(*_late(now)).limit(1)
    return await session.scalar(query) is not None


async def give_up(session: AsyncSession, *, zone: ZoneInfo, now: datetime, limit: int = AT_ONCE) -> int:
    """Close to-dos of journeys that nobody did in time and return how many.

    The manager hears of it once a day.
    """
    rows = (
        await session.execute(
            select(Touch.id, Touch.enrolment_id, Todo.id.label("todo"))
            .join(Todo, Todo.id == Touch.todo_id)
            .where(*_late(now))
            .order_by(Todo.id)
            .limit(limit)
        )
    ).all()
    if not rows:
        return 0
    ids = [row.id for row in rows]
    await session.execute(
        update(Todo)
        .where(Todo.id.in_([row.todo for row in rows]), Todo.state == TodoState.OPEN)
        .values(state=TodoState.DROPPED, closed_at=now, closed_by=audit.RULES)
    )
    await change(session, ids, EXPIRED, reason=LEFT_UNDONE, now=now)
    await session.execute(
        update(LedgerEntry).where(LedgerEntry.key.in_([f"touch:{one}" for one in ids])).values(state="void")
    )
    await recount(session, [row.enrolment_id for row in rows])
    day = now.astimezone(zone).date()
    await todos.ask(
        session,
        key=f"touches-undone:{day}",
        kind="touch_undone",
        assignee=todos.MANAGER,
        title="有写好的话没有人发给顾客",
        body="过了时间两天还没有发，已经收起来了，不再发。请看看是人手不够，还是计划排得太密。",
        now=now,
    )
    return len(rows)
