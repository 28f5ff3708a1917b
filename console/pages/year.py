"""年历: the year's days and its plan; campaigns moved, dropped and given back; the calendar file."""

from __future__ import annotations

import asyncio
from datetime import date  # noqa: TC003  (pydantic reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Final

from aiohttp import web
from pydantic import Field, StringConstraints

from console.duties import waiting_count
from console.forms import FormRefused, PlainForm, parse
from console.frame import actor_of, deps_of, go, hours_of, page
from console.views import load_names
from console.year_views import TONES, told, year_view
from content.almanac.almanac import packaged_almanac
from content.almanac.icalendar import almanac_events, plan_events, to_icalendar
from content.almanac.themes import packaged_themes
from content.almanac.year_plan import Edit, judge
from sop import yearly
from sop.yearly import FIRST, LAST, MOST_DAYS, YearRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from console.year_views import YearView
    from content.almanac.year_plan import Finding, YearPlan

HERE: Final = "/console/year"
_YEAR: Final = r"{year:\d{4}}"
_KEY: Final = r"{key:[a-z0-9._-]{1,64}}"
_ID_CHARS: Final = 18


class MoveForm(PlainForm):
    """Where a campaign shall stand; ``seen``: the mark of the edit that was shown."""

    start: date
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    seen: Annotated[str, StringConstraints(max_length=40)] = ""


class SeenForm(PlainForm):
    """The mark of the edit that was shown."""

    seen: Annotated[str, StringConstraints(max_length=40)] = ""


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/year", index),
        web.get(f"/year/{_YEAR}.ics", download),
        web.post(f"/year/{_YEAR}/of/{_KEY}", move),
        web.post(f"/year/{_YEAR}/of/{_KEY}/drop", drop),
        web.post(f"/year/{_YEAR}/of/{_KEY}/restore", restore),
        web.post(f"/year/{_YEAR}/undo/{{id:\\d{{1,{_ID_CHARS}}}}}", undo),
    )


async def index(request: web.Request) -> web.StreamResponse:
    """The chosen year: its months, what breaks, what is left out, and who changed what."""
    deps, hours = deps_of(request), hours_of(request)
    year = _year(request.query.get("year") or str(hours.today.year))
    async with deps.database.read() as session:
        edits = await yearly.load(session, year, year + 1)
        changes = await yearly.changes_of(session, year)
        names = await load_names(session, userids=[change.by for change in changes])
        waiting = await waiting_count(session)
    view, findings, published = await asyncio.to_thread(_view, year, edits[year], edits[year + 1])
    themes = packaged_themes()
    titles = {campaign.key: campaign.title for campaign in (*themes.main, *themes.second)}
    now = {edit.key: edit for edit in edits[year]}
    return page(
        request,
        "year.html",
        year=year,
        view=view,
        findings=findings,
        published=published,
        story=[
            (change, told(change, titles), change.key in titles and now.get(change.key) == change.after)
            for change in changes
        ],
        before=year - 1 if year > FIRST else None,
        after=year + 1 if year < LAST else None,
        most_days=MOST_DAYS,
        names=names,
        tones=TONES,
        today=hours.today,
        waiting=waiting,
    )


async def download(request: web.Request) -> web.StreamResponse:
    """The year as an iCalendar file, edits included."""
    deps, year = deps_of(request), _year(request.match_info["year"])
    async with deps.database.read() as session:
        edits = await yearly.load(session, year)
    plan = await asyncio.to_thread(yearly.plan_of, year, edits[year])
    events = [*almanac_events(packaged_almanac().days(year)), *plan_events(plan)]
    return web.Response(
        body=to_icalendar(events, name=f"小护 {year} 年历与年度计划", stamp=deps.clock.now()),
        content_type="text/calendar",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="xiaohu-{year}.ics"'},
    )


async def move(request: web.Request) -> web.StreamResponse:
    """Let a campaign begin on another day or last longer."""
    try:
        form = parse(MoveForm, await request.post())
    except FormRefused as exc:
        says = {"start": "第一天要写成 2026-11-23 的样子", "days": f"天数写 1 到 {MOST_DAYS} 的整数"}
        note = f"没有改：{says.get(exc.field, str(exc))}"
        return go(request, _address(_year(request.match_info["year"])), note=note, tone="bad")
    edit = Edit(key=request.match_info["key"], start=form.start, days=form.days)
    return await _save(request, edit, form.seen, f"已改：{form.start:%m-%d} 开始，办 {form.days} 天")


async def drop(request: web.Request) -> web.StreamResponse:
    """Leave a campaign out of this year."""
    form = parse(SeenForm, await request.post())
    edit = Edit(key=request.match_info["key"], drop=True)
    return await _save(request, edit, form.seen, "已改：这一年不办，空出来的日子别的活动会用上")


async def restore(request: web.Request) -> web.StreamResponse:
    """Give a campaign back to where it is computed to stand."""
    form = parse(SeenForm, await request.post())
    return await _save(request, Edit(key=request.match_info["key"]), form.seen, "已改回自动安排")


async def undo(request: web.Request) -> web.StreamResponse:
    """Take one change back."""
    deps, year = deps_of(request), _year(request.match_info["year"])
    themes = await asyncio.to_thread(packaged_themes)
    change = int(request.match_info["id"])
    try:
        async with deps.database.write() as session:
            await yearly.undo(
                session, year, change, themes=themes, by=actor_of(request), now=deps.clock.now()
            )
    except YearRefused as exc:
        return go(request, _address(year), note=f"没有撤销：{exc}", tone="bad")
    return go(request, _address(year), note="已撤销")


async def _save(request: web.Request, edit: Edit, seen: str, note: str) -> web.StreamResponse:
    deps, year = deps_of(request), _year(request.match_info["year"])
    themes = await asyncio.to_thread(packaged_themes)
    try:
        async with deps.database.write() as session:
            await yearly.save(
                session,
                year,
                edit,
                themes=themes,
                seen=seen,
                by=actor_of(request),
                now=deps.clock.now(),
            )
    except YearRefused as exc:
        return go(request, _address(year), note=f"没有改：{exc}", tone="bad")
    return go(request, _address(year), note=f"{note}。还没生成的那些周会照新的安排，已排好的内容不变")


def _view(
    year: int, edits: Sequence[Edit], next_edits: Sequence[Edit]
) -> tuple[YearView, tuple[Finding, ...], bool]:
    """Compute everything about a year; reads tables from files the first time."""
    almanac, themes = packaged_almanac(), packaged_themes()
    plan = yearly.plan_of(year, edits)
    following: YearPlan | None = yearly.plan_of(year + 1, next_edits) if year < LAST else None
    findings = judge(plan, themes, almanac)
    view = year_view(
        plan,
        almanac.days(year),
        findings,
        edits,
        next_slots=following.campaigns if following else (),
    )
    return view, findings, almanac.workdays.arrangement(year).published


def _address(year: int) -> str:
    return f"{HERE}?year={year}"


def _year(raw: str) -> int:
    """Return a year that can be planned.

    Raises:
        FormRefused: it is none.
    """
    if not (raw.isascii() and raw.isdigit() and len(raw) == 4 and FIRST <= int(raw) <= LAST):
        raise FormRefused("year", f"年份写 {FIRST} 到 {LAST} 之间的四位数字，如 2027")
    return int(raw)
