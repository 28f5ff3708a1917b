"""What a week wants of moments and group plans: which hours, which categories, which fixed texts. Pure.

An item is drawn for a want afterwards (:mod:`sop.planner`). Where there is room for fewer, the rank decides:
what belongs to a day of the calendar goes before what merely fills the week.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from content.almanac.almanac import packaged_almanac
from content.almanac.themes import packaged_themes
from content.almanac.year_plan import annual_plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import time
    from zoneinfo import ZoneInfo

    from content.almanac.almanac import Almanac
    from content.almanac.year_plan import YearPlan
    from content.persona_specs import WeekSlot
    from content.plans.specs import DaySlot, GroupBody, MomentsBody, Slot

CALENDAR: Final = 0
CREATED: Final = 1
JOINED: Final = 2
WEEKLY: Final = 3
THEME: Final = "theme:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """One post that a plan wants at ``at``: a fixed ``content``, or one drawn from ``categories``.

    ``mark`` tells two wants of one hour apart and is part of the post's unique name.
    """

    at: datetime
    categories: tuple[str, ...] = ()
    content: str = ""
    rank: int = WEEKLY
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Says whether a day is what a plan's calendar slot calls it."""

    almanac: Almanac
    years: tuple[YearPlan, ...] = ()

    @classmethod
    def around(cls, week: date, *, years: tuple[YearPlan, ...] | None = None) -> Calendar:
        """Return the calendar for the week that begins on ``week``; by default the packaged year plan."""
        almanac = packaged_almanac()
        if years is None:
            wanted = sorted({week.year, (week + timedelta(days=6)).year})
            years = tuple(annual_plan(year, packaged_themes(), almanac) for year in wanted)
        return cls(almanac=almanac, years=years)

    def begins(self, name: str, day: date) -> bool:
        """Tell whether ``day`` is a date (``12-24``, ``2026-12-24``), or the first day of an almanac's entry.

        ``theme:KEY`` is the first day of a theme of the year plan.
        """
        if name.startswith(THEME):
            key = name.removeprefix(THEME)
            return any(
                slot.key == key and slot.start == day for year in self.years for slot in year.campaigns
            )
        if name in (day.isoformat(), day.strftime("%m-%d")):
            return True
        return any(entry.key == name and entry.start == day for entry in self.almanac.on(day))


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A week of the clinic: its Monday, and from when on something can still be planned."""

    monday: date
    zone: ZoneInfo
    not_before: datetime

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(self.monday + timedelta(days=n) for n in range(7))

    def instant(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, tzinfo=self.zone)

    def holds(self, at: datetime) -> bool:
        """Tell whether an instant can be planned and lies in this week."""
        return at >= self.not_before and self.monday <= at.astimezone(self.zone).date() <= self.days[-1]


def weekly(slots: Iterable[WeekSlot | Slot], week: Week) -> list[Want]:
    """Return a want for every weekly slot that is still ahead, in order."""
    wants = [
        Want(at=week.instant(week.days[slot.day - 1], slot.at), categories=tuple(slot.categories))
        for slot in slots
    ]
    return sorted((want for want in wants if want.at >= week.not_before), key=lambda want: want.at)


def moment_wants(body: MomentsBody, week: Week, calendar: Calendar, *, most_a_day: int) -> list[Want]:
    """Return what a moments plan wants: days of the calendar first, then its slots in the wanted mix."""
    wants = [
        Want(
            at=week.instant(day, slot.at),
            content=slot.content,
            rank=CALENDAR,
            mark=slot.on,
        )
        for day in week.days
        for slot in body.calendar
        if calendar.begins(slot.on, day - timedelta(days=slot.offset_days))
    ]
    wants = [want for want in wants if want.at >= week.not_before] + weekly(body.slots, week)
    kept: list[Want] = []
    per_day: Counter[date] = Counter()
    for want in sorted(wants, key=lambda want: (want.rank, want.at, want.mark)):
        day = want.at.astimezone(week.zone).date()
        if per_day[day] < most_a_day:
            per_day[day] += 1
            kept.append(want)
    return mixed(sorted(kept, key=lambda want: (want.at, want.rank, want.mark)), body.mix)


def mixed(wants: Sequence[Want], mix: Sequence[tuple[str, int]]) -> list[Want]:
    """Let the drawn wants ask for categories so that together they come as near to ``mix`` as they can.

    A slot's own categories go first as long as the mix has room for them; what is left of the mix follows.
    """
    drawn = sum(not want.content for want in wants)
    room = shares_of(drawn, mix)
    if not room:
        return list(wants)
    result: list[Want] = []
    for want in wants:
        if want.content:
            result.append(want)
            continue
        own = [category for category in want.categories if room.get(category, 0) > 0]
        others = sorted((c for c in room if room[c] > 0 and c not in own), key=lambda c: (-room[c], c))
        order = (*own, *others)
        if order:
            room[order[0]] -= 1
        rest = tuple(category for category in want.categories if category not in order)
        result.append(replace(want, categories=(*order, *rest)))
    return result


def shares_of(total: int, mix: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Divide ``total`` places among categories by their shares, the largest remainders first."""
    sum_of_shares = sum(share for _, share in mix)
    if sum_of_shares <= 0:
        return {}
    exact = {category: total * share / sum_of_shares for category, share in mix}
    room = {category: int(value) for category, value in exact.items()}
    by_remainder = sorted(exact, key=lambda c: (room[c] - exact[c], c))
    for category in by_remainder[: total - sum(room.values())]:
        room[category] += 1
    return room


def group_wants(
    body: GroupBody, week: Week, *, created_on: date | None, joined_on: Sequence[date]
) -> list[Want]:
    """Return what a group plan wants of one group, at most ``max_a_week``, the most particular first.

    Args:
        created_on: the group's first day, if it is known.
        joined_on: the days on which patients came in.
    """
    wants = [
        Want(
            at=week.instant(campaign.on, campaign.at),
            content=campaign.content,
            rank=CALENDAR,
            mark=campaign.content,
        )
        for campaign in body.campaigns
    ]
    if created_on is not None:
        wants += _counted(body.after_creation, {created_on}, week, rank=CREATED, word="created")
    wants += _counted(body.after_joining, set(joined_on), week, rank=JOINED, word="joined")
    wants = [want for want in wants if week.holds(want.at)] + weekly(body.slots, week)
    chosen: list[Want] = []
    taken: defaultdict[datetime, int] = defaultdict(int)
    for want in sorted(wants, key=lambda want: (want.rank, want.at, want.mark)):
        # Two posts at one minute would be a bombardment, whatever the week still allows.
        if len(chosen) < body.max_a_week and not taken[want.at]:
            taken[want.at] += 1
            chosen.append(want)
    return sorted(chosen, key=lambda want: (want.at, want.rank, want.mark))


def _counted(
    slots: Iterable[DaySlot], first_days: set[date], week: Week, *, rank: int, word: str
) -> list[Want]:
    """Count days from ``first_days``, which are day 0; many who joined on one day get one post."""
    return [
        Want(
            at=week.instant(first + timedelta(days=slot.day), slot.at),
            categories=slot.categories,
            content=slot.content,
            rank=rank,
            mark=f"{word}-{slot.day}",
        )
        for slot in slots
        for first in sorted(first_days)
    ]
