"""The year plan: campaigns placed where they fit, terms on their day, a theme for each week.

A campaign stands on its day, or as near to it as its slack, the free days between campaigns and the seasons
allow. A campaign that fits nowhere joins the one it meets; what is out of season as well is listed, never
lost. A person's edits are taken as they are, the rest arranges itself around them; `judge` says what breaks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Literal

from content.almanac import lunar
from content.almanac.entries import FIRST_YEAR, LAST_YEAR
from content.almanac.themes import ANNIVERSARY, Anchor, Avoid, Campaign, Themes
from content.almanac.weeks import WeekSlot, weekly_slots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from content.almanac.almanac import Almanac
    from content.almanac.themes import Purpose

Tier = Literal["主", "次"]

_REVIEW_AFTER: Final = timedelta(days=3)  # visits and late answers still come in


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a person changed: another first day, another length, or not this year."""

    key: str
    start: date | None = None
    days: int | None = None
    drop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A campaign in the year."""

    tier: Tier
    key: str
    title: str
    topics: frozenset[str]
    purpose: Purpose
    idea: str
    start: date
    end: date  # inclusive
    wanted: date  # where it would have begun
    prepare_on: date  # a workday, the lead time before the start or a little earlier
    review_on: date  # a workday, after the end
    joins: str = ""  # the key of the campaign it is held together with
    edited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TermSlot:
    """A solar term with the tip to post on its day."""

    key: str
    title: str
    day: date
    tip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplaced:
    """A campaign without a place this year, and why."""

    key: str
    title: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What breaks a rule of the themes; ``keys`` are the campaigns it is about."""

    keys: tuple[str, ...]
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class YearPlan:
    """A year in four tiers."""

    year: int
    name: str
    title: str
    campaigns: tuple[Slot, ...]  # main and second, by first day
    terms: tuple[TermSlot, ...]
    weeks: tuple[WeekSlot, ...]  # by Monday, all 52 or 53 of the year; four or five of them free
    unplaced: tuple[Unplaced, ...]


def annual_plan(
    year: int,
    themes: Themes,
    almanac: Almanac,
    *,
    anniversary: tuple[int, int] | None = None,
    edits: Iterable[Edit] = (),
) -> YearPlan:
    """Make the plan of ``year``: the same arguments give the same plan.

    Args:
        anniversary: month and day of the clinic's own; the themes' example otherwise.

    Raises:
        ValueError: the year is not within 2001–2098, or an edit names no campaign.
    """
    if not FIRST_YEAR < year < LAST_YEAR:
        # Preparing and reviewing reach into the neighbouring years.
        raise ValueError(f"a plan can be made for {FIRST_YEAR + 1} to {LAST_YEAR - 1}, not for {year}")
    changes = {edit.key: edit for edit in edits}
    strangers = changes.keys() - {campaign.key for campaign in (*themes.main, *themes.second)}
    if strangers:
        raise ValueError(f"no campaign is called {', '.join(sorted(strangers))}")
    season = Season(year, themes, almanac, anniversary or themes.anniversary)
    campaigns, unplaced = _Arranging(season, changes).arrange()
    return YearPlan(
        year=year,
        name=themes.name,
        title=themes.title,
        campaigns=campaigns,
        terms=tuple(
            TermSlot(key=key, title=title, day=day, tip=tip)
            for (key, title), day, tip in zip(lunar.TERMS, lunar.solar_terms(year), themes.terms, strict=True)
        ),
        weeks=weekly_slots(year, themes.weekly, season.day, season.why_not),
        unplaced=unplaced,
    )


def judge(
    plan: YearPlan, themes: Themes, almanac: Almanac, *, anniversary: tuple[int, int] | None = None
) -> tuple[Finding, ...]:
    """Say where a plan breaks spacing or season; a plan without edits has no findings."""
    season = Season(plan.year, themes, almanac, anniversary or themes.anniversary)
    return tuple(_findings(plan, season))


@dataclass(frozen=True, slots=True)
class Season:
    """One year seen through the rules of the themes."""

    year: int
    themes: Themes
    almanac: Almanac
    anniversary: tuple[int, int]

    def day(self, on: str, offset: int = 0) -> date | None:
        """Give an anchor's day in this year; None for a day this year does not have."""
        if on == ANNIVERSARY:
            month, day = self.anniversary
            # A clinic that opened on 29 February celebrates on the 28th in other years.
            found = (
                date(self.year, month, day) if _exists(self.year, month, day) else date(self.year, month, 28)
            )
        elif len(on) == 5 and on[:2].isdigit():
            found = date.fromisoformat(f"{self.year}-{on}")
        else:
            entry = self.almanac.find(on, self.year)
            if entry is None:
                return None
            found = entry.start
        return found + timedelta(days=offset)

    def at(self, anchor: Anchor) -> date | None:
        return self.day(anchor.on, anchor.offset)

    def why_not(self, topics: frozenset[str], start: date, end: date) -> str:
        """Say why these topics do not fit between two days; empty when they do."""
        return next((avoid.why for avoid in self.themes.avoid if self._meets(avoid, topics, start, end)), "")

    def _meets(self, avoid: Avoid, topics: frozenset[str], start: date, end: date) -> bool:
        first, last = self.at(avoid.start), self.at(avoid.until)
        return (
            bool(avoid.topics & topics)
            and first is not None
            and last is not None
            and start <= last
            and first <= end
        )

    def solemn(self, day: date) -> bool:
        return any(entry.solemn and entry.kind != "法定假日" for entry in self.almanac.on(day))

    def gap(self, one: Tier, other: Tier) -> int:
        """Give the free days that two campaigns need between them."""
        return self.themes.main_gap if one == other == "主" else self.themes.any_gap


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _between(one: Slot, start: date, end: date) -> int:
    """Count the free days between a campaign and a span; negative when they overlap."""
    return max((start - one.end).days, (one.start - end).days) - 1


class _Arranging:
    """Places the campaigns of one year: edited ones, then the main ones, then the second ones."""

    def __init__(self, season: Season, changes: dict[str, Edit]) -> None:
        self._season = season
        self._changes = changes
        self._placed: list[Slot] = []
        self._unplaced: list[Unplaced] = []

    def arrange(self) -> tuple[tuple[Slot, ...], tuple[Unplaced, ...]]:
        themes = self._season.themes
        tiers: tuple[tuple[Tier, tuple[Campaign, ...]], ...] = (("主", themes.main), ("次", themes.second))
        waiting: list[tuple[Tier, Campaign, date]] = []
        for tier, campaigns in tiers:
            for campaign in sorted(campaigns, key=_rank):
                wanted = self._season.at(campaign.anchor)
                change = self._changes.get(campaign.key)
                if change is not None and change.drop:
                    self._leave(campaign, "这一年不办")
                elif change is not None and (change.start or wanted):
                    start = change.start or wanted
                    assert start is not None
                    changed = replace(campaign, days=change.days or campaign.days)
                    self._place(tier, changed, wanted or start, start, edited=True)
                elif wanted is None:
                    self._leave(campaign, "这一年没有这个日子")
                else:
                    waiting.append((tier, campaign, wanted))
        for tier, campaign, wanted in waiting:
            self._settle(tier, campaign, wanted)
        return (
            tuple(sorted(self._placed, key=lambda slot: (slot.start, slot.tier, slot.key))),
            tuple(self._unplaced),
        )

    def _settle(self, tier: Tier, campaign: Campaign, wanted: date) -> None:
        start = next((day for day in _near(wanted, campaign.slack) if self._fits(tier, campaign, day)), None)
        if start is not None:
            self._place(tier, campaign, wanted, start)
            return
        end = wanted + timedelta(days=campaign.days - 1)
        why = self._season.why_not(campaign.topics, wanted, end)
        host = self._host(tier, wanted, end)
        if host is not None and not why and self._in_year(wanted, end):
            self._place(tier, campaign, wanted, wanted, joins=host.key)
        else:
            self._leave(campaign, why or "前后活动太密，挪不开")

    def _fits(self, tier: Tier, campaign: Campaign, start: date) -> bool:
        end = start + timedelta(days=campaign.days - 1)
        return (
            self._in_year(start, end)
            and not self._season.solemn(start)
            and not self._season.why_not(campaign.topics, start, end)
            and all(
                _between(slot, start, end) >= self._season.gap(tier, slot.tier)
                for slot in self._placed
                if not slot.joins
            )
        )

    def _in_year(self, start: date, end: date) -> bool:
        return start.year == end.year == self._season.year

    def _host(self, tier: Tier, start: date, end: date) -> Slot | None:
        """Find the campaign that a span is too near to: the main one before the second, then the nearest.

        A main campaign is not held as a part of a second one.
        """
        near = [
            slot
            for slot in self._placed
            if not slot.joins
            and (tier == "次" or slot.tier == "主")
            and _between(slot, start, end) < self._season.gap(tier, slot.tier)
        ]
        return min(near, key=lambda slot: (slot.tier != "主", _between(slot, start, end)), default=None)

    def _place(
        self,
        tier: Tier,
        campaign: Campaign,
        wanted: date,
        start: date,
        *,
        joins: str = "",
        edited: bool = False,
    ) -> None:
        workdays = self._season.almanac.workdays
        end = start + timedelta(days=campaign.days - 1)
        self._placed.append(
            Slot(
                tier=tier,
                key=campaign.key,
                title=campaign.title,
                topics=campaign.topics,
                purpose=campaign.purpose,
                idea=campaign.idea,
                start=start,
                end=end,
                wanted=wanted,
                prepare_on=workdays.last_workday(start - timedelta(days=campaign.lead)),
                review_on=workdays.next_workday(end + _REVIEW_AFTER),
                joins=joins,
                edited=edited,
            )
        )

    def _leave(self, campaign: Campaign, why: str) -> None:
        self._unplaced.append(Unplaced(key=campaign.key, title=campaign.title, why=why))


def _rank(campaign: Campaign) -> tuple[bool, int]:
    """Order campaigns: the anniversary is the biggest of the year, then those that can move least."""
    return campaign.anchor.on != ANNIVERSARY, campaign.slack


def _near(day: date, slack: int) -> Iterator[date]:
    """Give ``day`` and the days around it, the nearest first and later before earlier."""
    yield day
    for distance in range(1, slack + 1):
        yield day + timedelta(days=distance)
        yield day - timedelta(days=distance)


def _findings(plan: YearPlan, season: Season) -> Iterator[Finding]:
    alone: Sequence[Slot] = [slot for slot in plan.campaigns if not slot.joins]
    for slot in plan.campaigns:
        why = season.why_not(slot.topics, slot.start, slot.end)
        if why:
            yield Finding(keys=(slot.key,), says=f"“{slot.title}”不合时宜：{why}")
        if not slot.joins and season.solemn(slot.start):
            yield Finding(keys=(slot.key,), says=f"“{slot.title}”在纪念日 {slot.start:%m-%d} 开始，换一天")
        if not slot.start.year == slot.end.year == plan.year:
            yield Finding(keys=(slot.key,), says=f"“{slot.title}”超出了 {plan.year} 年")
    for index, one in enumerate(alone):
        for other in alone[index + 1 :]:
            free, needed = _between(one, other.start, other.end), season.gap(one.tier, other.tier)
            if free < needed:
                says = f"“{one.title}”和“{other.title}”之间只空 {max(free, 0)} 天，至少要 {needed} 天"
                yield Finding(keys=(one.key, other.key), says=says)
