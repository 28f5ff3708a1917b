"""The outbox: every effect on WeCom, decided in a transaction and made by the courier after it.

::

    queued ──▶ sending (lease) ──▶ sent | refused
      │  ▲         │
      │  │         └─ answer lost ──▶ unknown ──▶ sent        (found in WeCom's own lists)
      │  └──────────────────────────────┴───▶ queued      (certainly absent: two looks, 60 s apart)
      └──▶ expired | cancelled

A key is unique: deciding the same thing twice queues it once. A lease that ran out means that the process
died between dispatch and answer, so the effect is ``unknown``, never simply tried again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Index,
    String,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.orm.attributes import set_committed_value

from store.statements import PerDatabase, table_of
from store.tables import Base
from store.types import Document, RowId, UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

QUEUED: Final = "queued"
SENDING: Final = "sending"
SENT: Final = "sent"
REFUSED: Final = "refused"
EXPIRED: Final = "expired"
CANCELLED: Final = "cancelled"
UNKNOWN: Final = "unknown"
OPEN: Final = (QUEUED, SENDING, UNKNOWN)

ERROR_CHARS: Final = 500
PUT_URGENT: Final = "an urgent effect was queued in this session"  # in the session's info
# Written into the statement, not bound: a database uses a partial index only where it can see the words.
_OPEN_WORDS: Final[tuple[ColumnElement[str], ...]] = tuple(literal_column(f"'{state}'") for state in OPEN)
_OPEN_SQL = text("state IN ('queued', 'sending', 'unknown')")


class Effect(Protocol):
    """What is to be done on WeCom: a kind and a document that survives a restart."""

    kind: ClassVar[str]

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Return the payload as JSON-compatible values."""


class OutboxEffect(Base):
    """One effect with the state of its delivery."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_due", "urgent", "not_before", "id", sqlite_where=_OPEN_SQL, postgresql_where=_OPEN_SQL
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]] = mapped_column(Document)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    cause: Mapped[str] = mapped_column(String(200), default="")
    urgent: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(12), default=QUEUED)
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)
    deadline: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    looks: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    dispatched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    result: Mapped[dict[str, Any] | None] = mapped_column(Document)
    errcode: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(ERROR_CHARS))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


_TABLE: Final = table_of(OutboxEffect)
_PUT: Final = PerDatabase(
    lambda insert: insert(_TABLE).on_conflict_do_nothing(index_elements=["key"]).returning(_TABLE.c.id)
)
_PUT_MANY: Final = PerDatabase(lambda insert: insert(_TABLE).on_conflict_do_nothing(index_elements=["key"]))
_DUE: Final = {
    urgent: select(OutboxEffect)
    .where(
        OutboxEffect.state.in_(_OPEN_WORDS),
        OutboxEffect.state != SENDING,
        OutboxEffect.urgent.is_(urgent),
        OutboxEffect.not_before <= bindparam("now"),
        or_(OutboxEffect.leased_until.is_(None), OutboxEffect.leased_until <= bindparam("now")),
    )
    .order_by(OutboxEffect.not_before, OutboxEffect.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    for urgent in (True, False)
}
_LEASE: Final = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("effect"))
    .values(
        state=bindparam("state"),
        attempts=bindparam("attempts"),
        lease_owner=bindparam("owner"),
        leased_until=bindparam("until"),
        dispatched_at=bindparam("dispatched_at"),
        updated_at=bindparam("now"),
    )
)
_SETTLE: Final = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("effect"), _TABLE.c.lease_owner == bindparam("owner"))
    .values(
        state=bindparam("state"),
        lease_owner=None,
        leased_until=None,
        updated_at=bindparam("now"),
        result=bindparam("result"),
        errcode=bindparam("errcode"),
        error=bindparam("error"),
        not_before=func.coalesce(bindparam("not_before", type_=UtcDateTime), _TABLE.c.not_before),
        looks=case(
            (bindparam("looked", type_=Boolean), _TABLE.c.looks + 1),
            (bindparam("state", type_=String) == QUEUED, 0),
            else_=_TABLE.c.looks,
        ),
    )
    .returning(_TABLE.c.id)
)


async def put(
    session: AsyncSession,
    effect: Effect,
    *,
    key: str,
    now: datetime,
    cause: str,
    not_before: datetime | None = None,
    deadline: datetime | None = None,
    urgent: bool = False,
) -> bool:
    """Queue ``effect`` unless its key was queued before; return whether it is new.

    Args:
        cause: one sentence for staff: why this effect was decided.
        deadline: from here on the effect must not be tried any more.
    """
    if urgent:
        session.info[PUT_URGENT] = True
    values = _row(
        effect,
        key=key,
        cause=cause,
        now=now,
        not_before=not_before,
        deadline=deadline,
        urgent=urgent,
    )
    return (await session.execute(_PUT.on(session), values)).first() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One of many effects that are queued together; see :func:`put`."""

    effect: Effect
    key: str
    cause: str
    not_before: datetime | None = None
    deadline: datetime | None = None


async def put_many(session: AsyncSession, orders: Sequence[Order], *, now: datetime) -> None:
    """Queue many effects in one statement; those whose key was queued before stay as they are."""
    if not orders:
        return
    rows = [
        _row(
            one.effect,
            key=one.key,
            cause=one.cause,
            now=now,
            not_before=one.not_before,
            deadline=one.deadline,
            urgent=False,
        )
        for one in orders
    ]
    await (await session.connection()).execute(_PUT_MANY.on(session), rows)


def _row(
    effect: Effect,
    *,
    key: str,
    cause: str,
    now: datetime,
    not_before: datetime | None,
    deadline: datetime | None,
    urgent: bool,
) -> dict[str, Any]:
    return {
        "kind": effect.kind,
        "payload": effect.model_dump(mode="json"),
        "key": key,
        "cause": cause,
        "urgent": urgent,
        "state": QUEUED,
        "not_before": not_before or now,
        "deadline": deadline,
        "attempts": 0,
        "looks": 0,
        "created_at": now,
        "updated_at": now,
    }


async def claim(
    session: AsyncSession, *, now: datetime, owner: str, lease: timedelta, limit: int, urgent: bool
) -> Sequence[OutboxEffect]:
    """Lease due effects to ``owner``: queued ones become ``sending``, unknown ones stay to be looked up.

    Args:
        urgent: those that cannot wait, or the others; each question walks its index to the first effect
            that is not due and stops there.
    """
    claimed = (await session.scalars(_DUE[urgent], {"now": now, "most": limit})).all()
    leases = []
    for effect in claimed:
        queued = effect.state == QUEUED
        leased = {
            "state": SENDING if queued else effect.state,
            "attempts": effect.attempts + 1,
            "dispatched_at": now if queued else effect.dispatched_at,
        }
        leases.append({"effect": effect.id, "owner": owner, "until": now + lease, "now": now, **leased})
        leased |= {"lease_owner": owner, "leased_until": now + lease, "updated_at": now}
        for name, value in leased.items():
            set_committed_value(effect, name, value)
    if leases:
        await (await session.connection()).execute(_LEASE, leases)
    return claimed


async def orphaned(session: AsyncSession, *, now: datetime, all_but: str | None = None) -> int:
    """Turn effects whose sender died (lease over) into ``unknown``; return how many.

    Args:
        all_but: the owner that is the only one there is, so that whatever others leased has no sender any
            more. What it leased itself since it began is under way.
    """
    dead_sender = and_(OutboxEffect.leased_until.is_not(None), OutboxEffect.leased_until <= now)
    if all_but is not None:
        dead_sender = or_(dead_sender, OutboxEffect.lease_owner != all_but)
    result = await session.execute(
        update(OutboxEffect)
        .where(OutboxEffect.state.in_(_OPEN_WORDS), OutboxEffect.state != QUEUED, dead_sender)
        .values(state=UNKNOWN, lease_owner=None, leased_until=None, not_before=now, updated_at=now)
        .returning(OutboxEffect.id)
    )
    return len(result.all())


async def settle(
    session: AsyncSession,
    effect_id: int,
    *,
    owner: str,
    state: str,
    now: datetime,
    not_before: datetime | None = None,
    result: dict[str, Any] | None = None,
    errcode: int | None = None,
    error: str | None = None,
    looked: bool = False,
) -> bool:
    """End ``owner``'s lease with the outcome; False when the lease was lost meanwhile (nothing changed)."""
    values = {
        "effect": effect_id,
        "owner": owner,
        "state": state,
        "now": now,
        "not_before": not_before,
        "result": result,
        "errcode": errcode,
        "error": error[:ERROR_CHARS] if error else None,
        "looked": looked,
    }
    return (await session.execute(_SETTLE, values)).first() is not None


async def cancel(session: AsyncSession, *, keys: Sequence[str], now: datetime, reason: str) -> int:
    """Withdraw effects that are still queued; what is already under way is not touched."""
    result = await session.execute(
        update(OutboxEffect)
        .where(OutboxEffect.key.in_(keys), OutboxEffect.state == QUEUED)
        .values(state=CANCELLED, error=reason[:ERROR_CHARS], updated_at=now)
        .returning(OutboxEffect.id)
    )
    return len(result.all())


async def hasten(session: AsyncSession, kinds: Sequence[str], *, now: datetime) -> int:
    """Let queued effects of these kinds be tried now: what they waited for has come; return how many."""
    result = await session.execute(
        update(OutboxEffect)
        .where(
            OutboxEffect.state.in_(_OPEN_WORDS),
            OutboxEffect.state == QUEUED,
            OutboxEffect.kind.in_(kinds),
            OutboxEffect.attempts > 0,
            OutboxEffect.not_before > now,
        )
        .values(not_before=now, updated_at=now)
        .returning(OutboxEffect.id)
    )
    return len(result.all())


async def count_by_state(session: AsyncSession) -> dict[str, int]:
    """Return how many effects stand in each state."""
    rows = await session.execute(select(OutboxEffect.state, func.count()).group_by(OutboxEffect.state))
    return dict(rows.all())
