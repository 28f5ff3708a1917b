"""One database, one working process, unless Redis coordinates several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from store import solitude
from store.database import Database
from store.schema import upgrade
from store.solitude import NotAlone, alone
from tests.support.databases import fresh_database_url
from tests.support.process import until

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_second_process_is_refused_until_the_first_lets_go(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solitude, "PATIENCE_S", 0.0)
    first, second = Database(database_url), Database(database_url)
    await upgrade(first)
    try:
        async with alone(first):
            with pytest.raises(NotAlone, match="REDIS_URL"):
                async with alone(second):
                    pytest.fail("two processes hold one database")
        async with alone(second):
            pass
    finally:
        await first.close()
        await second.close()


async def test_who_lost_its_connection_holds_the_database_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solitude, "CHECK_S", 0.05)
    monkeypatch.setattr(solitude, "PATIENCE_S", 0.0)
    with fresh_database_url("postgresql", tmp_path) as url:
        first, second = Database(url), Database(url)
        lost: list[bool] = []
        async with alone(first, on_lost=lambda: lost.append(True)):
            await end_other_sessions(second)
            await until(lambda: lock_is_held(second), what="the lock is taken again")
            with pytest.raises(NotAlone):
                async with alone(second):
                    pytest.fail("two processes hold one database")
        async with alone(second):
            pass
        await first.close()
        await second.close()
    assert lost == []


async def test_who_lost_the_database_to_another_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solitude, "CHECK_S", 0.3)
    monkeypatch.setattr(solitude, "PATIENCE_S", 0.0)
    with fresh_database_url("postgresql", tmp_path) as url:
        first, second = Database(url), Database(url)
        lost: list[bool] = []
        async with alone(first, on_lost=lambda: lost.append(True)):
            await end_other_sessions(second)
            async with alone(second):
                await until(lambda: lost, what="the first one hears of it")
        await first.close()
        await second.close()
    assert lost == [True]


async def end_other_sessions(database: Database) -> None:
    async with database.connect() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"  # and wait until they are gone
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


async def lock_is_held(database: Database) -> bool:
    async with database.connect() as connection:
        held = await connection.scalar(
            text(
                "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
                " WHERE locktype = 'advisory' AND d.datname = current_database()"
            )
        )
        return bool(held)
