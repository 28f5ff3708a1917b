"""The patients of a rehearsal: they come, visit, answer, fill in forms, book and leave, as the model says."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from bot.rehearsal.stage import SOURCE, number_of, seat
from clinic import kf, people
from clinic.kf import Heard
from clinic.rules.happenings import Happening
from clinic.surveys import SheetFact
from clinic.tables import Patient
from clinic.visits import VisitFact, VisitStatus
from clinic.whose import PersonRef
from sop.consequences import reconsider
from sop.intake import SheetReport, VisitReport, open_intake
from sop.plan_tables import LedgerEntry, Touch
from sop.plans.book import PlanBook
from sop.rehearsal.model import at_work
from sop.roster import load_roster
from wecom.sandbox.people import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.rehearsal.stage import StillClock
    from content.pack import Pack
    from sop.intake import Intake
    from sop.rehearsal.model import Behaviour, Person
    from sop.roster import Roster
    from store.database import Database
    from store.vault import Vault
    from wecom.sandbox.tenant import Tenant

AT_ONCE: Final = 40  # people of one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """What the clinic's own system will tell of a visit."""

    person: Person
    number: str
    treatment: str
    status: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """Somebody who adds a member."""

    person: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form that somebody filled in."""

    person: Person
    sheet: SheetFact


Act = Callable[[], Any] | Visited | Came | Filled


@dataclass(slots=True)
class Agenda:
    """What people of the model will do, by time."""

    _heap: list[tuple[datetime, int, Act]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def at(self, moment: datetime, what: Act) -> None:
        heapq.heappush(self._heap, (moment, next(self._numbers), what))

    def due(self, now: datetime) -> Iterator[Act]:
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[2]


class Patients:
    """What the patients of one rehearsal do."""

    def __init__(
        self,
        database: Database,
        *,
        clock: StillClock,
        tenant: Tenant,
        pack: Pack,
        vault: Vault,
        people: Sequence[Person],
        behaviour: Behaviour,
        agenda: Agenda,
        dice: Random,
        seed: int,
        public_url: str,
    ) -> None:
        self._database, self._clock, self._tenant = database, clock, tenant
        self._pack, self._vault, self._public_url = pack, vault, public_url
        self._people = {person.external_userid: person for person in people}
        self._behaviour, self._agenda, self._dice = behaviour, agenda, dice
        # Of their own, so that the other throws stay what they were.
        self._answers = Random(f"answers:{seed}")  # noqa: S311  (a model, no secret)
        self._book = PlanBook()
        self._seen_contact = 0

    def expect(self, start: datetime, end: datetime) -> None:
        """Put into the agenda what the patients do anyway."""
        for person in self._people.values():
            if start < person.added_at < end:
                self._agenda.at(person.added_at, Came(person=person))
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

    async def do(self, acts: Iterable[Act]) -> None:
        """Let it happen: one by one what is an act of its own, the others of a kind together."""
        came: list[Person] = []
        told: list[Visited | Filled] = []
        for act in acts:
            if isinstance(act, Came):
                came.append(act.person)
            elif isinstance(act, Visited | Filled):
                told.append(act)
            elif (outcome := act()) is not None:
                await outcome
        for start in range(0, len(came), AT_ONCE):
            await self._add(came[start : start + AT_ONCE])
        for start in range(0, len(told), AT_ONCE):
            await self._tell(told[start : start + AT_ONCE])

    async def _add(self, newcomers: Sequence[Person]) -> None:
        for person in newcomers:
            seat(self._tenant, person)
        async with self._database.write() as session:
            roster = await load_roster(session, self._pack, now=self._clock.now())
            for person in newcomers:
                follow = await people.added(
                    session,
                    external_userid=person.external_userid,
                    userid=person.userid,
                    channel=person.channel,
                    at=person.added_at,
                    now=self._clock.now(),
                )
                follow.patient.born_on, follow.patient.gender = person.born_on, person.gender
                happening = Happening(
                    kind="added", at=person.added_at, userid=person.userid, channel=person.channel
                )
                await self._follow_up(session, follow.patient, happening, roster)

    async def _tell(self, told: Sequence[Visited | Filled]) -> None:
        """Let the clinic's own system tell of visits, and of forms that were filled in."""
        refs = [PersonRef(external_userid=one.person.external_userid) for one in told]
        visits = [self._fact(one) if isinstance(one, Visited) else None for one in told]
        async with self._database.write() as session:
            intake = await self._intake(session)
            await intake.expect(
                people=refs,
                visits_=[one for one in visits if one is not None],
                sheets=[one.sheet for one in told if isinstance(one, Filled)],
            )
            for one, ref, visit in zip(told, refs, visits, strict=True):
                if isinstance(one, Filled):
                    await intake.sheet(SheetReport(person=ref, sheet=one.sheet))
                elif visit is not None:
                    await intake.visit(VisitReport(person=ref, visit=visit))

    async def _intake(self, session: AsyncSession) -> Intake:
        return await open_intake(
            session,
            pack=self._pack,
            vault=self._vault,
            public_url=self._public_url,
            actor="rehearsal",
            now=self._clock.now(),
        )

    def _fact(self, one: Visited) -> VisitFact:
        return VisitFact(
            source=SOURCE,
            number=one.number,
            status=VisitStatus(one.status),
            at=one.at,
            code=one.treatment,
            changed_at=self._clock.now(),
        )

    async def _leave(self, person: Person) -> None:
        try:
            self._tenant.people.patient_deletes_member(person.external_userid, person.userid, silent=True)
        except Mistake:  # she left before
            return
        now = self._clock.now()
        async with self._database.write() as session:
            follow = await people.lost(
                session,
                external_userid=person.external_userid,
                userid=person.userid,
                by=people.BY_PATIENT,
                at=now,
                now=now,
            )
            happening = Happening(kind="lost", at=now, userid=person.userid, by=people.BY_PATIENT)
            roster = await load_roster(session, self._pack)
            patient = await session.get_one(Patient, follow.patient_id)
            await self._follow_up(session, patient, happening, roster)

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
        async with self._database.write() as session:
            await kf.record(session, [heard], vault=self._vault)

    async def _follow_up(
        self, session: AsyncSession, patient: Patient, happening: Happening, roster: Roster
    ) -> None:
        await reconsider(
            session,
            patient,
            happening,
            pack=self._pack,
            roster=roster,
            public_url=self._public_url,
            now=self._clock.now(),
        )

    async def react(self) -> None:
        """Let some of those who were contacted since yesterday answer, book or go, and fill in forms."""
        async with self._database.read() as session:
            rows = (
                await session.execute(
                    select(LedgerEntry.id, Patient.external_userid, Touch.version_id, Touch.step)
                    .join(Patient, Patient.id == LedgerEntry.patient_id)
                    .join(Touch, Touch.id == LedgerEntry.touch_id, isouter=True)
                    .where(LedgerEntry.state == "made", LedgerEntry.id > self._seen_contact)
                    .order_by(LedgerEntry.id)
                )
            ).all()
            forms = await self._forms(session, {row.version_id for row in rows} - {None})
        tomorrow = self._clock.now().astimezone(self._pack.timezone).date() + timedelta(days=1)
        for row in rows:
            self._seen_contact = max(self._seen_contact, row.id)
            person = self._people.get(row.external_userid)
            if person is None:
                continue
            lot, when = self._dice.random(), at_work(self._dice, tomorrow, self._pack.timezone)
            if survey := forms.get((row.version_id, row.step)):
                self._fill(person, survey, f"rehearsal-{row.id}", when)
            if lot < self._behaviour.leaves:
                self._agenda.at(when, partial(self._leave, person))
            elif lot < self._behaviour.leaves + self._behaviour.books:
                self._agenda.at(when, partial(self._make_appointment, person, f"again-{row.id}"))
            elif lot < self._behaviour.leaves + self._behaviour.books + self._behaviour.replies:
                self._agenda.at(when, partial(self._reply, person))

    async def _make_appointment(self, person: Person, number: str) -> None:
        day = self._clock.now().astimezone(self._pack.timezone).date()
        at = at_work(self._dice, day + timedelta(days=self._dice.randrange(2, 10)), self._pack.timezone)
        treatment = self._dice.choice([one.key for one in self._pack.treatments] or [""])
        booked = Visited(person=person, number=number, treatment=treatment, status="booked", at=at)
        await self._tell([booked])
        came = self._dice.random() < self._behaviour.comes
        self._agenda.at(at, replace(booked, status="done" if came else "no_show"))

    async def _forms(self, session: AsyncSession, version_ids: set[int]) -> dict[tuple[int, str], str]:
        """Return which steps of these plans send which survey."""
        plans = await self._book.versions(session, version_ids) if version_ids else {}
        return {
            (version_id, step.key): step.survey
            for version_id, plan in plans.items()
            for step in plan.journey.steps
            if step.channel == "survey"
        }

    def _fill(self, person: Person, survey: str, number: str, when: datetime) -> None:
        """Let her fill in the form, or not: mostly pleased."""
        spec = self._pack.survey(survey)
        asks = [one for one in spec.questions if one.happy or one.unhappy] if spec is not None else []
        if not asks or self._answers.random() >= self._behaviour.fills:
            return
        unhappy = self._answers.random() < self._behaviour.unhappy
        answers = {one.key: (one.unhappy if unhappy else one.happy)[0] for one in asks}
        sheet = SheetFact(survey=survey, number=number, at=when, answers=answers)
        self._agenda.at(when, Filled(person=person, sheet=sheet))
