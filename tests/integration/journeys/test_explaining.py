"""For one patient: which touches, which rules, and why not the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from content.plans.specs import After, Condition, Trigger, Way
from sop.explaining import explain, find
from tests.support.journeys import MONDAY, Journeys, hours, journey, step

if TYPE_CHECKING:
    from store.database import Database


async def test_what_she_is_in_what_comes_and_why_not_the_rest(journeys: Journeys, database: Database) -> None:
    care = journey(
        step("tag-now", "tag", add=("需求/洁牙",), title="打标签"),
        step("day-3", after=After(days=3), title="第 3 天"),
        step("day-9", after=After(days=9), title="第 9 天"),
    )
    adults = journey(step(), key="adults", only=Condition(age_from=60), trigger=(Trigger(kind="visit"),))
    birthdays = journey(step(), key="birthdays", trigger=(Trigger(kind="date", date="birthday"),))
    for plan in (adults, birthdays):
        await journeys.publish(plan)
    (patient_id,) = await journeys.begin(care)
    await journeys.run(MONDAY)

    async with database.read() as session:
        patient = await find(session, f"#{patient_id}")
        assert patient is not None
        assert await find(session, "nobody") is None
        said = await explain(session, patient, pack=journeys.pack, at=hours(1))
        before = await explain(session, patient, pack=journeys.pack, at=hours(-1))

    (inside,) = said.inside
    assert (inside.plan, inside.verdict) == ("care", "正在走")
    assert [(one.title, one.state) for one in inside.steps] == [
        ("打标签", "做完"),
        ("第 3 天", "将来"),
        ("第 9 天", "将来"),
    ]
    why = {one.plan: (one.verdict, one.why) for one in said.outside}
    assert why["adults"][0] == "不会开始"
    assert "不在范围里" in why["adults"][1]
    assert why["birthdays"] == ("还没开始", "条件都符合，等的是：生日当天")
    assert before.inside == ()


async def test_what_comes_is_told_up_to_a_branch_and_then_what_it_will_ask(
    journeys: Journeys, database: Database
) -> None:
    fork = step("fork", "branch", after=After(days=1), ways=(Way(go="women", when=Condition(gender=2)),))
    plan = journey(fork, step("men", "todo", after=After(days=2)), step("women", "todo", after=After(days=3)))
    (patient_id,) = await journeys.begin(plan)

    async with database.read() as session:
        patient = await find(session, f"#{patient_id}")
        assert patient is not None
        said = await explain(session, patient, pack=journeys.pack, at=hours(1))

    ((only,),) = (one.steps for one in said.inside)
    assert only.reason == (
        "看她到时候的情况：如果性别女，就到“第 3 步（同事手发，第 3 天）”；都不符合的，接着往下走"
    )
