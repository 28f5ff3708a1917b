"""Column types that cannot hold what we must never store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, DateTime, Integer
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import JSON, TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

# SQLite only counts rows up by itself for INTEGER PRIMARY KEY; PostgreSQL wants 64 bits.
RowId = BigInteger().with_variant(Integer(), "sqlite")
# JSONB on PostgreSQL, text on SQLite: the same documents in both.
Document = JSON().with_variant(postgresql.JSONB(), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware in Python, UTC in storage.

    Raises:
        ValueError: a naive datetime is written; it would silently mean another instant elsewhere.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError(f"naive datetime {value!r}: give it an offset before it is stored")
        utc = value.astimezone(UTC)
        # SQLite has no zones: stored without one, in one zone only, its text sorts by time.
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        stored: datetime = value
        return stored.replace(tzinfo=UTC) if stored.tzinfo is None else stored.astimezone(UTC)
