"""Finding what is due without reading what is not, however many people are in journeys.

Two things come due: a patient at a step (her enrolment), and a touch that was left behind by hers: tried
again, or asked about, while she went on. Both are locked, so that two engines never decide one twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, func, or_, select, text

from sop.journeys.ports import ASKED, HELD
from sop.plan_tables import Enrolment, Touch

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

ACTIVE: Final = "active"
FINISHED: Final = "done"
# Literally, as the partial indexes have them: a bound value would not be known to match.
_IS_ACTIVE: Final = text("enrolments.state = 'active'")
_IS_OPEN: Final = text("touches.state IN ('held', 'asked', 'queued')")
_IS_READY: Final = text("touches.state = 'ready'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A step that has come due for one patient.

    Args:
        step: None: the journey's last step is behind her.
        due_at: None: she was moved to this step, and when it is due must be found out.
        last_due_at: when the latest of her touches was due; only known where ``due_at`` is not.
        touch_id, touch_state, tries: of the touch that the step has already.
        behind: the journey has gone on without this touch, or ended (``state``, ``reason``).
    """

    enrolment_id: int
    patient_id: int
    plan_key: str
    version_id: int
    userid: str
    state: str
    reason: str
    step: str | None
    trigger_at: datetime
    due_at: datetime | None
    contacts: int
    contacted_at: datetime | None
    last_due_at: datetime | None = None
    touch_id: int | None = None
    touch_state: str = ""
    tries: int = 0
    todo_id: int | None = None
    behind: bool = False


_OF_ENROLMENT: Final = (
    Enrolment.id.label("enrolment_id"),
    Enrolment.patient_id,
    Enrolment.plan_key,
    Enrolment.version_id,
    Enrolment.userid,
    Enrolment.state,
    Enrolment.reason,
    Enrolment.trigger_at,
    Enrolment.contacts,
    Enrolment.contacted_at,
)
_OF_TOUCH: Final = (
    Touch.id.label("touch_id"),
    Touch.state.label("touch_state"),
    Touch.tries,
    Touch.todo_id,
)


async def due_enrolments(session: AsyncSession, *, now: datetime, limit: int) -> list[Claim]:
    """Lock those whose next step is to be looked at, the longest due first."""
    found = await session.execute(
        select(*_OF_ENROLMENT, Enrolment.step, Enrolment.due_at)
        .where(_IS_ACTIVE, Enrolment.next_at <= now)
        .order_by(Enrolment.next_at, Enrolment.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = found.mappings().all()
    if not rows:
        return []
    touches = await _touches_of(session, {row["enrolment_id"]: row["step"] for row in rows})
    untimed = [row["enrolment_id"] for row in rows if row["due_at"] is None and row["step"] is not None]
    last = await _last_due(session, untimed) if untimed else {}
    return [
        Claim(
            **row,
            last_due_at=last.get(row["enrolment_id"]),
            **touches.get(row["enrolment_id"], {}),
        )
        for row in rows
    ]


async def left_behind(session: AsyncSession, *, now: datetime, limit: int) -> list[Claim]:
    """Lock touches that are to be looked at again though their journey has gone on."""
    gone_on = or_(Enrolment.step.is_distinct_from(Touch.step), Enrolment.state != ACTIVE)
    rows = await session.execute(
        select(*_OF_ENROLMENT, Touch.step, Touch.due_at, *_OF_TOUCH)
        .join(Enrolment, Enrolment.id == Touch.enrolment_id)
        .where(_IS_OPEN, Touch.at <= now, or_(Touch.state == ASKED, and_(Touch.state == HELD, gone_on)))
        .order_by(Touch.at, Touch.id)
        .limit(limit)
        .with_for_update(of=Touch, skip_locked=True)
    )
    return [Claim(**row, behind=True) for row in rows.mappings()]


async def anything_due(session: AsyncSession, *, now: datetime) -> bool:
    """Tell whether a tick, or the gathering of messages after it, would find anything to do."""
    for query in (
        select(Enrolment.id).where(_IS_ACTIVE, Enrolment.next_at <= now),
        select(Touch.id).where(_IS_OPEN, Touch.state.in_((HELD, ASKED)), Touch.at <= now),
        select(Touch.id).where(_IS_READY),
    ):
        if await session.scalar(query.limit(1)) is not None:
            return True
    return False


async def _touches_of(session: AsyncSession, steps: Mapping[int, str | None]) -> dict[int, dict[str, Any]]:
    """Return the touch that each of these enrolments (by id) has of its step, if any."""
    # All of theirs, a few each, by the index. Joined with their enrolments, PostgreSQL read both tables from
    # end to end for each batch.
    rows = await session.execute(
        select(Touch.enrolment_id, Touch.step, *_OF_TOUCH).where(Touch.enrolment_id.in_(list(steps)))
    )
    found: dict[int, dict[str, Any]] = {}
    for row in rows.mappings():
        values = dict(row)
        enrolment_id, step = values.pop("enrolment_id"), values.pop("step")
        if steps[enrolment_id] == step:
            found[enrolment_id] = values
    return found


async def _last_due(session: AsyncSession, ids: Collection[int]) -> dict[int, datetime]:
    rows = await session.execute(
        select(Touch.enrolment_id, func.max(Touch.due_at))
        .where(Touch.enrolment_id.in_(ids))
        .group_by(Touch.enrolment_id)
    )
    return dict(rows.all())
