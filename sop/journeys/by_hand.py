"""Journeys that staff start and stop by hand for one person, after a look at what would be sent and when.

A start by hand asks what every start asks (:mod:`sop.journeys.enrolling`). It is taken back by stopping the
journey; a stop is not taken back, since what was withdrawn stays withdrawn: one starts anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import or_, select

from clinic import audit
from clinic.facts import family
from clinic.tables import Patient
from content.plans.naming import name_of
from content.plans.specs import CONTACTS
from sop.caps.ledger import goes_by_mass, open_ledger
from sop.caps.rules import Wish
from sop.journeys import timing
from sop.journeys.books import book_of
from sop.journeys.branches import way_for, ways_told
from sop.journeys.conditions import titles_of, unmet
from sop.journeys.deciding import Stand, speaker_for
from sop.journeys.enrolling import ACTIVE, CAUSE_CHARS, Candidate, Gate, begin, hours_of
from sop.journeys.leaving import OPEN, leave
from sop.journeys.readers import Readers
from sop.journeys.snapshot import needs_of_plans, snapshots_of
from sop.plan_tables import Enrolment, Touch
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.plans.specs import Step
    from sop.caps.ledger import Ledger
    from sop.journeys.conditions import Snapshot
    from sop.plans.book import Published

STARTED: Final = "journey.start"
ENDED: Final = "journey.stop"
AHEAD: Final = 12  # steps that are told ahead
HAND: Final = "manual:"  # of the fact that a start by hand is


class NoSuchJourney(LookupError):
    """Nothing to start or stop by that name; the message says what there is instead."""


class NotStarted(ValueError):
    """She may not begin; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAhead:
    """A step as it would come if nothing happened in between.

    Args:
        userid: who would say it; empty: nobody, or nobody knows yet.
        held: what a cap would do to it, with its reason; empty: none stands against it now.
        note: what else to know: why it would be left out as things stand.
        ways: of a branch: where it leads and whom.
        turn: of a branch: where it would lead her as things stand; the steps told after it are on that way.
    """

    key: str
    title: str
    channel: str
    at: datetime
    userid: str = ""
    held: str = ""
    note: str = ""
    ways: tuple[str, ...] = ()
    turn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What a start would bring; ``refused``: why there would be none. ``more``: steps beyond those told."""

    plan: str
    title: str
    purpose: str
    version: int
    refused: str
    steps: tuple[StepAhead, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A journey she is in, or one that is through but for a contact that has not gone out."""

    id: int
    plan: str
    title: str
    cause: str
    since: datetime
    step: str
    due_at: datetime | None
    by_hand: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """The journeys of one patient in the hand of staff, in one transaction; made by :func:`hand_of`.

    ``patient``: any record of hers; ``gate``: what decides who may begin.
    """

    session: AsyncSession
    patient: Patient
    gate: Gate
    now: datetime

    async def foresee(self, key: str) -> Foreseen:
        """Say what a start of this journey now would send, when, and what the caps would hold.

        Caps are judged against what is planned today, each step counting for those after it.

        Raises:
            NoSuchJourney: no such plan is published.
        """
        session, gate, now = self.session, self.gate, self.now
        plan = _published(gate, key)
        head, _ = await family(session, self.patient)
        candidate = Candidate(patient_id=head.id, fact=f"{HAND}?", trigger_at=now, cause="")
        begun = await begin(session, plan, [candidate], gate=gate, now=now, dry_run=True)
        plan = replace(plan, plan=Readers(gate.pack).of(plan.plan))
        needs = needs_of_plans([plan.plan])
        snapshot = (
            await snapshots_of(session, [head.id], needs=needs, pack=gate.pack, roster=gate.roster, now=now)
        )[head.id]
        ledger = await open_ledger(session, [head.id], pack=gate.pack, now=now, decides=False)
        steps: list[StepAhead] = []
        step, due = next(iter(plan.plan.journey.steps), None), None
        while step is not None and len(steps) < AHEAD:
            due = timing.due(step, now, due, hours=gate.hours)
            ahead, go = _ahead(plan, step, due, snapshot, ledger, gate, now=now), ""
            if step.channel == "branch" and not ahead.note:
                way = way_for(plan.plan, step, snapshot)
                go = way.go if way is not None else ""
                ahead = replace(ahead, turn=_turn(plan, go))
            steps.append(ahead)
            step = timing.following(plan.plan.journey, step.key, go=go)
        return Foreseen(
            plan=plan.key,
            title=plan.plan.title,
            purpose=plan.plan.purpose,
            version=plan.number,
            refused=begun.refused.get(head.id, ""),
            steps=tuple(steps),
            more=step is not None,
        )

    async def start(self, key: str, *, mark: str, reason: str, actor: str) -> bool:
        """Let her begin; return False when the start of this ``mark`` was made before.

        Raises:
            NoSuchJourney: no such plan is published.
            NotStarted: she may not begin it.
        """
        plan = _published(self.gate, key)
        head = await self._locked()
        cause = f"同事手动开始：{reason}" if reason else "同事手动开始"
        candidate = Candidate(
            patient_id=head.id, fact=f"{HAND}{mark}", trigger_at=self.now, cause=cause[:CAUSE_CHARS]
        )
        begun = await begin(self.session, plan, [candidate], gate=self.gate, now=self.now)
        if why := begun.refused.get(head.id):
            raise NotStarted(why)
        if begun.known:
            return False
        self._note(head, STARTED, plan.key, f"手动开始旅程“{plan.plan.title}”", reason, actor)
        return True

    async def stop(self, enrolment_id: int, *, reason: str, actor: str) -> bool:
        """End a journey of hers, with all that has not gone out; return False when it had ended before.

        Raises:
            NoSuchJourney: she has none of this number.
        """
        head = await self._locked()
        enrolment = await self.session.get(Enrolment, enrolment_id)
        if enrolment is None or enrolment.patient_id != head.id:
            raise NoSuchJourney("这位客户没有这个旅程，请刷新页面再看")
        if enrolment_id not in {one.id for one in await self.running()}:
            return False
        why = f"同事手动停止：{reason}" if reason else "同事手动停止"
        await leave(self.session, [enrolment_id], reason=why, now=self.now)
        plan = self.gate.book.get(enrolment.plan_key)
        title = plan.plan.title if plan else enrolment.plan_key
        self._note(head, ENDED, enrolment.plan_key, f"手动停止旅程“{title}”", reason, actor)
        return True

    async def running(self) -> Sequence[Running]:
        """Return what she is in, the latest first; also what is through but for a contact still to go out."""
        head, _ = await family(self.session, self.patient)
        to_come = select(Touch.enrolment_id).where(Touch.patient_id == head.id, Touch.state.in_(OPEN))
        rows = (
            await self.session.scalars(
                select(Enrolment)
                .where(
                    Enrolment.patient_id == head.id,
                    or_(Enrolment.state == ACTIVE, Enrolment.id.in_(to_come)),
                )
                .order_by(Enrolment.started_at.desc(), Enrolment.id.desc())
            )
        ).all()
        versions = await self.gate.book.versions(self.session, {one.version_id for one in rows})
        found = []
        for one in rows:
            plan = versions.get(one.version_id)
            found.append(
                Running(
                    id=one.id,
                    plan=one.plan_key,
                    title=plan.title if plan else one.plan_key,
                    cause=one.cause,
                    since=one.started_at,
                    step=name_of(plan.journey, one.step) if plan and one.step else one.step or "",
                    due_at=one.due_at if one.state == ACTIVE else None,
                    by_hand=one.fact.startswith(HAND),
                )
            )
        return found

    async def _locked(self) -> Patient:
        """Return the record that speaks for her; whoever else starts or stops a journey of hers waits.

        Not a tick, which holds a journey and writes contacts that name her.
        """
        head, _ = await family(self.session, self.patient)
        await self.session.execute(
            select(Patient.id).where(Patient.id == head.id).with_for_update(key_share=True)
        )
        return head

    def _note(self, head: Patient, action: str, key: str, what: str, reason: str, actor: str) -> None:
        audit.record(
            self.session,
            at=self.now,
            actor=actor,
            action=action,
            subject=f"patient:{head.external_userid}",
            reason=f"{what}：{reason}" if reason else what,
            detail={"journey": key},
        )


async def hand_of(session: AsyncSession, patient: Patient, *, pack: Pack, now: datetime) -> Hand:
    """Take up a patient's journeys as they stand now."""
    gate = await gate_of(session, pack, now=now)
    return Hand(session=session, patient=patient, gate=gate, now=now)


async def gate_of(session: AsyncSession, pack: Pack, *, now: datetime) -> Gate:
    """Return what decides who may begin, as it stands now."""
    roster = await load_roster(session, pack, now=now)
    return Gate(book=await book_of(session), pack=pack, roster=roster, hours=hours_of(pack))


def _turn(plan: Published, go: str) -> str:
    if go == timing.END:
        return "结束"
    return f"到“{name_of(plan.plan.journey, go)}”" if go else "接着往下走"


def _ahead(
    plan: Published,
    step: Step,
    due: datetime,
    snapshot: Snapshot,
    ledger: Ledger,
    gate: Gate,
    *,
    now: datetime,
) -> StepAhead:
    stand = Stand(
        enrolment_id=0,
        patient_id=snapshot.patient_id,
        version_id=plan.version_id,
        userid="",
        trigger_at=now,
        due_at=due,
    )
    titles = titles_of(gate.pack)
    speaker, why_not = speaker_for(plan.plan, step, stand, snapshot, titles=titles)
    missing = unmet(step.when, snapshot, titles=titles)
    if missing:
        why_not = f"照现在的情况会跳过：要{missing}"
    held = ""
    if step.channel in CONTACTS and not why_not:
        marketing = (step.purpose or plan.plan.purpose) == "marketing"
        patience = timedelta() if step.late.kind == "skip" else timedelta(hours=step.late.hours)
        ruling = ledger.grant(
            snapshot.patient_id,
            Wish(
                at=due,
                marketing=marketing,
                quota=goes_by_mass(step),
                persona=speaker.persona if speaker else "",
                latest=due + patience if marketing else None,
            ),
        )
        if not ruling.allowed and ruling.at is not None:
            held = f"{ruling.reason}，会顺延到 {ruling.at.astimezone(gate.pack.timezone):%m-%d %H:%M}"
        elif not ruling.allowed:
            held = f"{ruling.reason}，顺延不到合适的时间，会不发"
    return StepAhead(
        key=step.key,
        title=name_of(plan.plan.journey, step.key),
        channel=step.channel,
        at=due,
        userid=speaker.userid if speaker else "",
        held=held,
        note=why_not,
        ways=ways_told(plan.plan.journey, step, titles=titles),
    )


def _published(gate: Gate, key: str) -> Published:
    plan = gate.book.get(key)
    if plan is None or plan.plan.kind != "journey":
        raise NoSuchJourney(f"没有发布过的旅程 {key}：在“计划”页看看有哪些")
    return plan
