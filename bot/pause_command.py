"""``xiaohu pause`` and ``xiaohu resume``: the kill switches where no console is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from sop import pauses
from store.clock import SystemClock
from store.database import Database
from store.schema import SchemaTooNew, upgrade

if TYPE_CHECKING:
    from bot.settings import Settings
    from content.pack import Pack
    from store.clock import Clock

FAILED: Final = 2
ACTOR: Final = "command-line"


async def switch(
    settings: Settings,
    pack: Pack,
    scope: str,
    *,
    on: bool,
    reason: str = "",
    clock: Clock | None = None,
    console: Console | None = None,
) -> int:
    """Throw or lift a switch and print what stands still; return the exit code, 0 or 2.

    The running program sees it before its next call to WeCom.
    """
    clock, console = clock or SystemClock(), console or Console()
    errors = Console(stderr=True)
    database = Database(settings.database_url.get_secret_value())
    try:
        await upgrade(database)
        async with database.write() as session:
            now = clock.now()
            if on:
                changed = await pauses.throw(session, scope, pack=pack, by=ACTOR, reason=reason, now=now)
            else:
                changed = await pauses.lift(session, scope, by=ACTOR, reason=reason, now=now)
        async with database.read() as session:
            paused = await pauses.load(session, pack)
    except pauses.UnknownScope as exc:
        errors.print(str(exc), markup=False)
        return FAILED
    except SchemaTooNew as exc:
        errors.print(str(exc), markup=False)
        return FAILED
    except (OSError, SQLAlchemyError) as exc:
        errors.print(f"数据库写不进去（{type(exc).__name__}），什么都没有改变。", markup=False)
        return FAILED
    finally:
        await database.close()
    done = "已暂停" if on else "已恢复"
    console.print(f"{done}：{scope}" if changed else f"没有改变：{scope} 本来就{'停着' if on else '没有停'}")
    for one in paused.thrown:
        local = one.at.astimezone(pack.timezone)
        console.print(
            f"停着：{one.scope}（{local:%m-%d %H:%M} 起，{one.by}：{one.reason or '没写原因'}）", markup=False
        )
    if not paused.thrown:
        console.print("现在没有停着的，正常发送。")
    return 0
