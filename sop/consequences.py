"""What follows from a happening: tags, stages, to-dos, each with its reason.

Facts arrive twice, late and in any order, and the same must come of them. So nothing here looks at what was
decided before: what a rule says about a fact is kept under the fact's name and dated like it, stages are
folded and tags are read from all that was said, and WeCom is asked only for the difference.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clinic import audit, people, stages, tagging
from clinic.rules.happenings import Happening
from clinic.rules.replay import reached
from clinic.rules.rules import Rule, fires, words_of
from clinic.stages import Moved, Stage
from sop import tag_decisions
from sop.case import Case, open_case, short_key
from sop.handoffs import hand_over
from sop.journeys.desk import JourneyDesk
from sop.parting import NEWS, found_again, parted
from sop.rulebook import Rulebook
from sop.wishes import EVERY, Journeys

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.rules.wearing import Word
    from clinic.tables import Patient
    from content.pack import Pack
    from sop.roster import Roster

ADDITIONS = ("added", "half_added", "returned")


async def reconsider(
    session: AsyncSession,
    patient: Patient,
    happening: Happening,
    *,
    pack: Pack,
    roster: Roster,
    public_url: str,
    now: datetime,
    journeys: Journeys | None = None,
    late: bool = False,
) -> None:
    """Draw the consequences of something that happened to a patient and is recorded already.

    Call it in the transaction that records the happening, after the rows are written. It may be called
    twice for one happening and in any order of happenings: every consequence has a key.

    Args:
        journeys: who runs the journeys; by default those of the published plans.
        late: a sync found it, long after it happened.
    """
    if patient.erased_at is not None:
        return
    await session.flush()
    case = await open_case(
        session,
        patient,
        book=Rulebook(pack=pack),
        roster=roster,
        public_url=public_url,
        now=now,
        # An import records people and their visits at once; an addition that makes a record knows no more.
        new=happening.kind in ADDITIONS and patient.id in session.info.get(people.RECORDED_NOW, ()),
    )
    journeys = journeys or JourneyDesk(pack=pack, roster=roster)
    steps = _Steps(case, patient, journeys, late=late)
    if happening.kind in ADDITIONS and happening.userid:
        await steps.connect(happening)
    elif happening.kind == "lost":
        await steps.disconnect(happening)
    else:
        await steps.fire(happening)
    await steps.hold()
    derived = await steps.words_of_her_history()
    turn = await tag_decisions.decide(case, happening, derived=derived, late=late)
    await session.flush()
    await journeys.happened(session, case, happening, turn)


class _Steps:
    def __init__(self, case: Case, patient: Patient, journeys: Journeys, *, late: bool) -> None:
        self._case, self._patient, self._journeys, self._late = case, patient, journeys, late

    # -- connections ----------------------------------------------------------------------------------

    async def connect(self, happening: Happening) -> None:
        moved = await self._move(
            happening,
            key=stages.connection_key(stages.ADDED_KEY, happening.userid, happening.at),
            stage=Stage.ADDED,
            reason=f"添加了成员 {happening.userid}",
        )
        if not happening.welcome:  # told once more, when she has been greeted
            await self._channel(happening)
        await self.fire(happening)
        if moved.returned:
            await found_again(self._case, happening, tell=not self._late)
            await self.fire(replace(happening, kind="returned"))

    async def _channel(self, happening: Happening) -> None:
        """A channel's own tags, stage and journey are a rule that nobody needs to write."""
        case = self._case
        channel = case.book.pack.channel(happening.channel or None)
        if channel is None:
            return
        rule = Rule(
            key=short_key(f"channel:{channel.state}", most=64),
            reason=f"渠道“{channel.title}”的来源标签",
            add=channel.tags,
            stage=channel.stage,
            start=(channel.journey,) if channel.journey else (),
        )
        await self._follow(rule, happening)

    async def disconnect(self, happening: Happening) -> None:
        case = self._case
        # Relations that were found by reading, not by an event, hold her as well as any other.
        for follow in case.connected:
            if follow.added_at is not None:
                await stages.move(
                    case.session,
                    case.record_of(follow),
                    key=stages.connection_key(stages.ADDED_KEY, follow.userid, follow.added_at),
                    stage=Stage.ADDED,
                    at=follow.added_at,
                    now=case.now,
                    actor=audit.RULES,
                    reason=f"添加了成员 {follow.userid}",
                )
        word = stages.MOVED_KEY if happening.by == people.BY_TRANSFER else stages.LOST_KEY
        member = f"成员 {happening.userid}"
        by = {people.BY_PATIENT: f"她删除了{member}", people.BY_TRANSFER: f"转给了别人，离开了{member}"}
        moved = await self._move(
            happening,
            key=stages.connection_key(word, happening.userid, happening.at),
            stage=Stage.LOST,
            reason=by.get(happening.by, f"不再是{member} 的客户"),
        )
        await parted(case, happening, moved)
        if moved.fresh and moved.after is Stage.LOST:
            if moved.changed:
                await self._journeys.stop(
                    case.session,
                    case.head,
                    EVERY,
                    key=happening.key,
                    reason="与我们都断开了联系",
                    now=case.now,
                )
            await self.fire(happening)

    # -- rules ----------------------------------------------------------------------------------------

    async def fire(self, happening: Happening) -> None:
        """Follow every rule that waits for this."""
        for rule in self._case.book.waiting_for(happening.kind):
            again = happening.welcome and rule.when and not (rule.when.welcome or rule.when.variant)
            if fires(rule, happening) and not again:
                await self._follow(rule, happening)

    async def _follow(self, rule: Rule, happening: Happening) -> None:
        case = self._case
        if happening.kind not in ("lost", "returned"):  # those depend on her whole history, see below
            await tagging.say(case.session, self._patient.id, words_of(rule, happening), now=case.now)
        turn = happening.key
        news = happening.at >= case.now - NEWS
        if rule.stage is not None:
            moved = await self._move(
                happening,
                key=f"{rule.key}:{happening.key}",
                stage=Stage(rule.stage),
                reason=rule.reason,
                rule=rule.key,
            )
            arrived = moved.changed and moved.after == rule.stage
            await self._wish(rule, happening.key, fresh=moved.fresh)
            if arrived and news:
                await hand_over(case, rule, key=rule.stage)
            return
        await self._wish(rule, turn, fresh=news)
        if news:
            await hand_over(case, rule, key=turn)

    async def hold(self) -> None:
        """Bring the stages that conditions make up to date, with all of her history as it is known now."""
        case = self._case
        rules = [rule for rule in case.book.held() if rule.stage is not None]
        if not rules or case.new:
            return
        keys = [rule.key for rule in rules]
        found = {
            one.key: one
            for one in reached(
                rules,
                await case.facts(),
                await stages.moves_of(case.session, case.head.id, but_of=keys),
                await tagging.words_about(case.session, case.ids),
                exclusive=case.book.exclusive,
            )
        }
        # A fact that came late may show that it was not so at the time.
        await stages.withdraw(case.session, case.records, rules=keys, but=found.keys())
        for key, one in found.items():
            moved = await self._move(
                Happening(kind="tick", at=one.at),
                key=key,
                stage=one.stage,
                reason=one.rule.reason,
                rule=one.rule.key,
            )
            await self._wish(one.rule, key, fresh=moved.fresh)
            if moved.changed and moved.after is one.stage and one.at >= case.now - NEWS:
                await hand_over(case, one.rule, key=one.stage)

    async def words_of_her_history(self) -> list[Word]:
        """Return what rules say about her being lost and her returns, which later facts may undo."""
        case = self._case
        rules = {kind: tuple(case.book.waiting_for(kind)) for kind in ("lost", "returned")}
        if not any(rules.values()):
            return []
        standing = await stages.standing_of(case.session, case.head.id)
        words: list[Word] = []
        before = Stage.ADDED
        for move, stage in standing.changes:
            if (stage is Stage.LOST) != (before is Stage.LOST):
                turn = Happening(kind="lost" if stage is Stage.LOST else "returned", at=move.at)
                words += [w for rule in rules[turn.kind] if fires(rule, turn) for w in words_of(rule, turn)]
            before = stage
        return words

    # -- what a rule leaves -----------------------------------------------------------------------------

    async def _wish(self, rule: Rule, key: str, *, fresh: bool) -> None:
        if not fresh:
            return
        case = self._case
        for journey in rule.stop:
            await self._journeys.stop(
                case.session, case.head, journey, key=key, reason=rule.reason, now=case.now
            )
        for journey in rule.start:
            await self._journeys.start(
                case.session, case.head, journey, key=key, reason=rule.reason, now=case.now
            )

    async def _move(
        self, happening: Happening, *, key: str, stage: Stage, reason: str, rule: str | None = None
    ) -> Moved:
        case = self._case
        before = Stage(case.head.stage)
        moved = await stages.move(
            case.session,
            self._patient,
            key=short_key(key, most=120),
            stage=stage,
            at=happening.at,
            now=case.now,
            actor=audit.RULES,
            reason=f"规则 {rule}：{reason}" if rule else reason,
            rule=rule,
        )
        if self._patient is not case.head:  # the record that speaks for her is the one that moved
            after = Stage(case.head.stage)
            moved = Moved(
                before=before,
                after=after,
                fresh=moved.fresh,
                returned=before is Stage.LOST and after is not Stage.LOST,
            )
        if moved.changed:
            audit.record(
                case.session,
                at=case.now,
                actor=audit.RULES,
                action="stage.moved",
                subject=case.subject,
                reason=f"阶段 {moved.before.title} → {moved.after.title}：{reason}",
                detail={"from": moved.before.value, "to": moved.after.value, "rule": rule or ""},
            )
        return moved
