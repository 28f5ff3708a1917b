"""The days of the year against published tables (2020–2030) and against a sky computed from scratch."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest

from content.almanac import lunar
from content.almanac.almanac import packaged_almanac
from content.almanac.entries import Entry
from tests.support import sky

YEARS = range(2000, 2100)
DECADES = [range(first, first + 10) for first in range(2000, 2100, 10)]
# Days of the month of the 24 terms, from 小寒 to 冬至, two a month.
TERM_DAYS = {
    2020: "6 20 4 19 5 20 4 19 5 20 5 21 6 22 7 22 7 22 8 23 7 22 7 21",
    2021: "5 20 3 18 5 20 4 20 5 21 5 21 7 22 7 23 7 23 8 23 7 22 7 21",
    2022: "5 20 4 19 5 20 5 20 5 21 6 21 7 23 7 23 7 23 8 23 7 22 7 22",
    2023: "5 20 4 19 6 21 5 20 6 21 6 21 7 23 8 23 8 23 8 24 8 22 7 22",
    2024: "6 20 4 19 5 20 4 19 5 20 5 21 6 22 7 22 7 22 8 23 7 22 6 21",
    2025: "5 20 3 18 5 20 4 20 5 21 5 21 7 22 7 23 7 23 8 23 7 22 7 21",
    2026: "5 20 4 18 5 20 5 20 5 21 5 21 7 23 7 23 7 23 8 23 7 22 7 22",
    2027: "5 20 4 19 6 21 5 20 6 21 6 21 7 23 8 23 8 23 8 23 7 22 7 22",
    2028: "6 20 4 19 5 20 4 19 5 20 5 21 6 22 7 22 7 22 8 23 7 22 6 21",
    2029: "5 20 3 18 5 20 4 20 5 21 5 21 7 22 7 23 7 23 8 23 7 22 7 21",
    2030: "5 20 4 18 5 20 5 20 5 21 5 21 7 23 7 23 7 23 8 23 7 22 7 22",
}
# 春节, 元宵, 端午, 七夕, 中秋, 重阳
MOON_DAYS = {
    2020: "01-25 02-08 06-25 08-25 10-01 10-25",
    2021: "02-12 02-26 06-14 08-14 09-21 10-14",
    2022: "02-01 02-15 06-03 08-04 09-10 10-04",
    2023: "01-22 02-05 06-22 08-22 09-29 10-23",
    2024: "02-10 02-24 06-10 08-10 09-17 10-11",
    2025: "01-29 02-12 05-31 08-29 10-06 10-29",
    2026: "02-17 03-03 06-19 08-19 09-25 10-18",
    2027: "02-06 02-20 06-09 08-08 09-15 10-08",
    2028: "01-26 02-09 05-28 08-26 10-03 10-26",
    2029: "02-13 02-27 06-16 08-16 09-22 10-16",
    2030: "02-03 02-17 06-05 08-05 09-12 10-05",
}
MOON_KEYS = ("spring-festival", "lantern", "dragon-boat", "qixi", "mid-autumn", "double-ninth")


@pytest.fixture(scope="module")
def almanac():
    return packaged_almanac()


@pytest.mark.parametrize("year", TERM_DAYS)
def test_the_solar_terms_are_the_published_ones(year):
    days = [int(day) for day in TERM_DAYS[year].split()]

    assert lunar.solar_terms(year) == tuple(date(year, 1 + n // 2, day) for n, day in enumerate(days))


@pytest.mark.parametrize("year", MOON_DAYS)
def test_the_lunar_festivals_are_the_published_ones(almanac, year):
    found = [f"{almanac.find(key, year).start:%m-%d}" for key in MOON_KEYS]

    assert found == MOON_DAYS[year].split()


def test_every_term_of_the_century_is_where_the_sun_says():
    wrong, near = [], 0
    for year in YEARS:
        for index, day in enumerate(lunar.solar_terms(year)):
            moment = sky.term_moment(year, index)
            if sky.minutes_from_midnight(moment) < 20:  # our sun is good to about 15 minutes
                near += 1
                assert abs(day - moment.date()) <= timedelta(days=1)
            elif day != moment.date():
                wrong.append((day, moment))

    assert wrong == []
    assert near < 100  # of 2400: the check must stay a check


def test_every_lunar_month_of_the_century_is_where_the_moon_says():
    wrong, near = [], []
    for year in YEARS:
        starts = sky.month_starts(year)
        assert sorted(starts) == list(range(1, 11))
        moons = {moment.date(): moment for moment in sky.new_moons(year)}
        for month, first in starts.items():
            if (found := lunar.lunar_day(year, month, 1)) != first:
                doubtful = sky.minutes_from_midnight(moons[first]) < 1  # as good as our moon is
                (near if doubtful else wrong).append((year, month, found))

    assert wrong == []
    assert near == [(2057, 9, date(2057, 9, 29))]  # 3 s from midnight: our formula cannot tell


def test_the_leap_month_that_breaks_simple_calendars_is_right():
    """2033 has months without a 中气 before its leap month 11: a naive rule makes 中秋 a month late."""
    assert lunar.lunar_day(2033, 8, 15) == date(2033, 9, 8)
    assert lunar.new_year(2034) == date(2034, 2, 19)


@pytest.mark.parametrize("years", DECADES)
def test_every_year_has_24_terms_in_order_a_fortnight_apart(almanac, years):
    for year in years:
        terms = [entry for entry in almanac.days(year) if entry.kind == "节气"]

        assert [entry.title for entry in terms] == [title for _, title in lunar.TERMS]
        gaps = [(later.start - sooner.start).days for sooner, later in pairwise(terms)]
        assert set(gaps) <= {14, 15, 16}


@pytest.mark.parametrize("years", DECADES)
def test_every_year_is_told_in_order_and_names_nothing_twice(almanac, years):
    for year in years:
        entries = almanac.days(year)

        assert [entry.start for entry in entries] == sorted(entry.start for entry in entries)
        assert max(Counter((entry.key, entry.season) for entry in entries).values()) == 1
        assert all(entry.start.year <= year <= entry.end.year for entry in entries)


def test_laba_can_fall_twice_into_a_year_or_not_at_all(almanac):
    def labas(year: int) -> list[tuple[int, date]]:
        return [(entry.season, entry.start) for entry in almanac.days(year) if entry.key == "laba"]

    assert labas(2022) == [(2021, date(2022, 1, 10)), (2022, date(2022, 12, 30))]
    assert labas(2023) == []
    assert labas(2024) == [(2023, date(2024, 1, 18))]


@pytest.mark.parametrize(
    ("year", "key", "day"),
    [
        pytest.param(2024, "mothers-day", "05-12", id="the second Sunday of May"),
        pytest.param(2026, "mothers-day", "05-10", id="the second Sunday of another May"),
        pytest.param(2025, "fathers-day", "06-15", id="the third Sunday of June"),
        pytest.param(2026, "thanksgiving", "11-26", id="the fourth Thursday of November"),
        pytest.param(2026, "love-teeth-day", "09-20", id="爱牙日"),
        pytest.param(2026, "oral-health-day", "03-20", id="世界口腔健康日"),
        pytest.param(2026, "doctors-day", "08-19", id="医师节"),
        pytest.param(2026, "nurses-day", "05-12", id="护士节"),
        pytest.param(2026, "teachers-day", "09-10", id="教师节"),
        pytest.param(2026, "double-11", "11-11", id="双11"),
        pytest.param(2026, "new-years-eve", "02-16", id="除夕 after a month of 29 days"),
        pytest.param(2025, "new-years-eve", "01-28", id="除夕 of a last month with 29 days"),
        pytest.param(2024, "new-years-eve", "02-09", id="除夕 of a last month with 30 days"),
        pytest.param(2024, "autumn-term", "09-02", id="school does not begin on a Sunday"),
        pytest.param(2026, "gaokao", "06-07", id="高考"),
        pytest.param(2020, "gaokao", "07-07", id="高考 in the year it was put off"),
        pytest.param(2026, "qingming-term", None, id="what is no key is no day"),
        pytest.param(2017, "doctors-day", None, id="医师节 before there was one"),
    ],
)
def test_a_day_is_where_everybody_knows_it(almanac, year, key, day):
    entry = almanac.find(key, year)

    assert (entry and f"{entry.start:%m-%d}") == day


def test_a_day_can_be_many_things_and_the_holiday_is_told_first(almanac):
    assert [entry.title for entry in almanac.on(date(2026, 6, 19))] == ["端午节放假", "端午节"]
    assert [entry.title for entry in almanac.on(date(2026, 7, 23))] == ["大暑", "暑假"]
    assert almanac.on(date(2026, 3, 17)) == ()


@pytest.mark.parametrize("day", ["04-05", "05-12", "08-27", "09-18", "12-13"])
def test_days_of_mourning_are_marked_so_that_nothing_is_sold_on_them(almanac, day):
    assert any(entry.solemn for entry in almanac.on(date.fromisoformat(f"2026-{day}")))


def test_school_terms_say_that_they_are_a_rule_of_thumb(almanac):
    terms = [entry for entry in almanac.days(2026) if entry.kind == "学期"]

    assert [entry.title for entry in terms] == ["寒假", "春季开学", "高考", "暑假", "秋季开学"]
    assert all(entry.regional and entry.note for entry in terms)


@pytest.mark.parametrize("year", [1999, 2100])
def test_a_year_outside_the_tables_is_refused(almanac, year):
    with pytest.raises(ValueError, match=str(year)):
        almanac.days(year)
    with pytest.raises(ValueError, match=str(year)):
        almanac.is_workday(date(year, 6, 1))


def test_an_entry_cannot_end_before_it_begins():
    with pytest.raises(ValueError, match="before its start"):
        Entry(key="x", season=2026, title="x", kind="节日", start=date(2026, 1, 2), end=date(2026, 1, 1))
