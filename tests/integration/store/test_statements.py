"""Statements that are built once word a conflict as the database at hand does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, text

from store.outbox import OutboxEffect
from store.statements import PerDatabase, plan_each, table_of

if TYPE_CHECKING:
    from store.database import Database

NOW: Final = datetime(2026, 11, 23, 1, tzinfo=UTC)
TABLE: Final = table_of(OutboxEffect)
PUT: Final = PerDatabase(
    lambda insert: insert(TABLE).on_conflict_do_nothing(index_elements=["key"]).returning(TABLE.c.id)
)


def values(key: str) -> dict[str, object]:
    return {
        "kind": "k",
        "payload": {},
        "key": key,
        "not_before": NOW,
        "created_at": NOW,
        "updated_at": NOW,
    }


async def test_one_statement_serves_both_databases_and_fills_in_the_defaults(database: Database) -> None:
    async with database.write() as session:
        first = await session.scalar(PUT.on(session), values("once"))
        again = await session.scalar(PUT.on(session), values("once"))
        await session.execute(PUT.on(session), values("twice"))

    assert (first is not None, again) == (True, None)
    async with database.read() as session:
        rows = (await session.scalars(select(OutboxEffect).order_by(OutboxEffect.id))).all()
    assert [(row.key, row.state, row.urgent, row.attempts) for row in rows] == [
        ("once", "queued", False, 0),
        ("twice", "queued", False, 0),
    ]


async def test_plans_are_made_anew_until_the_transaction_ends(database: Database) -> None:
    async def mode() -> str:
        async with database.read() as session:
            return "" if database.is_sqlite else await session.scalar(text("SHOW plan_cache_mode")) or ""

    before = await mode()
    async with database.write() as session:
        await plan_each(session)

    assert await mode() == before
