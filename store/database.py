"""One engine, two kinds of transaction: reading and writing."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from store import one_visit
from store.line import Line
from store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sqlalchemy.engine import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

SQLITE_BUSY_MS = 3000  # below the 5 s in which a callback must be answered
SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={SQLITE_BUSY_MS}",
    "temp_store=MEMORY",
)
TURN_S = 10  # a transaction that holds the line longer than this is a defect, and must show as one
DEADLOCK_STATES = ("40P01", "40001")
WRITES = {"xiaohu_writes": True}
AT_ONCE = {"xiaohu_at_once": True}
T = TypeVar("T")
ONE_STATE = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Database:
    """SQLite (one process) or PostgreSQL (many), opened from a URL.

    On SQLite every connection runs in WAL mode with ``synchronous=FULL``: what was committed before a 200
    survives a power cut. Writing transactions take the write lock when they begin; otherwise two of them
    could both read, and one would fail at its first write with a lock error that no waiting can cure.

    Args:
        throwaway: nobody else uses it, and nobody misses it after a crash: on SQLite the loop executes
            everything itself (no thread is visited), and nothing waits for the disk.
    """

    def __init__(self, url: str, *, pool_size: int = 10, throwaway: bool = False) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        # An error's words end beside dead events and in tracebacks: they must not quote what was written.
        options: dict[str, Any] = {"pool_timeout": 10, "hide_parameters": True}
        if self.is_sqlite:
            options["connect_args"] = {
                "timeout": SQLITE_BUSY_MS / 1000,
                "async_creator_fn": one_visit.connect,
            }
        else:
            options |= {"pool_pre_ping": True, "connect_args": {"timeout": 10, "command_timeout": 60}}
        self.engine: AsyncEngine = create_async_engine(parsed, pool_size=pool_size, **options)
        self.line: Line | None = None
        self._writer: Writer | None = None
        self._alone: asyncio.Lock | None = None
        if self.is_sqlite and throwaway:
            self._alone = asyncio.Lock()
            event.listen(self.engine.sync_engine, "connect", _prepare_throwaway)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
            self.engine = self.engine.execution_options(**AT_ONCE)
        elif self.is_sqlite:
            alone = create_async_engine(parsed, pool_size=1, max_overflow=0, **options)
            for engine in (self.engine, alone):
                event.listen(engine.sync_engine, "connect", _prepare_sqlite)
                event.listen(engine.sync_engine, "begin", _begin_sqlite)
            self.line = Line()
            self._writer = Writer(self.line, alone.execution_options(**WRITES, **AT_ONCE))
        # SQLite's readers have one state for a whole transaction anyway; PostgreSQL's only when told.
        self._reading = self.engine if self.is_sqlite else self.engine.execution_options(**ONE_STATE)
        self._glancing = self._reading.execution_options(**AT_ONCE)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session that sees one consistent state and changes nothing."""
        async with AsyncSession(self._reading, expire_on_commit=False, autoflush=False) as session:
            yield session

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[AsyncSession]:
        """Open a session as :meth:`read` does, for a few rows that are found by an index.

        On SQLite the loop reads them itself: to change threads and back would take longer.
        """
        async with AsyncSession(self._glancing, expire_on_commit=False, autoflush=False) as session:
            yield session

    async def transact(self, work: Callable[[AsyncSession], Awaitable[T]], *, urgent: bool = False) -> T:
        """Let ``work`` use a session whose changes are committed together, or not at all.

        What :meth:`write` is for, in a fraction of its time on SQLite, where it runs in a thread: ``work``
        waits for nothing but the session.

        Args:
            urgent: go before those who wait for SQLite's one writer without hurry.
        """
        if self._writer is None:
            async with self.write(urgent=urgent) as session:
                return await work(session)
        return await self._writer.transact(work, urgent=urgent, within_s=TURN_S)

    @asynccontextmanager
    async def write(self, *, urgent: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a session whose changes are committed together, or not at all.

        Args:
            urgent: go before those who wait for SQLite's one writer without hurry.
        """
        async with self.turn(urgent=urgent), self.engine.connect() as connection:
            await connection.execution_options(**WRITES)
            async with AsyncSession(connection, expire_on_commit=False) as session, session.begin():
                yield session

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """Open a bare connection for one writing transaction (no object mapping)."""
        async with self.turn(), self.engine.connect() as connection:
            await connection.execution_options(**WRITES)
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def turn(self, *, urgent: bool = False, within_s: float = TURN_S) -> AsyncIterator[None]:
        """Wait in line for SQLite's one writer; PostgreSQL needs no line.

        Raises:
            TimeoutError: the turn did not come in time.
        """
        if self._alone is not None:
            async with self._alone:
                yield
            return
        if self.line is None:
            yield
            return
        async with self.line.turn(urgent=urgent, within_s=within_s):
            yield

    async def ping(self) -> None:
        """Raise unless the database answers a write lock request: that is what callbacks need."""
        async with self.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        if self._writer is not None:
            await self._writer.close(within_s=TURN_S)
        await self.engine.dispose()
        if self.line is not None:
            await asyncio.to_thread(self.line.close)


def is_deadlock(exc: BaseException) -> bool:
    """Tell whether PostgreSQL ended a transaction so that another could go on: trying again is right."""
    return isinstance(exc, DBAPIError) and getattr(exc.orig, "sqlstate", None) in DEADLOCK_STATES


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    # None hands BEGIN to us (see _begin_sqlite); the driver's own would begin late and deferred.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_throwaway(dbapi_connection: Any, record: Any) -> None:
    _prepare_sqlite(dbapi_connection, record)
    cursor = dbapi_connection.cursor()
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    driver: Any = connection.connection.driver_connection
    driver.at_once = bool(options.get("xiaohu_at_once"))
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("xiaohu_writes") else "BEGIN")
