"""``xiaohu explain``: which touches, which rules, and why not the others, for one patient."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from sop.explaining import Explained, JourneySaid, explain, find
from store.clock import SystemClock
from store.database import Database
from store.schema import SchemaTooNew, upgrade

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from bot.settings import Settings
    from content.pack import Pack

NOT_FOUND: Final = 1
FAILED: Final = 2


class UnreadableTime(ValueError):
    """An instant that nobody can read; the message says how to write it."""


def instant(text: str, zone: ZoneInfo) -> datetime:
    """Read ``2026-12-03``, ``2026-12-03T10:21`` or an instant with an offset; without one, clinic time.

    Raises:
        UnreadableTime: it is none of these.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UnreadableTime(f"看不懂时间“{text}”；写成 2026-12-03 或 2026-12-03T10:21") from None
    return at if at.utcoffset() is not None else at.replace(tzinfo=zone)


async def explain_patient(
    settings: Settings, pack: Pack, name: str, *, at: str | None, console: Console | None = None
) -> int:
    """Print what is explained; 1 when nobody is called so, 2 when it cannot be read."""
    console, errors = console or Console(), Console(stderr=True)
    database = Database(settings.database_url.get_secret_value())
    try:
        moment = instant(at, pack.timezone) if at else SystemClock().now()
        await upgrade(database)
        async with database.read() as session:
            patient = await find(session, name)
            if patient is None:
                errors.print(f"没有找到 {name}：写 external_userid、就诊号，或 #编号", markup=False)
                return NOT_FOUND
            said = await explain(session, patient, pack=pack, at=moment)
    except (UnreadableTime, SchemaTooNew) as exc:
        errors.print(str(exc), markup=False)
        return FAILED
    except (OSError, SQLAlchemyError) as exc:
        errors.print(f"读不到数据库（{type(exc).__name__}）", markup=False)
        return FAILED
    finally:
        await database.close()
    show(said, console, zone=pack.timezone)
    return 0


def show(said: Explained, console: Console, *, zone: ZoneInfo) -> None:
    """Print it in the clinic's time."""
    console.print(f"患者 #{said.patient_id}，截至 {said.at.astimezone(zone):%Y-%m-%d %H:%M}", markup=False)
    if not said.inside:
        console.print("没有走过任何一对一计划。")
    for one in said.inside:
        console.print()
        since = f"，{one.since.astimezone(zone):%m-%d %H:%M} 开始" if one.since else ""
        console.print(f"{one.title}（{one.plan}）：{one.verdict}{since}", style="bold", markup=False)
        if one.why:
            console.print(f"  {one.why}", markup=False)
        if one.steps:
            console.print(_steps(one, zone))
    if said.outside:
        console.print()
        table = Table(title="没有在走的计划")
        table.add_column("计划")
        table.add_column("现在")
        table.add_column("为什么")
        for one in said.outside:
            table.add_row(f"{one.title}\n{one.plan}", one.verdict, one.why)
        console.print(table)


def _steps(one: JourneySaid, zone: ZoneInfo) -> Table:
    table = Table(box=None, padding=(0, 2))
    table.add_column("时间", no_wrap=True)
    table.add_column("步骤")
    table.add_column("结果", no_wrap=True)
    table.add_column("为什么")
    for step in one.steps:
        table.add_row(f"{step.at.astimezone(zone):%Y-%m-%d %H:%M}", step.title, step.state, step.reason)
    return table
