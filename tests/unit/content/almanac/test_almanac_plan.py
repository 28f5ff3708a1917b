"""The year plan: what fits when, how far apart, what moves, and what a person may change."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from content.almanac import lunar
from content.almanac.almanac import packaged_almanac
from content.almanac.themes import packaged_themes
from content.almanac.year_plan import Edit, annual_plan, judge
from tests.support.checking import packaged_checker

ALMANAC = packaged_almanac()
THEMES = packaged_themes()
CAMPAIGNS = {campaign.key for campaign in (*THEMES.main, *THEMES.second)}
YEARS = range(2018, 2099)  # every day that a theme stands on exists since 2018
DECADES = [range(first, min(first + 10, 2099)) for first in range(2018, 2099, 10)]
years = st.sampled_from(YEARS)
# 2000 has a 29 February.
anniversaries = st.dates(date(2000, 1, 1), date(2000, 12, 31)).map(lambda day: (day.month, day.day))


@cache
def plan_of(year: int):
    return annual_plan(year, THEMES, ALMANAC)


def campaign(plan, key: str):
    return next(slot for slot in plan.campaigns if slot.key == key)


def free_days(one, other) -> int:
    return max((other.start - one.end).days, (one.start - other.end).days) - 1


@pytest.mark.parametrize("years", DECADES)
def test_every_year_has_its_four_tiers_whole(years):
    for year in years:
        plan = plan_of(year)

        tiers = [slot.tier for slot in plan.campaigns]
        assert (tiers.count("主"), tiers.count("次"), len(plan.terms)) == (13, 22, 24)
        assert plan.unplaced == ()
        themes = [week.theme.key for week in plan.weeks if week.theme is not None]
        assert len(themes) == len(set(themes)) == 48
        assert judge(plan, THEMES, ALMANAC) == ()


@pytest.mark.parametrize("years", DECADES)
def test_campaigns_keep_their_distance(years):
    for year in years:
        alone = [slot for slot in plan_of(year).campaigns if not slot.joins]

        for sooner, later in pairwise(alone):
            assert free_days(sooner, later) >= 2
        main = [slot for slot in alone if slot.tier == "主"]
        assert len(main) == 13
        for sooner, later in pairwise(main):
            assert free_days(sooner, later) >= 6


@pytest.mark.parametrize("years", DECADES)
def test_a_second_campaign_without_room_is_held_with_the_one_it_meets(years):
    for year in years:
        plan = plan_of(year)
        joined = [slot for slot in plan.campaigns if slot.joins]

        assert len(joined) <= 8
        for slot in joined:
            host = campaign(plan, slot.joins)
            assert slot.tier == "次"
            assert not host.joins
            assert free_days(host, slot) < 2


@pytest.mark.parametrize("years", DECADES)
def test_implants_wait_until_spring_festival_is_over(years):
    for year in years:
        new_year = lunar.new_year(year)
        quiet = (new_year - timedelta(days=21), new_year + timedelta(days=14))

        plan = plan_of(year)
        spans = [(slot.start, slot.end) for slot in plan.campaigns if "implant" in slot.topics]
        spans += [
            (w.monday, w.sunday) for w in plan.weeks if w.theme is not None and "implant" in w.theme.topics
        ]
        assert len(spans) == 4
        assert not any(start <= quiet[1] and quiet[0] <= end for start, end in spans)


@pytest.mark.parametrize("years", DECADES)
def test_january_is_for_scaling_and_whitening_and_summer_for_children(years):
    for year in years:
        plan = plan_of(year)

        january = campaign(plan, "january-clean")
        assert january.start.month == january.end.month == 1
        assert january.topics == {"scaling", "whitening"}
        told = {w.theme.key for w in plan.weeks if w.theme is not None and w.monday.month == 1}
        assert told >= {"jan-scaling", "jan-whitening"}
        summer = campaign(plan, "summer-children")
        assert date(year, 7, 5) <= summer.start < summer.end <= date(year, 8, 31)
        weeks = [w.theme for w in plan.weeks if w.theme is not None and w.monday.month in {7, 8}]
        assert sum("child" in theme.topics for theme in weeks) >= 7


@pytest.mark.parametrize("years", DECADES)
def test_preparation_and_review_fall_on_workdays_in_good_time(years):
    for year in years:
        leads = {c.key: c.lead for c in (*THEMES.main, *THEMES.second)}

        for slot in plan_of(year).campaigns:
            lead = (slot.start - slot.prepare_on).days
            assert leads[slot.key] <= lead <= leads[slot.key] + 12
            assert slot.review_on >= slot.end + timedelta(days=3)
            assert ALMANAC.is_workday(slot.prepare_on)
            assert ALMANAC.is_workday(slot.review_on)


@pytest.mark.parametrize("years", DECADES)
def test_nothing_begins_on_a_day_of_mourning(years):
    for year in years:
        for slot in plan_of(year).campaigns:
            if not slot.joins:
                assert not any(e.solemn for e in ALMANAC.on(slot.start) if e.kind != "法定假日"), slot


@pytest.mark.parametrize("years", DECADES)
def test_weeks_follow_each_other_and_theme_days_have_their_week(years):
    for year in years:
        plan = plan_of(year)

        assert all(week.monday.weekday() == 0 and week.monday.year == year for week in plan.weeks)
        assert len(plan.weeks) in {52, 53}
        for key, day in (("sep-love-teeth", date(year, 9, 20)), ("feb-feast", lunar.new_year(year))):
            week = next(week for week in plan.weeks if week.theme is not None and week.theme.key == key)
            assert week.monday <= day <= week.sunday
        for week in plan.weeks:
            assert week.theme is None or abs(week.monday.month - week.theme.month) <= 1


def test_a_year_that_people_can_look_up():
    plan = plan_of(2027)
    found = {slot.key: (f"{slot.start:%m-%d}", f"{slot.end:%m-%d}", slot.joins) for slot in plan.campaigns}

    assert found["new-year-wishes"] == ("02-03", "02-07", "")  # 春节 on 6 February
    assert found["mothers-week"] == ("05-06", "05-09", "")  # 母亲节 on 9 May
    assert found["mid-autumn"] == ("09-14", "09-15", "love-teeth-week")
    assert found["fathers-day"] == ("06-21", "06-21", "")  # the Sunday was too near to 618
    assert campaign(plan, "fathers-day").wanted == date(2027, 6, 20)
    assert campaign(plan, "january-clean").prepare_on == date(2026, 12, 14)
    assert [(term.title, term.day) for term in plan.terms[:2]] == [
        ("小寒", date(2027, 1, 5)),
        ("大寒", date(2027, 1, 20)),
    ]


def test_the_same_arguments_give_the_same_plan():
    assert annual_plan(2030, THEMES, ALMANAC) == annual_plan(2030, THEMES, ALMANAC)


@settings(max_examples=60, deadline=None)
@given(year=years, anniversary=anniversaries)
@example(year=2027, anniversary=(2, 29))
@example(year=2028, anniversary=(2, 6))
@example(year=2027, anniversary=(1, 1))
@example(year=2027, anniversary=(12, 31))
def test_the_anniversary_comes_first_and_the_year_arranges_itself_around_it(year, anniversary):
    plan = annual_plan(year, THEMES, ALMANAC, anniversary=anniversary)

    assert {slot.key for slot in plan.campaigns} | {left.key for left in plan.unplaced} == CAMPAIGNS
    party = campaign(plan, "anniversary")
    assert not party.joins
    assert abs(party.start - party.wanted) <= timedelta(days=10)
    assert judge(plan, THEMES, ALMANAC, anniversary=anniversary) == ()


def test_an_edit_stands_and_the_others_make_room():
    start = date(2027, 9, 8)
    edits = [Edit(key="love-teeth-week", start=start, days=5)]

    plan = annual_plan(2027, THEMES, ALMANAC, edits=edits)

    moved = campaign(plan, "love-teeth-week")
    assert (moved.start, moved.end, moved.edited) == (start, date(2027, 9, 12), True)
    assert campaign(plan, "teachers-day").joins == "love-teeth-week"
    assert campaign(plan, "mid-autumn").start == date(2027, 9, 15)  # a day later, with room of its own
    assert judge(plan, THEMES, ALMANAC) == ()


def test_a_dropped_campaign_is_told_and_leaves_its_place():
    plan = annual_plan(2027, THEMES, ALMANAC, edits=[Edit(key="love-teeth-week", drop=True)])

    assert [(left.key, left.why) for left in plan.unplaced] == [("love-teeth-week", "这一年不办")]
    assert campaign(plan, "mid-autumn").joins == ""


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        pytest.param(Edit(key="spring-implant", start=date(2027, 1, 28)), "年前做手术", id="out of season"),
        pytest.param(
            Edit(key="year-end", start=date(2027, 12, 13)), "纪念日 12-13", id="on a day of mourning"
        ),
        pytest.param(Edit(key="year-end", start=date(2028, 1, 3)), "超出了 2027 年", id="outside the year"),
    ],
)
def test_an_edit_that_breaks_a_rule_is_kept_and_said(edit, says):
    plan = annual_plan(2027, THEMES, ALMANAC, edits=[edit])

    findings = judge(plan, THEMES, ALMANAC)
    assert campaign(plan, edit.key).start == edit.start
    assert any(edit.key in finding.keys and says in finding.says for finding in findings)


def test_two_edits_that_stand_too_near_are_said_together():
    edits = [
        Edit(key="year-end", start=date(2027, 11, 20)),
        Edit(key="spring-implant", start=date(2027, 11, 25), days=3),
    ]

    findings = judge(annual_plan(2027, THEMES, ALMANAC, edits=edits), THEMES, ALMANAC)

    assert [finding.says for finding in findings] == [
        "“双12 年终回馈”和“春季缺牙修复月”之间只空 0 天，至少要 6 天"
    ]


@settings(max_examples=60, deadline=None)
@given(
    year=years,
    edits=st.lists(
        st.builds(
            Edit,
            key=st.sampled_from(sorted(CAMPAIGNS)),
            start=st.none() | st.dates(date(2027, 1, 1), date(2027, 12, 1)),
            days=st.none() | st.integers(1, 20),
            drop=st.booleans(),
        ),
        max_size=6,
        unique_by=lambda edit: edit.key,
    ),
)
def test_whatever_is_edited_no_campaign_is_lost_or_doubled(year, edits):
    edits = [
        replace(e, start=e.start and e.start.replace(year=year))
        for e in edits
        if e.start != date(2028, 2, 29)
    ]

    plan = annual_plan(year, THEMES, ALMANAC, edits=edits)

    keys = [slot.key for slot in plan.campaigns] + [left.key for left in plan.unplaced]
    assert sorted(keys) == sorted(CAMPAIGNS)
    edited = {edit.key for edit in edits}
    assert all(slot.key in edited for slot in plan.campaigns if slot.edited)
    # What the planner placed by itself is never to blame alone.
    assert all(edited & set(finding.keys) for finding in judge(plan, THEMES, ALMANAC))


def test_a_theme_without_a_day_this_year_is_told():
    plan = annual_plan(2010, THEMES, ALMANAC)

    assert [(left.key, left.why) for left in plan.unplaced if left.key == "oral-health-week"] == [
        ("oral-health-week", "这一年没有这个日子")
    ]


def test_an_edit_of_an_unknown_campaign_is_refused():
    with pytest.raises(ValueError, match="no-such"):
        annual_plan(2027, THEMES, ALMANAC, edits=[Edit(key="no-such", drop=True)])


@pytest.mark.parametrize("year", [2000, 2099])
def test_a_year_without_neighbours_cannot_be_planned(year):
    with pytest.raises(ValueError, match=str(year)):
        annual_plan(year, THEMES, ALMANAC)


def test_the_tips_and_ideas_pass_the_compliance_check():
    checker = packaged_checker()
    texts = [*THEMES.terms, *(w.title for w in THEMES.weekly)]
    texts += [text for c in (*THEMES.main, *THEMES.second) for text in (c.title, c.idea)]

    findings = [
        (text, f.rule) for text in texts for f in checker.check(text, persona="assistant", channel="group")
    ]

    assert [found for found in findings if found] == []
