"""Two ways into the inbox: PostgreSQL through the pool, SQLite through a connection of its own."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.dialects import postgresql

from store.database import SQLITE_BUSY_MS, SQLITE_PRAGMAS
from store.inbox import InboxEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.database import Database
    from store.ingest import Sink
    from store.line import Line

TURN_S: Final = 4.0
COLUMNS: Final = ("digest", "lane", "urgent", "body", "received_at", "state", "attempts")
INSERT: Final = (
    f"INSERT INTO inbox ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608
    "ON CONFLICT (digest) DO NOTHING"
)


def sink_for(database: Database) -> Sink:
    """Return the way into ``database``'s inbox."""
    if database.line is None:
        return PooledSink(database)
    return SqliteSink(database.line, database.engine.url.database or ":memory:")


class PooledSink:
    """One statement on a pooled connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = postgresql.insert(InboxEvent).on_conflict_do_nothing(index_elements=["digest"])

    async def commit(self, rows: Sequence[dict[str, Any]]) -> int:
        async with self._database.connect() as connection:
            result = await connection.execute(self._insert.values(list(rows)))
            return max(result.rowcount, 0)

    async def close(self) -> None:
        """Nothing was opened: the pool is the database's."""


class SqliteSink:
    """Begin, insert and commit in one visit to the writer's thread.

    Through the async driver each statement is a visit of its own, and the loop pays for each; that was most
    of what a callback cost. Same file, same pragmas, same line as every other writer.
    """

    def __init__(self, line: Line, path: str) -> None:
        self._line = line
        self._path = path
        self._connection: sqlite3.Connection | None = None

    async def commit(self, rows: Sequence[dict[str, Any]]) -> int:
        values = [tuple(_stored(row[column]) for column in COLUMNS) for row in rows]
        return await self._line.do(partial(self._write, values), urgent=True, within_s=TURN_S)

    async def close(self) -> None:
        await self._line.do(self._disconnect, urgent=True, within_s=TURN_S)

    def _write(self, values: list[tuple[Any, ...]]) -> int:
        connection = self._connection or self._connect()
        before = connection.total_changes
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(INSERT, values)
            connection.execute("COMMIT")
        except sqlite3.Error:
            # After a full disk or an I/O error a fresh connection knows best what state the file is in.
            self._disconnect()
            raise
        return connection.total_changes - before

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=SQLITE_BUSY_MS / 1000, isolation_level=None)
        for pragma in SQLITE_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        self._connection = connection
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _stored(value: Any) -> Any:
    """Return a value as :class:`store.types.UtcDateTime` and the dialect store it."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
    return value
