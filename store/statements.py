"""Statements that are built once.

To build a statement anew and to find its compiled form takes several times as long as SQLite takes to execute
it. What is executed for every callback is therefore built when its module is imported, with names
(:func:`sqlalchemy.bindparam`) where its values go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

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


def table_of(model: type[Base]) -> Table:
    """Return the table behind a class: statements about it pass the object mapping by, and cost half.

    Unlike those about the class they do not write down what is still pending in the session.
    """
    return Base.metadata.tables[model.__tablename__]


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
