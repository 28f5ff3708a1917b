"""Taking in what the clinic's own system tells: visits, filled-in surveys, cards, and what follows from them.

One intake serves one transaction: open it with :func:`open_intake`, tell it everything, commit. What it
refuses it has not written. :func:`take_in` does that for a list.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic import audit, benefits, surveys, todos, visits
from clinic.people import NumberTaken, identify
from clinic.rules.happenings import Happening
from clinic.tables import Member
from clinic.whose import Book, PersonUnclear
from content.treatment_specs import Catalogue
from sop import survey_moods
from sop.consequences import reconsider
from sop.handouts import hand_out
from sop.journeys.benefits import heed
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.benefits import BenefitFact
    from clinic.care_tables import Benefit, SurveyAnswer, Visit
    from clinic.surveys import SheetFact
    from clinic.tables import Patient
    from clinic.visits import Outcome, Recorded, VisitFact
    from clinic.whose import PersonRef
    from content.pack import Pack
    from sop.roster import Roster
    from store.database import Database
    from store.vault import Vault

PAGE: Final = "/console/imports"
AT_ONCE: Final = 50
# A transaction that holds SQLite's only writer for longer would make a greeting wait.
HOLD_S: Final = 0.15
_DETAILS: Final = {"clinic_number": "病历号", "phone": "电话", "real_name": "姓名", "born_on": "生日"}


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitReport:
    """A visit and whose it is, as the clinic's system tells it."""

    person: PersonRef
    visit: VisitFact


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetReport:
    """A filled-in survey and whose it is."""

    person: PersonRef
    sheet: SheetFact


@dataclass(frozen=True, slots=True, kw_only=True)
class BenefitReport:
    """A card or package and whose it is."""

    person: PersonRef
    benefit: BenefitFact


Report = VisitReport | SheetReport | BenefitReport


@dataclass(slots=True, kw_only=True)
class Intake:
    """Records facts in one transaction; made by :func:`open_intake`."""

    session: AsyncSession
    pack: Pack
    vault: Vault
    roster: Roster
    catalogue: Catalogue
    book: Book
    doctors: Mapping[str, str]
    public_url: str
    actor: str
    now: datetime
    zone_day: str
    known_visits: dict[visits.Key, Visit] = field(default_factory=dict)
    known_sheets: dict[surveys.Key, SurveyAnswer] = field(default_factory=dict)
    known_cards: dict[visits.Key, Benefit] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)

    async def expect(
        self,
        *,
        people: Iterable[PersonRef],
        visits_: Iterable[VisitFact] = (),
        sheets: Iterable[SheetFact] = (),
        cards: Iterable[BenefitFact] = (),
    ) -> None:
        """Read everything that these facts may concern, before they are told one by one."""
        await self.book.load(people)
        self.known_visits |= await visits.load(self.session, [visit.key for visit in visits_])
        self.known_sheets |= await surveys.load(self.session, [sheet.key for sheet in sheets])
        self.known_cards |= await benefits.load(self.session, [card.key for card in cards])

    async def person(self, ref: PersonRef) -> Outcome:
        """Record an expected person as the clinic's system knows her; it knows better than we.

        Raises:
            PersonUnclear: it cannot be told who is meant; nothing was written.
        """
        patient = self.book.find(ref)
        if patient is None:
            await self.book.take(ref, now=self.now)
            return "added"
        try:
            changed = await identify(
                self.session,
                patient,
                self.vault,
                now=self.now,
                real_name=ref.name,
                phone=ref.phone,
                clinic_number=self.book.new_number(patient, ref),
                born_on=ref.born_on,
            )
        except NumberTaken as exc:
            raise PersonUnclear("clinic_number", str(exc)) from exc
        self.book.note(patient, ref)
        if changed:
            named = "、".join(_DETAILS[one] for one in changed)
            audit.record(
                self.session,
                at=self.now,
                actor=self.actor,
                action="patient.details",
                subject=f"patient:{patient.external_userid}",
                reason=f"按诊所系统的档案更新了{named}",
            )
        return "changed" if changed else "same"

    async def visit(self, report: VisitReport) -> tuple[Patient, Recorded]:
        """Record an expected visit and what follows from it.

        Raises:
            PersonUnclear: it cannot be told whose it is; nothing was written.
        """
        patient = await self.book.take(report.person, now=self.now)
        fact = with_userid(report.visit, self.doctors)
        treatment = self.catalogue.find(fact.code)
        recorded = await visits.record(
            self.session,
            patient,
            fact,
            self.known_visits,
            treatment=treatment.key if treatment else None,
            title=treatment.title if treatment else "",
            vault=self.vault,
            actor=self.actor,
            now=self.now,
        )
        if recorded.fresh:
            if recorded.unknown_code:
                self.unknown[fact.code] += 1
            await self.session.flush()
            await self._reconsider(
                patient,
                Happening(
                    kind="visit",
                    at=fact.happened_at,
                    visit_status=fact.status.value,
                    treatment=treatment.key if treatment else "",
                    visit_at=fact.at,
                    ref=f"{fact.source}:{fact.number}",
                ),
            )
        return patient, recorded

    async def sheet(self, report: SheetReport) -> tuple[Patient, SurveyAnswer, str]:
        """Record an expected sheet and what follows from its answers; see :meth:`visit`."""
        patient = await self.book.take(report.person, now=self.now)
        fact = survey_moods.felt(report.sheet, self.pack)
        sheet, outcome = surveys.record(self.session, patient, fact, self.known_sheets)
        if outcome in ("added", "changed"):
            await self.session.flush()
            answers: dict[str, object] = dict(fact.answers)
            await self._reconsider(
                patient,
                Happening(kind="survey", at=fact.at, survey=fact.survey, answers=answers, ref=fact.number),
            )
            await survey_moods.tell(
                self.session,
                patient,
                fact,
                pack=self.pack,
                roster=self.roster,
                public_url=self.public_url,
                now=self.now,
            )
        return patient, sheet, outcome

    async def benefit(self, report: BenefitReport) -> tuple[Patient, Benefit, Outcome]:
        """Record an expected card and what follows from how it stands; see :meth:`visit`."""
        patient = await self.book.take(report.person, now=self.now)
        card, outcome = benefits.record(
            self.session, patient, report.benefit, self.known_cards, actor=self.actor, now=self.now
        )
        if outcome in ("added", "changed"):
            await heed(self.session, patient, card, pack=self.pack, roster=self.roster, now=self.now)
        return patient, card, outcome

    async def tell_unknown(self) -> None:
        """Ask a manager, once a day, to add the codes that the catalogue lacks."""
        if not self.unknown:
            return
        # The codes themselves stay on the page: a wrong column could make a patient's name one.
        await hand_out(
            self.session,
            roster=self.roster,
            public_url=self.public_url,
            key=f"treatment-codes:{self.zone_day}",
            kind="treatment_code",
            assignee=todos.MANAGER,
            title="有就诊项目不在治疗目录里",
            body="就诊已经记下，但认不出是什么治疗，回访和标签规则会漏掉它们。请打开“导入”页查看，补进治疗目录。",
            now=self.now,
            page=PAGE,
        )

    async def _reconsider(self, patient: Patient, happening: Happening) -> None:
        await reconsider(
            self.session,
            patient,
            happening,
            pack=self.pack,
            roster=self.roster,
            public_url=self.public_url,
            now=self.now,
        )


async def open_intake(
    session: AsyncSession, *, pack: Pack, vault: Vault, public_url: str, actor: str, now: datetime
) -> Intake:
    """Begin to take in facts in this transaction; other intakes wait until it ends."""
    await visits.one_at_a_time(session)
    return Intake(
        session=session,
        pack=pack,
        vault=vault,
        roster=await load_roster(session, pack, now=now),
        catalogue=Catalogue(pack.treatments),
        book=Book(session, vault),
        doctors=await doctors_of(session, pack),
        public_url=public_url,
        actor=actor,
        now=now,
        zone_day=now.astimezone(pack.timezone).date().isoformat(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of one report."""

    number: str
    outcome: str
    external_userid: str
    unknown_code: bool = False


class NotTaken(ValueError):
    """Some reports are about nobody who can be told: by their places in what was given, why."""

    def __init__(self, faults: Sequence[tuple[int, PersonUnclear]]) -> None:
        super().__init__("；".join(f"{place}: {fault}" for place, fault in faults))
        self.faults = tuple(faults)


async def take_in(
    database: Database,
    reports: Sequence[Report],
    *,
    pack: Pack,
    vault: Vault,
    public_url: str,
    actor: str,
    now: datetime,
) -> list[Taken]:
    """Record all of these reports, or none, and return what became of each.

    They are looked through first and then recorded in short transactions: one long one would keep SQLite's
    only writer from a callback. Cut off between two of them, the same call told again does the rest.

    Raises:
        NotTaken: nothing was recorded.
    """
    async with database.read() as session:
        await _look_through(Book(session, vault), reports)
    taken: list[Taken] = []
    while len(taken) < len(reports):
        began = time.monotonic()
        async with database.write() as session:
            intake = await open_intake(
                session, pack=pack, vault=vault, public_url=public_url, actor=actor, now=now
            )
            some = reports[len(taken) : len(taken) + AT_ONCE]
            await intake.expect(
                people=[one.person for one in some],
                visits_=[one.visit for one in some if isinstance(one, VisitReport)],
                sheets=[one.sheet for one in some if isinstance(one, SheetReport)],
                cards=[one.benefit for one in some if isinstance(one, BenefitReport)],
            )
            done = []
            for one in some:
                try:
                    done.append(await _take(intake, one))
                except PersonUnclear as exc:  # somebody changed a record since it was looked through
                    raise NotTaken([(len(taken) + len(done), exc)]) from exc
                if time.monotonic() - began > HOLD_S:
                    break
            await intake.tell_unknown()
        taken += done
    return taken


async def _look_through(book: Book, reports: Sequence[Report]) -> None:
    await book.load([one.person for one in reports])
    faults = []
    for place, one in enumerate(reports):
        try:
            book.pretend(one.person)
        except PersonUnclear as exc:
            faults.append((place, exc))
    if faults:
        raise NotTaken(faults)


async def _take(intake: Intake, one: Report) -> Taken:
    if isinstance(one, BenefitReport):
        patient, card, became = await intake.benefit(one)
        return Taken(number=card.number, outcome=became, external_userid=patient.external_userid)
    if isinstance(one, SheetReport):
        patient, sheet, outcome = await intake.sheet(one)
        return Taken(number=sheet.number, outcome=outcome, external_userid=patient.external_userid)
    patient, recorded = await intake.visit(one)
    return Taken(
        number=one.visit.number,
        outcome=recorded.outcome,
        external_userid=patient.external_userid,
        unknown_code=recorded.unknown_code,
    )


async def doctors_of(session: AsyncSession, pack: Pack) -> Mapping[str, str]:
    """Return the userids of members by what the clinic's system may call them, where that is one member."""
    named: dict[str, set[str]] = {}
    rows = await session.execute(select(Member.userid, Member.name, Member.alias).where(Member.active))
    for userid, name, alias in rows:
        for called in {name, alias} - {""}:
            named.setdefault(called, set()).add(userid)
    for persona in pack.personas:
        if persona.kind == "doctor":
            named.setdefault(persona.name, set()).update(persona.members)
    return {called: next(iter(userids)) for called, userids in named.items() if len(userids) == 1}


def with_userid(fact: VisitFact, doctors: Mapping[str, str]) -> VisitFact:
    """Return a fact with the doctor's userid where the clinic's system wrote a name that we know."""
    userid = doctors.get(fact.doctor)
    return replace(fact, doctor=userid) if userid else fact
