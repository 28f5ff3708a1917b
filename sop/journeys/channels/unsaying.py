"""Words that were handed to staff and may be said no more: their to-dos are closed, the words taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import func, literal, select, update

from clinic import audit
from clinic.care_tables import Todo
from clinic.todos import TodoState
from sop.journeys.books import book_of
from sop.journeys.ports import QUEUED, SKIPPED
from sop.journeys.touch_life import change, recount, void
from sop.journeys.wording import words_of
from sop.plan_tables import Touch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

BODY_CHARS: Final = 500
TAKEN_BACK: Final = "用到的患者不再同意，这段话不要再发"


async def take_back(session: AsyncSession, why: Mapping[str, str], *, now: datetime) -> list[int]:
    """Close the open to-dos that say one of these texts; return their numbers. Done again it changes nothing.

    Args:
        why: by the text's key, why nobody may say it any more.
    """
    if not why:
        return []
    waiting = (Touch.state == QUEUED, Touch.todo_id == Todo.id, Todo.state == TodoState.OPEN)
    wordings = (
        await session.execute(select(Touch.version_id, Touch.step, Touch.variant).where(*waiting).distinct())
    ).all()
    plans = await (await book_of(session)).versions(session, {row.version_id for row in wordings})
    closed: list[int] = []
    for version_id, key, variant in wordings:
        plan = plans.get(version_id)
        step = next((one for one in plan.journey.steps if one.key == key), None) if plan else None
        content = words_of(step, variant)[0] if step else ""
        if content not in why:
            continue
        wording = (Touch.version_id == version_id, Touch.step == key, Touch.variant == variant)
        rows = (
            await session.execute(
                select(Touch.id, Touch.enrolment_id, Todo.id.label("todo")).where(*waiting, *wording)
            )
        ).all()
        ids, todo_ids = [row.id for row in rows], [row.todo for row in rows]
        await session.execute(
            update(Todo)
            .where(Todo.id.in_(todo_ids))
            .values(
                state=TodoState.DROPPED,
                closed_at=now,
                closed_by=audit.RULES,
                text_sealed=None,
                body=func.substr(literal(f"（{TAKEN_BACK}）") + Todo.body, 1, BODY_CHARS),
            )
            .execution_options(synchronize_session=False)
        )
        await change(session, ids, SKIPPED, reason=why[content], now=now)
        await void(session, ids, now=now)
        await recount(session, [row.enrolment_id for row in rows])
        closed += todo_ids
    for todo_id in closed:
        audit.record(
            session,
            at=now,
            actor=audit.RULES,
            action="todo.pulled",
            subject=f"todo:{todo_id}",
            reason=TAKEN_BACK,
        )
    return sorted(closed)
