"""When a dated text is timely: the days around a festival, a solar term, or a day of the clinic's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from content.almanac.entries import FIRST_YEAR, LAST_YEAR
from content.almanac.festivals import recurring

_OWN_DAY = re.compile(r"(0[1-9]|1[0-2])-([0-2][0-9]|3[01])\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The days around a day of every year; ``first`` and ``last`` count from it, 0 is the day itself."""

    day: str  # a key of the almanac, or MM-DD
    first: int
    last: int

    def covers(self, on: date) -> bool:
        """Tell whether ``on`` lies in the window; it may reach over New Year."""
        return self.away(on) is not None

    def away(self, on: date) -> int | None:
        """Return how many days ``on`` is from the day itself, or None outside the window."""
        years = {(on - timedelta(self.last)).year, (on - timedelta(self.first)).year}
        return min(
            (
                abs((on - start).days)
                for year in years
                if FIRST_YEAR <= year <= LAST_YEAR
                for start in starts(self.day, year)
                if self.first <= (on - start).days <= self.last
            ),
            default=None,
        )


@lru_cache(maxsize=1024)
def starts(day: str, year: int) -> tuple[date, ...]:
    """Return when ``day`` is, or begins, in ``year``: mostly once, never or twice for some lunar days."""
    own = _OWN_DAY.match(day)
    if own is None:
        return tuple(e.start for e in recurring(year) if e.key == day and e.start.year == year)
    try:
        return (date(year, int(own[1]), int(own[2])),)
    except ValueError:  # 29 February
        return ()


def known(day: str) -> bool:
    """Tell whether ``day`` names a day: a key of the almanac or MM-DD."""
    return bool(starts(day, 2024)) if _OWN_DAY.match(day) else day in almanac_keys()


def solemn(day: str) -> bool:
    """Tell whether it is a day of mourning or remembrance, on which nobody promotes anything."""
    return any(entry.key == day and entry.solemn for entry in recurring(2024))


@lru_cache(maxsize=1)
def almanac_keys() -> frozenset[str]:
    """Return the keys of all returning days."""
    return frozenset(entry.key for year in (2024, 2025, 2026) for entry in recurring(year))
