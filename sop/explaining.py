"""Why a patient gets what she gets, and not the rest: every journey, every step, in words a nurse reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import or_, select

from clinic.facts import family
from clinic.tables import Patient
from content.plans.naming import name_of, names_of
from sop.journeys import enrolling, timing
from sop.journeys.books import book_of
from sop.journeys.branches import ways_told
from sop.journeys.conditions import titles_of
from sop.journeys.enrolling import Candidate, Gate
from sop.plan_tables import Enrolment, Touch
from sop.rehearsal.figures import WORDS
from sop.roster import load_roster
from sop.trigger_words import told

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.plans.specs import Plan
    from sop.plans.book import Published

ENDS: Final = {"active": "正在走", "done": "走完了", "stopped": "提前结束", "goal": "达到了目标"}
AHEAD: Final = 12  # steps of a journey that are told ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSaid:
    """One step: when, and what became of it, or what is to come (``state`` is ``将来``)."""

    title: str
    at: datetime
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneySaid:
    """One journey of hers, or one that she is not in: ``verdict`` in two words, ``why`` in a sentence."""

    plan: str
    title: str
    verdict: str
    why: str
    since: datetime | None = None
    steps: tuple[StepSaid, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Everything about one person as of ``at``."""

    patient_id: int
    at: datetime
    inside: tuple[JourneySaid, ...]
    outside: tuple[JourneySaid, ...]


async def find(session: AsyncSession, name: str) -> Patient | None:
    """Return the patient called by WeCom's id, the clinic's number, or ``#`` and our own number."""
    if name.startswith("#") and name[1:].isdigit():
        return await session.get(Patient, int(name[1:]))
    query = select(Patient).where(or_(Patient.external_userid == name, Patient.clinic_number == name))
    return (await session.scalars(query.order_by(Patient.id).limit(1))).first()


async def explain(session: AsyncSession, patient: Patient, *, pack: Pack, at: datetime) -> Explained:
    """Say of every journey whether she is in it as of ``at``, why, and what it did and will do.

    What became of a step later than ``at`` is not told. Whether she could begin a journey is judged by what
    is known of her now.
    """
    head, _ = await family(session, patient)
    book = await book_of(session)
    gate = Gate(book=book, pack=pack, roster=await load_roster(session, pack), hours=enrolling.hours_of(pack))
    enrolments = (
        await session.scalars(
            select(Enrolment)
            .where(Enrolment.patient_id == head.id, Enrolment.started_at <= at)
            .order_by(Enrolment.started_at.desc(), Enrolment.id.desc())
        )
    ).all()
    versions = await book.versions(session, {one.version_id for one in enrolments})
    inside = [
        await _inside(session, one, versions[one.version_id], gate, at=at)
        for one in enrolments
        if one.version_id in versions
    ]
    entered = {one.plan_key for one in enrolments if one.ended_at is None or one.ended_at > at}
    outside = [
        await _outside(session, one, head, gate, at=at)
        for one in book.published.values()
        if one.plan.kind == "journey" and one.key not in entered
    ]
    return Explained(
        patient_id=head.id,
        at=at,
        inside=tuple(inside),
        outside=tuple(sorted(outside, key=lambda one: one.plan)),
    )


async def _inside(
    session: AsyncSession, enrolment: Enrolment, plan: Plan, gate: Gate, *, at: datetime
) -> JourneySaid:
    touches = (
        await session.scalars(
            select(Touch)
            .where(Touch.enrolment_id == enrolment.id, Touch.created_at <= at)
            .order_by(Touch.due_at, Touch.id)
        )
    ).all()
    ended = enrolment.ended_at is not None and enrolment.ended_at <= at
    steps = [_done(touch, plan, at) for touch in touches]
    if not ended:
        steps += _ahead(enrolment, plan, touches, gate)
    why = enrolment.reason if ended else enrolment.cause
    return JourneySaid(
        plan=plan.key,
        title=plan.title,
        verdict=ENDS.get(enrolment.state if ended else "active", enrolment.state),
        why=why or "走完了每一步" if ended else why,
        since=enrolment.started_at,
        steps=tuple(steps),
    )


def _done(touch: Touch, plan: Plan, at: datetime) -> StepSaid:
    settled = touch.updated_at <= at
    return StepSaid(
        title=name_of(plan.journey, touch.step),
        at=touch.at if settled else touch.due_at,
        state=WORDS.get(touch.state, touch.state) if settled else "那时还没有结果",
        reason=touch.reason if settled else "",
    )


def _ahead(enrolment: Enrolment, plan: Plan, touches: Sequence[Touch], gate: Gate) -> list[StepSaid]:
    """Return the steps still to come, as they would be if nothing happens that stops her.

    They end at a branch: where she goes from there is decided when she is there.
    """
    body = plan.journey
    made = {touch.step for touch in touches}
    said: list[StepSaid] = []
    names, titles = names_of(body), titles_of(gate.pack)
    key, due = enrolment.step, enrolment.due_at
    while key is not None and due is not None and len(said) < AHEAD:
        here = timing.step_of(body, key)
        ways = ways_told(body, here, titles=titles)
        if key not in made:
            reason = "看她到时候的情况：" + "；".join(ways) if ways else ""
            said.append(StepSaid(title=names[key], at=due, state="将来", reason=reason))
        step = None if ways else timing.following(body, key)
        if step is None:
            break
        key, due = step.key, timing.due(step, enrolment.trigger_at, due, hours=gate.hours)
    return said


async def _outside(
    session: AsyncSession, published: Published, head: Patient, gate: Gate, *, at: datetime
) -> JourneySaid:
    candidate = Candidate(patient_id=head.id, fact="explain", trigger_at=at, cause="")
    begun = await enrolling.begin(session, published, [candidate], gate=gate, now=at, dry_run=True)
    refused = begun.refused.get(head.id)
    waits = " 或 ".join(told(trigger, gate.pack) for trigger in published.plan.journey.trigger)
    return JourneySaid(
        plan=published.key,
        title=published.plan.title,
        verdict="不会开始" if refused else "还没开始",
        why=refused or f"条件都符合，等的是：{waits}",
    )
