"""Being the only one: without Redis one process does everything, and a second one must not start.

Whoever is alone may take every lease it finds for that of a dead predecessor. Two that believe so would
take each other's effects and send them twice.
"""

from __future__ import annotations

import asyncio
import fcntl
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from store.database import Database

# Any number, as long as it is ours and not the migrations' one.
LOCK: Final = 0x_5869_616F_6801
PATIENCE_S: Final = 10.0  # a killed predecessor's connection is noticed by PostgreSQL within moments
PAUSE_S: Final = 0.25


class NotAlone(RuntimeError):
    """Another process works on this database."""

    def __init__(self) -> None:
        super().__init__("另一个小护进程正在使用这个数据库；要同时运行几个进程，请设置 XIAOHU_REDIS_URL")


@asynccontextmanager
async def alone(database: Database) -> AsyncIterator[None]:
    """Hold the database for this process until the block ends; a killed process lets go by itself.

    Raises:
        NotAlone: another process holds it and did not let go within 10 s.
    """
    holding = _sqlite_file(database) if database.is_sqlite else _postgres_session(database)
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
async def _postgres_session(database: Database) -> AsyncIterator[None]:
    async with database.engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        loop = asyncio.get_running_loop()
        give_up = loop.time() + PATIENCE_S
        while not await autocommit.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}):
            if loop.time() > give_up:
                raise NotAlone
            await asyncio.sleep(PAUSE_S)
        try:
            yield
        finally:
            await autocommit.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
