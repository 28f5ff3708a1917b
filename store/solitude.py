"""Being the only one: without Redis one process does everything, and a second one must not start.

Whoever is alone may take every lease it finds for that of a dead predecessor. Two that believe so would
take each other's effects and send them twice.
"""

from __future__ import annotations

import asyncio
import fcntl
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from store.database import Database

# Any number, as long as it is ours and not the migrations' one.
LOCK: Final = 0x_5869_616F_6801
PATIENCE_S: Final = 10.0  # a killed predecessor's connection is noticed by PostgreSQL within moments
PAUSE_S: Final = 0.25
CHECK_S: Final = 5.0

log = structlog.get_logger(__name__)


class NotAlone(RuntimeError):
    """Another process works on this database."""

    def __init__(self) -> None:
        super().__init__("另一个小护进程正在使用这个数据库；要同时运行几个进程，请设置 XIAOHU_REDIS_URL")


@asynccontextmanager
async def alone(database: Database, *, on_lost: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
    """Hold the database for this process until the block ends; a killed process lets go by itself.

    Args:
        on_lost: called when another process took the database while PostgreSQL was away; this one must
            stop then.

    Raises:
        NotAlone: another process holds it and did not let go within 10 s.
    """
    holding = _sqlite_file(database) if database.is_sqlite else _postgres_session(database, on_lost)
    async with holding:
        yield


@asynccontextmanager
async def _sqlite_file(database: Database) -> AsyncIterator[None]:
    path = database.engine.url.database
    if not path or path == ":memory:":
        yield
        return
    # A file of its own: locking the database file itself would meddle with SQLite's locks.
    with await asyncio.to_thread(Path(f"{path}.lock").open, "a") as file:
        give_up = asyncio.get_running_loop().time() + PATIENCE_S
        while not _try_flock(file.fileno()):
            if asyncio.get_running_loop().time() > give_up:
                raise NotAlone
            await asyncio.sleep(PAUSE_S)
        yield


def _try_flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@asynccontextmanager
async def _postgres_session(database: Database, on_lost: Callable[[], None]) -> AsyncIterator[None]:
    held: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(_hold(database, held), name="solitude")
    await asyncio.wait([task, held], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        held.cancel()
        await task
    task.add_done_callback(lambda done: None if done.cancelled() else on_lost())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _hold(database: Database, held: asyncio.Future[None]) -> None:
    """Take the lock, set ``held``, and keep it: it goes with its connection, so it is taken again then."""
    while True:
        try:
            async with database.engine.connect() as connection:
                autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
                await _acquire(autocommit)
                if not held.done():
                    held.set_result(None)
                try:
                    while True:
                        await asyncio.sleep(CHECK_S)
                        await autocommit.execute(text("SELECT 1"))
                finally:
                    # The pool would keep the connection, and with it the lock. A lost one has none.
                    with suppress(OSError, SQLAlchemyError):
                        await autocommit.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
        except (OSError, SQLAlchemyError) as exc:
            if not held.done():
                raise
            log.warning("solitude.connection_lost", error=type(exc).__name__)
            await asyncio.sleep(PAUSE_S)


async def _acquire(connection: AsyncConnection) -> None:
    loop = asyncio.get_running_loop()
    give_up = loop.time() + PATIENCE_S
    while not await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}):
        if loop.time() > give_up:
            raise NotAlone
        await asyncio.sleep(PAUSE_S)
