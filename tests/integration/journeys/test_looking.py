"""Whom a day lets begin: birthdays, appointments, cards that end or lie unused, long silences; once each."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from bot.journey_care import JourneyCare
from clinic.care_tables import Benefit, Visit
from clinic.tables import Follow, Patient
from content.library.view import Library
from content.render import Renderer
from sop.journeys.looking import born_on, days_to_look
from sop.plan_tables import Enrolment
from store.clock import Clock
from tests.support.checking import packaged_checker
from tests.support.journeys import people
from tests.support.plans import journey, publish

if TYPE_CHECKING:
    from content.pack import Pack
    from store.database import Database
    from store.vault import Vault

MORNING = datetime(2027, 2, 27, 1, tzinfo=UTC)  # a Saturday, 09:00 in the clinic
TODAY = date(2027, 2, 27)


class Calendar(Clock):
    """A clock that a test turns by days."""

    def __init__(self) -> None:
        self.at = MORNING

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Calendar:
    return Calendar()


@pytest.fixture
def care(database: Database, pack: Pack, vault: Vault, clock: Calendar) -> JourneyCare:
    return JourneyCare(
        database,
        library=Library(database, pack),
        renderer=Renderer(),
        checker=packaged_checker(),
        vault=vault,
        public_url="https://clinic.example",
        clock=clock,
        on_queued=lambda: None,
    )


async def found(database: Database) -> list[tuple[int, str, str]]:
    async with database.read() as session:
        rows = await session.scalars(select(Enrolment).order_by(Enrolment.id))
        return [(one.patient_id, one.fact, one.cause) for one in rows]


async def born(database: Database, *days: date) -> list[int]:
    async with database.write() as session:
        ids = await people(session, len(days), at=MORNING)
        for patient_id, day in zip(ids, days, strict=True):
            (await session.get_one(Patient, patient_id)).born_on = day
        return ids


def on_date(kind: str, **fields: Any) -> dict[str, Any]:
    return journey(kind.replace("_", "-"), {"on": "date", "date": kind} | fields)


def benefit(patient_id: int, number: str, **fields: Any) -> Benefit:
    values: dict[str, Any] = {
        "patient_id": patient_id,
        "source": "clinic",
        "number": number,
        "key": "family",
        "title": "家庭卡",
        "total": 4,
        "used": 1,
        "issued_on": TODAY - timedelta(days=300),
        "changed_at": MORNING,
        "created_at": MORNING,
    }
    return Benefit(**(values | fields))


async def test_a_birthday_is_found_once_a_year_days_before_it_and_after_a_downtime(
    database: Database, pack: Pack, care: JourneyCare, clock: Calendar
) -> None:
    await publish(database, pack, on_date("birthday", offset_days=-2), now=MORNING)
    await born(database, date(1990, 3, 1), date(1988, 2, 29), date(1950, 3, 4), date(1999, 9, 9))

    assert (await care.look(), await care.look()) == (2, 0)
    clock.at += timedelta(days=4)  # the program was off for three days
    assert await care.look() == 1
    clock.at = clock.at.replace(year=2028, month=2, day=27)
    assert await care.look() == 1, "a leap year; of the year in between a month is made up for"
    clock.at += timedelta(days=1)
    await care.look()

    assert sorted(await found(database)) == [
        (1, "birthday:2027", "03-01 生日"),
        (1, "birthday:2028", "03-01 生日"),
        (2, "birthday:2027", "03-01 生日"),
        (2, "birthday:2028", "02-29 生日"),
        (3, "birthday:2027", "03-04 生日"),
    ]


async def test_nobody_is_looked_for_before_dawn_or_for_a_plan_that_waits_for_no_day(
    database: Database, pack: Pack, care: JourneyCare, clock: Calendar
) -> None:
    await publish(database, pack, on_date("birthday"), journey("added", {"on": "added"}), now=MORNING)
    await born(database, date(1990, 2, 27))

    clock.at = MORNING - timedelta(hours=5)
    assert await care.look() == 0
    clock.at = MORNING
    assert await care.look() == 1


async def test_an_appointment_is_found_the_day_before_unless_it_was_called_off(
    database: Database, pack: Pack, care: JourneyCare
) -> None:
    await publish(database, pack, on_date("appointment", offset_days=-1), now=MORNING)
    ids = await born(database, date(1990, 1, 1), date(1990, 1, 1))
    async with database.write() as session:
        for patient_id, status in zip(ids, ("booked", "cancelled"), strict=True):
            session.add(
                Visit(
                    patient_id=patient_id,
                    source="clinic",
                    number=f"V{patient_id}",
                    status=status,
                    at=MORNING + timedelta(days=1, hours=3),
                    treatment="scaling",
                    created_at=MORNING,
                    updated_at=MORNING,
                )
            )

    await care.look()

    assert await found(database) == [
        (ids[0], "appointment:clinic:V1:20270228T1200", "约了 2027-02-28 12:00 洁牙")
    ]


async def test_a_card_that_ends_and_one_that_lies_unused(
    database: Database, pack: Pack, care: JourneyCare
) -> None:
    unused = journey("unused", {"on": "unused_benefit", "days": 90})
    await publish(database, pack, on_date("card_expiry", offset_days=-30), unused, now=MORNING)
    ids = await born(database, *[date(1990, 1, 1)] * 4)
    soon, long_ago = TODAY + timedelta(days=30), TODAY - timedelta(days=90)
    async with database.write() as session:
        session.add_all(
            [
                benefit(ids[0], "A", expires_on=soon),
                benefit(ids[1], "B", expires_on=soon, used=4),
                benefit(ids[2], "C", used_on=long_ago),
                benefit(ids[3], "D", used_on=TODAY - timedelta(days=10), issued_on=long_ago),
            ]
        )

    await care.look()

    assert sorted(await found(database)) == [
        (ids[0], "expiry:clinic:A:20270329", "“家庭卡”2027-03-29 到期"),
        (ids[2], "unused:clinic:C:20261129", "“家庭卡”还剩 3 次，90 天没有用"),
    ]


async def test_who_was_not_heard_of_for_so_many_days_is_dormant(
    database: Database, pack: Pack, care: JourneyCare
) -> None:
    await publish(database, pack, journey("wake", {"on": "dormant", "days": 180}), now=MORNING)
    silent, back = await born(database, date(1990, 1, 1), date(1990, 1, 1))
    seen = MORNING - timedelta(days=180)
    async with database.write() as session:
        for number, (patient_id, at) in enumerate(
            [(silent, seen), (back, seen), (back, MORNING - timedelta(days=20))]
        ):
            session.add(
                Visit(
                    patient_id=patient_id,
                    source="clinic",
                    number=f"V{number}",
                    status="done",
                    at=at,
                    created_at=at,
                    updated_at=at,
                )
            )
        # They added us before that.
        long_ago = seen - timedelta(days=9)
        await session.execute(update(Follow).values(added_at=long_ago, first_added_at=long_ago))

    await care.look()

    assert await found(database) == [(silent, "dormant:20260831", "2026-08-31 以后 180 天没有来往")]


def test_a_leap_day_is_kept_on_the_first_of_march_in_other_years() -> None:
    assert date(1988, 2, 29) in set(born_on(date(2027, 3, 1)))
    assert date(1988, 2, 29) not in set(born_on(date(2028, 3, 1)))
    assert date(1988, 2, 29) in set(born_on(date(2028, 2, 29)))


@pytest.mark.parametrize(
    ("looked", "days"),
    [
        pytest.param(None, 1, id="new plan"),
        pytest.param(TODAY, 0, id="looked today"),
        pytest.param(TODAY - timedelta(days=3), 3, id="off for two days"),
        pytest.param(TODAY - timedelta(days=400), 32, id="off for a year"),
    ],
)
def test_missed_days_are_made_up_for(looked: date | None, days: int) -> None:
    found = days_to_look(looked, TODAY)

    assert len(found) == days
    assert found[-1:] in ([TODAY], [])
