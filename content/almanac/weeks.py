"""Which weekly theme stands in which week of a year.

Four themes a month stand in the weeks of its first four Mondays, the other four or five weeks are free (for
a repeat, for what just happened). A theme with a day stands in the week of that day, the others keep their
order around it; a theme out of season changes places with the nearest week where both fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from content.almanac.themes import Weekly

    Day = Callable[[str, int], date | None]
    WhyNot = Callable[[frozenset[str], date, date], str]

_LAST_FOURTH_MONDAY = 28  # a Monday after the 28th is the fifth of its month


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekSlot:
    """A week from Monday to Sunday; ``theme`` is None in a free week."""

    monday: date
    theme: Weekly | None

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)


def weekly_slots(year: int, themes: Sequence[Weekly], day: Day, why_not: WhyNot) -> tuple[WeekSlot, ...]:
    """Give each week whose Monday is in ``year`` its theme; every theme is used exactly once.

    Args:
        themes: four for each month, by month.
        day: the day of an almanac key in this year, and days from it.
        why_not: why topics do not fit between two days; empty when they do.
    """
    mondays = _mondays(year)
    order: list[Weekly | None] = [None] * len(mondays)
    for week, theme in _on_their_days(themes, mondays, day).items():
        order[week] = theme
    placed = {theme.key for theme in order if theme is not None}
    waiting = [theme for theme in themes if theme.key not in placed]
    for week, theme in zip(_open_weeks(order, mondays), waiting, strict=True):
        order[week] = theme
    _move_out_of_bad_seasons(order, mondays, why_not)
    return tuple(WeekSlot(monday=monday, theme=theme) for monday, theme in zip(mondays, order, strict=True))


def _mondays(year: int) -> list[date]:
    first = date(year, 1, 1)
    first += timedelta(days=-first.weekday() % 7)
    mondays = (first + timedelta(weeks=n) for n in range(53))
    return [monday for monday in mondays if monday.year == year]


def _on_their_days(themes: Sequence[Weekly], mondays: list[date], day: Day) -> dict[int, Weekly]:
    """Give the themes with a day their weeks; where two claim one week, the first has it."""
    taken: dict[int, Weekly] = {}
    for theme in themes:
        wanted = day(theme.on, theme.offset) if theme.on is not None else None
        if wanted is None:
            continue
        monday = wanted - timedelta(days=wanted.weekday())
        if monday in mondays:
            taken.setdefault(mondays.index(monday), theme)
    return taken


def _open_weeks(order: list[Weekly | None], mondays: list[date]) -> list[int]:
    """Give the weeks for the other themes: the first four of each month, less one for each fifth taken."""
    weeks = [
        week
        for week, monday in enumerate(mondays)
        if monday.day <= _LAST_FOURTH_MONDAY and order[week] is None
    ]
    for week, monday in enumerate(mondays):
        if monday.day > _LAST_FOURTH_MONDAY and order[week] is not None:
            # The free week comes back soon after, so that the months before keep their themes.
            weeks.remove(next((other for other in weeks if other > week), weeks[-1]))
    return weeks


def _move_out_of_bad_seasons(order: list[Weekly | None], mondays: list[date], why_not: WhyNot) -> None:
    def fits(theme: Weekly | None, week: int) -> bool:
        monday = mondays[week]
        return theme is None or not why_not(theme.topics, monday, monday + timedelta(days=6))

    for here in range(len(order)):
        theme = order[here]
        if fits(theme, here):
            continue
        others = sorted(range(len(order)), key=lambda week: (abs(week - here), week < here))
        for there in others:
            other = order[there]
            if (other is None or other.on is None) and fits(theme, there) and fits(other, here):
                order[here], order[there] = other, theme
                break
