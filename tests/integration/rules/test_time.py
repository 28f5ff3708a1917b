"""Time passes, and nobody does anything: tags expire, children grow, silences end in a stage."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bot.rule_care import RuleCare
from clinic import people
from clinic.care_tables import Visit
from clinic.rules.happenings import Happening
from sop.consequences import reconsider
from sop.roster import load_roster
from store.clock import Clock
from store.database import Database
from tests.support.databases import Templates
from tests.support.history import PUBLIC, WHO, Teller, added

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack

MORNING = datetime(2026, 11, 23, 1, tzinfo=UTC)  # 09:00 in the clinic


class Calendar(Clock):
    """A clock that a test turns by days."""

    def __init__(self) -> None:
        self.at = MORNING

    def now(self) -> datetime:
        return self.at


@pytest.fixture
async def teller(tmp_path: Path, templates: Templates, pack: Pack) -> AsyncIterator[Teller]:
    with templates.copy("sqlite", tmp_path) as url:
        database = Database(url)
        try:
            teller = Teller(database=database, pack=pack)
            await teller.tell(added("xiaohu", MORNING), now=MORNING)
            yield teller
        finally:
            await database.close()


def care(teller: Teller, clock: Clock) -> RuleCare:
    return RuleCare(teller.database, pack=teller.pack, public_url=PUBLIC, clock=clock, on_queued=lambda: None)


async def happen(teller: Teller, happening: Happening, *, born_on: date | None = None) -> None:
    async with teller.database.write() as session:
        patient = await people.patient_of(session, WHO, now=happening.at)
        patient.born_on = born_on or patient.born_on
        await reconsider(
            session,
            patient,
            happening,
            pack=teller.pack,
            roster=await load_roster(session, teller.pack),
            public_url=PUBLIC,
            now=happening.at,
        )
    await teller.accept(now=happening.at)


async def worn(teller: Teller) -> list[str]:
    return [name for _, _, name, _ in (await teller.record())["tags"]]


async def test_a_need_that_she_mentions_no_more_is_forgotten_after_half_a_year(teller: Teller) -> None:
    clock = Calendar()
    await happen(teller, Happening(kind="keyword", at=MORNING, keyword="implant"))
    assert await worn(teller) == ["种植"]

    clock.at = MORNING + timedelta(days=179)
    await care(teller, clock).keep()
    await teller.accept(now=clock.at)
    assert await worn(teller) == ["种植"]

    clock.at = MORNING + timedelta(days=181)
    await care(teller, clock).keep()
    await teller.accept(now=clock.at)
    assert await worn(teller) == []


async def test_a_need_said_again_stays_for_the_longer(teller: Teller) -> None:
    clock = Calendar()
    await happen(teller, Happening(kind="keyword", at=MORNING, keyword="implant"))
    await happen(teller, Happening(kind="keyword", at=MORNING + timedelta(days=100), keyword="implant"))

    clock.at = MORNING + timedelta(days=200)
    assert await care(teller, clock).keep() == 0
    assert await worn(teller) == ["种植"]


@pytest.mark.parametrize(
    ("born_on", "turned"),
    [
        pytest.param(date(2019, 11, 30), datetime(2026, 11, 30, 1, tzinfo=UTC), id="a day like others"),
        pytest.param(date(2020, 2, 29), datetime(2027, 3, 1, 1, tzinfo=UTC), id="born on 29 February"),
    ],
)
async def test_a_child_grows_into_the_next_band_on_her_birthday(
    teller: Teller, born_on: date, turned: datetime
) -> None:
    clock = Calendar()
    await happen(teller, Happening(kind="tick", at=MORNING), born_on=born_on)
    assert await worn(teller) == ["3–6 岁"]

    clock.at = turned - timedelta(days=1)
    keeper = care(teller, clock)
    await keeper.keep()
    await teller.accept(now=clock.at)
    assert await worn(teller) == ["3–6 岁"]

    clock.at = turned
    await keeper.keep()
    await teller.accept(now=clock.at)
    assert await worn(teller) == ["7–12 岁"]


async def test_half_a_year_of_silence_is_followed_up_and_a_year_of_it_is_a_stage(teller: Teller) -> None:
    clock = Calendar()
    async with teller.database.write() as session:
        patient = await people.patient_of(session, WHO, now=MORNING)
        session.add(
            Visit(
                patient_id=patient.id,
                source="clinic",
                number="V1",
                status="done",
                at=MORNING,
                treatment="scaling",
                created_at=MORNING,
                updated_at=MORNING,
            )
        )
    await happen(teller, Happening(kind="visit", at=MORNING, visit_status="done", treatment="scaling"))
    assert ((await teller.record())["stage"][0], await worn(teller)) == ("closed", ["已到店"])

    clock.at = MORNING + timedelta(days=181)
    await care(teller, clock).keep()
    await teller.accept(now=clock.at)
    assert await worn(teller) == ["半年未到店", "已到店"]

    clock.at = MORNING + timedelta(days=366)
    await care(teller, clock).keep()
    await teller.accept(now=clock.at)
    assert (await teller.record())["stage"] == ("dormant", MORNING + timedelta(days=365))
    assert await worn(teller) == ["半年未到店", "许久未到店"]


async def test_looking_again_the_same_day_looks_at_nobody(teller: Teller) -> None:
    clock = Calendar()
    await happen(teller, Happening(kind="tick", at=MORNING), born_on=date(2019, 11, 23))
    keeper = care(teller, clock)

    assert [await keeper.keep(), await keeper.keep()] == [1, 0]
