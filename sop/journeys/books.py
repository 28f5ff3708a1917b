"""The published plans, read once for each database and kept: versions never change."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from sop.plans.book import PlanBook

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncSession

# Whoever draws consequences has a session and nothing that lives longer: handlers, imports, deliveries and
# pages would all have to carry a book along. It is a cache of rows that cannot change, by database.
_BOOKS: WeakKeyDictionary[Engine, PlanBook] = WeakKeyDictionary()


async def book_of(session: AsyncSession) -> PlanBook:
    """Return the plans as they stand in the session's database now; one statement when nothing is new."""
    book = _BOOKS.setdefault(session.get_bind().engine, PlanBook())
    await book.refresh(session)
    return book
