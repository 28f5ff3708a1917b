"""Days off and make-up workdays: as published by the State Council, or as its standing rules let expect.

The arrangement of a year is published in the autumn before. Until our table has it, the days that are certain
to be free are taken from the rules of 2024-11 (《全国年节及纪念日放假办法》 and its notice: 春节 eight days
from 除夕, 五一 five, 国庆 seven, or eight with 中秋) and marked provisional. Make-up workdays are never
guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from chinese_calendar import constants as published

from content.almanac import lunar
from content.almanac.entries import check_year

if TYPE_CHECKING:
    from collections.abc import Mapping

_SATURDAY: Final = 5
# The arrangement of 元旦 may reach back into the year before (as in 2007, 2018, 2022 and 2023).
_NEW_YEAR_REACHES: Final = 29

# The names as the table library writes them, our keys and titles.
_HOLIDAYS: Final = {
    "New Year's Day": ("new-year", "元旦"),
    "Spring Festival": ("spring-festival", "春节"),
    "Tomb-sweeping Day": ("qingming", "清明节"),
    "Labour Day": ("labour-day", "劳动节"),
    "Dragon Boat Festival": ("dragon-boat", "端午节"),
    "Mid-autumn Festival": ("mid-autumn", "中秋节"),
    "National Day": ("national-day", "国庆节"),
    "Anti-Fascist 70th Day": ("victory-day", "抗战胜利纪念日"),
}
HOLIDAY_TITLES: Final = MappingProxyType(dict(_HOLIDAYS.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """The days of one year that differ from a plain week: off, or worked though it is a weekend."""

    year: int
    off: Mapping[date, str]  # the holiday's key; its weekends too, and those of 元旦 in the December before
    work: Mapping[date, str]  # make-up workdays and the holiday they are for
    published: bool


@dataclass(frozen=True, slots=True)
class Workdays:
    """Answers whether people work on a day. A year in ``notices`` goes before the expected one."""

    notices: Mapping[int, Arrangement]

    def arrangement(self, year: int) -> Arrangement:
        """Give what is published for ``year``, else what the standing rules let expect.

        Raises:
            ValueError: ``year`` is not within 2000–2099.
        """
        return self.notices.get(year) or expected(year)

    def is_workday(self, day: date) -> bool:
        """Say whether ``day`` is worked in China: no weekend, no holiday, or a make-up workday."""
        year = self.arrangement(day.year)
        return day in year.work or (day.weekday() < _SATURDAY and day not in year.off)

    def next_workday(self, day: date) -> date:
        """Give ``day`` itself when it is worked, else the first workday after it (at most 12 days on)."""
        while not self.is_workday(day):
            day += timedelta(days=1)
        return day

    def last_workday(self, day: date) -> date:
        """Give ``day`` itself when it is worked, else the last workday before it."""
        while not self.is_workday(day):
            day -= timedelta(days=1)
        return day

    def is_provisional(self, day: date) -> bool:
        """Say whether a notice still to come may change what ``day`` is."""
        if not self.arrangement(day.year).published:
            return True
        next_year = self.notices.get(day.year + 1)
        return (day.month, day.day) >= (12, _NEW_YEAR_REACHES) and next_year is None

    def with_notice(self, notice: Arrangement) -> Workdays:
        """Take a year's notice in before the packaged tables have it."""
        return Workdays(MappingProxyType({**self.notices, notice.year: notice}))


@lru_cache(maxsize=1)
def packaged_workdays() -> Workdays:
    """Give the published years that come with the program (2004–2026 with chinesecalendar 1.11)."""
    years = sorted({day.year for day in published.holidays})
    return Workdays(MappingProxyType({year: _published(year) for year in years}))


def _published(year: int) -> Arrangement:
    def of_year(days: Mapping[date, str]) -> Mapping[date, str]:
        found = {day: _HOLIDAYS[name][0] for day, name in sorted(days.items()) if day.year == year}
        return MappingProxyType(found)

    return Arrangement(
        year=year, off=of_year(published.holidays), work=of_year(published.workdays), published=True
    )


@lru_cache(maxsize=128)
def expected(year: int) -> Arrangement:
    """Give the days of ``year`` that the standing rules make free, whatever the notice will add.

    Raises:
        ValueError: ``year`` is not within 2000–2099.
    """
    check_year(year)
    mid_autumn = lunar.lunar_day(year, 8, 15)
    joined = date(year, 10, 1) <= mid_autumn <= date(year, 10, 7)
    off: dict[date, str] = {}
    for key, day in (
        ("new-year", date(year, 1, 1)),
        ("qingming", lunar.solar_terms(year)[6]),
        ("dragon-boat", lunar.lunar_day(year, 5, 5)),
        ("mid-autumn", mid_autumn),
    ):
        off |= dict.fromkeys(_single(day), key)
    off |= dict.fromkeys(_run(lunar.new_years_eve(year), 8), "spring-festival")
    off |= dict.fromkeys(_run(date(year, 5, 1), 5), "labour-day")
    off |= dict.fromkeys(_run(date(year, 10, 1), 8 if joined else 7), "national-day")
    if joined:
        off[mid_autumn] = "mid-autumn"
    return Arrangement(
        year=year, off=MappingProxyType(dict(sorted(off.items()))), work=MappingProxyType({}), published=False
    )


def _run(first: date, days: int) -> list[date]:
    return [first + timedelta(days=n) for n in range(days)]


def _single(day: date) -> list[date]:
    """Give a one-day holiday with the weekend it touches; on a weekend, the Monday after makes up for it.

    On Tuesday and Thursday a bridge is usual but is paid for by a make-up day: that waits for the notice.
    """
    weekday = day.weekday()
    if weekday == 0:
        return _run(day - timedelta(days=2), 3)
    if weekday >= _SATURDAY:
        return _run(day - timedelta(days=weekday - _SATURDAY), 3)
    return _run(day, 3 if weekday == _SATURDAY - 1 else 1)
