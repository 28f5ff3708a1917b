"""A year as its page shows it: what each day is, what stands there and what must begin. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from sop.yearly import mark_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from content.almanac.entries import Entry
    from content.almanac.weeks import WeekSlot
    from content.almanac.year_plan import Edit, Finding, Slot, TermSlot, YearPlan
    from sop.yearly import Change

TONES: Final = {
    "法定假日": "red",
    "调休上班": "amber",
    "节日": "violet",
    "节气": "green",
    "健康日": "blue",
    "电商": "gray",
    "学期": "gray",
}
OFF: Final = "法定假日"
WORKED: Final = "调休上班"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignView:
    """A campaign on its first day, with what breaks and what its form must know."""

    slot: Slot
    days: int
    joins: str  # the title of the campaign it is held together with
    mark: str
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftView:
    """A campaign without a place this year; ``dropped``: because somebody said so."""

    key: str
    title: str
    why: str
    mark: str
    dropped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DayView:
    """A day on which something is or begins."""

    day: date
    entries: tuple[Entry, ...]  # those that begin here, or reach into the year
    off: bool
    worked: bool  # a weekend day that is worked
    term: TermSlot | None
    week: WeekSlot | None  # on its Monday
    campaigns: tuple[CampaignView, ...]
    prepare: tuple[Slot, ...]  # what must begin to be prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthView:
    """A month: its days that are something, and all of them for the small calendar (0: not of it)."""

    number: int
    days: tuple[DayView, ...]
    cells: tuple[tuple[tuple[int, str], ...], ...]  # weeks of (day of the month, classes)
    campaigns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class YearView:
    """The year in twelve months, and what stands beside them."""

    months: tuple[MonthView, ...]
    left: tuple[LeftView, ...]
    early: tuple[Slot, ...]  # prepared before the year begins
    campaigns: int


def year_view(
    plan: YearPlan,
    entries: Iterable[Entry],
    findings: Iterable[Finding],
    edits: Iterable[Edit],
    *,
    next_slots: Iterable[Slot] = (),
) -> YearView:
    """Arrange a year for its page.

    Args:
        next_slots: the campaigns of the year after; what this year must prepare of them is shown.
    """
    edited = {edit.key: edit for edit in edits}
    prepare: defaultdict[date, list[Slot]] = defaultdict(list)
    for slot in (*plan.campaigns, *next_slots):
        prepare[slot.prepare_on].append(slot)
    shown: defaultdict[date, list[Entry]] = defaultdict(list)
    marks: defaultdict[date, set[str]] = defaultdict(set)
    for entry in entries:
        shown[max(entry.start, date(plan.year, 1, 1))].append(entry)
        if entry.kind in (OFF, WORKED):
            for day in entry.days:
                marks[day].add("off" if entry.kind == OFF else "worked")
    starting = _campaigns(plan, findings, edited)
    for slot in plan.campaigns:
        for distance in range((slot.end - slot.start).days + 1):
            marks[slot.start + timedelta(days=distance)].add("main" if slot.tier == "主" else "second")
    terms = {term.day: term for term in plan.terms}
    weeks = {week.monday: week for week in plan.weeks if week.theme is not None}
    days = [
        DayView(
            day=day,
            entries=tuple(shown.get(day, ())),
            off="off" in marks[day],
            worked="worked" in marks[day],
            term=terms.get(day),
            week=weeks.get(day),
            campaigns=tuple(starting.get(day, ())),
            prepare=tuple(prepare.get(day, ())),
        )
        for day in sorted({*shown, *terms, *weeks, *starting, *prepare})
        if day.year == plan.year
    ]
    return YearView(
        months=tuple(_month(plan.year, number, days, marks) for number in range(1, 13)),
        left=tuple(
            LeftView(
                key=one.key,
                title=one.title,
                why=one.why,
                mark=mark_of(edited.get(one.key)),
                dropped=one.key in edited and edited[one.key].drop,
            )
            for one in plan.unplaced
        ),
        early=tuple(slot for slot in plan.campaigns if slot.prepare_on.year < plan.year),
        campaigns=len(plan.campaigns),
    )


def _campaigns(
    plan: YearPlan, findings: Iterable[Finding], edited: Mapping[str, Edit]
) -> Mapping[date, Sequence[CampaignView]]:
    says: defaultdict[str, list[str]] = defaultdict(list)
    for finding in findings:
        for key in finding.keys:
            says[key].append(finding.says)
    titles = {slot.key: slot.title for slot in plan.campaigns}
    starting: defaultdict[date, list[CampaignView]] = defaultdict(list)
    for slot in plan.campaigns:
        starting[slot.start].append(
            CampaignView(
                slot=slot,
                days=(slot.end - slot.start).days + 1,
                joins=titles.get(slot.joins, ""),
                mark=mark_of(edited.get(slot.key)),
                says=tuple(says[slot.key]),
            )
        )
    return starting


def _month(year: int, number: int, days: Iterable[DayView], marks: Mapping[date, set[str]]) -> MonthView:
    own = tuple(day for day in days if day.day.month == number)
    first, length = monthrange(year, number)
    cells = [(0, "")] * first
    for day in range(1, length + 1):
        at = date(year, number, day)
        weekend = ["weekend"] if at.weekday() > 4 else []
        cells.append((day, " ".join([*weekend, *sorted(marks.get(at, ()))])))
    cells += [(0, "")] * (-len(cells) % 7)
    return MonthView(
        number=number,
        days=own,
        cells=tuple(tuple(cells[at : at + 7]) for at in range(0, len(cells), 7)),
        campaigns=sum(len(day.campaigns) for day in own),
    )


def told(change: Change, titles: Mapping[str, str]) -> str:
    """Say a change in a line."""
    title, after = titles.get(change.key, change.key), change.after
    if after is None:
        return f"“{title}”改回自动安排"
    if after.drop:
        return f"“{title}”这一年不办"
    parts = [f"{after.start:%m-%d} 开始" if after.start else "", f"办 {after.days} 天" if after.days else ""]
    return f"“{title}”改为 {'、'.join(part for part in parts if part)}"
