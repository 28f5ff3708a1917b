"""Planning a week is a pure function: the same facts, the same week, under the personas' rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from content.dated import Window
from content.plans.specs import MomentsBody, Plan, Slot
from sop.planner import GroupFact, History, WeekPlan, coming_week, monday_of, plan_week
from sop.roster import Roster

if TYPE_CHECKING:
    from content.pack import Pack

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = date(2026, 11, 23)
GROUPS = (
    GroupFact(chat_id="wr1", name="微笑口腔·护牙福利社", owner="xiaohu"),
    GroupFact(chat_id="wr2", name="微笑口腔·儿牙成长营", owner="xiaohu"),
    GroupFact(chat_id="wr3", name="张医生种植VIP服务群", owner="zhang.wei"),
)
MONDAYS = st.integers(min_value=0, max_value=400).map(lambda n: date(2024, 1, 1) + timedelta(weeks=n))


def roster_of(pack: Pack, *, serving: tuple[str, ...] = ("xiaohu", "zhang.wei", "li.na")) -> Roster:
    return Roster(
        pack=pack,
        speakers={p.key: p.members for p in pack.personas},
        delegates={p.key: p.delegates for p in pack.personas},
        approvers={p.key: p.approvers for p in pack.personas},
        serving=frozenset(serving),
    )


def planned(
    pack: Pack,
    week: date = MONDAY,
    *,
    history: History | None = None,
    roster: Roster | None = None,
    groups: tuple[GroupFact, ...] = GROUPS,
    not_before: datetime | None = None,
    plans: tuple[Plan, ...] = (),
) -> WeekPlan:
    start = not_before or datetime.combine(week, datetime.min.time(), tzinfo=ZONE)
    return plan_week(
        roster or roster_of(pack),
        week,
        groups=groups,
        history=history or {},
        not_before=start,
        zone=ZONE,
        plans=plans,
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(week=MONDAYS)
def test_every_persona_speaks_on_seven_days_and_every_group_is_served(pack: Pack, week: date) -> None:
    plan = planned(pack, week)

    for persona in pack.personas:
        days = {
            d.scheduled_at.astimezone(ZONE).date()
            for d in plan.drafts
            if d.persona.key == persona.key and d.kind == "moment"
        }
        assert days == {week + timedelta(days=n) for n in range(7)}
    assert {chat for d in plan.drafts for chat in d.chat_ids} == {"wr1", "wr2", "wr3"}
    assert len({d.slot for d in plan.drafts}) == len(plan.drafts)
    assert not [d for d in plan.drafts if d.persona.kind == "doctor" and d.item.category == "活动"]
    assert planned(pack, week) == plan


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=MONDAYS)
def test_four_weeks_in_a_row_repeat_nothing_in_any_scope(pack: Pack, first: date) -> None:
    history: History = {}
    seen: set[tuple[str, str]] = set()
    for n in range(4):
        week = first + timedelta(weeks=n)
        plan = planned(pack, week, history=history)
        used = {(d.scope, d.item.key) for d in plan.drafts}
        assert not used & seen
        assert len(used) == len(plan.drafts)
        seen |= used
        history |= {place: week + timedelta(days=6) for place in used}
        assert plan.notices == ()


def test_two_personas_never_carry_one_text_in_one_week(pack: Pack) -> None:
    keys = [d.item.key for d in planned(pack).drafts]

    assert len(keys) == len(set(keys))


def test_a_persona_without_a_serving_member_is_left_out_and_told(pack: Pack) -> None:
    plan = planned(pack, roster=roster_of(pack, serving=("xiaohu",)))

    assert {d.persona.key for d in plan.drafts} == {"assistant"}
    assert len([n for n in plan.notices if "没有可发送的企业微信成员" in n]) == 2


def test_in_a_fresh_corp_everybody_who_serves_speaks_as_the_default_persona(pack: Pack) -> None:
    plan = planned(pack, roster=roster_of(pack, serving=("lin.mei", "wang.lei")), groups=())

    assert {d.sender for d in plan.drafts} == {"lin.mei", "wang.lei"}
    assert {d.persona.key for d in plan.drafts} == {"assistant"}
    by_hour: dict[datetime, set[str]] = {}
    for draft in plan.drafts:
        by_hour.setdefault(draft.scheduled_at, set()).add(draft.item.key)
    assert {len(keys) for keys in by_hour.values()} == {1}


def test_slots_that_are_past_are_left_out(pack: Pack) -> None:
    noon = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)

    assert min(d.scheduled_at for d in planned(pack, not_before=noon).drafts) >= noon


def test_with_too_little_content_the_longest_rested_item_comes_again_and_is_told(pack: Pack) -> None:
    yesterday = MONDAY - timedelta(days=1)
    history = {("moment:doctor-li", item.key): yesterday for item in pack.moments_for("doctor-li")}
    rested = pack.moments_for("doctor-li")[3].key
    history["moment:doctor-li", rested] = yesterday - timedelta(days=10)

    plan = planned(pack, history=history)

    own = [d for d in plan.drafts if d.scope == "moment:doctor-li"]
    assert own[0].item.key == rested
    assert any("内容不足" in notice for notice in plan.notices)


def test_what_belongs_to_these_days_goes_first_and_comes_on_no_other(pack: Pack) -> None:
    """Saturday's slot prefers 日常 to 节日, but what is dated cannot wait."""
    undated = [item for item in pack.moments if item.window is None]
    sample = next(item for item in pack.moments if item.category == "节日" and "assistant" in item.audience)
    winter = replace(
        sample, key="moment.winter", months=(), window=Window(day="term.dongzhi", first=-3, last=3)
    )
    roster = roster_of(replace(pack, moments=(*undated, winter)))

    days = [
        draft.scheduled_at.astimezone(ZONE).date()
        for week in (date(2026, 12, 7), date(2026, 12, 14), date(2026, 12, 28))
        for draft in planned(pack, week, roster=roster).drafts
        if draft.item.key == "moment.winter"
    ]

    assert days == [date(2026, 12, 19)]  # 冬至 2026 is Tuesday, December 22


def test_what_is_written_for_some_is_drawn_for_them_first_and_for_nobody_else(pack: Pack) -> None:
    tag = "需求/种植"
    sample = next(
        item for item in pack.moments if item.category == "科普" and item.suits(pack.persona("assistant"))
    )
    ours = replace(sample, key="moment.for-some", months=(), window=None, tags=(tag, "需求/矫正"))
    aged = replace(ours, key="moment.for-an-age", tags=(), age=(60, None))
    slots = (Slot(day=3, at=time(20), categories=("科普",)),)
    plan = Plan(
        key="m", kind="moments", title="m", persona="assistant", body=MomentsBody(slots=slots, tags=(tag,))
    )
    roster = roster_of(replace(pack, moments=(*pack.moments, ours, aged)))

    drafts = planned(pack, roster=roster, plans=(plan,)).drafts

    assert [d.item.key for d in drafts if d.tags] == ["moment.for-some"]
    assert not {d.item.key for d in drafts if not d.tags} & {"moment.for-some", "moment.for-an-age"}


@pytest.mark.parametrize(
    ("today", "week"),
    [
        pytest.param(date(2026, 11, 23), date(2026, 11, 23), id="a Monday is its own week"),
        pytest.param(date(2026, 11, 24), date(2026, 11, 30), id="from Tuesday on the next one"),
        pytest.param(date(2026, 11, 29), date(2026, 11, 30), id="on Sunday tomorrow's"),
    ],
)
def test_the_coming_week(today: date, week: date) -> None:
    assert coming_week(today) == week
    assert monday_of(today) in (week, week - timedelta(weeks=1))
