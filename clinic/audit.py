"""The audit trail: what was decided, by whom or by which rule, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from clinic.tables import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

RULES = "规则"  # the actor of automatic steps


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
