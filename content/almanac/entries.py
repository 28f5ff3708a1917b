"""What the almanac says about a day: one `Entry` per festival, term, holiday, make-up workday, …"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from datetime import date

Kind = Literal["法定假日", "调休上班", "节日", "节气", "健康日", "电商", "学期"]

# Civil dates are China's (UTC+8). The lunar library is exact here; beyond, it guesses the Earth's rotation.
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2099


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that a day, or a run of days, is.

    ``(key, season)`` names it for good: it stays when a provisional date moves. ``season`` is the lunar year
    of a lunar festival (腊八 can fall twice into one civil year, or not at all), the civil year otherwise.
    """

    key: str
    season: int
    title: str
    kind: Kind
    start: date
    end: date  # inclusive
    provisional: bool = False  # the State Council had not published this year when the tables were made
    regional: bool = False  # differs from province to province; a rule of thumb
    solemn: bool = False  # a day of mourning or remembrance: no promotion, no 快乐
    note: str = ""

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"{self.key}: ends on {self.end}, before its start on {self.start}")

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(self.start + timedelta(days=n) for n in range((self.end - self.start).days + 1))

    def covers(self, day: date) -> bool:
        return self.start <= day <= self.end


def check_year(year: int) -> None:
    """Refuse a year that the tables do not reach.

    Raises:
        ValueError: ``year`` is not within 2000–2099.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"the almanac knows the years {FIRST_YEAR} to {LAST_YEAR}, not {year}")
