"""SQLite through aiosqlite, with one visit to the driver's thread for each statement instead of four.

aiosqlite sends making a cursor, executing, fetching and closing to its thread one by one, and every visit
costs two changes of thread: that was two thirds of what a transaction cost, and most of how long it took on a
busy loop. Here a cursor is only a place for what one visit brought back. And where the caller may wait for
SQLite itself, because it is in a thread of its own or reads next to nothing, no visit is made at all.
"""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

import aiosqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class OneVisitCursor:
    """What SQLAlchemy's adapter asks of a cursor that is not server-side; results must fit in memory."""

    def __init__(self, connection: OneVisitConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> OneVisitCursor:
        """Execute one statement and bring back all it returns."""
        return await self._visit(partial(_execute, sql=sql, parameters=parameters))

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> OneVisitCursor:
        """Execute one statement for each row of parameters."""
        return await self._visit(partial(_execute_many, sql=sql, parameters=parameters))

    async def _visit(self, work: Callable[[sqlite3.Cursor], None]) -> OneVisitCursor:
        self._rows, self.description, self.rowcount, self.lastrowid = await self._connection.visit(work)
        return self

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        self._rows = []


class OneVisitConnection(aiosqlite.Connection):
    """An aiosqlite connection whose cursors visit its thread once for each statement.

    ``at_once``: not even once; everything is done where it is called.
    """

    at_once = False

    def cursor(self) -> OneVisitCursor:  # type: ignore[override]
        return OneVisitCursor(self)

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self.at_once:
            return fn(*args, **kwargs)
        return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]

    async def visit(self, work: Callable[[sqlite3.Cursor], None]) -> tuple[list[Any], Any, int, int | None]:
        """Let ``work`` use a cursor in the connection's thread; return its rows and what it says of them."""
        answer = await self._execute(_visited, self._conn, work)
        return cast("tuple[list[Any], Any, int, int | None]", answer)


def connect(path: str, **options: Any) -> OneVisitConnection:
    """Return a connection to be awaited, as ``aiosqlite.connect`` does."""
    connection = OneVisitConnection(partial(sqlite3.connect, path, **options), iter_chunk_size=64)
    connection._thread.daemon = True  # noqa: SLF001  (as SQLAlchemy does with aiosqlite's own)
    return connection


def _execute(cursor: sqlite3.Cursor, *, sql: str, parameters: Sequence[Any]) -> None:
    cursor.execute(sql, parameters)


def _execute_many(cursor: sqlite3.Cursor, *, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
    cursor.executemany(sql, parameters)


def _visited(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Cursor], None]
) -> tuple[list[Any], Any, int, int | None]:
    cursor = connection.cursor()
    try:
        work(cursor)
        rows = cursor.fetchall() if cursor.description else []
        return rows, cursor.description, cursor.rowcount, cursor.lastrowid
    finally:
        cursor.close()
