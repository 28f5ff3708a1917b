"""Runs the journeys for whoever draws consequences: who begins, who has reached the goal, who leaves.

Everything is part of the transaction of the event. What the rules and channels wish for, and what the
triggers of the plans wait for, go through the same gate (:mod:`sop.journeys.enrolling`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import or_, select

from clinic import audit
from clinic.care_tables import Visit
from clinic.merging import head_of
from clinic.tables import AuditEntry, Patient
from clinic.visits import VisitStatus
from sop import wishes
from sop.journeys import triggers
from sop.journeys.books import book_of
from sop.journeys.conditions import needs_of
from sop.journeys.enrolling import Candidate, Gate, begin, hours_of
from sop.journeys.leaving import GOAL, OPEN, STOPPED, leave
from sop.journeys.snapshot import snapshots_of
from sop.journeys.stops import stopping
from sop.journeys.timing import step_of
from sop.journeys.triggers import News, Start
from sop.parting import NEWS
from sop.plan_tables import Enrolment, Touch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.rules.happenings import Happening
    from content.pack import Pack
    from content.plans.specs import Plan
    from sop.case import Case
    from sop.journeys.enrolling import Begun
    from sop.plans.book import PlanBook, Published
    from sop.roster import Roster
    from sop.tag_decisions import Turn

REFUSED: Final = "journey.refused"
BEFORE_SHE_ADDED: Final = timedelta(days=400)  # visits that count when she adds us later
_UNDONE: Final = (VisitStatus.CANCELLED.value, VisitStatus.NO_SHOW.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyDesk:
    """The journeys of one pack; see :class:`sop.wishes.Journeys`."""

    pack: Pack
    roster: Roster

    # -- wishes of rules, channels and people ------------------------------------------------------------

    async def start(
        self, session: AsyncSession, patient: Patient, journey: str, *, key: str, reason: str, now: datetime
    ) -> None:
        book = await book_of(session)
        plan = book.get(journey)
        if plan is None or plan.plan.kind != "journey":
            # A rule may name a journey that nobody has written yet: keep that it should have begun.
            await wishes.WrittenWishes().start(session, patient, journey, key=key, reason=reason, now=now)
            return
        wish = Candidate(patient_id=patient.id, fact=f"rule:{key}", trigger_at=now, cause=reason)
        await self._begin(session, patient, plan, [wish], book=book, now=now)

    async def stop(
        self, session: AsyncSession, patient: Patient, journey: str, *, key: str, reason: str, now: datetime
    ) -> None:
        head = await head_of(session, patient)
        running = await _running(session, head.id)
        ids = [one.id for one in running if journey in (wishes.EVERY, one.plan_key)]
        left = await leave(session, ids, reason=reason, now=now)
        if left or journey == wishes.EVERY:
            await wishes.WrittenWishes().stop(session, patient, journey, key=key, reason=reason, now=now)

    # -- what happened -------------------------------------------------------------------------------------

    async def happened(self, session: AsyncSession, case: Case, happening: Happening, turn: Turn) -> None:
        """Let what happened end her journeys, and begin those that waited for it."""
        book = await book_of(session)
        if not case.new:
            await self._look(session, case.head, happening=happening, book=book, now=case.now)
        plans = [one for one in book.journeys() if one.plan.journey.trigger]
        if not plans:
            return
        found = self._news(case, happening, turn)
        for plan in plans:
            begins = triggers.starts(plan.plan.journey.trigger, found, zone=self.pack.timezone)
            begins += self._appointments(plan, happening, now=case.now)
            if happening.kind in triggers.ADDED and not case.new:
                begins += await self._earlier_visits(session, plan, case)
            wanted = [_candidate(case.head.id, one) for one in begins]
            await self._begin(session, case.head, plan, wanted, book=book, now=case.now)

    async def heard(self, session: AsyncSession, patient: Patient, *, now: datetime) -> None:
        """She wrote or answered, and nothing else happened: end what waits for that."""
        await self._look(session, await head_of(session, patient), happening=None, book=None, now=now)

    def _news(self, case: Case, happening: Happening, turn: Turn) -> News:
        persona = self.roster.persona_of(happening.userid) if happening.userid else None
        head = case.head
        fresh = head.stage_at is not None and head.stage_at >= case.now - NEWS
        return News(
            happening=happening,
            personas=(persona.key, persona.kind) if persona else (),
            gained=turn.gained,
            lost=turn.lost,
            stage=(head.stage, head.stage_at) if fresh and head.stage_at else None,
            titles=self._titles,
        )

    @property
    def _titles(self) -> dict[str, str]:
        titles = {one.key: one.title for one in self.pack.surveys}
        return titles | {one.key: one.title for one in self.pack.treatments}

    # -- beginning -----------------------------------------------------------------------------------------

    def _appointments(self, plan: Published, happening: Happening, *, now: datetime) -> list[Start]:
        """An appointment made for tomorrow is too late for the look of this morning."""
        at = happening.visit_at
        if happening.kind != "visit" or happening.visit_status != "booked" or at is None or at <= now:
            return []
        starts = [
            triggers.appointment_start(
                trigger,
                happening.ref,
                happening.treatment,
                at,
                titles=self._titles,
                zone=self.pack.timezone,
            )
            for trigger in plan.plan.journey.trigger
            if trigger.kind == "date"
            and trigger.date == "appointment"
            and (not trigger.treatment or triggers.of_treatment(trigger.treatment, happening.treatment))
        ]
        return [one for one in starts if one.at <= now]

    async def _earlier_visits(self, session: AsyncSession, plan: Published, case: Case) -> list[Start]:
        """She was treated before she added anybody: care that is still due begins now."""
        waits = [one for one in plan.plan.journey.trigger if one.kind == "visit"]
        if not waits:
            return []
        rows = await session.execute(
            select(Visit.source, Visit.number, Visit.status, Visit.treatment, Visit.at)
            .where(
                Visit.patient_id.in_(case.ids),
                Visit.at > case.now - BEFORE_SHE_ADDED,
                Visit.at <= case.now,
            )
            .order_by(Visit.at.desc())
        )
        return [
            triggers.visit_start(
                f"{row.source}:{row.number}",
                row.status,
                row.treatment or "",
                row.at,
                titles=self._titles,
                zone=self.pack.timezone,
            )
            for row in rows
            if any(
                row.status in wait.visit
                and (not wait.treatment or triggers.of_treatment(wait.treatment, row.treatment or ""))
                for wait in waits
            )
        ]

    async def _begin(
        self,
        session: AsyncSession,
        patient: Patient,
        plan: Published,
        wanted: Sequence[Candidate],
        *,
        book: PlanBook,
        now: datetime,
    ) -> None:
        gate = Gate(book=book, pack=self.pack, roster=self.roster, hours=hours_of(self.pack))
        for one in wanted:
            begun = await begin(session, plan, [one], gate=gate, now=now)
            await self._tell(session, patient, plan, one, begun, now=now)

    async def _tell(
        self,
        session: AsyncSession,
        patient: Patient,
        plan: Published,
        one: Candidate,
        begun: Begun,
        *,
        now: datetime,
    ) -> None:
        """Keep why somebody did not begin, once: the same news may be told again and again."""
        for why in begun.refused.values():
            subject = f"patient:{patient.external_userid}"
            reason = f"没有开始旅程“{plan.plan.title}”（{one.cause}）：{why}"[:500]
            told = select(AuditEntry.id).where(
                AuditEntry.subject == subject, AuditEntry.action == REFUSED, AuditEntry.reason == reason
            )
            if await session.scalar(told.limit(1)) is None:
                audit.record(
                    session,
                    at=now,
                    actor=audit.RULES,
                    action=REFUSED,
                    subject=subject,
                    reason=reason,
                    detail={"journey": plan.key, "fact": one.fact},
                )
                await session.flush()

    # -- ending --------------------------------------------------------------------------------------------

    async def _look(
        self,
        session: AsyncSession,
        head: Patient,
        *,
        happening: Happening | None,
        book: PlanBook | None,
        now: datetime,
    ) -> None:
        """End whatever has reached its goal, or has a reason to stop."""
        running = await _running(session, head.id)
        if happening is not None:
            running = await self._undone(session, running, happening, now=now)
        if not running:
            return
        book = book or await book_of(session)
        plans = await book.versions(session, {one.version_id for one in running})
        bodies = [plans[one.version_id].journey for one in running if one.version_id in plans]
        waits = [stop for body in bodies for stop in (*body.goal, *body.stops)]
        waits += [stop for body in bodies for step in body.steps for stop in step.stops]
        if not waits:
            return
        await session.flush()
        known = await snapshots_of(
            session, [head.id], needs=needs_of((), waits), pack=self.pack, roster=self.roster, now=now
        )
        for one in running:
            plan = plans.get(one.version_id)
            if plan is None or head.id not in known:
                continue
            for ends, state in ((plan.journey.goal, GOAL), (_stops(plan, one.step), STOPPED)):
                why = stopping(
                    ends,
                    known[head.id],
                    trigger_at=one.trigger_at,
                    by_visit=one.fact.startswith("visit:"),
                )
                if why:
                    await leave(
                        session, [one.id], reason=why, now=now, state=GOAL if state == GOAL else STOPPED
                    )
                    break

    async def _undone(
        self, session: AsyncSession, running: Sequence[Any], happening: Happening, *, now: datetime
    ) -> list[Any]:
        """End what began by a visit that is off, or by an appointment that was moved; return the others."""
        if happening.kind != "visit" or not happening.ref:
            return list(running)
        off = happening.visit_status in _UNDONE
        label = VisitStatus(happening.visit_status).label
        moved = ""
        if happening.visit_status == VisitStatus.BOOKED and happening.visit_at is not None:
            moved = f"{happening.visit_at.astimezone(self.pack.timezone):%Y%m%dT%H%M}"
        stay = []
        for one in running:
            ours = one.fact.startswith(f"visit:{happening.ref}:")
            meant = one.fact.startswith(f"appointment:{happening.ref}:")
            if off and ((ours and not one.fact.endswith(f":{happening.visit_status}")) or meant):
                await leave(session, [one.id], reason=f"那次就诊现在是“{label}”", now=now)
            elif meant and moved and not one.fact.endswith(f":{moved}"):
                await leave(session, [one.id], reason="预约改了时间", now=now)
            else:
                stay.append(one)
        return stay


def _candidate(head_id: int, start: Start) -> Candidate:
    return Candidate(
        patient_id=head_id,
        fact=start.fact,
        trigger_at=start.at,
        cause=start.cause,
        userid=start.userid,
        apart=start.apart,
    )


async def _running(session: AsyncSession, head_id: int) -> Sequence[Any]:
    """Return her journeys that run, and those that are through but for a contact that has not gone out."""
    to_come = select(Touch.enrolment_id).where(Touch.patient_id == head_id, Touch.state.in_(OPEN))
    rows = await session.execute(
        select(
            Enrolment.id,
            Enrolment.plan_key,
            Enrolment.version_id,
            Enrolment.fact,
            Enrolment.step,
            Enrolment.trigger_at,
        ).where(Enrolment.patient_id == head_id, or_(Enrolment.state == "active", Enrolment.id.in_(to_come)))
    )
    return rows.all()


def _stops(plan: Plan, step: str | None) -> Iterable[Any]:
    """Return what ends the journey now: the plan's own rules, and those of the step that comes next."""
    own: tuple[Any, ...] = ()
    if step is not None:
        try:
            own = step_of(plan.journey, step).stops
        except LookupError:  # a step of an older version
            own = ()
    return (*plan.journey.stops, *own)
