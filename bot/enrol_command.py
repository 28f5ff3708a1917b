"""``xiaohu enrol``: lets many patients begin a journey at once; run again, it goes on where it was cut off.

Whoever began has the run's own fact, so a second run finds her in it and lets nobody begin twice.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import SQLAlchemyError

from bot.import_command import ACTOR
from clinic import audit
from clinic.imports.book import OpenFile
from clinic.imports.rows import RowReader, Told
from clinic.imports.sheet import FileRefused
from clinic.whose import Book, PersonUnclear
from sop.journeys.books import book_of
from sop.journeys.crowds import ENROLLED, Crowd, Forecast
from sop.journeys.enrolling import Candidate, Gate, begin, hours_of
from sop.roster import load_roster
from store.clock import SystemClock
from store.database import Database
from store.schema import SchemaTooNew, upgrade
from store.statements import plan_each
from store.vault import Vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from bot.settings import Settings
    from content.pack import Pack
    from sop.plans.book import Published

FINDINGS: Final = 1
FAILED: Final = 2
AT_ONCE: Final = 1000
_DAY: Final = re.compile(r"^\d{4}-\d{2}-\d{2} ")


async def enrol(
    settings: Settings,
    pack: Pack,
    key: str,
    *,
    file: Path | None = None,
    tag: str = "",
    dry_run: bool = False,
    run: str = "",
    console: Console | None = None,
) -> int:
    """Let the people of a list, with a tag, or all begin; return 0, 1 when some did not, 2 when it failed."""
    console, errors = console or Console(), Console(stderr=True)
    database = Database(settings.database_url.get_secret_value())
    try:
        await upgrade(database)
        async with database.read() as session:
            book = await book_of(session)
            plan = book.get(key)
            roster = await load_roster(session, pack)
        if plan is None or plan.plan.kind != "journey":
            errors.print(f"没有发布过的旅程 {key}；用 xiaohu plans list 看看有哪些", markup=False)
            return FAILED
        gate = Gate(book=book, pack=pack, roster=roster, hours=hours_of(pack))
        vault = Vault(settings.secret_key.get_secret_value())
        source = _Source(database, vault, pack, file=file, tag=tag)
        return await _run(database, plan, source, gate, dry_run=dry_run, run=run, console=console)
    except (SchemaTooNew, FileRefused, ValueError) as exc:
        errors.print(f"没有开始：{exc}", markup=False)
        return FAILED
    except (OSError, SQLAlchemyError) as exc:
        errors.print(f"停下了（{type(exc).__name__}）；再运行一次同样的命令，会接着做。", markup=False)
        return FAILED
    finally:
        await database.close()


async def _run(
    database: Database,
    plan: Published,
    source: _Source,
    gate: Gate,
    *,
    dry_run: bool,
    run: str,
    console: Console,
) -> int:
    now = SystemClock().now()
    fact = f"manual:{run or now.astimezone(gate.pack.timezone).date()}"
    total, told = await source.count(), Forecast()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        bar = progress.add_task("检查" if dry_run else "加入旅程", total=total)
        async for ids in source.pages():
            some = [Candidate(patient_id=one, fact=fact, trigger_at=now, cause="同事手动加入") for one in ids]
            await _batch(database, plan, some, gate, now=now, dry_run=dry_run, told=told)
            progress.update(bar, advance=len(ids))
    if told.begun.began and not dry_run:
        async with database.write() as session:
            audit.record(
                session,
                at=now,
                actor=ACTOR,
                action=ENROLLED,
                subject=f"plan:{plan.key}",
                reason=f"手动加入 {len(told.begun.began)} 位（{source.words}）",
            )
    _tell(console, plan, told, source, dry_run=dry_run)
    return FINDINGS if told.begun.refused or source.faults else 0


async def _batch(
    database: Database,
    plan: Published,
    some: Sequence[Candidate],
    gate: Gate,
    *,
    now: datetime,
    dry_run: bool,
    told: Forecast,
) -> None:
    if dry_run:
        async with database.read() as session:
            await told.add(session, plan, some, gate=gate, now=now)
        return
    async with database.write() as session:
        await plan_each(session)
        told.begun += await begin(session, plan, some, gate=gate, now=now)


def _tell(console: Console, plan: Published, told: Forecast, source: _Source, *, dry_run: bool) -> None:
    will, begun = "会" if dry_run else "", told.begun
    console.print(f"“{plan.plan.title}”：{will}加入 {len(begun.began)} 位，早已在里面 {begun.known} 位。")
    if told.budget is not None:
        console.print(f"第一次联系：{told.budget.told}。", markup=False)
    for why, count in Counter(_DAY.sub("", one) for one in begun.refused.values()).most_common():
        console.print(f"• {count} 位没有加入：{why}", markup=False)
    for fault in source.faults[:20]:
        console.print(f"• {fault}", markup=False)
    if len(source.faults) > 20:
        console.print(f"• 名单里还有 {len(source.faults) - 20} 行找不到人")
    if dry_run:
        console.print("只是检查，什么都没有改变。")


class _Source:
    """Whom a run is about: people of a file, with a tag, or all; in pages, by their row numbers."""

    def __init__(self, database: Database, vault: Vault, pack: Pack, *, file: Path | None, tag: str) -> None:
        self._database, self._vault, self._pack = database, vault, pack
        self._file = file
        self._crowd = Crowd(tag=tag)
        self.faults: list[str] = []

    @property
    def words(self) -> str:
        return self._crowd.words if self._file is None else "名单"

    async def count(self) -> int | None:
        if self._file is not None:
            return None
        async with self._database.read() as session:
            return await self._crowd.count(session)

    def pages(self) -> AsyncIterator[Sequence[int]]:
        return self._crowd.pages(self._database) if self._file is None else self._listed(self._file)

    async def _listed(self, file: Path) -> AsyncIterator[Sequence[int]]:
        data = await asyncio.to_thread(file.read_bytes)
        opened = await asyncio.to_thread(OpenFile, data, "patients")
        reader = RowReader(
            kind="patients",
            layout=opened.layout,
            zone=self._pack.timezone,
            heard_at=SystemClock().now(),
            numbers=lambda words: words[:64],
        )
        while rows := await asyncio.to_thread(opened.draw, AT_ONCE):
            said = reader.read_all(rows)
            told = [one for one in said if isinstance(one, Told)]
            self.faults += [
                f"第 {one.row} 行：{one.message}" for many in said if isinstance(many, tuple) for one in many
            ]
            async with self._database.read() as session:
                book = Book(session, self._vault)
                await book.load([one.person for one in told])
                ids = []
                for one in told:
                    try:
                        patient = book.find(one.person)
                    except PersonUnclear as exc:
                        self.faults.append(f"第 {one.row} 行：{exc}")
                        continue
                    if patient is None:
                        self.faults.append(f"第 {one.row} 行：没有这个人的档案")
                    else:
                        ids.append(patient.id)
            yield ids
