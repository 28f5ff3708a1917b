"""The database: migrations that equal the models, instants that keep their meaning, transactions that hold."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, StatementError

import sop.plan_tables  # noqa: F401
import store.inbox
import store.outbox  # noqa: F401  (every table must be known before they are compared)
from clinic.tables import Member
from store.database import Database
from store.schema import SchemaTooNew, upgrade
from store.tables import Base
from store.types import UtcDateTime
from tests.support.databases import fresh_database_url

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Connection
    from sqlalchemy.ext.asyncio import AsyncSession

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
CHINA = timezone(timedelta(hours=8))


# -- migrations -------------------------------------------------------------------------------------


def differences(connection: Connection) -> list[Any]:
    options = {"compare_type": True, "compare_server_default": True}
    return compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)


async def test_the_migrations_make_exactly_what_the_models_say(database: Database) -> None:
    async with database.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_partial_indexes_are_partial_in_the_database_too(database: Database) -> None:
    catalogue = (
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        if database.is_sqlite
        else "SELECT indexdef FROM pg_indexes"
    )
    async with database.read() as session:
        found = [str(one) for one in await session.scalars(text(catalogue))]

    for table in Base.metadata.tables.values():
        for index in table.indexes:
            wanted = index.dialect_options["sqlite"].get("where") is not None
            [definition] = [one for one in found if f"{index.name} " in one.replace('"', "")]
            assert (" WHERE " in definition) == wanted, index.name


async def test_upgrading_again_changes_nothing(database: Database) -> None:
    before, after = await upgrade(database)

    assert before == after


async def test_programs_that_start_together_migrate_once(tmp_path: Path) -> None:
    """On PostgreSQL: several processes on one SQLite file are refused before they get here."""
    with fresh_database_url("postgresql", tmp_path) as url:
        databases = [Database(url) for _ in range(4)]
        answers = await asyncio.gather(*(upgrade(database) for database in databases))
        await asyncio.gather(*(database.close() for database in databases))

    assert sorted(before is None for before, _ in answers) == [False, False, False, True]
    assert len({after for _, after in answers}) == 1


async def test_a_newer_database_is_refused_and_left_alone(database: Database) -> None:
    async with database.connect() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaTooNew, match="9999"):
        await upgrade(database)

    async with database.read() as session:
        assert await session.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


async def test_the_folder_of_a_sqlite_file_is_made(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/deep/er/xiaohu.db")

    await upgrade(database)
    await database.close()

    assert (tmp_path / "deep" / "er" / "xiaohu.db").exists()


# -- instants ---------------------------------------------------------------------------------------


async def test_a_naive_instant_is_refused_before_it_is_stored(database: Database) -> None:
    async def write() -> None:
        async with database.write() as session:
            session.add(Member(userid="x", seen_at=datetime(2026, 11, 23, 9, 0)))  # noqa: DTZ001

    with pytest.raises(StatementError, match="naive datetime"):
        await write()


async def test_a_naive_instant_is_refused_in_a_question_too(database: Database) -> None:
    async with database.read() as session:
        with pytest.raises(StatementError, match="naive datetime"):
            await session.scalars(select(Member).where(Member.seen_at < datetime(2026, 11, 23)))  # noqa: DTZ001


async def test_an_instant_comes_back_as_the_same_instant_in_utc(database: Database) -> None:
    at = datetime(2026, 11, 23, 9, 30, 0, 1, tzinfo=CHINA)
    async with database.write() as session:
        session.add(Member(userid="x", seen_at=at))

    async with database.read() as session:
        seen = await session.scalar(select(Member.seen_at))
    assert seen == at
    assert seen is not None
    assert seen.tzinfo is UTC


instants = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


@given(one=instants, other=instants)
def test_stored_instants_sort_as_the_instants_do(one: datetime, other: datetime) -> None:
    column = UtcDateTime()
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        first, second = column.process_bind_param(one, dialect), column.process_bind_param(other, dialect)
        assert first is not None
        assert second is not None
        assert (first < second) == (one < other)
        assert column.process_result_value(first, dialect) == one


async def test_a_read_cannot_write_on_postgresql(tmp_path: Path) -> None:
    with fresh_database_url("postgresql", tmp_path) as url:
        database = Database(url)
        await upgrade(database)
        async with database.read() as session:
            with pytest.raises(DBAPIError, match="read-only"):
                await session.execute(insert(Member).values(userid="x", seen_at=NOW))
        async with database.write() as session:
            session.add(Member(userid="x", seen_at=NOW))
        await database.close()


# -- transactions -----------------------------------------------------------------------------------


async def test_a_read_sees_one_state_while_others_write(database: Database) -> None:
    async with database.read() as session:
        before = (await session.scalars(select(Member.userid))).all()
        async with database.write() as writing:
            writing.add(Member(userid="new", seen_at=NOW))
        assert (await session.scalars(select(Member.userid))).all() == before == []

    async with database.read() as session:
        assert (await session.scalars(select(Member.userid))).all() == ["new"]


async def test_writers_that_read_first_never_fail_for_a_lock(database: Database) -> None:
    """On SQLite a deferred transaction could not be upgraded after another one wrote."""

    async def write(n: int) -> None:
        async with database.write() as session:
            await session.scalars(select(Member))
            await asyncio.sleep(0)
            session.add(Member(userid=f"m{n}", seen_at=NOW))

    await asyncio.gather(*(write(n) for n in range(30)))

    async with database.read() as session:
        assert len((await session.scalars(select(Member))).all()) == 30


async def test_a_writer_that_is_cancelled_leaves_nothing_and_blocks_nobody(database: Database) -> None:
    async def write(userid: str) -> None:
        async with database.write() as session:
            session.add(Member(userid=userid, seen_at=NOW))
            await session.flush()
            await asyncio.sleep(60)

    tasks = [asyncio.create_task(write(f"m{n}")) for n in range(4)]
    await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    async with asyncio.timeout(5), database.write() as session:
        assert (await session.scalars(select(Member))).all() == []
        session.add(Member(userid="after", seen_at=NOW))
    async with database.connect() as connection:
        assert (await connection.execute(select(Member.userid))).scalars().all() == ["after"]


async def test_a_transaction_done_elsewhere_is_committed_whole_or_not_at_all(database: Database) -> None:
    async def add(session: AsyncSession, *, userid: str, fail: bool = False) -> str:
        session.add(Member(userid=userid, seen_at=NOW))
        await session.flush()
        if fail:
            raise LookupError(userid)
        return userid

    assert await database.transact(partial(add, userid="a")) == "a"
    with pytest.raises(LookupError, match="b"):
        await database.transact(partial(add, userid="b", fail=True), urgent=True)
    with pytest.raises(DBAPIError):
        await database.transact(partial(add, userid="a"))
    await database.transact(partial(add, userid="c"))

    async with database.glance() as session:
        assert (await session.scalars(select(Member.userid).order_by(Member.userid))).all() == ["a", "c"]


async def test_writers_here_and_elsewhere_take_turns(database: Database) -> None:
    async def count_up(session: AsyncSession) -> None:
        member = await session.get_one(Member, "x", with_for_update=True)
        member.name = str(int(member.name) + 1)

    async def here() -> None:
        async with database.write() as session:
            await count_up(session)

    async with database.write() as session:
        session.add(Member(userid="x", name="0", seen_at=NOW))
    await asyncio.gather(*(here() if n % 2 else database.transact(count_up) for n in range(40)))

    async with database.read() as session:
        assert await session.scalar(select(Member.name)) == "40"


async def test_a_transaction_elsewhere_knows_the_callers_context(tmp_path: Path) -> None:
    asked: ContextVar[str] = ContextVar("asked", default="nobody")

    async def who(session: AsyncSession) -> tuple[str, str]:
        del session
        return asked.get(), threading.current_thread().name

    database = Database(f"sqlite+aiosqlite:///{tmp_path}/x.db")
    asked.set("the caller")
    found = await database.transact(who)
    await database.close()

    assert found == ("the caller", "writer")


async def test_on_sqlite_a_commit_is_on_the_disk_and_keys_are_checked(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/x.db")

    async def pragmas(session: AsyncSession) -> dict[str, Any]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return {name: await session.scalar(text(f"PRAGMA {name}")) for name in names}

    async with database.read() as session:
        read = await pragmas(session)
    written = await database.transact(pragmas)
    await database.close()

    assert read == written == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_a_ping_says_whether_a_callback_could_be_stored(database: Database) -> None:
    await database.ping()

    async with database.connect() as connection:
        await connection.execute(
            insert(Member).values(userid="x", name="", alias="", serves=False, seen_at=NOW)
        )


async def test_an_error_says_the_statement_and_quotes_nothing_that_was_to_be_written(
    database: Database,
) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with database.write() as session:
            await session.execute(text("INSERT INTO nowhere (name) VALUES (:name)"), {"name": "王小明"})

    assert "INSERT INTO nowhere" in str(caught.value)
    assert "王小明" not in str(caught.value)


async def test_a_throwaway_database_is_written_by_the_loop_itself_one_after_the_other(
    tmp_path: Path,
) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'thrown.db'}", throwaway=True)
    await upgrade(database)
    threads: set[int] = set()

    async def add(session: AsyncSession, userid: str) -> None:
        threads.add(threading.get_ident())
        await asyncio.sleep(0)  # others get the loop, not the turn
        session.add(Member(userid=userid, name=userid, serves=True, seen_at=NOW))

    await asyncio.gather(*(database.transact(partial(add, userid=f"member{n}")) for n in range(5)))
    async with database.glance() as session:
        names = (await session.scalars(select(Member.userid).order_by(Member.userid))).all()
    await database.close()

    assert list(names) == [f"member{n}" for n in range(5)]
    assert threads == {threading.get_ident()}
