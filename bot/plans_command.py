"""``xiaohu plans``: which plans there are, what they do, and publishing, pausing and retiring them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from content.library.view import Library
from content.plans.documents import plan_of
from content.plans.specs import JourneyBody
from content.plans.telling import begins_with, lines_of
from sop.plan_tables import Enrolment, PlanVersion, StoredPlan
from sop.plans import store
from sop.plans.errors import PlanFaulty, PlanRefused
from sop.plans.importing import import_plans
from sop.plans.states import PlanState
from store.clock import SystemClock
from store.database import Database
from store.schema import SchemaTooNew, upgrade

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.settings import Settings
    from content.pack import Pack
    from sop.plans.states import Inside

ACTOR: Final = "command-line"
REFUSED: Final = 1
FAILED: Final = 2
KINDS: Final = {"journey": "旅程", "group": "群计划", "moments": "朋友圈计划"}

Work = Callable[["AsyncSession", "Pack", Console], Awaitable[None]]


async def run_plans(settings: Settings, pack: Pack, work: Work, *, console: Console | None = None) -> int:
    """Do something with the plans in one transaction; 1 when it is refused, 2 when it cannot be done."""
    console, errors = console or Console(), Console(stderr=True)
    database = Database(settings.database_url.get_secret_value())
    try:
        await upgrade(database)
        library = Library(database, pack)
        async with database.write() as session:
            await import_plans(session, pack, now=SystemClock().now())
        async with database.write() as session:
            await work(session, await library.pack(session), console)
    except PlanFaulty as exc:
        for problem in exc.problems:
            errors.print(f"{problem.field}：{problem.message} → {problem.remedy}", markup=False)
        return REFUSED
    except PlanRefused as exc:
        errors.print(str(exc), markup=False)
        return REFUSED
    except SchemaTooNew as exc:
        errors.print(str(exc), markup=False)
        return FAILED
    except (OSError, SQLAlchemyError) as exc:
        errors.print(f"数据库用不了（{type(exc).__name__}）；请检查 XIAOHU_DATABASE_URL。", markup=False)
        return FAILED
    finally:
        await database.close()
    return 0


async def show_list(session: AsyncSession, _pack: Pack, console: Console) -> None:
    """Print every plan with its state, its version and how many people are in it."""
    inside = Counter(await _inside(session))
    offers = {version.plan_key: version.number for version in await store.offered(session)}
    table = Table(header_style="bold")
    for column in ("种类", "key", "名称", "状态"):
        table.add_column(column, overflow="fold")
    table.add_column("版本", justify="right")
    table.add_column("在其中", justify="right")
    table.add_column("", overflow="fold")
    for row in await store.all_plans(session):
        offer = f"内容包有第 {offers[row.key]} 版可以发布" if row.key in offers else ""
        table.add_row(
            KINDS.get(row.kind, row.kind),
            Text(row.key),
            Text(row.title),
            PlanState(row.state).title,
            str(row.version or "·"),
            str(inside[row.key] or "·"),
            offer,
        )
    console.print(table)


async def _inside(session: AsyncSession) -> dict[str, int]:
    rows = await session.execute(
        select(Enrolment.plan_key, func.count())
        .where(Enrolment.state == "active")
        .group_by(Enrolment.plan_key)
    )
    return {key: count for key, count in rows}  # noqa: C416  (rows are Rows, not pairs)


def show(key: str, number: int | None) -> Work:
    """Return what prints one plan: its versions, and what a version does."""

    async def work(session: AsyncSession, pack: Pack, console: Console) -> None:
        row = await store.plan_row(session, key)
        versions = await store.versions_of(session, key)
        wanted = number if number is not None else row.version or versions[0].number
        version = next((one for one in versions if one.number == wanted), None)
        if version is None:
            raise PlanRefused(f"计划 {key} 没有第 {wanted} 版")
        _print_head(row, (await _inside(session)).get(key, 0), console)
        _print_versions(row, versions, pack, console)
        _print_version(version, console)

    return work


def _print_head(row: StoredPlan, inside: int, console: Console) -> None:
    console.print(Text(f"{row.title}（{row.key}）", style="bold"))
    people = f"　在其中 {inside} 人" if row.kind == "journey" else ""
    console.print(f"{KINDS.get(row.kind, row.kind)}　{PlanState(row.state).title}{people}")


def _print_versions(row: StoredPlan, versions: Any, pack: Pack, console: Console) -> None:
    for version in versions:
        if version.published_at is None:
            what = f"草稿：{version.note or '还没有发布'}"
        else:
            day = version.published_at.astimezone(pack.timezone)
            what = f"{day:%Y-%m-%d %H:%M} 由 {version.published_by} 发布"
        now = "　← 现在用的" if version.number == row.version else ""
        console.print(Text(f"  第 {version.number} 版　{what}{now}"))


def _print_version(version: PlanVersion, console: Console) -> None:
    plan = plan_of(version.document)
    console.print()
    if plan.summary:
        console.print(Text(plan.summary))
    body = plan.body
    if isinstance(body, JourneyBody):
        console.print(Text("开始：" + "；或 ".join(begins_with(trigger) for trigger in body.trigger)))
    table = Table(title=f"第 {version.number} 版", title_justify="left", header_style="bold")
    for column in ("步骤", "什么时候", "怎么做", "说什么"):
        table.add_column(column, overflow="fold")
    for line in lines_of(plan):
        table.add_row(*map(Text, (line.key, line.when, line.how, line.what)))
    console.print(table)


def publish(key: str, number: int | None, inside: Inside, at: str | None) -> Work:
    """Return what publishes a draft of a plan."""

    async def work(session: AsyncSession, pack: Pack, console: Console) -> None:
        done = await store.publish(
            session, key, number, inside=inside, at=at, pack=pack, actor=ACTOR, now=SystemClock().now()
        )
        row = await store.plan_row(session, key)
        told = f"已发布 {key} 第 {done.version.number} 版，状态：{PlanState(row.state).title}"
        told += f"；{done.moved} 人转到新版" if done.moved else ""
        told += f"；{done.restarted} 人重新开始" if done.restarted else ""
        console.print(told, markup=False)

    return work


def become(key: str, state: PlanState, reason: str) -> Work:
    """Return what pauses, resumes or retires a plan."""

    async def work(session: AsyncSession, _pack: Pack, console: Console) -> None:
        now = SystemClock().now()
        row = await store.change_state(session, key, state, actor=ACTOR, now=now, reason=reason)
        console.print(f"{row.title}（{key}）：{PlanState(row.state).title}", markup=False)

    return work
