"""The stage of a rehearsal: a database of its own, a tenant in this process, and people who are known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select

from clinic.care_tables import Benefit, Visit
from clinic.tables import CustomerGroup, Follow, Member, Patient
from content.treatment_specs import Catalogue
from sop.journeys import enrolling, triggers
from sop.journeys.books import book_of
from sop.journeys.enrolling import Candidate, Gate
from sop.plan_tables import PlanVersion, StoredPlan
from sop.plans.importing import import_plans
from sop.roster import load_roster
from wecom.sandbox.state import Member as Colleague

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from sop.rehearsal.model import Person
    from store.database import Database
    from wecom.sandbox.tenant import Tenant

ROWS_AT_ONCE: Final = 1000
SOURCE: Final = "rehearsal"
LOOK_BACK: Final = timedelta(days=400)  # a visit so long ago may still have a yearly step ahead


class StillClock:
    """Time that passes only when it is told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def move_to(self, moment: datetime) -> None:
        """Let it be later; the past does not come back."""
        self._now = max(self._now, moment.astimezone(UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who plays: the members who can send, and the patients."""

    members: tuple[str, ...]
    people: tuple[Person, ...]


async def copy_plans(source: Database, target: Database) -> int:
    """Bring the plans of a clinic's database, with their published versions, onto the stage."""
    async with source.read() as session:
        plans = (await session.scalars(select(StoredPlan))).all()
        versions = (
            await session.scalars(select(PlanVersion).where(PlanVersion.published_at.is_not(None)))
        ).all()
    async with target.write() as session:
        for table, rows in ((StoredPlan, plans), (PlanVersion, versions)):
            for row in rows:
                names = [column.key for column in table.__table__.columns]
                await session.execute(insert(table).values({name: getattr(row, name) for name in names}))
    return len(plans)


async def settle(session: AsyncSession, cast: Cast, tenant: Tenant, pack: Pack, *, now: datetime) -> None:
    """Put everybody on the stage who is known before it begins, and everything that happened before."""
    await import_plans(session, pack, now=now)
    for userid in cast.members:
        if userid not in tenant.corp.members:
            tenant.corp.members[userid] = Colleague(userid=userid, name=userid, departments=(1,))
        session.add(Member(userid=userid, name=userid, serves=True, active=True, seen_at=now))
    for group in tenant.corp.groups.values():
        session.add(
            CustomerGroup(
                chat_id=group.chat_id,
                name=group.name,
                owner=group.owner,
                members=len(group.members),
                created_at=now - timedelta(days=240),
                changed_at=now,
            )
        )
    await session.flush()
    known = [person for person in cast.people if person.added_at <= now]
    for some in _some(known):
        await _record(session, some, pack, now=now)
    for person in known:
        seat(tenant, person)


def seat(tenant: Tenant, person: Person) -> None:
    """Let the tenant know her, too: quotas, friends and recipients are its matter."""
    tenant.people.create_patient(
        f"患者{person.number}", gender=person.gender, external_userid=person.external_userid
    )
    tenant.people.patient_adds_member(
        person.external_userid, person.userid, state=person.channel, silent=True
    )


async def _record(session: AsyncSession, people: Sequence[Person], pack: Pack, *, now: datetime) -> None:
    await session.execute(
        insert(Patient),
        [
            {
                "external_userid": person.external_userid,
                "gender": person.gender,
                "born_on": person.born_on,
                "stage": "visited" if _past(person, now) else "added",
                "stage_at": person.added_at,
                "first_seen_at": person.added_at,
                "updated_at": person.added_at,
            }
            for person in people
        ],
    )
    ids = await ids_of(session, people)
    await session.execute(
        insert(Follow),
        [
            {
                "patient_id": ids[person.external_userid],
                "userid": person.userid,
                "channel": person.channel,
                "channel_at": person.added_at,
                "first_added_at": person.added_at,
                "added_at": person.added_at,
                "changed_at": person.added_at,
                "half": False,
            }
            for person in people
        ],
    )
    visits = [
        {
            "patient_id": ids[person.external_userid],
            "source": SOURCE,
            "number": number_of(person, place),
            "status": "done",
            "at": visit.at,
            "treatment": visit.treatment or None,
            "treatment_code": visit.treatment,
            "created_at": visit.at,
            "updated_at": visit.at,
        }
        for person in people
        for place, visit in enumerate(person.visits)
        if visit.at <= now
    ]
    if visits:
        await session.execute(insert(Visit), visits)
    cards = [
        {
            "patient_id": ids[person.external_userid],
            "source": SOURCE,
            "number": str(person.number),
            "key": "package",
            "title": "洁牙次卡",
            "total": card.total,
            "used": card.used,
            "issued_on": card.issued_on,
            "used_on": card.used_on,
            "expires_on": card.expires_on,
            "changed_at": now,
            "created_at": now,
        }
        for person in people
        if (card := person.card) is not None
    ]
    if cards:
        await session.execute(insert(Benefit), cards)
    await _resume(session, people, ids, pack, now=now)


async def _resume(
    session: AsyncSession, people: Sequence[Person], ids: dict[str, int], pack: Pack, *, now: datetime
) -> None:
    """Let those whose treatment is not long ago be where they would be in its journeys."""
    book = await book_of(session)
    gate = Gate(book=book, pack=pack, roster=await load_roster(session, pack), hours=enrolling.hours_of(pack))
    titles = {key: one.title for key, one in Catalogue(pack.treatments).by_key.items()}
    for published in book.journeys():
        waits = [one for one in published.plan.journey.trigger if one.kind == "visit" and "done" in one.visit]
        found = [
            Candidate(
                patient_id=ids[person.external_userid],
                fact=start.fact,
                trigger_at=start.at,
                cause=start.cause,
                apart=start.apart,
            )
            for person in people
            for place, visit in enumerate(person.visits)
            if now - LOOK_BACK < visit.at <= now
            and any(not w.treatment or triggers.of_treatment(w.treatment, visit.treatment) for w in waits)
            for start in (
                triggers.visit_start(
                    f"{SOURCE}:{number_of(person, place)}",
                    "done",
                    visit.treatment,
                    visit.at,
                    titles=titles,
                    zone=pack.timezone,
                ),
            )
        ]
        if waits and found:
            await enrolling.begin(session, published, found, gate=gate, now=now)


async def ids_of(session: AsyncSession, people: Iterable[Person]) -> dict[str, int]:
    """Return the patients' row ids by their names in WeCom."""
    wanted = [person.external_userid for person in people]
    rows = await session.execute(
        select(Patient.external_userid, Patient.id).where(Patient.external_userid.in_(wanted))
    )
    return {row.external_userid: row.id for row in rows}


def number_of(person: Person, place: int) -> str:
    """Return the name of a visit in the model's own system."""
    return f"{person.number}-{place}"


def _past(person: Person, now: datetime) -> bool:
    return any(visit.at <= now for visit in person.visits)


def _some(people: Sequence[Person]) -> Iterable[Sequence[Person]]:
    return (people[start : start + ROWS_AT_ONCE] for start in range(0, len(people), ROWS_AT_ONCE))
