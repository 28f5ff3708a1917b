"""Playing the plans forward: the program's own ticks on a clock that jumps, people and staff as a model."""

from __future__ import annotations

import heapq
import time as wall
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from functools import partial
from itertools import count, islice
from random import Random
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from bot.rehearsal.stage import SOURCE, number_of, seat
from clinic import kf, people, todos
from clinic.care_tables import Todo
from clinic.kf import Heard
from clinic.rules.happenings import Happening
from clinic.tables import Patient
from clinic.visits import VisitFact, VisitStatus
from clinic.whose import PersonRef
from sop import decisions
from sop.consequences import reconsider
from sop.intake import VisitReport, open_intake
from sop.life import NotPossible, PostState
from sop.plan_tables import LedgerEntry
from sop.rehearsal.model import at_work
from sop.roster import load_roster
from sop.tables import Post
from wecom.sandbox.people import Mistake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.app import Runtime
    from bot.rehearsal.stage import Cast, StillClock
    from content.pack import Pack
    from sop.rehearsal.model import Behaviour, Person
    from store.vault import Vault
    from wecom.sandbox.tenant import Tenant

# The hours at which something can happen; between them nothing is due that could not wait.
HOURS: Final = (
    time(8, 30),
    time(9, 30),
    time(10, 30),
    time(12, 30),
    time(14),
    time(16),
    time(18),
    time(19, 30),
    time(20, 30),
)
REVIEWS: Final = frozenset({time(9, 30), time(10, 30), time(14), time(16), time(19, 30)})
EVENING: Final = time(20, 30)
VISITS_AT_ONCE: Final = 40
# What a rehearsal does not play: reading the tenant, codes, handovers and what only counts.
LEFT_OUT: Final = frozenset(
    {
        "read_tenant",
        "reconcile",
        "warm_media",
        "count",
        "watch_personas",
        "imports",
        "channel_codes",
        "channel_days",
        "handovers",
        "leavers",
        "group_care",
        "rule_care",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """What the clinic's own system will tell of a visit."""

    person: Person
    number: str
    treatment: str
    status: str
    at: datetime


@dataclass(slots=True)
class Agenda:
    """What people of the model will do, by time."""

    _heap: list[tuple[datetime, int, Callable[[], Any] | Visited]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def at(self, moment: datetime, what: Callable[[], Any] | Visited) -> None:
        heapq.heappush(self._heap, (moment, next(self._numbers), what))

    def due(self, now: datetime) -> Iterator[Callable[[], Any] | Visited]:
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[2]


class Play:
    """One rehearsal. Construct it on a settled stage and run it once."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        clock: StillClock,
        tenant: Tenant,
        pack: Pack,
        vault: Vault,
        cast: Cast,
        behaviour: Behaviour,
        seed: int,
        public_url: str,
    ) -> None:
        self._runtime = runtime
        self._clock = clock
        self._tenant = tenant
        self._pack = pack
        self._vault = vault
        self._people = {person.external_userid: person for person in cast.people}
        self._behaviour = behaviour
        self._dice = Random(f"play:{seed}")  # noqa: S311  (a model, no secret)
        self._public_url = public_url
        self._agenda = Agenda()
        self._members = cast.members
        self._seen_tasks = 0
        self._seen_moments: set[str] = set()
        self._seen_contact = 0
        self.seconds = 0.0

    async def run(self, start: datetime, days: int, *, watch: Callable[[int, int], None]) -> None:
        """Play ``days`` from ``start``; ``watch`` is told of each day that is over."""
        began = wall.perf_counter()
        zone = self._pack.timezone
        self._expect(start, start + timedelta(days=days))
        first = start.astimezone(zone).date()
        for number in range(days):
            day = first + timedelta(days=number)
            for hour in HOURS:
                moment = datetime.combine(day, hour, tzinfo=zone)
                if moment >= start:
                    self._clock.move_to(moment)
                    await self._step(hour)
            watch(number + 1, days)
        self.seconds = wall.perf_counter() - began

    def _expect(self, start: datetime, end: datetime) -> None:
        """Put into the agenda what the patients do anyway."""
        for person in self._people.values():
            if start < person.added_at < end:
                self._agenda.at(person.added_at, partial(self._add, person))
            for place, visit in enumerate(person.visits):
                if start < visit.at < end:
                    self._agenda.at(
                        visit.at,
                        Visited(
                            person=person,
                            number=number_of(person, place),
                            treatment=visit.treatment,
                            status="done",
                            at=visit.at,
                        ),
                    )

    async def _step(self, hour: time) -> None:
        visits: list[Visited] = []
        for act in list(self._agenda.due(self._clock.now())):
            if isinstance(act, Visited):
                visits.append(act)
            elif (outcome := act()) is not None:
                await outcome
        for start in range(0, len(visits), VISITS_AT_ONCE):
            await self._visit(visits[start : start + VISITS_AT_ONCE])
        if hour in REVIEWS:
            await self._review()
        for tick in self._runtime.clockwork.ticks:
            if tick.name not in LEFT_OUT:
                await tick.job()
        await self._runtime.courier.drain()
        self._tap()
        if hour == EVENING:
            await self._react()
            await self._finish_errands()

    # ── patients ─────────────────────────────────────────────────────────────────────────────────────

    async def _add(self, person: Person) -> None:
        seat(self._tenant, person)
        async with self._runtime.database.write() as session:
            follow = await people.added(
                session,
                external_userid=person.external_userid,
                userid=person.userid,
                channel=person.channel,
                at=person.added_at,
                now=self._clock.now(),
            )
            follow.patient.born_on, follow.patient.gender = person.born_on, person.gender
            await self._follow_up(
                session,
                follow.patient,
                Happening(kind="added", at=person.added_at, userid=person.userid, channel=person.channel),
            )

    async def _visit(self, visits: Sequence[Visited]) -> None:
        reports = [
            VisitReport(
                person=PersonRef(external_userid=one.person.external_userid),
                visit=VisitFact(
                    source=SOURCE,
                    number=one.number,
                    status=VisitStatus(one.status),
                    at=one.at,
                    code=one.treatment,
                    changed_at=self._clock.now(),
                ),
            )
            for one in visits
        ]
        async with self._runtime.database.write() as session:
            intake = await open_intake(
                session,
                pack=self._pack,
                vault=self._vault,
                public_url=self._public_url,
                actor="rehearsal",
                now=self._clock.now(),
            )
            await intake.expect(
                people=[report.person for report in reports], visits_=[report.visit for report in reports]
            )
            for report in reports:
                await intake.visit(report)

    async def _leave(self, person: Person) -> None:
        try:
            self._tenant.people.patient_deletes_member(person.external_userid, person.userid, silent=True)
        except Mistake:  # she left before
            return
        now = self._clock.now()
        async with self._runtime.database.write() as session:
            follow = await people.lost(
                session,
                external_userid=person.external_userid,
                userid=person.userid,
                by=people.BY_PATIENT,
                at=now,
                now=now,
            )
            happening = Happening(kind="lost", at=now, userid=person.userid, by=people.BY_PATIENT)
            await self._follow_up(session, await session.get_one(Patient, follow.patient_id), happening)

    async def _reply(self, person: Person) -> None:
        now = self._clock.now()
        heard = Heard(
            msgid=f"rehearsal{person.number}at{int(now.timestamp())}",
            open_kfid="wkRehearsal",
            external_userid=person.external_userid,
            origin=3,
            kind="text",
            text="好的，谢谢",
            at=now,
            recalls="",
        )
        async with self._runtime.database.write() as session:
            await kf.record(session, [heard], vault=self._vault)

    async def _follow_up(self, session: AsyncSession, patient: Patient, happening: Happening) -> None:
        await reconsider(
            session,
            patient,
            happening,
            pack=self._pack,
            roster=await load_roster(session, self._pack),
            public_url=self._public_url,
            now=self._clock.now(),
        )

    async def _react(self) -> None:
        """Let some of those who were contacted since yesterday answer, book or go."""
        async with self._runtime.database.read() as session:
            rows = (
                await session.execute(
                    select(LedgerEntry.id, Patient.external_userid)
                    .join(Patient, Patient.id == LedgerEntry.patient_id)
                    .where(LedgerEntry.state == "made", LedgerEntry.id > self._seen_contact)
                    .order_by(LedgerEntry.id)
                )
            ).all()
        tomorrow = self._clock.now().astimezone(self._pack.timezone).date() + timedelta(days=1)
        for row in rows:
            self._seen_contact = max(self._seen_contact, row.id)
            person = self._people.get(row.external_userid)
            if person is None:
                continue
            lot, when = self._dice.random(), at_work(self._dice, tomorrow, self._pack.timezone)
            if lot < self._behaviour.leaves:
                self._agenda.at(when, partial(self._leave, person))
            elif lot < self._behaviour.leaves + self._behaviour.books:
                self._agenda.at(when, partial(self._book, person, f"again-{row.id}"))
            elif lot < self._behaviour.leaves + self._behaviour.books + self._behaviour.replies:
                self._agenda.at(when, partial(self._reply, person))

    async def _book(self, person: Person, number: str) -> None:
        day = self._clock.now().astimezone(self._pack.timezone).date()
        at = at_work(self._dice, day + timedelta(days=self._dice.randrange(2, 10)), self._pack.timezone)
        treatment = self._dice.choice([one.key for one in self._pack.treatments] or [""])
        booked = Visited(person=person, number=number, treatment=treatment, status="booked", at=at)
        await self._visit([booked])
        came = self._dice.random() < self._behaviour.comes
        self._agenda.at(at, replace(booked, status="done" if came else "no_show"))

    # ── staff ────────────────────────────────────────────────────────────────────────────────────────

    async def _review(self) -> None:
        """Let each reviewer decide what waits, as people do: most is fine."""
        now = self._clock.now()
        async with self._runtime.database.write() as session:
            roster = await load_roster(session, self._pack)
            waiting: Sequence[Post] = (
                await session.scalars(
                    select(Post).where(Post.state == PostState.IN_REVIEW, Post.scheduled_at > now)
                )
            ).all()
            for post in waiting:
                reviewers = roster.reviewers(post.persona) or roster.managers()
                if not reviewers:
                    continue
                who = reviewers[post.id % len(reviewers)]
                # What must not be approved (no consent, a warning that nobody answers for) stays and expires.
                with suppress(NotPossible):
                    await self._decide(session, post, who)

    async def _decide(self, session: AsyncSession, post: Post, who: str) -> None:
        now = self._clock.now()
        if self._dice.random() < self._behaviour.approves:
            await decisions.approve(session, post.id, digest=post.digest, actor=who, via="card", now=now)
        else:
            await decisions.reject(
                session,
                post.id,
                digest=post.digest,
                actor=who,
                via="card",
                now=now,
                reason="预演：审核人退回",
            )

    def _tap(self) -> None:
        """Let members get to the tasks that are new on their phones."""
        now = self._clock.now()
        tasks = self._tenant.mass.tasks
        for msgid, task in islice(tasks.items(), self._seen_tasks, None):
            for userid in task.tasks:
                self._soon(now, partial(self._tap_mass, userid, msgid))
        self._seen_tasks = len(tasks)
        for userid in self._members:
            for moment in self._tenant.moments.of_member(userid):
                if moment.moment_id not in self._seen_moments:
                    self._seen_moments.add(moment.moment_id)
                    self._soon(now, partial(self._publish, userid, moment.moment_id))

    def _soon(self, now: datetime, what: Callable[[], None]) -> None:
        if self._dice.random() < self._behaviour.taps:
            wait = self._dice.randint(*self._behaviour.tap_wait)
            self._agenda.at(now + timedelta(minutes=wait), what)

    def _tap_mass(self, userid: str, msgid: str) -> None:
        try:
            self._tenant.mass.tap(userid, msgid)
        except Mistake:  # withdrawn before he came to it
            return

    def _publish(self, userid: str, moment_id: str) -> None:
        try:
            self._tenant.moments.publish(userid, moment_id)
        except Mistake:
            return

    async def _finish_errands(self) -> None:
        """Let colleagues do most of their to-dos of the day."""
        async with self._runtime.database.write() as session:
            rows = await session.scalars(select(Todo.id).where(Todo.state == "open").order_by(Todo.id))
            for todo_id in rows.all():
                if self._dice.random() < self._behaviour.does_todos:
                    await todos.close(session, todo_id, by="rehearsal", now=self._clock.now())
