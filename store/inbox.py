"""The inbox: what WeCom told us, kept until it has been acted on.

An event is durable before WeCom gets its 200. Its sha256 is unique, so a redelivery is the same row. Rows of
one lane (one patient, one group) are handled in the order they came, at least once, and each in one
transaction with everything that follows from it. An ``urgent`` row (somebody must be greeted within 20 s) is
first hurried: what cannot wait is queued, many rows in one transaction; then it stands in line as others do::

    new ──▶ done
     └────▶ retry (n, next_at) ──▶ done | dead
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    ColumnElement,
    Index,
    LargeBinary,
    String,
    bindparam,
    false,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from store.tables import Base
from store.types import RowId, UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

NEW: Final = "new"
RETRY: Final = "retry"
DONE: Final = "done"
DEAD: Final = "dead"
PENDING: Final = (NEW, RETRY)

BACKOFF: Final = tuple(timedelta(seconds=s) for s in (2, 10, 60, 300, 1800))
ERROR_CHARS: Final = 500
LANE_CHARS: Final = 160
# Written into the statement, not bound: a database uses a partial index only where it can see the words.
_PENDING_WORDS: Final[tuple[ColumnElement[str], ...]] = tuple(
    literal_column(f"'{state}'") for state in PENDING
)
_PENDING_SQL = text("state IN ('new', 'retry')")


class InboxEvent(Base):
    """One callback as it was decrypted."""

    __tablename__ = "inbox"
    __table_args__ = (
        Index("ix_inbox_pending", "urgent", "id", sqlite_where=_PENDING_SQL, postgresql_where=_PENDING_SQL),
        Index("ix_inbox_lane", "lane", "id", sqlite_where=_PENDING_SQL, postgresql_where=_PENDING_SQL),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    lane: Mapped[str] = mapped_column(String(LANE_CHARS))
    urgent: Mapped[bool]
    hurried: Mapped[bool] = mapped_column(default=False, server_default=false())
    body: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(8), default=NEW)
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    kind: Mapped[str | None] = mapped_column(String(80))
    error: Mapped[str | None] = mapped_column(String(ERROR_CHARS))
    handled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def new_row(body: bytes, *, lane: str, urgent: bool, received_at: datetime) -> dict[str, Any]:
    """Return the columns of a callback to be inserted; a lane longer than the column is digested."""
    if len(lane) > LANE_CHARS:
        lane = sha256(lane.encode()).hexdigest()
    return {
        "digest": sha256(body).hexdigest(),
        "lane": lane,
        "urgent": urgent,
        "body": body,
        "received_at": received_at,
        "state": NEW,
        "attempts": 0,
    }


_PENDING = InboxEvent.state.in_(_PENDING_WORDS)
_EARLIER = aliased(InboxEvent)
_BLOCKED = (
    select(_EARLIER.id)
    .where(_EARLIER.lane == InboxEvent.lane, _EARLIER.id < InboxEvent.id, _EARLIER.state.in_(_PENDING_WORDS))
    .exists()
)
_DUE: Final = (
    select(InboxEvent)
    .where(
        _PENDING,
        InboxEvent.urgent.is_(False),
        or_(InboxEvent.next_at.is_(None), InboxEvent.next_at <= bindparam("now")),
        or_(InboxEvent.lane == "", ~_BLOCKED),
    )
    .order_by(InboxEvent.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_URGENT: Final = (
    select(InboxEvent)
    .where(_PENDING, InboxEvent.urgent.is_(True))
    .order_by(InboxEvent.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)


async def take(session: AsyncSession, *, now: datetime) -> InboxEvent | None:
    """Lock and return the oldest event that is due and not urgent (any more), never past its lane.

    The row stays locked until the caller's transaction ends; other workers skip it (PostgreSQL) or wait
    for the database's one writer (SQLite).
    """
    return (await session.scalars(_DUE, {"now": now})).first()


async def take_urgent(session: AsyncSession, *, limit: int) -> Sequence[InboxEvent]:
    """Lock and return the oldest urgent events, whatever else waits in their lanes.

    A welcome code is good whatever happened before, and dies while it waits its turn.
    """
    return (await session.scalars(_URGENT, {"most": limit})).all()


async def calm_first(session: AsyncSession) -> int:
    """Let the oldest urgent event stand in line as it is: hurrying it failed. Return 1, or 0 for none."""
    for row in await take_urgent(session, limit=1):
        row.urgent = False
        return 1
    return 0


def finish(event: InboxEvent, *, kind: str, now: datetime) -> None:
    """Mark ``event`` handled; it takes effect with the caller's transaction."""
    event.state, event.kind, event.handled_at, event.error = DONE, kind, now, None


def bury(event: InboxEvent, *, error: str, now: datetime) -> None:
    """Give up on ``event`` at once (it cannot be parsed); staff see it and can replay it."""
    event.state, event.error, event.handled_at = DEAD, error[:ERROR_CHARS], now
    event.attempts += 1


def fail(event: InboxEvent, *, error: str, now: datetime) -> None:
    """Plan another attempt after a growing pause, or bury the event when all are used up."""
    if event.attempts >= len(BACKOFF):
        bury(event, error=error, now=now)
        return
    event.state, event.error = RETRY, error[:ERROR_CHARS]
    event.next_at = now + BACKOFF[event.attempts]
    event.attempts += 1


async def replay(session: AsyncSession, event_id: int) -> bool:
    """Put a dead event back in line; False when it is not dead (any more)."""
    result = await session.execute(
        update(InboxEvent)
        .where(InboxEvent.id == event_id, InboxEvent.state == DEAD)
        .values(state=NEW, attempts=0, next_at=None, error=None, handled_at=None)
        .returning(InboxEvent.id)
    )
    return result.first() is not None


async def count_by_state(session: AsyncSession) -> dict[str, int]:
    """Return how many events stand in each state."""
    rows = await session.execute(select(InboxEvent.state, func.count()).group_by(InboxEvent.state))
    return dict(rows.all())
