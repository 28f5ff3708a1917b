"""The tick: what is due becomes touches, posts and to-dos, once each, and everything else has a reason."""

from __future__ import annotations

from datetime import time, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from clinic.care_tables import SurveyAnswer, Visit
from clinic.tables import Follow
from content.plans.specs import After, Condition, Late, Stop, Trigger, Variant, Way
from sop import pauses
from sop.journeys.ports import Verdict
from sop.plan_tables import Enrolment
from tests.support.journeys import MONDAY, TEXT, hours, journey, step

if TYPE_CHECKING:
    from sop.journeys.ports import Due
    from tests.support.journeys import Journeys

DAY_3 = step("day-3", after=After(days=3), at=time(10))
DAY_7 = step("day-7", after=After(days=7), at=time(10))
CALL = step("call", "todo", after=After(days=3), at=time(10))


async def test_a_mass_step_becomes_one_post_for_all_a_day_ahead(journeys: Journeys) -> None:
    await journeys.begin(journey(DAY_3), 7)

    await journeys.run(hours(1, hours=21))
    assert await journeys.posts() == []
    await journeys.run(hours(1, hours=22))

    (post,) = await journeys.posts()
    assert post.state == "in_review"
    assert (post.text, post.sender, post.scheduled_at) == (TEXT, "xiaohu", hours(3))
    assert len(post.audience["external_userids"]) == 7
    assert (post.plan_key, post.step, post.purpose) == ("care", "day-3", "care")
    touches = await journeys.touches()
    assert {touch.post_id for touch in touches} == {post.id}
    assert {(touch.state, touch.at) for touch in touches} == {("queued", hours(3))}
    assert {(one.patient_id, one.at) for one in journeys.caps.contacts} == {
        (touch.patient_id, hours(3)) for touch in touches
    }


async def test_a_journey_ends_when_its_last_contact_has_gone_out(journeys: Journeys) -> None:
    await journeys.begin(journey(DAY_3))
    await journeys.run(hours(2))
    (enrolment,) = await journeys.enrolments()
    assert (enrolment.state, enrolment.step, enrolment.contacts) == ("active", None, 1)

    await journeys.run(hours(3))
    (enrolment,) = await journeys.enrolments()
    assert (enrolment.state, enrolment.reason) == ("done", "走完了")


async def test_steps_follow_each_other(journeys: Journeys) -> None:
    await journeys.begin(journey(CALL, step("mark", "tag", after=After(days=4)), DAY_7))
    for day in range(8):
        await journeys.run(hours(day))
    assert [(key, state) for key, state, _ in await journeys.told()] == [
        ("call", "queued"),
        ("mark", "done"),
        ("day-7", "queued"),
    ]


async def test_a_tick_run_twice_changes_nothing(journeys: Journeys) -> None:
    await journeys.begin(journey(CALL), 3)
    await journeys.run(hours(3))
    await journeys.run(hours(3))
    assert len(journeys.done["todo"].dues) == 3


async def test_small_ticks_do_the_same_as_one(journeys: Journeys) -> None:
    await journeys.begin(journey(DAY_3), 23)
    assert await journeys.run(hours(2), limit=5) == 6
    (post,) = await journeys.posts()
    assert len(post.audience["external_userids"]) == 23


async def test_what_comes_drop_by_drop_is_gathered_before_the_review(journeys: Journeys) -> None:
    plan = journey(step("day-1", after=After(days=1), at=time(10)))
    version = await journeys.publish(plan)
    for number in range(5):
        ids = await journeys.patients(1, first=number + 1)
        at = hours(hours=number + 0.5)
        await journeys.enrol(plan, version, ids, at=at)
        await journeys.run(at)
    assert await journeys.posts() == []
    assert await journeys.states() == {"ready": 5}
    await journeys.run(hours(hours=10.5))  # 20:30 of the evening before
    (post,) = await journeys.posts()
    assert len(post.audience["external_userids"]) == 5


async def test_steps_members_and_wordings_do_not_mix(journeys: Journeys) -> None:
    ab = step(
        "day-3",
        after=After(days=3),
        at=time(10),
        variants=(Variant(key="a", share=1, text="牙龈还好吗？"), Variant(key="b", share=1, text="还疼吗？")),
    )
    plan = journey(ab)
    version = await journeys.publish(plan)
    await journeys.enrol(plan, version, await journeys.patients(40))
    await journeys.enrol(plan, version, await journeys.patients(1, userid="zhang.wei", first=100))
    await journeys.run(hours(2))
    posts = await journeys.posts()
    assert {(post.sender, post.text) for post in posts} >= {
        ("xiaohu", "牙龈还好吗？"),
        ("xiaohu", "还疼吗？"),
    }
    assert len(posts) == 3
    assert sum(len(post.audience["external_userids"]) for post in posts) == 41


class TestReasons:
    """Nothing silently never happens."""

    async def test_a_condition_that_does_not_hold(self, journeys: Journeys) -> None:
        only = step("call", "todo", when=Condition(gender=2))
        await journeys.begin(journey(only), 2)
        await journeys.run(MONDAY)
        assert sorted(await journeys.told()) == [
            ("call", "queued", ""),
            ("call", "skipped", "不符合条件：性别女"),
        ]

    async def test_a_stop(self, journeys: Journeys) -> None:
        await journeys.begin(journey(CALL, stops=(Stop(on="replied"),)))
        (enrolment,) = await journeys.enrolments()
        async with journeys.database.write() as session:
            session.add(
                SurveyAnswer(patient_id=enrolment.patient_id, survey="s", number="1", answers={}, at=hours(1))
            )
        await journeys.run(hours(3))
        assert await journeys.told() == [("call", "skipped", "她已经回复")]
        (enrolment,) = await journeys.enrolments()
        assert (enrolment.state, enrolment.reason) == ("stopped", "她已经回复")

    async def test_a_goal_that_is_reached_after_the_last_contact_was_queued(self, journeys: Journeys) -> None:
        await journeys.begin(journey(DAY_3, goal=(Stop(on="booked"),)))
        await journeys.run(hours(2))
        (enrolment,) = await journeys.enrolments()
        async with journeys.database.write() as session:
            session.add(
                Visit(
                    patient_id=enrolment.patient_id,
                    source="clinic",
                    number="1",
                    status="booked",
                    at=hours(9),
                    created_at=hours(2.5),
                    updated_at=hours(2.5),
                )
            )
        await journeys.run(hours(3))
        (enrolment,) = await journeys.enrolments()
        assert (enrolment.state, enrolment.reason) == ("goal", "达到目标：已经约了 2026-03-11 到店")

    async def test_nobody_to_send(self, journeys: Journeys) -> None:
        await journeys.begin(journey(DAY_3))
        async with journeys.database.write() as session:
            await session.execute(update(Follow).values(lost_at=hours(1)))
        await journeys.run(hours(2))
        assert await journeys.told() == [("day-3", "skipped", "已经没有好友关系")]

    async def test_she_left_before_the_post_was_made(self, journeys: Journeys) -> None:
        await journeys.begin(journey(step("day-1", after=After(days=1), at=time(10))), 2, at=hours(0.1))
        await journeys.run(hours(0.1))
        (first, _) = await journeys.enrolments()
        async with journeys.database.write() as session:
            await session.execute(
                update(Follow).where(Follow.patient_id == first.patient_id).values(lost_at=hours(0.2))
            )
        await journeys.run(hours(hours=11))
        assert await journeys.told() == [
            ("day-1", "dropped", "已经没有好友关系"),
            ("day-1", "queued", ""),
        ]
        (first, _) = await journeys.enrolments()
        assert first.contacts == 0

    async def test_a_day_off(self, journeys: Journeys) -> None:
        await journeys.begin(journey(step("call", "todo", after=After(days=5), at=time(10), workday="skip")))
        await journeys.run(hours(5))
        assert await journeys.told() == [("call", "skipped", "这一步休息日不发")]

    async def test_enough_contacts(self, journeys: Journeys) -> None:
        second = step("again", "todo", after=After(days=4))
        await journeys.begin(journey(CALL, second, step("mark", "tag"), max_contacts=1))
        await journeys.run(hours(4))
        assert await journeys.told() == [
            ("call", "queued", ""),
            ("again", "skipped", "这个旅程最多联系 1 次，已经用完"),
            ("mark", "done", ""),
        ]

    async def test_no_text(self, journeys: Journeys) -> None:
        await journeys.begin(journey(step("day-3", text="{{ patient.name }}你好")))
        await journeys.run(MONDAY)
        ((_, state, reason),) = await journeys.told()
        assert state == "failed"
        assert reason.startswith("没有可发的内容：")

    async def test_a_cap_that_drops(self, journeys: Journeys) -> None:
        journeys.caps.judge = lambda _: Verdict.drop("7 天内的营销已有 2 次")
        await journeys.begin(journey(CALL))
        await journeys.run(hours(3))
        assert await journeys.told() == [("call", "dropped", "7 天内的营销已有 2 次")]
        assert journeys.caps.contacts == []

    async def test_a_cap_that_holds_longer_than_the_step_may_be_late(self, journeys: Journeys) -> None:
        journeys.caps.judge = lambda due: Verdict.hold(due.at + timedelta(days=2), "7 天内的营销已有 2 次")
        await journeys.begin(journey(CALL))
        await journeys.run(hours(3))
        assert await journeys.told() == [
            ("call", "dropped", "7 天内的营销已有 2 次（原定 03-05 10:00，最多晚 24 小时）")
        ]


async def test_what_a_cap_holds_goes_out_later(journeys: Journeys) -> None:
    def later(due: Due) -> Verdict:
        until = hours(3, hours=5)
        return Verdict() if due.at >= until else Verdict.hold(until, "与另一次营销相隔不到 48 小时")

    journeys.caps.judge = later
    await journeys.begin(journey(CALL))
    await journeys.run(hours(3))
    assert await journeys.told() == [("call", "held", "与另一次营销相隔不到 48 小时")]
    (touch,) = await journeys.touches()
    assert touch.at == hours(3, hours=5)
    await journeys.run(hours(3, hours=4))
    assert await journeys.states() == {"held": 1}
    await journeys.run(hours(3, hours=5))
    assert await journeys.told() == [("call", "queued", "")]


async def test_a_kill_switch_holds_and_nothing_is_lost(journeys: Journeys) -> None:
    await journeys.begin(journey(CALL))
    async with journeys.database.write() as session:
        await pauses.throw(
            session, "plan:care", pack=journeys.pack, by="admin", now=hours(2), reason="等负责人确认"
        )
    await journeys.run(hours(3))
    ((_, state, reason),) = await journeys.told()
    assert (state, "已暂停" in reason) == ("held", True)
    async with journeys.database.write() as session:
        await pauses.lift(session, "plan:care", by="admin", now=hours(3, hours=1))
    await journeys.run(hours(3, hours=2))
    assert await journeys.told() == [("call", "queued", "")]


class TestLate:
    """The program was away while a step was due."""

    async def test_within_its_hours_it_still_goes_out(self, journeys: Journeys) -> None:
        await journeys.begin(journey(DAY_3))
        await journeys.run(hours(3, hours=5))
        (post,) = await journeys.posts()
        assert post.scheduled_at == hours(3, hours=6)

    async def test_never_at_night(self, journeys: Journeys) -> None:
        await journeys.begin(journey(DAY_3))
        await journeys.run(hours(3, hours=13))
        (touch,) = await journeys.touches()
        assert touch.at == hours(3, hours=23)

    async def test_later_it_is_left_out(self, journeys: Journeys) -> None:
        await journeys.begin(journey(DAY_3))
        await journeys.run(hours(4, hours=2))
        assert await journeys.told() == [
            ("day-3", "skipped", "错过了时间（原定 03-05 10:00，最多晚 24 小时）")
        ]

    async def test_or_at_once_when_the_plan_says_so(self, journeys: Journeys) -> None:
        await journeys.begin(journey(step("call", "todo", late=Late(kind="skip"))))
        await journeys.run(hours(hours=1))
        assert await journeys.told() == [("call", "skipped", "错过了时间（原定 03-02 10:00）")]

    async def test_somebody_is_asked(self, journeys: Journeys) -> None:
        await journeys.begin(journey(step("call", "kf", late=Late(kind="ask"))))
        await journeys.run(hours(hours=1))
        assert await journeys.told() == [("call", "asked", "错过了时间（原定 03-02 10:00）")]
        assert [one.state for one in await journeys.todos()] == ["open"]

    async def test_and_says_yes(self, journeys: Journeys) -> None:
        await journeys.begin(journey(step("call", "kf", late=Late(kind="ask"))))
        await journeys.run(hours(hours=1))
        await journeys.answer(done=True, now=hours(hours=5))
        await journeys.run(hours(hours=5))
        assert await journeys.told() == [("call", "sent", "")]

    async def test_or_no(self, journeys: Journeys) -> None:
        await journeys.begin(journey(step("call", "kf", late=Late(kind="ask"))))
        await journeys.run(hours(hours=1))
        await journeys.answer(done=False, now=hours(hours=5))
        await journeys.run(hours(hours=5))
        assert await journeys.told() == [("call", "skipped", "同事决定不发了")]

    async def test_nobody_answers(self, journeys: Journeys) -> None:
        await journeys.begin(journey(step("call", "kf", late=Late(kind="ask"))))
        await journeys.run(hours(hours=1))
        await journeys.run(hours(1, hours=2))
        assert await journeys.told() == [("call", "expired", "没有人决定要不要发")]
        assert [one.state for one in await journeys.todos()] == ["dropped"]


class TestBranches:
    FORK = step(
        "fork",
        "branch",
        ways=(Way(go="women", when=Condition(gender=2)), Way(go="end", when=Condition(gender=1))),
    )

    async def test_the_first_way_that_holds_is_taken(self, journeys: Journeys) -> None:
        plan = journey(self.FORK, step("men", "todo"), step("women", "todo"))
        await journeys.begin(plan, 2)
        await journeys.run(MONDAY)
        assert await journeys.told() == [
            ("fork", "done", "走到“第 3 步（同事手发，当天）”"),
            ("women", "queued", ""),
            ("fork", "done", "走完了"),
        ]

    async def test_without_a_way_she_goes_straight_on(self, journeys: Journeys) -> None:
        fork = step("fork", "branch", ways=(Way(go="end", when=Condition(booked=True)),))
        await journeys.begin(journey(fork, step("call", "todo")))
        await journeys.run(MONDAY)
        assert [key for key, _, _ in await journeys.told()] == ["fork", "call"]

    async def test_ways_that_ask_the_same_are_drawn_by_lot(self, journeys: Journeys) -> None:
        fork = step("fork", "branch", ways=(Way(go="a", share=1), Way(go="b", share=3)))
        await journeys.begin(journey(fork, step("a", "todo", next="end"), step("b", "todo")), 200)
        await journeys.run(MONDAY)
        gone = [due.step.key for due in journeys.done["todo"].dues]
        assert 30 <= gone.count("a") <= 70


async def test_contacts_keep_their_distance(journeys: Journeys) -> None:
    second = step("again", "todo", after=After(days=4), at=time(10), late=Late(hours=72))
    await journeys.begin(journey(CALL, second, min_days_between=3))
    for day in (3, 4):
        await journeys.run(hours(day))
    assert (await journeys.told())[1] == ("again", "held", "离上一次联系不到 3 天")
    await journeys.run(hours(6))
    assert (await journeys.told())[1] == ("again", "queued", "")


async def test_who_speaks(journeys: Journeys) -> None:
    plan = journey(CALL, persona="doctor")
    version = await journeys.publish(plan)
    (both,) = await journeys.patients(1)
    async with journeys.database.write() as session:
        session.add(
            Follow(
                patient_id=both,
                userid="zhang.wei",
                added_at=hours(-90),
                first_added_at=hours(-90),
                changed_at=hours(-90),
            )
        )
    (only,) = await journeys.patients(1, first=2)
    await journeys.enrol(plan, version, [both, only])
    await journeys.run(hours(3))
    by_patient = {due.patient_id: (due.sender, due.persona) for due in journeys.done["todo"].dues}
    # She who knows no doctor hears of her care from whom she knows.
    assert by_patient[both][0] == "zhang.wei"
    assert by_patient[only] == ("xiaohu", "assistant")


async def test_marketing_comes_from_the_persona_or_not_at_all(journeys: Journeys) -> None:
    await journeys.begin(journey(CALL, persona="doctor", purpose="marketing"))
    await journeys.run(hours(3))
    assert await journeys.told() == [("call", "skipped", "没有加“医生”的好友")]


async def test_who_was_moved_to_a_step_that_she_has_had_goes_on(journeys: Journeys) -> None:
    plan = journey(CALL, step("mark", "tag", after=After(days=9)))
    await journeys.begin(plan)
    await journeys.run(hours(3))
    version = await journeys.publish(plan)
    async with journeys.database.write() as session:
        (enrolment,) = await journeys.enrolments()
        await session.execute(
            update(Enrolment)
            .where(Enrolment.id == enrolment.id)
            .values(version_id=version, step="call", due_at=None, next_at=hours(4))
        )
    await journeys.run(hours(4))
    assert len(journeys.done["todo"].dues) == 1
    (enrolment,) = await journeys.enrolments()
    assert (enrolment.step, enrolment.due_at) == ("mark", hours(9))


@pytest.mark.parametrize("trigger", ["visit", "added"])
async def test_a_visit_on_the_same_day_belongs_to_the_visit_that_began_it(
    journeys: Journeys, trigger: str
) -> None:
    plan = journey(CALL, trigger=(Trigger(kind=trigger),), stops=(Stop(on="visited"),))
    await journeys.begin(plan)
    (enrolment,) = await journeys.enrolments()
    async with journeys.database.write() as session:
        session.add(
            Visit(
                patient_id=enrolment.patient_id,
                source="clinic",
                number="1",
                status="done",
                at=hours(hours=2),
                created_at=hours(hours=2),
                updated_at=hours(hours=2),
            )
        )
    await journeys.run(hours(3))
    assert await journeys.states() == {"queued" if trigger == "visit" else "skipped": 1}
