"""``xiaohu almanac``: a year's days and its plan, on the screen and as a calendar file."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path  # noqa: TC003  (typer reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from bot.command_line import reason_of
from bot.settings import DatabaseChoice
from content.problems import PackError

if TYPE_CHECKING:
    from content.almanac.year_plan import Edit

USAGE: Final = 2


class WrongUse(Exception):
    """What was asked for cannot be done; the message is for the person at the terminal."""


def almanac_command(
    year: Annotated[int, typer.Argument(help="哪一年，如 2027")],
    ics: Annotated[
        Path | None, typer.Option(help="顺便写一个日历文件（iCalendar），手机和电脑都能导入")
    ] = None,
    themes: Annotated[Path | None, typer.Option(help="自己的主题文件；缺省用内置的口腔门诊年度计划")] = None,
    anniversary: Annotated[str | None, typer.Option(help="开业日 MM-DD，店庆按它排")] = None,
) -> None:
    """打印一年的节日、节气、放假和健康日，以及四层年度计划。"""
    try:
        show_year(year, Console(), ics=ics, themes_file=themes, anniversary=anniversary)
    except (PackError, WrongUse) as exc:
        typer.echo(str(exc), err=True)
        raise typer.Exit(USAGE) from None


def show_year(
    year: int, console: Console, *, ics: Path | None, themes_file: Path | None, anniversary: str | None
) -> None:
    """Print a year and its plan; write both as iCalendar to ``ics`` when it is given.

    Where a database is configured, the plan is what staff made of it in the console.

    Raises:
        PackError: the file of themes has faults.
        WrongUse: the year or the anniversary is none, the database cannot be read, or ``ics`` not written.
    """
    # Only this command needs them, and the lunar tables take a while to load.
    from bot.almanac_table import print_year  # noqa: PLC0415
    from content.almanac.almanac import packaged_almanac  # noqa: PLC0415
    from content.almanac.icalendar import almanac_events, plan_events, to_icalendar  # noqa: PLC0415
    from content.almanac.themes import load_themes, packaged_themes  # noqa: PLC0415
    from sop.yearly import plan_of  # noqa: PLC0415
    from store.clock import SystemClock  # noqa: PLC0415

    almanac = packaged_almanac()
    themes = packaged_themes() if themes_file is None else load_themes(themes_file)
    day = None if anniversary is None else _month_day(anniversary)
    edits = _stored_edits(year)
    try:
        plan = plan_of(year, edits, themes, anniversary=day)
    except ValueError:
        raise WrongUse(f"只能排 2001 到 2098 年，不能排 {year} 年") from None
    entries = almanac.days(year)
    published = almanac.workdays.arrangement(year).published
    own_day = day is not None or themes_file is not None
    print_year(plan, entries, console, published=published, own_day=own_day)
    if edits:
        console.print(f"按控制台里改过的 {len(edits)} 个活动排的", markup=False)
    if ics is not None:
        events = [*almanac_events(entries), *plan_events(plan)]
        data = to_icalendar(events, name=f"小护 {year} 年历与年度计划", stamp=SystemClock().now())
        try:
            ics.write_bytes(data)
        except OSError as exc:
            raise WrongUse(f"写不了 {ics}：{reason_of(exc)}") from None
        console.print(f"日历文件已写好：{ics}（手机和电脑的日历都能导入）", markup=False)


def _stored_edits(year: int) -> tuple[Edit, ...]:
    url = DatabaseChoice().database_url
    return () if url is None else asyncio.run(_read_edits(url.get_secret_value(), year))


async def _read_edits(url: str, year: int) -> tuple[Edit, ...]:
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from sop import yearly  # noqa: PLC0415
    from store.database import Database  # noqa: PLC0415

    try:
        database = Database(url)
        try:
            async with database.read() as session:
                return (await yearly.load(session, year))[year]
        finally:
            await database.close()
    except (OSError, SQLAlchemyError) as exc:
        remedy = "检查 XIAOHU_DATABASE_URL，或先运行 xiaohu db upgrade"
        raise WrongUse(f"读不到控制台里改过的活动（{type(exc).__name__}）：{remedy}") from None


def _month_day(text: str) -> tuple[int, int]:
    try:
        day = date.fromisoformat(f"2000-{text}")  # a year with a 29 February
    except ValueError:
        raise WrongUse(f"开业日写成 MM-DD，如 10-18，不是 {text}") from None
    return day.month, day.day
