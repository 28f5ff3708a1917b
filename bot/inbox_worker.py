"""Handles what the inbox holds: one event, one transaction, in order per patient.

Beside that, and without waiting for it, whoever must be greeted within 20 s is (:meth:`InboxWorker.hurry`).
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from handlers.router import Turn
from store import inbox, outbox
from store.inbox import InboxEvent
from wecom.events import UnknownEvent, UnparseableEvent, parse_event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.courier import Courier
    from bot.metrics import Metrics
    from handlers.router import Router
    from store.clock import Clock
    from store.database import Database
    from store.outbox import OutboxEffect

log = structlog.get_logger(__name__)

HURRIED: Final = 16  # greetings queued in one transaction: its end costs a write to disk
COURTESY_S: Final = 0.1  # so long an event that can wait lets greetings go first
LOOK_S: Final = 1.0  # finds what no wake-up announced: retries, another process's rows, a lost message


@dataclass(slots=True, kw_only=True)
class _Step:
    """What became of an attempt to handle the next event."""

    event_id: int | None = None  # None: none was due
    outcome: tuple[str, str] | None = None
    urgent: bool = False  # something was queued that cannot wait


class InboxWorker:
    """Takes due events until there are none, then waits to be woken.

    ``on_decided`` is called after each event, so that the courier looks for new effects at once; it is told
    whether there is one that cannot wait.
    """

    def __init__(
        self,
        database: Database,
        router: Router,
        *,
        courier: Courier,
        clock: Clock,
        metrics: Metrics,
        on_decided: Callable[[bool], None],
        lanes: int = 1,
    ) -> None:
        self._database = database
        self._router = router
        self._courier = courier
        self._clock = clock
        self._metrics = metrics
        self._on_decided = on_decided
        # SQLite has one writer; PostgreSQL lets several patients' events be handled side by side.
        self._lanes = 1 if database.is_sqlite else lanes
        self._woken = asyncio.Event()
        self._hurried = asyncio.Event()
        self._busy = 0  # who is at work: lanes, and who hurries
        self._quiet = asyncio.Event()
        self._quiet.set()

    def wake(self, *, urgent: bool = True) -> None:
        """Say that there may be work, and whether some of it may be urgent."""
        self._woken.set()
        if urgent:
            self._hurried.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_on(self.hurry, self._hurried), name="inbox-hurry")
            group.create_task(self._keep_on(self._work, self._woken), name="inbox-work")

    async def _keep_on(self, work: Callable[[], Awaitable[int]], woken: asyncio.Event) -> None:
        while True:
            woken.clear()
            try:
                await work()
            except Exception as exc:  # the loop's boundary: a database that went away comes back
                log.error("inbox.worker_failed", error=type(exc).__name__)
                await asyncio.sleep(LOOK_S)
                continue
            try:
                async with asyncio.timeout(LOOK_S):
                    await woken.wait()
            except TimeoutError:
                continue

    async def drain(self) -> None:
        """Handle everything that is due, and wait for what the run loop is handling."""
        while await self.hurry() or await self._work() or not self._quiet.is_set():
            await self._quiet.wait()

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        self._busy += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy:
                self._quiet.set()

    async def _work(self) -> int:
        """Handle everything that is due; return how many events were handled."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._drain_one(), name=f"inbox-lane-{n}") for n in range(self._lanes)]
        return sum(task.result() for task in tasks)

    async def _drain_one(self) -> int:
        handled = 0
        with self._at_work():
            while await self.step():
                handled += 1
                await self._courier.let_pass(within_s=COURTESY_S)
        return handled

    async def hurry(self) -> int:
        """Queue what cannot wait of urgent events, then let them stand in line; return their number."""
        hurried = 0
        with self._at_work():
            while count := await self._hurry_some():
                hurried += count
                self._woken.set()
        return hurried

    async def _hurry_some(self) -> int:
        try:
            return await self._hurry(limit=HURRIED)
        except Exception as exc:  # one of them cannot be greeted: that must not cost the others their 20 s
            log.error("inbox.hurry_failed", error=type(exc).__name__)
            return await self._hurry_one_by_one()

    async def _hurry(self, *, limit: int) -> int:
        count, leased = await self._database.transact(partial(self._queue, limit=limit), urgent=True)
        self._courier.start(leased, urgent=True)
        return count

    async def _queue(self, session: AsyncSession, *, limit: int) -> tuple[int, Sequence[OutboxEffect]]:
        rows = await inbox.take_urgent(session, limit=limit)
        for row in rows:
            turn = Turn(session=session, now=self._clock.now(), received_at=row.received_at)
            row.urgent, row.hurried = False, True
            with suppress(UnparseableEvent):  # told when its turn comes
                await self._router.hurry(parse_event(row.body), turn)
        # What was just queued need not wait until the courier comes to look for it.
        return len(rows), await self._courier.lease(session, urgent=True) if rows else ()

    async def _hurry_one_by_one(self) -> int:
        count = 0
        for _ in range(HURRIED):
            try:
                hurried = await self._hurry(limit=1)
            except Exception as exc:  # the item's boundary: its turn will come, and its retries
                log.error("inbox.hurry_failed", error=type(exc).__name__)
                hurried = await self._database.transact(inbox.calm_first)
            if not hurried:
                break
            count += hurried
        return count

    async def step(self) -> bool:
        """Handle one event; False when none is due."""
        step = _Step()
        try:
            await self._database.transact(partial(self._handle_next, step))
        except Exception as exc:
            if step.event_id is None:
                raise
            await self._failed(step.event_id, exc)
            return True
        if step.outcome:
            self._metrics.handled.labels(*step.outcome).inc()
            self._on_decided(step.urgent)
        return step.event_id is not None

    async def _handle_next(self, step: _Step, session: AsyncSession) -> None:
        now = self._clock.now()
        row = await inbox.take(session, now=now)
        if row is None:
            return
        step.event_id = row.id
        with structlog.contextvars.bound_contextvars(event_id=row.id):
            try:
                event = parse_event(row.body)
            except UnparseableEvent as exc:
                inbox.bury(row, error=f"无法解析：{exc}", now=now)
                self._alarm("inbox.unparseable", row.id)
                return
            turn = Turn(session=session, now=now, received_at=row.received_at)
            called = await self._router.handle(event, turn, hurried=row.hurried)
            inbox.finish(row, kind=event.kind[:80], now=now)
        how = "handled" if called else ("unknown" if isinstance(event, UnknownEvent) else "ignored")
        step.outcome, step.urgent = (type(event).__name__, how), outbox.PUT_URGENT in session.info

    async def _failed(self, event_id: int, exc: Exception) -> None:
        # The error's words may quote the event: they stay in the database, the log gets the class.
        log.error("inbox.handler_failed", event_id=event_id, error=type(exc).__name__)
        self._metrics.handled.labels("error", type(exc).__name__).inc()

        async def plan_another(session: AsyncSession) -> None:
            row = await session.get(InboxEvent, event_id)
            if row is None or row.state not in inbox.PENDING:
                return
            inbox.fail(row, error=f"{type(exc).__name__}: {exc}", now=self._clock.now())
            if row.state == inbox.DEAD:
                self._alarm("inbox.dead", event_id)

        await self._database.transact(plan_another)

    def _alarm(self, name: str, event_id: int) -> None:
        self._metrics.alarms.labels(name).inc()
        log.error(name, event_id=event_id)
