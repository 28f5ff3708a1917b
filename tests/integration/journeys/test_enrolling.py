"""Who begins a journey and who does not, and that a fact begins one thing once."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select

from clinic import audit, merging, people, stages
from clinic.stages import Stage
from clinic.tables import Patient
from sop.journeys.books import book_of
from sop.journeys.enrolling import Begun, Candidate, Gate, begin, hours_of
from sop.plan_tables import Enrolment
from sop.plans import store
from sop.plans.states import PlanState
from sop.roster import load_roster
from tests.support.plans import journey, meet_many, publish
from tests.support.records import NOW, meet

if TYPE_CHECKING:
    from content.pack import Pack
    from store.database import Database
    from store.vault import Vault


async def let_in(
    database: Database, pack: Pack, key: str, *candidates: Candidate, now: datetime = NOW, **options: Any
) -> Begun:
    async with database.write() as session:
        book = await book_of(session)
        gate = Gate(book=book, pack=pack, roster=await load_roster(session, pack), hours=hours_of(pack))
        plan = book.get(key)
        assert plan is not None
        return await begin(session, plan, candidates, gate=gate, now=now, **options)


def fact(patient_id: int, name: str = "x", *, at: datetime = NOW, **fields: Any) -> Candidate:
    return Candidate(patient_id=patient_id, fact=name, trigger_at=at, cause="试一试", **fields)


async def enrolments(database: Database) -> list[Enrolment]:
    async with database.read() as session:
        return list(await session.scalars(select(Enrolment).order_by(Enrolment.id)))


async def people_of(database: Database, vault: Vault, number: int) -> list[int]:
    async with database.write() as session:
        return [one.id for one in await meet_many(session, vault, number, at=NOW)]


async def test_a_fact_told_many_times_at_once_begins_one_journey_that_knows_its_first_hour(
    database: Database, vault: Vault, pack: Pack
) -> None:
    await publish(database, pack, journey("care"), now=NOW)
    [one] = await people_of(database, vault, 1)

    await asyncio.gather(*(let_in(database, pack, "care", fact(one)) for _ in range(5)))

    [row] = await enrolments(database)
    tomorrow_ten = datetime.combine(
        NOW.date() + timedelta(days=1), datetime.min.time(), tzinfo=pack.timezone
    ) + timedelta(hours=10)
    assert (row.state, row.step, row.due_at, row.next_at) == ("active", "one", tomorrow_ten, tomorrow_ten)
    assert (row.cause, row.reason) == ("试一试", "")


async def test_once_means_once_and_after_days_means_after_days(
    database: Database, vault: Vault, pack: Pack
) -> None:
    again = journey("again", again={"after_days": 30})
    await publish(database, pack, journey("once"), again, now=NOW)
    [one] = await people_of(database, vault, 1)
    for key in ("once", "again"):
        assert (await let_in(database, pack, key, fact(one))).began == [one]

    later = NOW + timedelta(days=20)
    assert (await let_in(database, pack, "once", fact(one, "y"), now=later)).refused == {
        one: "已经在这个旅程里"
    }
    refused = await let_in(database, pack, "again", fact(one, "y"), now=later)
    assert refused.refused == {one: "2025-06-02 开始过，30 天以内不重复"}

    much_later = NOW + timedelta(days=31)
    renewed = await let_in(database, pack, "again", fact(one, "y", at=much_later), now=much_later)
    assert renewed.began == [one]
    rows = [(e.plan_key, e.fact, e.state) for e in await enrolments(database)]
    assert rows == [("once", "x", "active"), ("again", "x", "stopped"), ("again", "y", "active")]


async def test_each_appointment_has_a_journey_of_its_own(
    database: Database, vault: Vault, pack: Pack
) -> None:
    await publish(database, pack, journey("remind"), now=NOW)
    [one] = await people_of(database, vault, 1)

    for name in ("first", "second", "first"):
        await let_in(database, pack, "remind", fact(one, name, apart=True))

    assert [(e.fact, e.state) for e in await enrolments(database)] == [
        ("first", "active"),
        ("second", "active"),
    ]


async def test_who_cannot_begin_is_told_of_with_the_reason(
    database: Database, vault: Vault, pack: Pack
) -> None:
    only = journey("only", only={"age": {"from": 60}})
    await publish(database, pack, only, now=NOW)
    fine, young, gone, erased = await people_of(database, vault, 4)
    async with database.write() as session:
        unknown = await people.local_patient(session, now=NOW)
        for who, born in ((fine, 1950), (young, 2000), (gone, 1950), (erased, 1950)):
            (await session.get_one(Patient, who)).born_on = NOW.date().replace(year=born)
        lost = await session.get_one(Patient, gone)
        at = NOW + timedelta(minutes=1)
        for word, stage, when in (
            (stages.ADDED_KEY, Stage.ADDED, NOW),
            (stages.LOST_KEY, Stage.LOST, at),
        ):
            key = stages.connection_key(word, "xiaohu", when)
            await stages.move(
                session, lost, key=key, stage=stage, at=when, now=at, actor=audit.RULES, reason="x"
            )
        (await session.get_one(Patient, erased)).erased_at = NOW

    begun = await let_in(
        database, pack, "only", *(fact(who) for who in (fine, young, gone, erased, unknown.id, 999))
    )

    assert begun.began == [fine]
    assert begun.refused == {
        young: "不在范围里：要年龄满 60 岁",
        gone: "与我们都断开了联系",
        erased: "已按本人要求删除个人信息",
        unknown.id: "还没有加上企业微信好友，加上以后才能开始",
        999: "档案里没有这个人",
    }


async def test_one_marketing_journey_at_a_time_and_care_beside_it(
    database: Database, vault: Vault, pack: Pack
) -> None:
    selling = [journey(key, purpose="marketing", persona="assistant") for key in ("spring", "summer")]
    await publish(database, pack, *selling, journey("care"), now=NOW)
    [one] = await people_of(database, vault, 1)

    assert (await let_in(database, pack, "spring", fact(one))).began == [one]
    assert (await let_in(database, pack, "summer", fact(one))).refused == {
        one: "正在走另一个推广旅程“旅程 spring”"
    }
    assert (await let_in(database, pack, "care", fact(one))).began == [one]


@pytest.mark.parametrize(
    ("days_ago", "began"), [pytest.param(3, True, id="a step is left"), pytest.param(9, False, id="over")]
)
async def test_what_happened_too_long_ago_begins_nothing(
    database: Database, vault: Vault, pack: Pack, days_ago: int, began: bool
) -> None:
    await publish(database, pack, journey("care"), now=NOW)
    [one] = await people_of(database, vault, 1)

    begun = await let_in(database, pack, "care", fact(one, at=NOW - timedelta(days=days_ago)))

    assert bool(begun.began) == began
    assert bool(begun.refused) != began


async def test_a_paused_plan_takes_nobody_and_a_dry_run_writes_nothing(
    database: Database, vault: Vault, pack: Pack
) -> None:
    await publish(database, pack, journey("care"), now=NOW)
    [one] = await people_of(database, vault, 1)

    assert (await let_in(database, pack, "care", fact(one), dry_run=True)).began == [one]
    async with database.write() as session:
        await store.change_state(session, "care", PlanState.PAUSED, actor="admin", now=NOW)
    begun = await let_in(database, pack, "care", fact(one))

    assert begun.refused == {one: "“旅程 care”现在是“暂停”，不让新的人进来"}
    assert await enrolments(database) == []


async def test_a_merged_record_is_the_person_who_speaks_for_it(
    database: Database, vault: Vault, pack: Pack
) -> None:
    await publish(database, pack, journey("care"), now=NOW)
    async with database.write() as session:
        keep = await meet(session, vault, "wm-keep", "甲")
        other = await meet(session, vault, "wm-other", "乙", userid="zhang.wei")
        await merging.merge(session, keep, other, actor="admin", reason="同一人", now=NOW)

    begun = await let_in(database, pack, "care", fact(other.id), fact(keep.id))

    assert begun.began == [keep.id]
    assert [e.patient_id for e in await enrolments(database)] == [keep.id]


async def test_many_begin_in_as_many_statements_as_one(database: Database, vault: Vault, pack: Pack) -> None:
    only = {"age": {"below": 99}, "tags": "来源/抖音"}
    await publish(database, pack, journey("care", only={"none_of": [only]}), now=NOW)
    ids = await people_of(database, vault, 60)
    counts = []
    for some in (ids[:1], ids[1:]):
        said: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any, said: list[str] = said) -> None:
            said.append(statement)

        event.listen(database.engine.sync_engine, "before_cursor_execute", note)
        begun = await let_in(database, pack, "care", *(fact(one) for one in some))
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
        assert len(begun.began) == len(some)
        counts.append(len(said))

    assert counts[1] <= counts[0], "the first call also read the plan"
