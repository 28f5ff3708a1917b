from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content.house import HouseRules
from sop.caps.rules import Counted, Wish, counts_as, rule, window

ZONE = ZoneInfo("Asia/Shanghai")
HOUSE = HouseRules()


def at(day: int, hour: int = 10, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def wish(moment: datetime, *, marketing: bool = True, quota: bool = True, hours: int | None = 72) -> Wish:
    latest = None if hours is None else moment + timedelta(hours=hours)
    return Wish(at=moment, marketing=marketing, quota=quota, persona="assistant", latest=latest)


def marketing(*moments: datetime) -> list[Counted]:
    return [Counted(at=moment, marketing=True, quota=True, persona="assistant") for moment in moments]


def judge(one: Wish, counted: list[Counted], house: HouseRules = HOUSE):
    return rule(one, counted, house=house, zone=ZONE)


def test_the_first_contact_is_allowed_when_it_was_wished():
    ruling = judge(wish(at(23)), [])

    assert (ruling.allowed, ruling.at) == (True, at(23))


@pytest.mark.parametrize(
    ("counted", "wished", "later", "broken"),
    [
        pytest.param([at(22)], at(23), at(24), "apart", id="48 hours after the last"),
        pytest.param([at(24)], at(23), at(26), "apart", id="one that is planned already counts too"),
        pytest.param([at(18), at(21)], at(23), at(25), "week", id="two in seven days"),
        pytest.param([at(20), at(26)], at(23), at(28), "week", id="between two others"),
        pytest.param([], at(23, 22), at(24, 9), "quiet", id="at night"),
    ],
)
def test_marketing_over_a_cap_waits_for_the_first_moment_that_all_rules_allow(counted, wished, later, broken):
    ruling = judge(wish(wished, hours=24 * 7), marketing(*counted))

    assert (ruling.rule, ruling.at) == (broken, later)


def test_marketing_that_cannot_be_put_off_long_enough_is_never():
    ruling = judge(wish(at(23), hours=20), marketing(at(22)))

    assert (ruling.at, ruling.reason) == (None, "与另一次营销（11-22 10:00）相隔不到 48 小时")


def test_a_clinic_may_want_no_marketing_at_all():
    assert judge(wish(at(23)), [], HouseRules(marketing_a_week=0)).rule == "never"


def test_care_is_exempt_from_the_marketing_cap_and_from_nothing_else():
    care = wish(at(23), marketing=False, hours=None)
    two = marketing(at(22), at(22, 15))

    assert judge(care, two).allowed
    assert judge(care, two, HouseRules(wecom_quota="day_1")).allowed
    assert judge(wish(at(23, 22), marketing=False), []).rule == "quiet"


def test_one_account_writes_to_a_patient_only_so_often_a_day():
    twice = [Counted(at=at(23, hour), persona="assistant") for hour in (9, 11)]
    ruling = judge(wish(at(23, 15), marketing=False), twice)

    assert (ruling.rule, ruling.at) == ("day", at(24, 15))
    other = [Counted(at=at(23, hour), persona="doctor-zhang") for hour in (9, 11)]
    assert judge(wish(at(23, 15), marketing=False), other).allowed


@pytest.mark.parametrize(
    ("quota", "counted", "later"),
    [
        pytest.param("day_1", [at(23, 9)], at(24), id="one a day"),
        pytest.param("week_7", [at(23, 9, minute) for minute in range(7)], at(30), id="seven a week"),
        pytest.param(
            "days_of_month",
            [at(1 + n, 9) for n in range(30)],
            at(1, month=12),
            id="as many a month as it has days",
        ),
    ],
)
def test_what_wecoms_quota_leaves_no_room_for_waits_for_its_next_window(quota, counted, later):
    sent = [Counted(at=moment, quota=True, persona="x") for moment in counted]
    ruling = judge(wish(at(23), marketing=False, hours=None), sent, HouseRules(wecom_quota=quota))

    assert (ruling.rule, ruling.at) == ("quota", later)


def test_a_quota_that_wecom_called_full_stays_full_until_its_window_ends():
    full = [Counted(at=at(22), full=True)]

    assert judge(wish(at(23), marketing=False, hours=None), full).at == at(1, month=12)
    assert judge(wish(at(23), marketing=False, quota=False), full).allowed


def test_windows_are_those_of_the_calendar():
    begin, end, most = window("days_of_month", at(15), ZONE)
    assert (begin, end, most) == (at(1, 0), at(1, 0, month=12), 30)
    begin, end, most = window("week_7", at(25), ZONE)
    assert (begin, end, most) == (at(23, 0), at(30, 0), 7)


WISHES = st.lists(
    st.tuples(
        st.integers(0, 20 * 24 * 4),  # quarters of an hour since the 1st
        st.booleans(),
        st.booleans(),
        st.sampled_from(["assistant", "doctor-zhang", ""]),
        st.sampled_from([None, 0, 24, 24 * 9]),
    ),
    max_size=14,
)


@settings(max_examples=150, deadline=None)
@given(wishes=WISHES, quota=st.sampled_from(["days_of_month", "week_7", "day_1"]), most=st.integers(0, 3))
def test_whatever_the_order_of_decisions_nobody_is_ever_contacted_more_than_allowed(wishes, quota, most):
    house = HouseRules(wecom_quota=quota, marketing_a_week=most)
    granted: list[Counted] = []
    for quarters, is_marketing, is_mass, persona, hours in wishes:
        moment = at(1, 0) + timedelta(minutes=15 * quarters)
        one = Wish(
            at=moment,
            marketing=is_marketing,
            quota=is_mass,
            persona=persona,
            latest=None if hours is None else moment + timedelta(hours=hours),
        )
        ruling = judge(one, granted, house)
        assert ruling == judge(one, granted[::-1], house), "the order of the ledger must not matter"
        if ruling.at is None:
            continue
        assert ruling.at >= moment
        assert one.latest is None or ruling.at <= one.latest
        assert ruling.allowed == (ruling.at == moment)
        granted.append(counts_as(one, ruling.at))

    assert not any(house.is_quiet(one.at, ZONE) for one in granted)
    times = sorted(one.at for one in granted if one.marketing)
    assert all(later - first >= timedelta(hours=48) for first, later in pairwise(times))
    assert all(last - first >= timedelta(days=7) for first, last in zip(times, times[most:], strict=False))
    for one in granted:
        begin, end, room = window(quota, one.at, ZONE)
        assert sum(other.quota and begin <= other.at < end for other in granted) <= room
        day = one.at.astimezone(ZONE).date()
        same = [o for o in granted if o.persona == one.persona and o.at.astimezone(ZONE).date() == day]
        assert not one.persona or len(same) <= 2
