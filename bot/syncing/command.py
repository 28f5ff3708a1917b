"""``xiaohu sync``: read the whole tenant once, and say what was not as we had it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from rich.console import Console
from sqlalchemy.exc import DBAPIError

from bot.syncing.reconciliation import Reconciliation
from bot.syncing.runs import Relieved
from bot.syncing.words import Shown, print_report
from store.clock import SystemClock
from store.database import Database
from store.schema import SchemaTooNew, upgrade
from store.vault import SealBroken, Vault
from wecom.client import Credentials, WeComClient, open_session
from wecom.errors import WeComError

if TYPE_CHECKING:
    from bot.settings import Settings
    from content.pack import Pack
    from store.clock import Clock

FAILED: Final = 2
AGAIN: Final = "再运行一次 xiaohu sync，会从停下的地方继续。"


async def sync(
    settings: Settings, pack: Pack, *, clock: Clock | None = None, console: Console | None = None
) -> int:
    """Reconcile everything and print the difference; return the exit code, 0 or 2."""
    clock, console = clock or SystemClock(), console or Console()
    errors = Console(stderr=True)
    database = Database(settings.database_url.get_secret_value())
    began = time.monotonic()
    try:
        await upgrade(database)
        async with open_session() as session:
            client = WeComClient(
                session,
                api_base=settings.wecom_api_base,
                credentials=Credentials(
                    corp_id=settings.wecom_corp_id,
                    secret=settings.wecom_secret.get_secret_value(),
                    agent_id=settings.wecom_agent_id,
                ),
                now=lambda: clock.now().timestamp(),
            )
            with Shown(console) as shown:
                report = await Reconciliation(
                    database,
                    client,
                    pack=pack,
                    vault=Vault(settings.secret_key.get_secret_value()),
                    clock=clock,
                    public_url=settings.public_url,
                    watching=shown,
                ).run()
    except SchemaTooNew as exc:
        errors.print(str(exc))
        return FAILED
    except WeComError as exc:
        errors.print(
            f"同步没有完成（{exc.call}，errcode {exc.errcode}）：{exc.remedy}\n{AGAIN}", markup=False
        )
        return FAILED
    except Relieved:
        errors.print("另一个进程接着做这次同步，这里停下。")
        return FAILED
    except SealBroken as exc:
        errors.print(f"打不开已加密的姓名（{exc}）：请检查 XIAOHU_SECRET_KEY 是否换过。", markup=False)
        return FAILED
    except DBAPIError as exc:
        errors.print(f"数据库写不进去（{type(exc).__name__}）。{AGAIN}", markup=False)
        return FAILED
    finally:
        await database.close()
    print_report(report, console, seconds=time.monotonic() - began)
    return 0
