"""The year as staff changed it: their edits of campaigns, who made them, and the calendar that follows.

An edit is kept per year and campaign; everything else of the plan is computed anew each time. An edit of a
campaign that the themes no longer have is passed over: an upgrade must not stop the planning of a week.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from clinic import audit
from clinic.tables import AuditEntry
from content.almanac.almanac import packaged_almanac
from content.almanac.entries import FIRST_YEAR, LAST_YEAR
from content.almanac.themes import packaged_themes
from content.almanac.year_plan import Edit, annual_plan
from sop.plan_tables import YearPlanEdit
from sop.wants import Calendar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.almanac.themes import Themes
    from content.almanac.year_plan import YearPlan

EDITED: Final = "year.edit"
MOST_DAYS: Final = 31  # as long as a campaign of the themes may be
FIRST: Final = FIRST_YEAR + 1
LAST: Final = LAST_YEAR - 1
CHANGED: Final = "这个活动刚被别人改过，请看一眼现在的安排再改"
AS_COMPUTED: Final = ""  # the mark of a campaign that nobody edited


class YearRefused(ValueError):
    """A year's plan cannot be changed so; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a campaign as the audit trail has it; ``before`` and ``after`` None: as computed."""

    id: int
    at: datetime
    by: str
    before: Edit | None
    after: Edit | None
    key: str


def mark_of(edit: Edit | None) -> str:
    """Return what a form shows of an edit, so that a save can tell whether somebody else changed it since."""
    if edit is None:
        return AS_COMPUTED
    return f"{edit.start or ''}/{edit.days or ''}/{'drop' if edit.drop else ''}"


def plan_of(
    year: int,
    edits: Iterable[Edit],
    themes: Themes | None = None,
    *,
    anniversary: tuple[int, int] | None = None,
) -> YearPlan:
    """Compute a year's plan with the edits of campaigns it knows; reads tables from files the first time.

    Args:
        anniversary: month and day of the clinic's own; the themes' example otherwise.

    Raises:
        ValueError: the year is not within 2001–2098.
    """
    themes = themes or packaged_themes()
    known = {campaign.key for campaign in (*themes.main, *themes.second)}
    kept = [edit for edit in edits if edit.key in known]
    return annual_plan(year, themes, packaged_almanac(), anniversary=anniversary, edits=kept)


def calendar_around(week: date, edits: Mapping[int, Iterable[Edit]]) -> Calendar:
    """Return the calendar of the week that begins on ``week``, by the years as they were edited."""
    years = tuple(plan_of(year, edits.get(year, ())) for year in years_of(week))
    return Calendar.around(week, years=years)


def years_of(week: date) -> tuple[int, ...]:
    """Return the one or two years that a week lies in."""
    return tuple(sorted({week.year, (week + timedelta(days=6)).year}))


async def load(session: AsyncSession, *years: int) -> dict[int, tuple[Edit, ...]]:
    """Return the edits of each of these years, by campaign."""
    rows = await session.scalars(
        select(YearPlanEdit).where(YearPlanEdit.year.in_(years)).order_by(YearPlanEdit.year, YearPlanEdit.key)
    )
    found: dict[int, tuple[Edit, ...]] = dict.fromkeys(years, ())
    for row in rows:
        found[row.year] += (_edit(row),)
    return found


async def save(
    session: AsyncSession, year: int, edit: Edit, *, themes: Themes, seen: str, by: str, now: datetime
) -> Edit:
    """Keep what somebody changed of a campaign; an edit that says nothing gives it back as computed.

    Args:
        themes: whose campaigns can be edited.
        seen: the mark of the edit that the form showed (:func:`mark_of`).

    Raises:
        YearRefused: no such year or campaign, a first day in another year, a length that no campaign has, or
            somebody else changed it since.
    """
    _check(year, edit, themes)
    row = await session.get(YearPlanEdit, (year, edit.key), with_for_update=True)
    before = None if row is None else _edit(row)
    after = edit if edit.start or edit.days or edit.drop else None
    if mark_of(before) != seen:
        raise YearRefused(CHANGED)
    if before == after:
        return edit
    if after is None:
        await session.delete(row)
    elif row is None:
        await _insert(session, year, edit, by=by, now=now)
    else:
        row.start, row.days, row.drop, row.by, row.at = edit.start, edit.days, edit.drop, by[:80], now
    detail = {"key": edit.key, "before": _written(before), "after": _written(after)}
    audit.record(session, at=now, actor=by, action=EDITED, subject=f"year:{year}", detail=detail)
    return edit


async def changes_of(session: AsyncSession, year: int, *, limit: int = 10) -> tuple[Change, ...]:
    """Return the last changes of a year, newest first."""
    entries = await audit.of_subject(session, f"year:{year}", limit=limit)
    return tuple(_change(entry) for entry in reversed(entries))


async def undo(
    session: AsyncSession, year: int, change_id: int, *, themes: Themes, by: str, now: datetime
) -> Edit:
    """Put a campaign back to what it was before a change, which is a change itself.

    Raises:
        YearRefused: no such change, or the campaign was changed again since.
    """
    entry = await session.get(AuditEntry, change_id)
    if entry is None or entry.action != EDITED or entry.subject != f"year:{year}":
        raise YearRefused("没有这一次修改，请刷新页面再看")
    change = _change(entry)
    back = change.before or Edit(key=change.key)
    return await save(session, year, back, themes=themes, seen=mark_of(change.after), by=by, now=now)


async def _insert(session: AsyncSession, year: int, edit: Edit, *, by: str, now: datetime) -> None:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    values = {"year": year, "key": edit.key, "start": edit.start, "days": edit.days, "drop": edit.drop}
    fresh = await session.execute(
        insert(YearPlanEdit)
        .values(**values, by=by[:80], at=now)
        .on_conflict_do_nothing(index_elements=["year", "key"])
        .returning(YearPlanEdit.key)
    )
    if fresh.first() is None:
        raise YearRefused(CHANGED)  # two saved at the same moment: the other was first


def _check(year: int, edit: Edit, themes: Themes) -> None:
    if not FIRST <= year <= LAST:
        raise YearRefused(f"只能排 {FIRST} 到 {LAST} 年，不能排 {year} 年")
    if edit.key not in {campaign.key for campaign in (*themes.main, *themes.second)}:
        raise YearRefused("年度计划里没有这个活动，请刷新页面再看")
    if edit.start is not None and edit.start.year != year:
        raise YearRefused(f"第一天要在 {year} 年里，不能是 {edit.start}")
    if edit.days is not None and not 1 <= edit.days <= MOST_DAYS:
        raise YearRefused(f"活动要办 1 到 {MOST_DAYS} 天，不能是 {edit.days} 天")


def _edit(row: YearPlanEdit) -> Edit:
    return Edit(key=row.key, start=row.start, days=row.days, drop=row.drop)


def _written(edit: Edit | None) -> dict[str, Any] | None:
    if edit is None:
        return None
    return {"start": str(edit.start) if edit.start else None, "days": edit.days, "drop": edit.drop}


def _change(entry: AuditEntry) -> Change:
    key = str(entry.detail["key"])

    def read(raw: dict[str, Any] | None) -> Edit | None:
        if raw is None:
            return None
        start = date.fromisoformat(raw["start"]) if raw["start"] else None
        return Edit(key=key, start=start, days=raw["days"], drop=raw["drop"])

    return Change(
        id=entry.id,
        at=entry.at,
        by=entry.actor,
        key=key,
        before=read(entry.detail["before"]),
        after=read(entry.detail["after"]),
    )
