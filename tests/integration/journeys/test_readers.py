"""A text that is written for some ages or tags reaches nobody else, whatever the plan's own conditions say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clinic.tables import Patient
from content.plans.specs import Condition
from sop.journeys.readers import Readers
from tests.support.journeys import MONDAY, Journeys, journey, step

if TYPE_CHECKING:
    from content.pack import Pack
    from store.database import Database


def written_for(pack: Pack, key: str, **whom: object) -> Pack:
    """The pack with one text for some people only."""
    texts = tuple(replace(item, **whom) if item.key == key else item for item in pack.direct_texts)  # type: ignore[arg-type]
    assert texts != pack.direct_texts
    return replace(pack, direct_texts=texts)


async def test_a_text_for_an_age_is_left_out_for_others_and_says_why(database: Database, pack: Pack) -> None:
    key = pack.direct_texts[0].key
    journeys = Journeys(database, written_for(pack, key, age=(60, None)))
    old, young, unknown = await journeys.patients(3)
    async with database.write() as session:
        (await session.get_one(Patient, old)).born_on = MONDAY.date().replace(year=1950)
        (await session.get_one(Patient, young)).born_on = MONDAY.date().replace(year=2000)
    plan = journey(step("call", "todo", content=key, text=""))
    await journeys.enrol(plan, await journeys.publish(plan), [old, young, unknown])

    await journeys.run(MONDAY)

    assert [due.patient_id for due in journeys.done["todo"].dues] == [old]
    assert sorted(await journeys.told()) == [
        ("call", "queued", ""),
        ("call", "skipped", "不符合条件：年龄满 60 岁"),
        ("call", "skipped", "不符合条件：年龄满 60 岁"),
    ]


def test_what_the_step_asks_and_what_its_text_asks_must_both_hold(pack: Pack) -> None:
    key = pack.direct_texts[0].key
    narrow = written_for(pack, key, age=(3, 12), tags=("需求/种植", "需求/矫正"))
    asked = Condition(age_from=6, any_of=(Condition(visits_from=1), Condition(booked=True)))
    plan = journey(step("call", "todo", content=key, text="", when=asked))

    (narrowed,) = Readers(narrow).of(plan).journey.steps

    assert Readers(pack).of(plan) is plan
    assert narrowed.when == Condition(
        age_from=6,
        age_below=12,
        any_of=(
            Condition(visits_from=1, tags=("需求/种植",)),
            Condition(visits_from=1, tags=("需求/矫正",)),
            Condition(booked=True, tags=("需求/种植",)),
            Condition(booked=True, tags=("需求/矫正",)),
        ),
    )
