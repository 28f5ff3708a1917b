"""Days off and make-up workdays: as the State Council published them, and what is expected before it does."""

from __future__ import annotations

from datetime import date, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.almanac.almanac import Almanac, packaged_almanac
from content.almanac.workdays import Arrangement, expected, packaged_workdays

# The State Council's notices: the spans of days off, then the weekend days worked for them.
NOTICES = {
    2020: (
        "01-01..01-01 01-24..02-02 04-04..04-06 05-01..05-05 06-25..06-27 10-01..10-08",
        "01-19 04-26 05-09 06-28 09-27 10-10",
    ),
    2021: (
        "01-01..01-03 02-11..02-17 04-03..04-05 05-01..05-05 06-12..06-14 09-19..09-21 10-01..10-07",
        "02-07 02-20 04-25 05-08 09-18 09-26 10-09",
    ),
    2022: (
        "01-01..01-03 01-31..02-06 04-03..04-05 04-30..05-04 06-03..06-05 09-10..09-12 10-01..10-07",
        "01-29 01-30 04-02 04-24 05-07 10-08 10-09",
    ),
    2023: (
        "01-01..01-02 01-21..01-27 04-05..04-05 04-29..05-03 06-22..06-24 09-29..10-06",
        "01-28 01-29 04-23 05-06 06-25 10-07 10-08",
    ),
    2024: (
        "01-01..01-01 02-10..02-17 04-04..04-06 05-01..05-05 06-10..06-10 09-15..09-17 10-01..10-07",
        "02-04 02-18 04-07 04-28 05-11 09-14 09-29 10-12",
    ),
    2025: (
        "01-01..01-01 01-28..02-04 04-04..04-06 05-01..05-05 05-31..06-02 10-01..10-08",
        "01-26 02-08 04-27 09-28 10-11",
    ),
    2026: (
        "01-01..01-03 02-15..02-23 04-04..04-06 05-01..05-05 06-19..06-21 09-25..09-27 10-01..10-07",
        "01-04 02-14 02-28 05-09 09-20 10-10",
    ),
}
DECADES = [range(first, first + 10) for first in range(2000, 2100, 10)]
DECADES_BUT_THE_LAST_YEAR = [range(first, min(first + 10, 2099)) for first in range(2000, 2100, 10)]
days = st.dates(date(2000, 1, 1), date(2099, 12, 1))


@pytest.fixture(scope="module")
def workdays():
    return packaged_workdays()


def of_year(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=n) for n in range(366) if (first + timedelta(days=n)).year == year]


def spans(year: int) -> set[date]:
    off = set()
    for span in NOTICES[year][0].split():
        first, last = (date.fromisoformat(f"{year}-{day}") for day in span.split(".."))
        off |= {first + timedelta(days=n) for n in range((last - first).days + 1)}
    return off


def made_up(year: int) -> set[date]:
    return {date.fromisoformat(f"{year}-{day}") for day in NOTICES[year][1].split()}


@pytest.mark.parametrize("year", NOTICES)
def test_every_day_of_a_published_year_is_as_in_the_notice(workdays, year):
    # 30 and 31 December 2022 and 2023 belong to the next year's notice and are weekends anyway.
    wrong = [
        day
        for day in of_year(year)
        if workdays.is_workday(day)
        != (day in made_up(year) or (day.weekday() < 5 and day not in spans(year)))
    ]

    assert wrong == []
    assert not workdays.is_provisional(date(year, 10, 1))


@pytest.mark.parametrize("years", DECADES)
def test_workdays_complement_days_off_in_every_year(workdays, years):
    for year in years:
        arrangement = workdays.arrangement(year)

        assert not arrangement.off.keys() & arrangement.work.keys()
        assert all(day.weekday() >= 5 for day in arrangement.work), "only a weekend day can be made up"
        free = [day for day in of_year(year) if not workdays.is_workday(day)]
        weekends = [day for day in of_year(year) if day.weekday() >= 5]
        assert set(free) == (set(weekends) | {day for day in arrangement.off if day.year == year}) - set(
            arrangement.work
        )
        assert 104 <= len(free) <= 128


@given(day=days)
def test_the_next_workday_is_the_first_that_is_worked(day):
    workdays = packaged_workdays()
    found = workdays.next_workday(day)

    assert workdays.is_workday(found)
    assert (found - day).days <= 12
    assert not any(workdays.is_workday(day + timedelta(days=n)) for n in range((found - day).days))
    assert workdays.last_workday(found) == found


@pytest.mark.parametrize(
    ("day", "following"),
    [
        pytest.param("2026-02-15", "2026-02-24", id="over the whole of 春节"),
        pytest.param("2026-02-14", "2026-02-14", id="a Saturday that is worked"),
        pytest.param("2026-02-28", "2026-02-28", id="the Saturday after it"),
        pytest.param("2026-10-01", "2026-10-08", id="over 国庆"),
        pytest.param("2026-09-19", "2026-09-20", id="from a free Saturday to a worked Sunday"),
        pytest.param("2026-11-24", "2026-11-24", id="a plain Tuesday"),
        pytest.param("2027-02-05", "2027-02-15", id="over an expected 春节 and its weekend"),
    ],
)
def test_the_workday_rule_of_plans_goes_to_the_next_workday(workdays, day, following):
    assert workdays.next_workday(date.fromisoformat(day)) == date.fromisoformat(following)


@pytest.mark.parametrize("year", [2025, 2026])
def test_what_the_rules_let_expect_came_true_when_the_notice_was_published(year):
    """The rules are of November 2024. Nothing expected may be wrong; the notice only adds bridges."""
    assert {day for day in expected(year).off if day.year == year} <= {
        day for day in of_year(year) if day in spans(year) or day.weekday() >= 5
    }
    assert len(expected(year).off) >= 22


@pytest.mark.parametrize("years", DECADES)
def test_an_expected_year_frees_every_statutory_day_and_guesses_no_make_up_day(years):
    for year in years:
        arrangement = expected(year)

        assert set(arrangement.off.values()) == {
            "new-year", "spring-festival", "qingming", "labour-day", "dragon-boat", "mid-autumn", "national-day",
        }  # fmt: skip
        assert not arrangement.work
        assert not arrangement.published


def test_mid_autumn_within_the_golden_week_makes_it_a_day_longer():
    assert date(2028, 10, 8) in expected(2028).off  # 中秋 on 3 October
    assert date(2027, 10, 8) not in expected(2027).off  # 中秋 on 15 September


def test_a_year_without_a_notice_says_that_it_is_provisional():
    entries = packaged_almanac().days(2027)
    holidays = [entry for entry in entries if entry.kind == "法定假日"]

    assert [(entry.title, f"{entry.start:%m-%d}", f"{entry.end:%m-%d}") for entry in holidays] == [
        ("元旦放假", "01-01", "01-03"),
        ("春节放假", "02-05", "02-12"),
        ("清明节放假", "04-03", "04-05"),
        ("劳动节放假", "05-01", "05-05"),
        ("端午节放假", "06-09", "06-09"),
        ("中秋节放假", "09-15", "09-15"),
        ("国庆节放假", "10-01", "10-07"),
    ]
    assert all(entry.provisional and "国务院" in entry.note for entry in holidays)


def test_the_last_days_of_a_published_year_wait_for_the_next_notice(workdays):
    assert workdays.is_provisional(date(2026, 12, 30))
    assert not workdays.is_provisional(date(2026, 12, 28))
    assert not workdays.is_provisional(date(2025, 12, 30))


def test_a_notice_can_be_taken_in_before_the_tables_have_it(workdays):
    notice = Arrangement(
        year=2027,
        off=MappingProxyType({date(2027, 2, 15): "spring-festival"}),
        work=MappingProxyType({date(2027, 2, 20): "spring-festival"}),
        published=True,
    )

    almanac = Almanac(workdays.with_notice(notice))

    assert not almanac.is_workday(date(2027, 2, 15))
    assert almanac.is_workday(date(2027, 2, 20))
    assert almanac.next_workday(date(2027, 2, 13)) == date(2027, 2, 16)
    assert not almanac.workdays.is_provisional(date(2026, 12, 30))
    assert workdays.is_workday(date(2027, 2, 15)), "the packaged tables stay as they are"


def test_a_holiday_over_new_year_is_one_entry_of_both_years():
    def holiday(year: int):
        return next(e for e in packaged_almanac().days(year) if e.key == "off.new-year" and e.season == 2023)

    assert holiday(2022) == holiday(2023)
    assert (holiday(2023).start, holiday(2023).end) == (date(2022, 12, 31), date(2023, 1, 2))


def test_holidays_that_meet_are_told_as_one():
    entries = {entry.title: entry for entry in packaged_almanac().days(2025) if entry.kind == "法定假日"}

    assert (entries["国庆节、中秋节放假"].start, entries["国庆节、中秋节放假"].end) == (
        date(2025, 10, 1),
        date(2025, 10, 8),
    )


@pytest.mark.parametrize("years", DECADES_BUT_THE_LAST_YEAR)
def test_neighbouring_years_agree_about_the_holiday_between_them(years):
    """Also where New Year's weekend is only expected and reaches back into December."""
    for year in years:
        almanac = packaged_almanac()
        mine = [entry for entry in almanac.days(year) if entry.end.year > year]
        theirs = [entry for entry in almanac.days(year + 1) if entry.start.year == year]

        assert mine == theirs
