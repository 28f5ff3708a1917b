"""Statements that are built once.

To build a statement anew and to find its compiled form takes several times as long as SQLite takes to execute
it. What is executed for every callback is therefore built when its module is imported, with names
(:func:`sqlalchemy.bindparam`) where its values go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite

from store.tables import Base

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Table
    from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.sql.dml import ReturningInsert

    Insert = SqliteInsert | PostgresInsert


_PLAN_EACH: Final = text("SET LOCAL plan_cache_mode = force_custom_plan")


def table_of(model: type[Base]) -> Table:
    """Return the table behind a class: statements about it pass the object mapping by, and cost half.

    Unlike those about the class they do not write down what is still pending in the session.
    """
    return Base.metadata.tables[model.__tablename__]


async def plan_each(session: AsyncSession) -> None:
    """Let PostgreSQL plan each statement by what it is asked for, until the session's transaction ends.

    After five uses it keeps one plan for a prepared statement, made by the sizes that tables had then. What
    goes through many rows, and fills tables while it does, must not: tables that were empty at the beginning
    would be read from end to end for each of its batches.
    """
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(_PLAN_EACH)


class Inserts(Protocol):
    """How a database begins an insertion."""

    def __call__(self, table: Table, /) -> Insert: ...


class PerDatabase:
    """An insertion that says what happens on a conflict, which each database words in its own way."""

    def __init__(self, build: Callable[[Inserts], Insert | ReturningInsert[tuple[int]]]) -> None:
        self._built = {"sqlite": build(sqlite.insert), "postgresql": build(postgresql.insert)}

    def on(self, session: AsyncSession) -> Insert | ReturningInsert[tuple[int]]:
        """Return the statement for the session's database."""
        return self._built[session.get_bind().dialect.name]
