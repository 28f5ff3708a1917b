"""Who begins a journey: many at once or one, each fact once, and why not the others.

A unique key (person, plan, fact) decides who was first: told twice, found again by a daily look, or listed
in a file that is read once more, a fact begins nothing new.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from sqlalchemy import BindParameter, bindparam, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from clinic.stages import Stage
from clinic.tables import Follow, Patient
from content.almanac.workdays import packaged_workdays
from sop.case import short_key
from sop.journeys import timing
from sop.journeys.conditions import needs_of, titles_of, unmet
from sop.journeys.leaving import leave
from sop.journeys.snapshot import snapshots_of
from sop.plan_tables import Enrolment
from store.tables import Base

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.plans.specs import JourneyBody
    from sop.plans.book import PlanBook, Published
    from sop.roster import Roster

ACTIVE: Final = "active"
AT_ONCE: Final = 500  # patients whose records one statement reads
FACT_CHARS: Final = 160
CAUSE_CHARS: Final = 200

_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
# Columns, not objects: a campaign asks about everybody.
_PATIENTS: Final = select(Patient.id, Patient.merged_into, Patient.erased_at, Patient.stage).where(
    Patient.id.in_(_IDS)
)
_WAS: Final = select(
    Enrolment.id,
    Enrolment.patient_id,
    Enrolment.plan_key,
    Enrolment.fact,
    Enrolment.state,
    Enrolment.started_at,
).where(
    Enrolment.patient_id.in_(_IDS),
    or_(Enrolment.plan_key == bindparam("plan"), Enrolment.state == ACTIVE),
)
_CONNECTED: Final = (
    select(Patient.id, Patient.merged_into)
    .join(Follow, Follow.patient_id == Patient.id)
    .where(
        or_(Patient.id.in_(_IDS), Patient.merged_into.in_(_IDS)),
        Follow.lost_at.is_(None),
        Follow.half.is_(False),
        Follow.added_at.is_not(None),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody whom a fact lets begin.

    Args:
        patient_id: any record of hers.
        fact: names what happened, for ever; at most 160 characters count.
        trigger_at: when it happened: the plan's steps are counted from here.
        userid: the member whom the fact is about, if any.
        cause: why, in words for staff.
        apart: the fact has a journey of its own, whatever others she had of this plan: one appointment or
            one birthday does not wait for another. A plan that says after how many days still decides.
    """

    patient_id: int
    fact: str
    trigger_at: datetime
    cause: str
    userid: str = ""
    apart: bool = False


@dataclass(slots=True, kw_only=True)
class Begun:
    """What became of candidates: who began, by head record; who did not, and why; who had before."""

    began: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    known: int = 0

    def __iadd__(self, other: Begun) -> Self:
        self.began += other.began
        self.refused |= other.refused
        self.known += other.known
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What decides who may begin, besides the plan: made once for many batches."""

    book: PlanBook
    pack: Pack
    roster: Roster
    hours: timing.Hours

    @property
    def marketing(self) -> list[str]:
        """The keys of all plans that sell something."""
        return sorted(key for key, one in self.book.published.items() if one.plan.purpose == "marketing")


def hours_of(pack: Pack) -> timing.Hours:
    """Return the clinic's clock as steps are timed by it."""
    house = pack.house
    return timing.Hours(
        zone=pack.timezone, workdays=packaged_workdays(), quiet=(house.quiet_from, house.quiet_until)
    )


async def begin(
    session: AsyncSession,
    plan: Published,
    candidates: Sequence[Candidate],
    *,
    gate: Gate,
    now: datetime,
    dry_run: bool = False,
) -> Begun:
    """Let candidates begin a journey, at most :data:`AT_ONCE` in a statement, and say why not the others.

    Args:
        dry_run: only say what would be.
    """
    begun = Begun()
    for start in range(0, len(candidates), AT_ONCE):
        entry = _Entry(session, plan, gate=gate, now=now)
        begun += await entry.take(candidates[start : start + AT_ONCE], dry_run=dry_run)
    return begun


@dataclass(frozen=True, slots=True, kw_only=True)
class _Was:
    """What she is, or was, in."""

    id: int
    plan_key: str
    fact: str
    state: str
    started_at: datetime


class _Entry:
    """One batch of candidates for one plan."""

    def __init__(self, session: AsyncSession, plan: Published, *, gate: Gate, now: datetime) -> None:
        self._session, self._plan, self._gate, self._now = session, plan, gate, now
        self._journey: JourneyBody = plan.plan.journey
        # By when it began: those of a list, or of one day, begin at one instant.
        self._gone: dict[datetime, str] = {}
        self._first: dict[datetime, timing.Next | None] = {}

    async def take(self, candidates: Sequence[Candidate], *, dry_run: bool) -> Begun:
        begun = Begun()
        heads = await self._heads({one.patient_id for one in candidates})
        first: dict[int, Candidate] = {}
        for one in candidates:
            if one.patient_id not in heads:
                begun.refused[one.patient_id] = "档案里没有这个人"
            else:
                first.setdefault(heads[one.patient_id].id, one)
        if not self._plan.active:
            words = f"“{self._plan.plan.title}”现在是“{self._plan.state.title}”，不让新的人进来"
            begun.refused |= dict.fromkeys(first, words)
            return begun
        was = await self._was(first)
        known = {head for head, one in first.items() if self._fact(one) in {w.fact for w in was[head]}}
        begun.known = len(known)
        open_to = {head: one for head, one in first.items() if head not in known}
        connected = await self._connected(open_to)
        chosen: dict[int, Candidate] = {}
        for head, one in open_to.items():
            why = self._refusal(one, heads[one.patient_id], was[head], connected=head in connected)
            if why:
                begun.refused[head] = why
            else:
                chosen[head] = one
        for head, why in (await self._unmet(chosen)).items():
            begun.refused[head] = why
            del chosen[head]
        begun.began = list(chosen)
        if not dry_run:
            await self._write(chosen, was)
        return begun

    async def _heads(self, ids: Iterable[int]) -> dict[int, Any]:
        """Return the record that speaks for each of these records."""
        wanted = sorted(ids)
        found = {one.id: one for one in await self._patients(wanted)}
        merged = {one.merged_into for one in found.values() if one.merged_into} - found.keys()
        found |= {one.id: one for one in await self._patients(sorted(merged))}
        return {one: found[found[one].merged_into or one] for one in wanted if one in found}

    async def _patients(self, ids: Sequence[int]) -> Sequence[Any]:
        if not ids:
            return ()
        return (await self._session.execute(_PATIENTS, {"ids": ids})).all()

    async def _was(self, heads: Iterable[int]) -> dict[int, list[_Was]]:
        """Return her journeys of this plan, and whatever she is in now."""
        found: dict[int, list[_Was]] = {head: [] for head in heads}
        rows = await self._session.execute(_WAS, {"ids": sorted(found), "plan": self._plan.key})
        for row in rows:
            found[row.patient_id].append(
                _Was(
                    id=row.id,
                    plan_key=row.plan_key,
                    # Another plan's fact is another fact.
                    fact=row.fact if row.plan_key == self._plan.key else "",
                    state=row.state,
                    started_at=row.started_at,
                )
            )
        return found

    async def _connected(self, open_to: Iterable[int]) -> set[int]:
        """Return who of them is connected to a member, by any record of hers."""
        wanted = sorted(open_to)
        if not wanted:
            return set()
        rows = await self._session.execute(_CONNECTED, {"ids": wanted})
        return {row.merged_into or row.id for row in rows}

    def _refusal(self, one: Candidate, head: Any, was: Sequence[_Was], *, connected: bool) -> str:
        if head.erased_at is not None:
            return "已按本人要求删除个人信息"
        if head.stage == Stage.LOST:
            return "与我们都断开了联系"
        if not connected:
            return "还没有加上企业微信好友，加上以后才能开始"
        if one.trigger_at not in self._gone:
            self._gone[one.trigger_at] = self._gone_by(one)
        return self._again(one, was) or self._sold_to(was) or self._gone[one.trigger_at]

    def _again(self, one: Candidate, was: Sequence[_Was]) -> str:
        mine = [each for each in was if each.plan_key == self._plan.key]
        after = self._journey.again.after_days
        if not mine or (after is None and one.apart):
            return ""
        last = max(each.started_at for each in mine)
        if after is None:
            running = any(each.state == ACTIVE for each in mine)
            return "已经在这个旅程里" if running else f"{self._day(last)} 走过一次，计划里不重复"
        if (self._now - last).days < after:
            return f"{self._day(last)} 开始过，{after} 天以内不重复"
        return ""

    def _sold_to(self, was: Sequence[_Was]) -> str:
        if self._plan.plan.purpose != "marketing" or not self._gate.pack.house.one_marketing_journey:
            return ""
        selling = set(self._gate.marketing) - {self._plan.key}
        other = next((each for each in was if each.state == ACTIVE and each.plan_key in selling), None)
        if other is None:
            return ""
        known = self._gate.book.get(other.plan_key)
        return f"正在走另一个推广旅程“{known.plan.title if known else other.plan_key}”"

    def _gone_by(self, one: Candidate) -> str:
        """Say when nothing is left to do: an import tells of what happened years ago."""
        due: datetime | None = None
        for step in self._journey.steps:
            due = timing.due(step, one.trigger_at, due, hours=self._gate.hours)
            if due >= self._now or (self._now - due).total_seconds() <= step.late.hours * 3600:
                return ""
        return f"{self._day(one.trigger_at)} 的事，每一步都已经过了时间"

    def _day(self, at: datetime) -> str:
        return f"{at.astimezone(self._gate.pack.timezone):%Y-%m-%d}"

    async def _unmet(self, chosen: Mapping[int, Candidate]) -> dict[int, str]:
        """Return who is not whom the plan is for, and why."""
        only = self._journey.only
        if only is None or not chosen:
            return {}
        known = await snapshots_of(
            self._session,
            chosen,
            needs=needs_of([only]),
            pack=self._gate.pack,
            roster=self._gate.roster,
            now=self._now,
        )
        titles = titles_of(self._gate.pack)
        found = {head: unmet(only, known[head], titles=titles) for head in chosen if head in known}
        return {head: f"不在范围里：要{why}" for head, why in found.items() if why}

    async def _write(self, chosen: Mapping[int, Candidate], was: Mapping[int, Sequence[_Was]]) -> None:
        if not chosen:
            return
        running = [
            each.id
            for head, one in chosen.items()
            if not one.apart
            for each in was[head]
            if each.plan_key == self._plan.key and each.state == ACTIVE
        ]
        if running:
            await leave(self._session, running, reason="又有了新的开始，从头走一遍", now=self._now)
        insert = sqlite.insert if self._session.get_bind().dialect.name == "sqlite" else postgresql.insert
        connection = await self._session.connection()
        await connection.execute(
            insert(Base.metadata.tables[Enrolment.__tablename__]).on_conflict_do_nothing(
                index_elements=["patient_id", "plan_key", "fact"]
            ),
            [self._row(head, one) for head, one in chosen.items()],
        )

    def _row(self, head: int, one: Candidate) -> dict[str, object]:
        at = one.trigger_at
        if at not in self._first:
            self._first[at] = timing.first_due(self._journey, at, hours=self._gate.hours, now=self._now)
        first = self._first[at]
        return {
            "patient_id": head,
            "plan_key": self._plan.key,
            "version_id": self._plan.version_id,
            "fact": self._fact(one),
            "userid": one.userid,
            "state": ACTIVE,
            "step": first.step.key if first else None,
            "trigger_at": one.trigger_at,
            "due_at": first.due_at if first else None,
            "next_at": first.look_at if first else self._now,
            "contacts": 0,
            "contacted_at": None,
            "cause": one.cause[:CAUSE_CHARS],
            "reason": "",
            "started_at": self._now,
            "ended_at": None,
        }

    def _fact(self, one: Candidate) -> str:
        return short_key(one.fact, most=FACT_CHARS)
