"""Group commit: callbacks that arrive together become durable together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = structlog.get_logger(__name__)

BATCH: Final = 256
STORE_S: Final = 3.5  # WeCom cuts the connection after 5 s; before that it must hear that we failed
LATE_S: Final = 0.2  # how often somebody looks for those who wait too long: one timer for all of them

Waiting = tuple[dict[str, Any], "asyncio.Future[None]", float]


class NotStored(Exception):
    """The callback is not durable; WeCom must try again, so the answer is 5xx."""


class Sink(Protocol):
    """Where rows of the inbox become durable."""

    async def commit(self, rows: Sequence[dict[str, Any]]) -> int:
        """Store all rows in one durable transaction and return how many were new; raise if none is."""

    async def close(self) -> None:
        """Give back what was opened."""


class Ingest:
    """Stores callbacks: all that wait share one transaction, and none is answered before it is committed.

    ``on_stored`` is called after each commit, to wake whoever handles the rows, with the number of those that
    were new and whether any is urgent.
    """

    def __init__(self, sink: Sink, *, on_stored: Callable[[int, bool], None]) -> None:
        self._sink = sink
        self._on_stored = on_stored
        self._waiting: list[Waiting] = []
        self._under_way: list[Waiting] = []
        self._arrived = asyncio.Event()

    async def store(self, row: dict[str, Any]) -> None:
        """Return when ``row`` (see :func:`store.inbox.new_row`) or its twin is durable.

        Raises:
            NotStored: disk full, database locked or gone, or not done within 3.5 s.
        """
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._waiting.append((row, future, loop.time()))
        self._arrived.set()
        await future

    async def run(self) -> None:
        """Commit what waits, batch by batch, until cancelled; then nothing is left unanswered."""
        late = asyncio.create_task(self._answer_late(), name="ingest-late")
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._waiting:
                    batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                    # Who was told to try again is not stored now: a database that is away for an hour
                    # would leave an hour of callbacks in memory, and WeCom sends each again anyway.
                    self._under_way = [waiting for waiting in batch if not waiting[1].done()]
                    if self._under_way:
                        await self._commit(self._under_way)
        finally:
            late.cancel()
            await asyncio.gather(late, return_exceptions=True)
            _settle(self._waiting, NotStored("shutting down"))
            await self._sink.close()

    async def _commit(self, batch: list[Waiting]) -> None:
        try:
            async with asyncio.timeout(STORE_S):
                stored = await self._sink.commit([row for row, _, _ in batch])
        except asyncio.CancelledError:
            _settle(batch, NotStored("shutting down"))
            raise
        except Exception as exc:  # the loop's boundary: every kind of failure means "not durable"
            log.error("inbox.not_stored", events=len(batch), error=type(exc).__name__)
            _settle(batch, NotStored(type(exc).__name__))
            return
        _settle(batch, None)
        self._on_stored(stored, any(row["urgent"] for row, _, _ in batch))

    async def _answer_late(self) -> None:
        """Tell whoever waits too long that it failed, although a commit that hangs cannot be ended."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LATE_S)
            before = loop.time() - STORE_S
            late = [one for one in (*self._under_way, *self._waiting) if one[2] < before]
            _settle(late, NotStored("the database did not answer in time"))


def _settle(batch: list[Waiting], error: NotStored | None) -> None:
    for _, future, _ in batch:
        if future.done():  # its caller gave up meanwhile
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
