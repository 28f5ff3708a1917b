"""One engine, two kinds of transaction: reading and writing."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from store import one_visit
from store.turns import Turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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
ONE_STATE = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Database:
    """SQLite (one process) or PostgreSQL (many), opened from a URL.

    On SQLite every connection runs in WAL mode with ``synchronous=FULL``: what was committed before a 200
    survives a power cut. Writing transactions take the write lock when they begin; otherwise two of them
    could both read, and one would fail at its first write with a lock error that no waiting can cure.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        # An error's words end beside dead events and in tracebacks: they must not quote what was written.
        options: dict[str, Any] = {"pool_size": pool_size, "pool_timeout": 10, "hide_parameters": True}
        if self.is_sqlite:
            options["connect_args"] = {
                "timeout": SQLITE_BUSY_MS / 1000,
                "async_creator_fn": one_visit.connect,
            }
        else:
            options |= {"pool_pre_ping": True, "connect_args": {"timeout": 10, "command_timeout": 60}}
        self.engine: AsyncEngine = create_async_engine(parsed, **options)
        self._turns = Turns() if self.is_sqlite else None
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
        # SQLite's readers have one state for a whole transaction anyway; PostgreSQL's only when told.
        self._reading = self.engine if self.is_sqlite else self.engine.execution_options(**ONE_STATE)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session that sees one consistent state and changes nothing."""
        async with AsyncSession(self._reading, expire_on_commit=False, autoflush=False) as session:
            yield session

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
        if self._turns is None:
            yield
            return
        async with self._turns.turn(urgent=urgent, within_s=within_s):
            yield

    async def ping(self) -> None:
        """Raise unless the database answers a write lock request: that is what callbacks need."""
        async with self.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()


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


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("xiaohu_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
