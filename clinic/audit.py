"""The audit trail: what was decided, by whom or by which rule, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from clinic.tables import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

RULES = "规则"  # the actor of automatic steps
SAME_NEWS: Final = timedelta(hours=12)
LOOKED_BACK: Final = 20


def record(
    session: AsyncSession,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    reason: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Write down one decision; it is stored with the caller's transaction.

    Args:
        actor: a userid, ``admin``, ``api`` or :data:`RULES`.
        action: a dotted verb such as ``post.approve``.
        subject: ``kind:id``, e.g. ``post:12`` or ``patient:wm…``.
        reason: a sentence that a nurse can read.
    """
    session.add(
        AuditEntry(
            at=at, actor=actor, action=action, subject=subject, reason=reason[:500], detail=detail or {}
        )
    )


async def of_subject(session: AsyncSession, subject: str, *, limit: int = 200) -> Sequence[AuditEntry]:
    """Return the last ``limit`` things known about ``subject``, oldest first."""
    query = (
        select(AuditEntry).where(AuditEntry.subject == subject).order_by(AuditEntry.id.desc()).limit(limit)
    )
    return list(reversed((await session.scalars(query)).all()))


async def tell_once(
    session: AsyncSession,
    *,
    at: datetime,
    action: str,
    subject: str,
    reason: str,
    among: Sequence[str],
    detail: dict[str, Any] | None = None,
) -> bool:
    """Write down what an event tells, unless it tells the same once more; return whether it was news.

    WeCom may repeat an event with another time stamp, which no key catches.

    Args:
        among: actions of which the last one about the same member (``userid`` in the detail) counts: after
            one of another kind the same is news again.
    """
    detail = detail or {}
    query = (
        select(AuditEntry)
        .where(AuditEntry.subject == subject, AuditEntry.action.in_((action, *among)))
        .order_by(AuditEntry.id.desc())
        .limit(LOOKED_BACK)
    )
    for entry in await session.scalars(query):
        if entry.detail.get("userid") == detail.get("userid"):
            if (entry.action, entry.reason) == (action, reason[:500]) and at - entry.at < SAME_NEWS:
                return False
            break
    record(session, at=at, actor=RULES, action=action, subject=subject, reason=reason, detail=detail)
    return True
