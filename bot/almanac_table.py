"""Prints a year's days and its plan for people: rich tables, in Chinese."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from rich.console import Console

    from content.almanac.entries import Entry
    from content.almanac.year_plan import Slot, YearPlan

_WEEKDAYS: Final = "一二三四五六日"
_STYLES: Final = {
    "法定假日": "bold red",
    "调休上班": "yellow",
    "节日": "magenta",
    "节气": "green",
    "健康日": "cyan",
    "电商": "blue",
    "学期": "dim",
}
_PURPOSES: Final = {"必做": "bold red", "引流": "yellow", "种草": "green", "关怀": "magenta"}


def print_year(
    plan: YearPlan, entries: Sequence[Entry], console: Console, *, published: bool, own_day: bool
) -> None:
    """Print what a year's days are, its campaigns, its weekly themes, and what to know about them.

    Args:
        published: whether the year's arrangement of days off is known.
        own_day: whether the plan knows the clinic's own anniversary.
    """
    console.print(_days(plan.year, entries))
    console.print(_campaigns(plan))
    console.print(_weeks(plan))
    _print_summary(plan, console, published=published, own_day=own_day)


def _span(start: date, end: date) -> str:
    if start == end:
        return f"{start:%m-%d} 周{_WEEKDAYS[start.weekday()]}"
    return f"{start:%m-%d} 至 {end:%m-%d}"


def _days(year: int, entries: Sequence[Entry]) -> Table:
    table = Table(title=f"{year} 年历", title_justify="left", header_style="bold")
    table.add_column("日期", no_wrap=True)
    table.add_column("日子", overflow="fold")
    for _, month in groupby(entries, key=lambda entry: (entry.start.year, entry.start.month)):
        for (start, end), same in groupby(month, key=lambda entry: (entry.start, entry.end)):
            table.add_row(_span(start, end), Text("　").join(_entry(entry) for entry in same))
        table.add_section()
    return table


def _entry(entry: Entry) -> Text:
    mark = "（暂定）" if entry.provisional else "（约）" if entry.regional and entry.kind == "学期" else ""
    return Text(entry.title + mark, style="dim" if entry.solemn else _STYLES[entry.kind])


def _campaigns(plan: YearPlan) -> Table:
    table = Table(title=plan.title, title_justify="left", header_style="bold")
    for column in ("层", "日期", "主题", "作用"):
        table.add_column(column, no_wrap=column != "主题", overflow="fold")
    table.add_column("开始准备", no_wrap=True)
    table.add_column("复盘", no_wrap=True)
    titles = {slot.key: slot.title for slot in plan.campaigns}
    for slot in plan.campaigns:
        style = "bold" if slot.tier == "主" else ""
        table.add_row(
            Text(slot.tier, style=style),
            Text(_span(slot.start, slot.end), style=style),
            Text.assemble((slot.title, style), (_remark(slot, titles), "dim")),
            Text(slot.purpose, style=_PURPOSES[slot.purpose]),
            f"{slot.prepare_on:%m-%d}"
            if slot.prepare_on.year == plan.year
            else f"{slot.prepare_on:%Y-%m-%d}",
            f"{slot.review_on:%m-%d}" if slot.review_on.year == plan.year else f"{slot.review_on:%Y-%m-%d}",
        )
    return table


def _remark(slot: Slot, titles: dict[str, str]) -> str:
    if slot.joins:
        return f"　并入“{titles[slot.joins]}”"
    return f"　原想 {slot.wanted:%m-%d}，挪开了" if slot.wanted != slot.start else ""


def _weeks(plan: YearPlan) -> Table:
    table = Table(title="每周主题", title_justify="left", header_style="bold")
    table.add_column("月", justify="right", no_wrap=True)
    table.add_column("周一：主题", overflow="fold")
    for month, weeks in groupby(plan.weeks, key=lambda week: week.monday.month):
        told = (f"{week.monday:%d} {week.theme.title if week.theme else '（机动）'}" for week in weeks)
        table.add_row(str(month), "　".join(told))
    return table


def _print_summary(plan: YearPlan, console: Console, *, published: bool, own_day: bool) -> None:
    tiers = [slot.tier for slot in plan.campaigns]
    weeks = sum(week.theme is not None for week in plan.weeks)
    console.print(
        f"主主题 {tiers.count('主')}　次主题 {tiers.count('次')}（其中 "
        f"{sum(bool(slot.joins) for slot in plan.campaigns)} 个并入相邻活动）　"
        f"节气 {len(plan.terms)}　每周主题 {weeks}"
    )
    for left in plan.unplaced:
        console.print(Text(f"没有排上：{left.title}（{left.why}）", style="yellow"))
    if not published:
        console.print(
            Text("这一年的放假安排还没有收录：标“暂定”的以国务院通知为准，调休上班日未列出。", style="yellow")
        )
    if not own_day:
        console.print(Text("店庆按示例的开业日排；用 --anniversary MM-DD 换成自己的。", style="dim"))
