"""One visit to SQLite's thread for each statement, and everything a driver's cursor must still say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from store.database import Database
from store.one_visit import OneVisitConnection
from tests.support.databases import fresh_database_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    with fresh_database_url("sqlite", tmp_path) as url:
        database = Database(url)
        async with database.write() as session:
            await session.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"))
        yield database
        await database.close()


async def test_a_statement_visits_the_thread_once(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    visits: list[str] = []
    execute = OneVisitConnection._execute

    async def counted(self: OneVisitConnection, fn: Any, *args: Any, **kwargs: Any) -> Any:
        visits.append(str(fn))
        return await execute(self, fn, *args, **kwargs)

    monkeypatch.setattr(OneVisitConnection, "_execute", counted)
    async with sqlite.write() as session:
        await session.execute(text("SELECT 1"))
        before = len(visits)
        for name in "abc":
            await session.execute(
                text("INSERT INTO things (name) VALUES (:name) RETURNING id"), {"name": name}
            )
        found = (await session.scalars(text("SELECT name FROM things ORDER BY id"))).all()

        assert len(visits) - before == 4
    assert found == ["a", "b", "c"]


async def test_counts_ids_and_many_rows_are_told_as_the_driver_tells_them(sqlite: Database) -> None:
    async with sqlite.connect() as connection:
        inserted = await connection.execute(text("INSERT INTO things (name) VALUES ('x')"))
        assert (inserted.lastrowid, inserted.rowcount) == (1, 1)
        await connection.execute(
            text("INSERT INTO things (name) VALUES (:name)"), [{"name": f"n{n}"} for n in range(500)]
        )
        changed = await connection.execute(text("UPDATE things SET name = name || '!' WHERE id > 100"))
        assert changed.rowcount == 401
        nobody = await connection.execute(text("SELECT id FROM things WHERE id < 0"))
        assert (nobody.keys(), nobody.all()) == (["id"], [])


async def insert_twice(sqlite: Database) -> None:
    async with sqlite.write() as session:
        for _ in range(2):
            await session.execute(text("INSERT INTO things (name) VALUES ('twice')"))


async def test_an_error_is_the_drivers_and_the_connection_goes_on(sqlite: Database) -> None:
    for _ in range(20):  # more than the pool holds: none is lost
        with pytest.raises(IntegrityError):
            await insert_twice(sqlite)
        with pytest.raises(OperationalError, match="no such table"):
            async with sqlite.read() as session:
                await session.execute(text("SELECT * FROM elsewhere"))

    async with sqlite.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM things")) == 0
