"""Empty databases for tests: SQLite files, or schemas of one PostgreSQL server per run."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
from sqlalchemy.engine import make_url

from content.library.importing import keep_up
from sop.plans.importing import import_plans
from store.database import Database
from store.schema import upgrade

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from content.pack import Pack

ROOM = 2 * 1024**3  # many times what the server of a run holds
LONG_AGO = datetime(2026, 1, 5, 2, tzinfo=UTC)  # when the pack was taken in
_servers: list[Any] = []  # the wheel's, if it was started


@contextmanager
def fresh_database_url(kind: str, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database that is gone afterwards."""
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{folder / 'xiaohu.db'}"
        return
    server = os.environ.get("XIAOHU_TEST_POSTGRES_URL") or _wheel_server()
    name = f"xiaohu_{secrets.token_hex(6)}"
    _execute(server, f'CREATE DATABASE "{name}"')
    try:
        yield _async_url(server, name)
    finally:
        _execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


class Templates:
    """Makes migrated databases by copying one of each kind, which is made when it is first asked for.

    Args:
        pack: whose plans and texts have been taken in already, as after a first start; None: nothing has.
    """

    def __init__(self, folder: Path, pack: Pack | None = None) -> None:
        self._folder = folder
        self._pack = pack
        self._postgres: tuple[str, str] | None = None

    @contextmanager
    def copy(self, kind: str, folder: Path) -> Iterator[str]:
        """Yield the URL of a migrated, empty database that is gone afterwards."""
        if kind == "sqlite":
            shutil.copyfile(self.sqlite_file(), folder / "xiaohu.db")
            yield f"sqlite+aiosqlite:///{folder / 'xiaohu.db'}"
            return
        server, template = self._postgres = self._postgres or _postgres_template(self._pack)
        name = f"xiaohu_{secrets.token_hex(6)}"
        _execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield _async_url(server, name)
        finally:
            _execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')

    def close(self) -> None:
        if self._postgres is not None:
            _execute(self._postgres[0], f'DROP DATABASE "{self._postgres[1]}" WITH (FORCE)')

    def sqlite_file(self) -> Path:
        """Return the SQLite file to copy, for a test that needs several copies."""
        template = self._folder / "template.db"
        if not template.exists():
            _in_thread(_migrated(f"sqlite+aiosqlite:///{template}", self._pack))
        return template


def _postgres_template(pack: Pack | None) -> tuple[str, str]:
    server = os.environ.get("XIAOHU_TEST_POSTGRES_URL") or _wheel_server()
    name = f"xiaohu_template_{secrets.token_hex(6)}"
    _execute(server, f'CREATE DATABASE "{name}"')
    _in_thread(_migrated(_async_url(server, name), pack))
    return server, name


async def _migrated(url: str, pack: Pack | None) -> None:
    database = Database(url)
    await upgrade(database)
    if pack is not None:
        async with database.write() as session:
            await import_plans(session, pack, now=LONG_AGO)
        await keep_up(database, pack, now=LONG_AGO)
    await database.close()


def stop_server() -> None:
    """End the wheel's server with the last of a run's workers.

    It would end by itself at a worker's exit; but a worker that takes long over that is killed.
    """
    if _servers:
        _servers.pop().cleanup()


@cache
def _wheel_server() -> str:
    """Start the PostgreSQL of the ``pgserver`` wheel; all test workers of a run share it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for XDG_RUNTIME_DIR, which servers and CI lack
        import pgserver

    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"pid{os.getpid()}")
    folder = _roomy() / f"xiaohu-pg-{run[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    server = pgserver.get_server(str(folder), cleanup_mode="delete")
    _servers.append(server)
    uri: str = server.get_uri()
    # Tests kill programs, never this server: it need not survive a power cut.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        _execute(uri, f"ALTER SYSTEM SET {setting} = off")
    _execute(uri, "SELECT pg_reload_conf()")
    return uri


def _roomy() -> Path:
    """Return where the server's files lie: in memory, if there is room for them.

    A database is made and dropped for each test, and a disk's file system takes several times as long for that.
    """
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= ROOM:
        return memory
    return Path(tempfile.gettempdir())


def _async_url(server: str, name: str) -> str:
    return (
        make_url(server)
        .set(drivername="postgresql+asyncpg", database=name)
        .render_as_string(hide_password=False)
    )


def _execute(server: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(server)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    _in_thread(run())


def _in_thread(work: Coroutine[Any, Any, None]) -> None:
    # The fixture is not a coroutine, and a test's loop may be running: another thread has none.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work)).result(timeout=60)
