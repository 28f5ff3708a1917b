"""The tick: finds what is due, decides it, has it carried out, and lets each journey go on. Exactly once.

One tick is one transaction of at most some hundred steps. It locks what it claims, reads what is known of
the patients in a constant number of statements, decides each purely (:mod:`sop.journeys.deciding`), asks the
caps, hands over to the channels, and writes touches and enrolments in bulk. Whatever ends it halfway leaves
nothing behind.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import structlog

from content.plans.naming import name_of
from content.plans.specs import CONTACTS
from sop.journeys import timing
from sop.journeys.claims import ACTIVE, FINISHED, due_enrolments, left_behind
from sop.journeys.conditions import titles_of
from sop.journeys.deciding import (
    Ask,
    Circumstances,
    Decision,
    End,
    Go,
    Hold,
    Pass,
    Stand,
    Turn,
    decide,
    ending,
    put_off,
)
from sop.journeys.ports import ASKED, DONE, DROPPED, EXPIRED, FAILED, HELD, SKIPPED, Made
from sop.journeys.questions import ask, close_questions
from sop.journeys.readers import Readers
from sop.journeys.snapshot import needs_of_plans, snapshots_of
from sop.journeys.timing import NeverOpens
from sop.journeys.writing import Advance, Outcome, write
from sop.roster import load_roster
from store.statements import plan_each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.plans.specs import Plan, Step
    from sop.journeys.claims import Claim
    from sop.journeys.conditions import Needs, Snapshot
    from sop.journeys.ports import Book, Caps, Due, Pauses, StepChannel
    from sop.journeys.timing import Hours
    from sop.roster import Roster

log = structlog.get_logger(__name__)

LIMIT: Final = 500
UNREADABLE_FOR: Final = timing.LEAD / 26  # an hour: a newer program wrote the plan, and may run soon


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """What one tick did. ``more``: it found as many as it may, so there is probably more to do."""

    looked: int
    more: bool
    touches: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """One claim with what is needed to decide it."""

    claim: Claim
    plan: Plan
    step: Step
    stand: Stand


class Engine:
    """Runs the journeys. Holds no state but what never changes (plans by version)."""

    def __init__(
        self,
        *,
        pack: Pack,
        hours: Hours,
        book: Book,
        caps: Caps,
        pauses: Pauses,
        channels: Mapping[str, StepChannel],
    ) -> None:
        self._pack = pack
        self._hours = hours
        self._book = book
        self._caps = caps
        self._pauses = pauses
        self._channels = channels
        self._titles = titles_of(pack)
        self._readers = Readers(pack)
        self._needs: dict[int, Needs] = {}  # by version

    async def tick(self, session: AsyncSession, *, now: datetime, limit: int = LIMIT) -> Ticked:
        """Deal with at most ``limit`` of what is due at ``now``, in the caller's transaction."""
        await plan_each(session)
        claims = await due_enrolments(session, now=now, limit=limit)
        claims += (
            await left_behind(session, now=now, limit=limit - len(claims)) if len(claims) < limit else []
        )
        if not claims:
            return Ticked(looked=0, more=False)
        versions = await self._book.versions(session, {claim.version_id for claim in claims})
        plans = self._readers.each(versions)
        outcomes, open_ = self._sorted(claims, plans, now)
        if open_:
            outcomes += await self._deal(session, open_, plans, now)
        touches = await write(session, outcomes, caps=self._caps, now=now)
        await close_questions(session, [one.claim for one in outcomes if one.state == EXPIRED], now=now)
        return Ticked(looked=len(claims), more=len(claims) >= limit, touches=touches)

    # ── what needs no look at the patient ────────────────────────────────────────────────────────────

    def _sorted(
        self, claims: Sequence[Claim], plans: Mapping[int, Plan], now: datetime
    ) -> tuple[list[Outcome], list[Claim]]:
        """Deal with claims whose end is clear already; return the outcomes, and the claims to be decided."""
        outcomes: list[Outcome] = []
        open_: list[Claim] = []
        for claim in claims:
            plan = plans.get(claim.version_id)
            if plan is None:
                log.error("journey.plan_unreadable", plan=claim.plan_key, version=claim.version_id)
                outcomes.append(Outcome(claim=claim, advance=Advance.wait(now + UNREADABLE_FOR)))
            elif claim.behind and claim.touch_state == ASKED:
                outcomes.append(Outcome(claim=claim, state=EXPIRED, reason="没有人决定要不要发"))
            elif claim.behind and claim.state not in (ACTIVE, FINISHED):
                outcomes.append(Outcome(claim=claim, state=SKIPPED, reason=claim.reason or "旅程已经结束"))
            elif not claim.behind and claim.touch_id is not None and claim.touch_state != HELD:
                # She was moved to a step that she has had: it is not done twice.
                outcomes.append(Outcome(claim=claim, advance=self._onward(claim, plan, now)))
            else:
                open_.append(claim)
        return outcomes, open_

    # ── deciding ─────────────────────────────────────────────────────────────────────────────────────

    async def _deal(
        self, session: AsyncSession, claims: Sequence[Claim], plans: Mapping[int, Plan], now: datetime
    ) -> list[Outcome]:
        roster = await load_roster(session, self._pack)
        around = Circumstances(
            now=now,
            hours=self._hours,
            paused=await self._pauses(session),
            default_persona=self._pack.default_persona,
            titles=self._titles,
        )
        snapshots = await self._look(session, claims, plans, roster, now)
        outcomes: list[Outcome] = []
        going: list[tuple[_Item, Due]] = []
        asking: list[tuple[_Item, Ask]] = []
        for claim in claims:
            plan, snapshot = plans[claim.version_id], snapshots.get(claim.patient_id)
            item_or_outcome = self._judged(claim, plan, snapshot, around)
            if isinstance(item_or_outcome, Outcome):
                outcomes.append(item_or_outcome)
                continue
            item, decision = item_or_outcome
            if isinstance(decision, Go):
                going.append((item, decision.due))
            elif isinstance(decision, Ask):
                asking.append((item, decision))
            else:
                outcomes.append(self._outcome(item, decision, now))
        allowed, held = await self._weighed(session, going, around)
        outcomes += held
        outcomes += await self._carried_out(session, allowed, now)
        questions = await ask(session, [question for _, question in asking], now=now)
        outcomes += [
            replace(
                self._made(item, question.due, Made(state=ASKED, reason=question.reason, contact=False), now),
                at=until,
                todo_id=todo_id,
            )
            for (item, question), (todo_id, until) in zip(asking, questions, strict=True)
        ]
        return outcomes

    async def _look(
        self,
        session: AsyncSession,
        claims: Sequence[Claim],
        plans: Mapping[int, Plan],
        roster: Roster,
        now: datetime,
    ) -> Mapping[int, Snapshot]:
        versions = {claim.version_id for claim in claims}
        for version in versions - self._needs.keys():
            self._needs[version] = needs_of_plans([plans[version]])
        first, *rest = versions
        needs = self._needs[first]
        for version in rest:
            needs |= self._needs[version]
        ids = {claim.patient_id for claim in claims}
        return await snapshots_of(session, ids, needs=needs, pack=self._pack, roster=roster, now=now)

    def _judged(
        self, claim: Claim, plan: Plan, snapshot: Snapshot | None, around: Circumstances
    ) -> Outcome | tuple[_Item, Decision]:
        """Decide one claim; what is wrong with one must not keep the others waiting."""
        now = around.now
        if snapshot is None:
            return Outcome(claim=claim, advance=Advance.end("stopped", "没有这位客户了", now))
        if claim.step is None:
            stand = self._stand(claim, claim.trigger_at)
            ended = ending(plan, None, stand, snapshot)
            goal = ended is not None and ended.goal
            reason = ended.reason if ended is not None and goal else "走完了"
            return Outcome(claim=claim, advance=Advance.end("goal" if goal else FINISHED, reason, now))
        try:
            step = timing.step_of(plan.journey, claim.step)
            due_at = claim.due_at
            if due_at is None:
                due_at = timing.due(step, claim.trigger_at, claim.last_due_at, hours=self._hours)
                look_at = due_at - timing.LEAD if timing.needs_review(step) else due_at
                if look_at > now:
                    return Outcome(claim=claim, advance=Advance.to(step.key, due_at, look_at))
            item = _Item(claim=claim, plan=plan, step=step, stand=self._stand(claim, due_at))
            return item, decide(plan, step, item.stand, snapshot, around)
        except (LookupError, NeverOpens) as exc:
            log.error("journey.step_impossible", plan=plan.key, version=claim.version_id, step=claim.step)
            reason = _said(exc, plan) if isinstance(exc, NeverOpens) else f"计划里没有步骤 {claim.step}"
            advance = None if claim.behind else Advance.end("stopped", reason, now)
            return Outcome(claim=claim, state=FAILED, reason=reason, advance=advance)

    @staticmethod
    def _stand(claim: Claim, due_at: datetime) -> Stand:
        return Stand(
            enrolment_id=claim.enrolment_id,
            patient_id=claim.patient_id,
            version_id=claim.version_id,
            userid=claim.userid,
            trigger_at=claim.trigger_at,
            due_at=due_at,
            contacts=claim.contacts,
            contacted_at=claim.contacted_at,
            tries=claim.tries,
        )

    def _outcome(self, item: _Item, decision: Hold | Pass | Turn | End, now: datetime) -> Outcome:
        claim = item.claim
        match decision:
            case Hold():
                advance = None if claim.behind else Advance.wait(decision.until, due_at=item.stand.due_at)
                return self._plain(item, HELD, decision.reason, advance, at=decision.until)
            case Pass():
                return self._plain(item, decision.state, decision.reason, self._next(item, now))
            case Turn():
                return self._plain(item, DONE, decision.reason, self._next(item, now, go=decision.go))
            case End():
                state = "goal" if decision.goal else "stopped"
                advance = None if claim.behind else Advance.end(state, decision.reason, now)
                return self._plain(item, SKIPPED, decision.reason, advance)

    # ── carrying out ─────────────────────────────────────────────────────────────────────────────────

    async def _weighed(
        self, session: AsyncSession, going: Sequence[tuple[_Item, Due]], around: Circumstances
    ) -> tuple[list[tuple[_Item, Due]], list[Outcome]]:
        """Ask the caps about contacts; return what they allow, and what became of the others."""
        contacts = [(item, due) for item, due in going if item.step.channel in CONTACTS]
        allowed = [(item, due) for item, due in going if item.step.channel not in CONTACTS]
        held: list[Outcome] = []
        if contacts:
            verdicts = await self._caps.weigh(session, [due for _, due in contacts], now=around.now)
            for (item, due), verdict in zip(contacts, verdicts, strict=True):
                if verdict.allow:
                    allowed.append((item, due))
                elif verdict.until is None or verdict.until <= around.now:
                    held.append(self._outcome(item, Pass(reason=verdict.reason, state=DROPPED), around.now))
                else:
                    put = put_off(item.step, item.stand, verdict.until, verdict.reason, around)
                    held.append(self._outcome(item, put, around.now))
        return allowed, held

    async def _carried_out(
        self, session: AsyncSession, allowed: Sequence[tuple[_Item, Due]], now: datetime
    ) -> list[Outcome]:
        by_channel: defaultdict[str, list[tuple[_Item, Due]]] = defaultdict(list)
        for item, due in allowed:
            by_channel[item.step.channel].append((item, due))
        outcomes = []
        for name, some in by_channel.items():
            channel = self._channels.get(name)
            if channel is None:
                made: Sequence[Made] = [Made(state=FAILED, reason=f"这个版本不会做“{name}”")] * len(some)
            else:
                made = await channel.carry_out(session, [due for _, due in some], now=now)
            outcomes += [self._made(item, due, one, now) for (item, due), one in zip(some, made, strict=True)]
        return outcomes

    def _made(self, item: _Item, due: Due, made: Made, now: datetime) -> Outcome:
        at = made.at or (due.at if made.state not in (FAILED, SKIPPED) else now)
        if made.state == HELD:
            advance = None if item.claim.behind else Advance.wait(at, due_at=item.stand.due_at)
        else:
            advance = self._next(item, now, stay_until=due.at)
        return Outcome(
            claim=item.claim,
            step=item.step.key,
            due_at=item.stand.due_at,
            state=made.state,
            reason=made.reason,
            at=at,
            channel=made.channel or item.step.channel,
            purpose=due.purpose,
            variant=due.variant,
            sender=due.sender,
            persona=due.persona,
            patient_id=due.patient_id,
            contact=made.contact and item.step.channel in CONTACTS,
            todo_id=made.todo_id,
            post_id=made.post_id,
            advance=advance,
        )

    def _plain(
        self, item: _Item, state: str, reason: str, advance: Advance | None, *, at: datetime | None = None
    ) -> Outcome:
        return Outcome(
            claim=item.claim,
            step=item.step.key,
            due_at=item.stand.due_at,
            state=state,
            reason=reason,
            at=at,
            channel=item.step.channel,
            purpose=item.step.purpose or item.plan.purpose,
            advance=advance,
        )

    # ── going on ─────────────────────────────────────────────────────────────────────────────────────

    def _next(
        self, item: _Item, now: datetime, *, go: str = "", stay_until: datetime | None = None
    ) -> Advance | None:
        """Return where she goes from here. A touch that was left behind moves nobody."""
        if item.claim.behind:
            return None
        claim = replace(item.claim, due_at=item.stand.due_at)
        return self._onward(claim, item.plan, now, go=go, stay_until=stay_until)

    def _onward(
        self,
        claim: Claim,
        plan: Plan,
        now: datetime,
        *,
        go: str = "",
        stay_until: datetime | None = None,
    ) -> Advance:
        due_at = claim.due_at or claim.last_due_at or claim.trigger_at
        try:
            following = timing.next_due(
                plan.journey,
                claim.step or "",
                trigger_at=claim.trigger_at,
                due_at=due_at,
                hours=self._hours,
                now=now,
                go=go,
            )
        except (LookupError, NeverOpens) as exc:
            log.error("journey.step_impossible", plan=plan.key, version=claim.version_id, step=claim.step)
            return Advance.end("stopped", f"计划走不下去：{_said(exc, plan)}", now)
        if following is not None:
            return Advance.to(following.step.key, following.due_at, following.look_at)
        if stay_until is not None and stay_until > now:
            return Advance.last(stay_until)  # what is on its way is still part of it: stops and goal count
        return Advance.end(FINISHED, "走完了", now)


def _said(exc: LookupError | NeverOpens, plan: Plan) -> str:
    if isinstance(exc, NeverOpens):
        return NeverOpens.told(name_of(plan.journey, exc.step))
    return "计划里没有它要去的那一步"
