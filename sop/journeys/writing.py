"""Writing down what a tick decided: touches, enrolments and the ledger, in bulk."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import bindparam, insert, update

from sop.journeys.claims import ACTIVE
from sop.journeys.ports import DONE, SENT, Contact
from sop.journeys.touch_life import COUNTED, REASON_CHARS, recount
from sop.plan_tables import Enrolment, Touch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncSession

    from content.plans.specs import Purpose
    from sop.journeys.claims import Claim
    from sop.journeys.ports import Caps
    from store.tables import Base

# By the table: the mapper's bulk statements cost as much as the rest of a tick.
_TOUCHES: Final = cast("Table", Touch.__table__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """Where an enrolment goes: on to a step, to its end, or nowhere yet (``step`` None while active: its last
    contact is on its way).
    """

    state: str = ACTIVE
    step: str | None = None
    due_at: datetime | None = None
    next_at: datetime | None = None
    reason: str = ""
    ended_at: datetime | None = None
    stays: bool = False  # at its step

    @classmethod
    def to(cls, step: str, due_at: datetime, look_at: datetime) -> Advance:
        return cls(step=step, due_at=due_at, next_at=look_at)

    @classmethod
    def wait(cls, until: datetime, *, due_at: datetime | None = None) -> Advance:
        return cls(next_at=until, due_at=due_at, stays=True)

    @classmethod
    def last(cls, until: datetime) -> Advance:
        return cls(next_at=until)

    @classmethod
    def end(cls, state: str, reason: str, now: datetime) -> Advance:
        return cls(state=state, reason=reason, ended_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one claim.

    Args:
        state: of the touch; empty: none is written.
        contact: it reaches the patient, and counts if its state does.
        advance: None: the enrolment stays as it is.
    """

    claim: Claim
    state: str = ""
    reason: str = ""
    at: datetime | None = None
    step: str | None = None
    due_at: datetime | None = None
    channel: str = ""
    purpose: Purpose = "care"
    variant: str = ""
    sender: str = ""
    persona: str = ""
    patient_id: int | None = None
    contact: bool = False
    todo_id: int | None = None
    post_id: int | None = None
    advance: Advance | None = None

    @property
    def counts(self) -> bool:
        """Whether it is a contact that happened, or is on its way."""
        return self.contact and self.state in COUNTED


async def write(
    session: AsyncSession, outcomes: Sequence[Outcome], *, caps: Caps, now: datetime
) -> Mapping[str, int]:
    """Write outcomes down and return how many touches came to each state."""
    ids = await _touches(session, outcomes, now)
    contacts = [
        Contact(
            touch_id=ids[one.claim.enrolment_id, one.step],
            patient_id=one.patient_id or one.claim.patient_id,
            at=one.at or now,
            channel=one.channel,
            purpose=one.purpose,
            plan_key=one.claim.plan_key,
            persona=one.persona,
            made=one.state in (SENT, DONE),
        )
        for one in outcomes
        if one.counts and one.step is not None
    ]
    if contacts:
        await caps.record(session, contacts, now=now)
    rows = [_enrolment(one, one.advance, now) for one in outcomes if one.advance is not None]
    if rows:
        await _update(session, Enrolment, rows)
    await recount(session, [one.claim.enrolment_id for one in outcomes if one.claim.behind and one.counts])
    return Counter(one.state for one in outcomes if one.state)


async def _touches(
    session: AsyncSession, outcomes: Sequence[Outcome], now: datetime
) -> dict[tuple[int, str], int]:
    """Write touches; return their ids by enrolment and step."""
    ids: dict[tuple[int, str], int] = {}
    fresh: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for one in outcomes:
        step = one.step or one.claim.step
        if not one.state or step is None:
            continue
        values = {
            "state": one.state,
            "reason": one.reason[:REASON_CHARS],
            "at": one.at or now,
            "updated_at": now,
        }
        touch_id = one.claim.touch_id
        if touch_id is None:
            fresh.append(_fresh(one, step, now) | values)
            continue
        ids[one.claim.enrolment_id, step] = touch_id
        if one.state in COUNTED or one.todo_id is not None:
            values |= {
                "channel": one.channel,
                "variant": one.variant,
                "sender": one.sender,
                "todo_id": one.todo_id,
                "post_id": one.post_id,
            }
        changed.append(values | {"id": touch_id})
    if fresh:
        returned = (_TOUCHES.c.enrolment_id, _TOUCHES.c.step, _TOUCHES.c.id)
        made = await session.execute(insert(_TOUCHES).returning(*returned), fresh)
        ids |= {(enrolment_id, step): touch_id for enrolment_id, step, touch_id in made}
    # Rows of one statement have the same columns.
    for full in (True, False):
        some = [values for values in changed if ("channel" in values) is full]
        if some:
            await _update(session, Touch, some)
    return ids


async def _update(session: AsyncSession, entity: type[Base], rows: list[dict[str, Any]]) -> None:
    """Update rows by their ``id``; all of them have the same columns. Objects of the session stay stale."""
    table = cast("Table", entity.__table__)
    columns: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "id"}
    statement = update(table).where(table.c.id == bindparam("row_id")).values(columns)
    await session.execute(
        statement, [{"row_id" if name == "id" else name: row[name] for name in row} for row in rows]
    )


def _fresh(one: Outcome, step: str, now: datetime) -> dict[str, Any]:
    claim = one.claim
    return {
        "enrolment_id": claim.enrolment_id,
        "step": step,
        "patient_id": one.patient_id or claim.patient_id,
        "plan_key": claim.plan_key,
        "version_id": claim.version_id,
        "channel": one.channel,
        "purpose": one.purpose,
        "variant": one.variant,
        "sender": one.sender,
        "due_at": one.due_at or claim.due_at or now,
        "todo_id": one.todo_id,
        "post_id": one.post_id,
        "tries": 0,
        "created_at": now,
    }


def _enrolment(one: Outcome, advance: Advance, now: datetime) -> dict[str, Any]:
    claim = one.claim
    stays = advance.stays
    return {
        "id": claim.enrolment_id,
        "state": advance.state,
        "step": claim.step if stays else advance.step,
        "due_at": (advance.due_at or claim.due_at) if stays else advance.due_at,
        "next_at": advance.next_at,
        "reason": advance.reason[:REASON_CHARS],
        "ended_at": advance.ended_at,
        "contacts": claim.contacts + one.counts,
        "contacted_at": (one.at or now) if one.counts else claim.contacted_at,
    }
