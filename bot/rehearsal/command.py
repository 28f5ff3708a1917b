"""``xiaohu rehearse``: play the active plans forward and say what would happen."""

from __future__ import annotations

import asyncio
import gc
import json
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from bot.command_line import reason_of
from bot.rehearsal.pictures import TenantPictures
from bot.rehearsal.playing import Play
from bot.rehearsal.stage import Cast, StillClock, copy_plans, settle
from bot.rehearsal.wire import BASE, client_of
from bot.runtime import Outside, create_runtime
from bot.settings import Settings
from content.library.importing import keep_up
from sop.plan_tables import Enrolment
from sop.plans.book import PlanBook
from sop.rehearsal.figures import Figures, Played, gather
from sop.rehearsal.model import Behaviour, people
from sop.rehearsal.report import to_html
from sop.tables import Post
from sop.trigger_words import told
from store.database import Database
from store.schema import SchemaTooNew, upgrade
from store.vault import Vault
from wecom.sandbox.tenant import Tenant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.library.view import Library
    from content.pack import Pack
    from sop.rehearsal.model import Person

FAILED: Final = 2
QUOTAS: Final = {
    "days_of_month": "每位客户每月最多收到“当月天数”次群发",
    "week_7": "每位客户每周最多收到 7 次群发",
    "day_1": "每位客户每天最多收到 1 次群发",
}
SECRET: Final = "a rehearsal keeps no secrets"  # noqa: S105  (its database is thrown away)
COLLECTING: Final = (50_000, 20, 100)
MEMORY: Final = Path("/dev/shm")  # noqa: S108  (where there is one, nothing has to reach a disk)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be rehearsed."""

    days: int
    patients: int
    seed: int
    start: datetime | None = None
    listed: tuple[Person, ...] | None = None
    behaviour: Behaviour = Behaviour()  # noqa: RUF009  (frozen)


async def rehearse(
    pack: Pack,
    wish: Wish,
    *,
    now: datetime,
    clinic: Database | None = None,
    watch: Callable[[int, int], None] = lambda _done, _of: None,
) -> Figures:
    """Play and return the figures; nothing of it touches the clinic's database or WeCom.

    Args:
        clinic: the database whose plans are played; without one, or when it has none, the pack's.
    """
    zone = pack.timezone
    local = (wish.start or now).astimezone(zone)
    start = datetime.combine(local.date() + timedelta(days=1), time(8), tzinfo=zone)
    base = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="xiaohu-rehearsal-", dir=base) as folder:
        url = f"sqlite+aiosqlite:///{folder}/rehearsal.db"
        clock = StillClock(start)
        tenant = Tenant(scene="small", seed=wish.seed, now=clock.now)
        settings = _settings(url, tenant)
        async with aiohttp.ClientSession() as session:

            def outside(database: Database, library: Library) -> Outside:
                client = client_of(session, tenant, lambda: clock.now().timestamp())
                return Outside(
                    client=client,
                    media=TenantPictures(database, client, library, clock=clock, tenant=tenant),
                )

            runtime = create_runtime(settings, pack, clock=clock, outside=outside)
            database = runtime.database
            try:
                await upgrade(database)
                if clinic is not None:
                    await copy_plans(clinic, database)
                await keep_up(database, pack, now=clock.now())
                cast = _cast(pack, wish, start)
                async with database.write() as transaction:
                    await settle(transaction, cast, tenant, pack, now=clock.now())
                play = Play(
                    runtime,
                    clock=clock,
                    tenant=tenant,
                    pack=pack,
                    vault=Vault(SECRET),
                    cast=cast,
                    behaviour=wish.behaviour,
                    seed=wish.seed,
                    public_url=settings.public_url,
                )
                await play.run(start, wish.days, watch=watch)
                async with database.read() as reading:
                    never = await _never(reading, PlanBook(), pack)
                    return await gather(
                        reading,
                        Played(
                            title=pack.clinic["name"],
                            start=start,
                            days=wish.days,
                            patients=wish.patients,
                            seed=wish.seed,
                            seconds=play.seconds,
                            quota_limit=QUOTAS[pack.house.wecom_quota],
                            never=tuple(never),
                        ),
                        zone=zone,
                    )
            finally:
                await database.close()


def _settings(url: str, tenant: Tenant) -> Settings:
    known = tenant.credentials
    return Settings(
        _env_file=None,
        database_url=SecretStr(url),
        secret_key=SecretStr(SECRET),
        admin_password=SecretStr(SECRET),
        public_url="http://127.0.0.1:8080",
        wecom_api_base=BASE,
        wecom_corp_id=known.corp_id,
        wecom_agent_id=known.agent_id,
        wecom_secret=SecretStr(known.secret),
        wecom_token=SecretStr(known.token),
        wecom_aes_key=SecretStr(known.aes_key),
    )


def _cast(pack: Pack, wish: Wish, start: datetime) -> Cast:
    """Let the pack's speakers play; patients add any of them, mostly an assistant."""
    assistants = [userid for one in pack.personas if one.kind == "assistant" for userid in one.members]
    doctors = [userid for one in pack.personas if one.kind == "doctor" for userid in one.members]
    weighed = [*assistants * 3, *doctors] or [userid for one in pack.personas for userid in one.members]
    members = tuple(dict.fromkeys(userid for one in pack.personas for userid in one.members))
    if wish.listed is not None:
        known = dict.fromkeys((*members, *(person.userid for person in wish.listed)))
        return Cast(members=tuple(known), people=wish.listed)
    cast = people(pack, weighed, count=wish.patients, seed=wish.seed, start=start, days=wish.days)
    return Cast(members=members, people=tuple(cast))


async def _never(session: AsyncSession, book: PlanBook, pack: Pack) -> Sequence[tuple[str, str]]:
    """Return the active plans of which nothing came, and what those for patients wait for."""
    await book.refresh(session)
    rows = await session.execute(select(Enrolment.plan_key, func.count()).group_by(Enrolment.plan_key))
    begun = {row[0]: row[1] for row in rows}
    wrote = set(await session.scalars(select(Post.plan_key).distinct()))
    silent = [
        (one.plan.title, "这些天里一条内容也没有排出来：看看时段、分类里的内容和客户群的类型")
        for one in book.published.values()
        if one.active and one.plan.kind != "journey" and one.key not in wrote
    ]
    return silent + [
        (
            one.plan.title,
            "这些天里没有人进来，它等的是：" + " 或 ".join(told(t, pack) for t in one.plan.journey.trigger),
        )
        for one in book.journeys()
        if not begun.get(one.key) and any(t.kind != "manual" for t in one.plan.journey.trigger)
    ]


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Let Python look for garbage less often: a rehearsal makes little beside the people it keeps."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTING)
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def rehearse_command(
    settings: Settings | None,
    pack: Pack,
    wish: Wish,
    *,
    now: datetime,
    report: Path,
    json_file: Path | None,
    console: Console | None = None,
) -> int:
    """Rehearse with a progress bar and write the report; 2 when the clinic's database cannot be read."""
    console, errors = console or Console(), Console(stderr=True)
    clinic = Database(settings.database_url.get_secret_value()) if settings is not None else None
    try:
        with (
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=console,
                disable=not console.is_terminal,
            ) as progress,
            seldom_collecting(),
        ):
            bar = progress.add_task("预演（天）", total=wish.days)
            figures = await rehearse(
                pack,
                wish,
                now=now,
                clinic=clinic,
                watch=lambda done, of: progress.update(bar, completed=done, total=of),
            )
    except SchemaTooNew as exc:
        errors.print(str(exc), markup=False)
        return FAILED
    except (OSError, SQLAlchemyError) as exc:
        remedy = "从来没有启动过小护的，先运行 xiaohu db upgrade"
        errors.print(f"没有预演：读不到数据库（{type(exc).__name__}）。{remedy}", markup=False)
        return FAILED
    finally:
        if clinic is not None:
            await clinic.close()
    try:
        await asyncio.to_thread(_write, figures, report, json_file)
    except OSError as exc:
        errors.print(f"写不了报告 {exc.filename}：{reason_of(exc)}", markup=False)
        return FAILED
    _tell(figures, report, console)
    return 0


def _write(figures: Figures, report: Path, json_file: Path | None) -> None:
    report.write_text(to_html(figures), encoding="utf-8")
    if json_file is not None:
        document = json.dumps(figures.document(), ensure_ascii=False, indent=1)
        json_file.write_text(document, encoding="utf-8")


def _tell(figures: Figures, report: Path, console: Console) -> None:
    total = sum(one.count for one in figures.contacts)
    most = max(figures.weeks, default=0)
    console.print(
        f"预演 {figures.days} 天、{figures.patients} 位患者：触达 {total} 次，"
        f"排出内容 {sum(figures.posts.values())} 条，一个人七天里最多 {most} 次。"
        f"用时 {figures.seconds:g} 秒。"
    )
    for plan, why in figures.never:
        console.print(f"• “{plan}”：{why}", markup=False)
    for notice in figures.notices:
        console.print(f"• {notice}", markup=False)
    console.print(f"报告：{report}", markup=False)
