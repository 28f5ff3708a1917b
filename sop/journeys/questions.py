"""Asking staff whether a step whose hour has gone by should still go out (late policy ``ask``)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic.audit import RULES
from clinic.care_tables import Todo
from clinic.todos import MANAGER, TodoState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.journeys.claims import Claim
    from sop.journeys.deciding import Ask

KIND: Final = "touch_late"
ANSWER_WITHIN: Final = timedelta(hours=24)


async def ask(
    session: AsyncSession, questions: Sequence[Ask], *, now: datetime
) -> list[tuple[int, datetime]]:
    """Ask each question by a to-do; return, in their order, its number and until when it may be answered.

    Done means that the step still goes out; dropped means that it does not.
    """
    if not questions:
        return []
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    until = now + ANSWER_WITHIN
    rows = [
        {
            "key": _key(question),
            "kind": KIND,
            "assignee": question.due.sender or MANAGER,
            "patient_id": question.due.patient_id,
            "title": f"错过了时间，还要发吗？{question.due.plan.title}"[:120],
            "body": f"{question.due.why}。{question.reason}。点“完成”照发，点“不用做了”就不发。"[:500],
            "state": TodoState.OPEN,
            "created_at": now,
            "due_at": until,
        }
        for question in questions
    ]
    await session.execute(insert(Todo).on_conflict_do_nothing(index_elements=["key"]), rows)
    found = await session.execute(select(Todo.key, Todo.id).where(Todo.key.in_([row["key"] for row in rows])))
    ids = dict(found.all())
    return [(ids[_key(question)], until) for question in questions]


def _key(question: Ask) -> str:
    return f"{question.due.key}:late"[:160]


async def close_questions(session: AsyncSession, claims: Sequence[Claim], *, now: datetime) -> None:
    """Close the to-dos of questions that nobody answered in time."""
    ids = [claim.todo_id for claim in claims if claim.todo_id is not None]
    if ids:
        await session.execute(
            update(Todo)
            .where(Todo.id.in_(ids), Todo.state == TodoState.OPEN)
            .values(state=TodoState.DROPPED, closed_at=now, closed_by=RULES)
        )
