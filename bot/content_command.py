"""``xiaohu content export|import``: the library as a folder of files, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer
from sqlalchemy import select

from bot.command_line import reason_of
from content.library.exporting import NotExportable, export
from content.library.importing import bring_in, keep_up
from content.library.tables import LibraryPicture
from content.library.view import entries
from content.loader import load_pack
from content.problems import PackError
from store.clock import SystemClock
from store.database import Database
from store.schema import SchemaTooNew, upgrade

if TYPE_CHECKING:
    from pathlib import Path

    from bot.settings import Settings
    from content.pack import Pack

AUTHOR: Final = "xiaohu content import"
FAILED: Final = 2


async def export_library(settings: Settings, pack: Pack, folder: Path) -> int:
    """Write the library as a complete pack into ``folder``; return the exit code."""
    database = Database(settings.database_url.get_secret_value())
    try:
        await upgrade(database)
        await keep_up(database, pack, now=SystemClock().now())
        async with database.read() as session:
            kept = await entries(session)
            rows = await session.execute(select(LibraryPicture.sha256, LibraryPicture.data))
            pictures = {row.sha256: row.data for row in rows}
        done = export(folder, pack, kept, pictures)
    except (SchemaTooNew, NotExportable) as exc:
        return _complain(str(exc))
    except OSError as exc:
        return _complain(f"不能写 {folder}：{reason_of(exc)}")
    finally:
        await database.close()
    typer.echo(
        f"已写到 {folder}：{done.texts} 条内容，{done.assets} 个素材，{done.pictures} 个图片或视频文件"
    )
    return 0


async def import_library(settings: Settings, pack: Pack, folder: Path) -> int:
    """Bring the texts and assets of ``folder`` into the library; return the exit code."""
    try:
        wanted = load_pack(folder)
    except PackError as exc:
        return _complain(f"{folder} 有问题，什么都没有读进来：\n{exc}")
    database = Database(settings.database_url.get_secret_value())
    try:
        await upgrade(database)
        now = SystemClock().now()
        await keep_up(database, pack, now=now)
        taken = await bring_in(database, wanted, now=now, author=AUTHOR)
    except SchemaTooNew as exc:
        return _complain(str(exc))
    finally:
        await database.close()
    if not taken.anything:
        typer.echo("内容库里已经是这样，没有改动")
        return 0
    typer.echo(f"读进来了：新增 {taken.new}，改动 {taken.changed}；改动前的版本都留着")
    typer.echo("这里只读内容和素材。角色、渠道、标签等要用新的，请把 XIAOHU_CONTENT_PACK 指向这个文件夹")
    return 0


def _complain(message: str) -> int:
    typer.echo(message, err=True)
    return FAILED
