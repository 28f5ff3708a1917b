"""``xiaohu import``: a file from the clinic's own system, read where somebody watches."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from bot.command_line import reason_of
from clinic.care_tables import Import
from clinic.imports.columns import KIND_TITLES
from clinic.imports.files import MAX_BYTES
from sop import importing
from sop.importer import Importer
from sop.importing import ImportState
from store.clock import SystemClock
from store.database import Database
from store.schema import SchemaTooNew, upgrade
from store.vault import SealBroken, Vault

if TYPE_CHECKING:
    from pathlib import Path

    from bot.settings import Settings
    from content.pack import Pack

FINDINGS: Final = 1
FAILED: Final = 2
FAULTS_SHOWN: Final = 50
LINE_EVERY: Final = 5000  # rows, where nobody watches a bar
ACTOR: Final = "command-line"


async def import_file(
    settings: Settings, pack: Pack, kind: str, file: Path, *, dry_run: bool, console: Console | None = None
) -> int:
    """Import a file, or look it through; return 0, 1 when rows have faults, 2 when it cannot be read."""
    console, errors = console or Console(), Console(stderr=True)
    data, problem = await asyncio.to_thread(_read, file)
    if problem:
        errors.print(problem, markup=False)
        return FAILED
    database = Database(settings.database_url.get_secret_value())
    try:
        await upgrade(database)
        vault = Vault(settings.secret_key.get_secret_value())
        importer = Importer(
            database, pack=pack, vault=vault, clock=SystemClock(), public_url=settings.public_url
        )
        return await _run(database, importer, data, kind, file.name, dry_run=dry_run, console=console)
    except (SchemaTooNew, SealBroken) as exc:
        errors.print(f"没有导入：{exc}", markup=False)
        return FAILED
    except (OSError, SQLAlchemyError) as exc:
        again = "再运行一次同样的命令，会从停下的地方继续"
        errors.print(f"数据库写不进去（{type(exc).__name__}）；{again}。", markup=False)
        return FAILED
    finally:
        await database.close()


async def _run(
    database: Database,
    importer: Importer,
    data: bytes,
    kind: Any,
    name: str,
    *,
    dry_run: bool,
    console: Console,
) -> int:
    began = time.monotonic()
    ready = await asyncio.to_thread(importing.make_ready, data, kind, None)
    async with database.write() as session:
        row = await importing.submit(
            session,
            ready,
            name=name,
            actor=ACTOR,
            now=SystemClock().now(),
            state=ImportState.CHECKING if dry_run else ImportState.RUNNING,
        )
        resumed = row.done if row.state == ImportState.RUNNING else 0
    if resumed and not dry_run:
        console.print(f"从上次停下的第 {resumed} 行后面继续。")
    title = f"{'检查' if dry_run else '导入'}{KIND_TITLES[kind]}"
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        bar = progress.add_task(title, total=None)
        said = 0

        def watch(done: int, total: int) -> None:
            nonlocal said
            progress.update(bar, completed=done, total=total)
            if not console.is_terminal and done - said >= LINE_EVERY:
                said = done
                console.print(f"{title}：{done} / {total}")

        await importer.advance(row.id, data, watch=watch)
    async with database.read() as session:
        ended = await session.get_one(Import, row.id)
    if dry_run:
        async with database.write() as session:
            await importing.forget(session, row.id)
    return _tell(ended, console, dry_run=dry_run, seconds=time.monotonic() - began)


def _tell(row: Import, console: Console, *, dry_run: bool, seconds: float) -> int:
    for notice in row.notices:
        console.print(f"• {notice}", markup=False)
    if row.state == ImportState.BROKEN:
        return FAILED
    if row.faults:
        table = Table(title=f"有问题的行（共 {row.faulty} 行）")
        table.add_column("行", justify="right")
        table.add_column("列")
        table.add_column("怎么改")
        for fault in row.faults[:FAULTS_SHOWN]:
            table.add_row(str(fault["row"]), fault["column"] or "整行", fault["message"])
        console.print(table)
        if len(row.faults) > FAULTS_SHOWN:
            console.print(f"上面是前 {FAULTS_SHOWN} 处。")
    same = row.done - row.added - row.changed - row.faulty
    will = "将" if dry_run else ""
    console.print(
        f"{row.done} 行：{will}新增 {row.added}，{will}更新 {row.changed}，没有变化 {same}，"
        f"有问题 {row.faulty}；{will}新建档案 {row.people}。用时 {seconds:.1f} 秒。"
    )
    if dry_run:
        console.print("只是检查，什么都没有记下。")
    elif row.state == ImportState.STOPPED:
        console.print("导入被别人停下了，记下的内容保留。")
    return FINDINGS if row.faulty or row.state == ImportState.STOPPED else 0


def _read(file: Path) -> tuple[bytes, str]:
    """Return a file's bytes, or why there are none."""
    try:
        if file.stat().st_size > MAX_BYTES:
            return b"", f"{file} 超过 {MAX_BYTES // 1024 // 1024} MB：请分成几个文件"
        return file.read_bytes(), ""
    except OSError as exc:
        return b"", f"读不到 {file}：{reason_of(exc)}"
