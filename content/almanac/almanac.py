"""The almanac itself: every entry of a year, of a day, and the workday rule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from content.almanac.entries import FIRST_YEAR, LAST_YEAR, Entry, Kind
from content.almanac.festivals import recurring
from content.almanac.workdays import HOLIDAY_TITLES, Workdays, packaged_workdays

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

PROVISIONAL: Final = "国务院的放假通知公布后以通知为准"
_ORDER: Final[tuple[Kind, ...]] = ("法定假日", "调休上班", "节日", "节气", "健康日", "电商", "学期")


@dataclass(frozen=True, slots=True, eq=False)  # compared and cached by identity
class Almanac:
    """Says what a day is. Years 2000–2099; any other raises ``ValueError``."""

    workdays: Workdays

    def is_workday(self, day: date) -> bool:
        """Say whether people work on ``day``, make-up workdays counted."""
        return self.workdays.is_workday(day)

    def next_workday(self, day: date) -> date:
        """Give ``day`` itself when it is worked, else the first workday after it."""
        return self.workdays.next_workday(day)

    def days(self, year: int) -> tuple[Entry, ...]:
        """Give every entry that touches ``year``, by first day; holidays stand before what they are for."""
        return _days(self, year)

    def on(self, day: date) -> tuple[Entry, ...]:
        """Give everything that ``day`` is, the holiday first."""
        found = (entry for entry in self.days(day.year) if entry.covers(day))
        return tuple(sorted(found, key=lambda entry: (_ORDER.index(entry.kind), entry.start, entry.key)))

    def find(self, key: str, year: int) -> Entry | None:
        """Give the first entry ``key`` that begins in civil ``year``, e.g. ``mid-autumn``; holidays apart."""
        return next(
            (entry for entry in recurring(year) if entry.key == key and entry.start.year == year), None
        )

    def holidays(self, year: int) -> Iterator[Entry]:
        """Give each run of days off that touches ``year`` as one entry, also where it crosses New Year."""
        off: dict[date, str] = {}
        # The neighbours matter only around New Year; past the tables there is nothing to join.
        for near in range(max(year - 1, FIRST_YEAR), min(year + 1, LAST_YEAR) + 1):
            off |= self.workdays.arrangement(near).off
        run: list[date] = []
        for day in sorted(off):
            # The tables leave out some weekend days that lie within a holiday (as in 端午 2011).
            if run and self.next_workday(run[-1]) < day:
                yield from self._holiday(year, run, off)
                run = []
            run.append(day)
        yield from self._holiday(year, run, off)

    def _holiday(self, year: int, run: list[date], off: dict[date, str]) -> Iterator[Entry]:
        first, last = run[0], run[-1]
        if not first.year <= year <= last.year:
            return
        names = list(dict.fromkeys(off[day] for day in run))
        provisional = any(self.workdays.is_provisional(day) for day in (first, last))
        yield Entry(
            key="off." + "+".join(sorted(names)),
            season=last.year,
            title="、".join(HOLIDAY_TITLES[name] for name in names) + "放假",
            kind="法定假日",
            start=first,
            end=last,
            provisional=provisional,
            solemn=names == ["qingming"],
            note=PROVISIONAL if provisional else "",
        )

    def make_up_days(self, year: int) -> Iterator[Entry]:
        """Give each weekend day that is worked; none while the year is provisional."""
        for day, name in self.workdays.arrangement(year).work.items():
            yield Entry(
                key=f"work.{day:%m-%d}",
                season=year,
                title=f"{HOLIDAY_TITLES[name]}调休上班",
                kind="调休上班",
                start=day,
                end=day,
            )


@lru_cache(maxsize=256)
def _days(almanac: Almanac, year: int) -> tuple[Entry, ...]:
    entries = (*recurring(year), *almanac.holidays(year), *almanac.make_up_days(year))
    return tuple(sorted(entries, key=lambda entry: (entry.start, _ORDER.index(entry.kind), entry.key)))


@lru_cache(maxsize=1)
def packaged_almanac() -> Almanac:
    """Give the almanac with the published tables that come with the program."""
    return Almanac(packaged_workdays())
