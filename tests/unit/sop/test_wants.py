"""What moments and group plans want of a week: pure, in the wanted mix, the calendar first, never too much."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content.plans.specs import CalendarSlot, Campaign, DaySlot, GroupBody, MomentsBody, Slot
from sop.wants import CALENDAR, CREATED, Calendar, Want, Week, group_wants, mixed, moment_wants, shares_of

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = date(2026, 12, 21)  # the week of 冬至 and Christmas
NOON = time(12, 10)


def week(monday: date = MONDAY, *, start: datetime | None = None) -> Week:
    return Week(monday=monday, zone=ZONE, not_before=start or datetime.combine(monday, time(), tzinfo=ZONE))


def slots(*days: int) -> tuple[Slot, ...]:
    return tuple(Slot(day=day, at=NOON, categories=("科普",)) for day in days)


CALENDAR_OF_WEEK = Calendar.around(MONDAY)


def test_a_day_of_the_calendar_takes_the_place_of_the_weekly_slot() -> None:
    body = MomentsBody(
        slots=slots(1, 2, 3),
        calendar=(CalendarSlot(on="12-22", at=time(9, 30), content="festival.winter-solstice"),),
    )

    wants = moment_wants(body, week(), CALENDAR_OF_WEEK, most_a_day=1)

    assert [(want.at.isoweekday(), want.content) for want in wants] == [
        (1, ""),
        (2, "festival.winter-solstice"),
        (3, ""),
    ]
    assert wants[1].rank == CALENDAR


@pytest.mark.parametrize(
    ("name", "day"),
    [
        pytest.param("12-25", date(2026, 12, 25), id="a date of every year"),
        pytest.param("2026-12-25", date(2026, 12, 25), id="one date"),
        pytest.param("term.dongzhi", date(2026, 12, 22), id="a solar term"),
        pytest.param("christmas", date(2026, 12, 25), id="a festival"),
        pytest.param("theme:christmas", date(2026, 12, 22), id="a theme of the year"),
    ],
)
def test_the_calendar_knows_dates_terms_festivals_and_themes(name: str, day: date) -> None:
    assert [d for d in week().days if CALENDAR_OF_WEEK.begins(name, d)] == [day]


def test_an_offset_counts_days_before_and_after() -> None:
    body = MomentsBody(slots=(), calendar=(CalendarSlot(on="12-25", at=NOON, content="x", offset_days=-2),))

    (want,) = moment_wants(body, week(), CALENDAR_OF_WEEK, most_a_day=1)

    assert want.at.astimezone(ZONE).date() == date(2026, 12, 23)


def test_the_mix_decides_what_the_slots_ask_for() -> None:
    wants = [
        Want(at=datetime(2026, 12, 21 + n, 12, tzinfo=ZONE), categories=("科普", "日常")) for n in range(7)
    ]

    first = Counter(want.categories[0] for want in mixed(wants, (("科普", 4), ("日常", 2), ("活动", 1))))

    assert first == {"科普": 4, "日常": 2, "活动": 1}


@given(
    total=st.integers(0, 40),
    mix=st.lists(st.tuples(st.sampled_from("甲乙丙丁"), st.integers(0, 9)), unique_by=lambda p: p[0]),
)
def test_shares_fill_every_place_and_differ_from_exact_by_less_than_one(
    total: int, mix: list[tuple[str, int]]
) -> None:
    room = shares_of(total, mix)

    whole = sum(share for _, share in mix)
    assert not room or sum(room.values()) == total
    assert all(abs(room[c] - total * share / whole) < 1 for c, share in mix if room)


GROUP = GroupBody(
    roles=("community",),
    slots=slots(1, 3, 5),
    after_creation=(DaySlot(day=1, at=time(10), content="group.hello"),),
    after_joining=(DaySlot(day=2, at=time(10), categories=("科普",)),),
    campaigns=(Campaign(on=date(2026, 12, 24), at=time(10), content="campaign.christmas"),),
    max_a_week=3,
)


def test_a_group_gets_what_is_most_particular_first_and_no_more_than_its_week_allows() -> None:
    wants = group_wants(GROUP, week(), created_on=date(2026, 12, 22), joined_on=[date(2026, 12, 21)])

    # The newcomers' post would come at the very minute of the new group's: that one is left out.
    assert [(want.at.isoweekday(), want.content or want.mark) for want in wants] == [
        (1, ""),
        (3, "group.hello"),
        (4, "campaign.christmas"),
    ]


def test_an_old_group_has_its_weekly_slots_only() -> None:
    body = GroupBody(roles=("community",), slots=slots(1, 3, 5), after_creation=GROUP.after_creation)

    wants = group_wants(body, week(), created_on=date(2025, 1, 1), joined_on=())

    assert [want.at.isoweekday() for want in wants] == [1, 3, 5]
    assert not [want for want in wants if want.rank == CREATED]


@settings(max_examples=60)
@given(
    most=st.integers(1, 6),
    created=st.integers(-3, 8),
    joined=st.lists(st.integers(-3, 8), max_size=6),
    start=st.integers(0, 7 * 24),
)
def test_no_group_is_bombarded_and_nothing_is_wanted_of_the_past(
    most: int, created: int, joined: list[int], start: int
) -> None:
    body = GroupBody(
        roles=("community",),
        slots=slots(1, 2, 3, 4, 5, 6, 7),
        after_creation=GROUP.after_creation,
        after_joining=GROUP.after_joining,
        campaigns=GROUP.campaigns,
        max_a_week=most,
    )
    begin = datetime.combine(MONDAY, time(), tzinfo=ZONE) + timedelta(hours=start)

    wants = group_wants(
        body,
        week(start=begin),
        created_on=MONDAY + timedelta(days=created),
        joined_on=[MONDAY + timedelta(days=n) for n in joined],
    )

    assert len(wants) <= most
    assert all(want.at >= begin for want in wants)
    assert len({want.at for want in wants}) == len(wants)
