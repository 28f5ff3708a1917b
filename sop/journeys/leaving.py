"""Leaving a journey early: what was still to come is withdrawn, each with the reason.

What has gone to WeCom already goes its way: a task cannot lose one of its recipients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from sqlalchemy import or_, select, update

from clinic import audit
from clinic.care_tables import Todo
from clinic.todos import TodoState
from sop.journeys.ports import ASKED, HELD, QUEUED, READY, SKIPPED
from sop.life import PostState
from sop.plan_tables import Enrolment, LedgerEntry, Touch
from sop.tables import Post
from store import outbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

STOPPED: Final = "stopped"
GOAL: Final = "goal"
AT_ONCE: Final = 500
REASON_CHARS: Final = 200
OPEN: Final = (HELD, ASKED, READY, QUEUED)
# Until a task is created from it, a post can lose recipients.
BEFORE_WECOM: Final = (PostState.DRAFT, PostState.IN_REVIEW, PostState.APPROVED)


def kf_key(enrolment_id: int, step: str, tries: int) -> str:
    """Return the outbox key of a step's message in 微信客服; each try has its own."""
    return f"touch:{enrolment_id}:{step}:kf{tries or ''}"


async def leave(
    session: AsyncSession,
    enrolment_ids: Sequence[int],
    *,
    reason: str,
    now: datetime,
    state: Literal["stopped", "goal"] = STOPPED,
) -> int:
    """End these journeys and withdraw what they had planned; return how many were still running.

    One that has come to its end already stays so, but what it has left to do is withdrawn as well.

    Args:
        reason: why, for a nurse: it stands with the journey and with every contact that is withdrawn.
    """
    count = 0
    for some in _slices(sorted(set(enrolment_ids))):
        # First of all: a tick that is deciding one of them must have ended before its touches are read.
        ended = await session.scalars(
            update(Enrolment)
            .where(Enrolment.id.in_(some), Enrolment.state == "active")
            .values(state=state, reason=reason[:REASON_CHARS], ended_at=now, next_at=None, step=None)
            .returning(Enrolment.id)
        )
        count += len(ended.all())
        await withdraw(session, some, reason=reason, now=now)
    return count


async def withdraw(session: AsyncSession, enrolment_ids: Sequence[int], *, reason: str, now: datetime) -> int:
    """Take back what these journeys have planned and WeCom does not have yet; return how many contacts."""
    if not enrolment_ids:
        return 0
    rows = (
        await session.execute(
            select(
                Touch.id,
                Touch.enrolment_id,
                Touch.step,
                Touch.channel,
                Touch.state,
                Touch.todo_id,
                Touch.tries,
            )
            .outerjoin(Post, Post.id == Touch.post_id)
            .where(
                Touch.enrolment_id.in_(enrolment_ids),
                Touch.state.in_(OPEN),
                or_(Touch.post_id.is_(None), Post.state.in_(BEFORE_WECOM)),
            )
        )
    ).all()
    gone = []
    for row in rows:
        in_chat = row.channel == "kf" and row.state == QUEUED and row.todo_id is None
        if in_chat and not await outbox.cancel(
            session, keys=[kf_key(row.enrolment_id, row.step, row.tries)], now=now, reason=reason
        ):
            continue  # the courier has it; how that ends is written down when it ends
        gone.append(row)
    for some in _slices([row.id for row in gone]):
        await session.execute(
            update(Touch)
            .where(Touch.id.in_(some))
            .values(state=SKIPPED, reason=reason[:REASON_CHARS], at=now, updated_at=now)
        )
        await session.execute(
            update(LedgerEntry)
            .where(LedgerEntry.key.in_([f"touch:{one}" for one in some]))
            .values(state="void")
        )
    for some in _slices([row.todo_id for row in gone if row.todo_id is not None]):
        await session.execute(
            update(Todo)
            .where(Todo.id.in_(some), Todo.state == TodoState.OPEN)
            .values(state=TodoState.DROPPED, closed_at=now, closed_by=audit.RULES)
        )
    return len(gone)


def _slices(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
