"""Group commit: callbacks that arrive together become durable together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy.dialects import postgresql, sqlite

from store.inbox import InboxEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from store.database import Database

log = structlog.get_logger(__name__)

BATCH: Final = 256
STORE_S: Final = 4.0  # WeCom cuts the connection after 5 s; before that it must hear that we failed


class NotStored(Exception):
    """The callback is not durable; WeCom must try again, so the answer is 5xx."""


class Ingest:
    """Stores callbacks: all that wait share one transaction, and none is answered before it is committed.

    ``on_stored`` is called after each commit with the number of new rows, to wake whoever handles them.
    """

    def __init__(self, database: Database, *, on_stored: Callable[[int], None]) -> None:
        self._database = database
        self._on_stored = on_stored
        self._waiting: list[tuple[dict[str, Any], asyncio.Future[None]]] = []
        self._arrived = asyncio.Event()
        insert = sqlite.insert if database.is_sqlite else postgresql.insert
        self._insert = insert(InboxEvent).on_conflict_do_nothing(index_elements=["digest"])

    async def store(self, row: dict[str, Any]) -> None:
        """Return when ``row`` (see :func:`store.inbox.new_row`) or its twin is durable.

        Raises:
            NotStored: disk full, database locked or gone, or not done within 4 s.
        """
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((row, future))
        self._arrived.set()
        try:
            async with asyncio.timeout(STORE_S):
                # Shielded: a caller that gives up must not cancel what others wait for as well.
                await asyncio.shield(future)
        except TimeoutError:
            future.cancel()
            raise NotStored("the database did not answer in time") from None

    async def run(self) -> None:
        """Commit what waits, batch by batch, until cancelled; then nothing is left unanswered."""
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._waiting:
                    batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                    await self._commit(batch)
        finally:
            for _, future in self._waiting:
                _settle(future, NotStored("shutting down"))

    async def _commit(self, batch: list[tuple[dict[str, Any], asyncio.Future[None]]]) -> None:
        try:
            async with asyncio.timeout(STORE_S), self._database.connect() as connection:
                result = await connection.execute(self._insert, [row for row, _ in batch])
                stored = result.rowcount
        except asyncio.CancelledError:
            for _, future in batch:
                _settle(future, NotStored("shutting down"))
            raise
        except Exception as exc:  # the loop's boundary: every kind of failure means "not durable"
            log.error("inbox.not_stored", events=len(batch), error=type(exc).__name__)
            for _, future in batch:
                _settle(future, NotStored(type(exc).__name__))
            return
        for _, future in batch:
            _settle(future, None)
        self._on_stored(stored)


def _settle(future: asyncio.Future[None], error: NotStored | None) -> None:
    if future.done():  # its caller gave up meanwhile
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
