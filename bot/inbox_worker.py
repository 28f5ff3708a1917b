"""Handles what the inbox holds: one event, one transaction, in order per patient.

Before each of them, whoever must be greeted within 20 s is: see :meth:`InboxWorker.hurry`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from handlers.router import Turn
from store import inbox
from store.inbox import InboxEvent
from wecom.events import UnknownEvent, UnparseableEvent, parse_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.courier import Courier
    from bot.metrics import Metrics
    from handlers.router import Router
    from store.clock import Clock
    from store.database import Database

log = structlog.get_logger(__name__)

HURRIED: Final = 16  # greetings queued in one transaction: its end costs a write to disk
LOOK_S: Final = 1.0  # finds what no wake-up announced: retries, another process's rows, a lost message


class InboxWorker:
    """Takes due events until there are none, then waits to be woken.

    ``on_decided`` is called after each commit, so that the courier looks for new effects at once.
    """

    def __init__(
        self,
        database: Database,
        router: Router,
        *,
        courier: Courier,
        clock: Clock,
        metrics: Metrics,
        on_decided: Callable[[], None],
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
        self._busy = 0  # lanes at work
        self._quiet = asyncio.Event()
        self._quiet.set()

    def wake(self) -> None:
        """Say that there may be work."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self._work()
            except Exception as exc:  # the loop's boundary: a database that went away comes back
                log.error("inbox.worker_failed", error=type(exc).__name__)
                await asyncio.sleep(LOOK_S)
                continue
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def drain(self) -> None:
        """Handle everything that is due, and wait for what the run loop is handling."""
        while await self._work() or not self._quiet.is_set():
            await self._quiet.wait()

    async def _work(self) -> int:
        """Handle everything that is due; return how many events were handled."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._drain_one(), name=f"inbox-lane-{n}") for n in range(self._lanes)]
        return sum(task.result() for task in tasks)

    async def _drain_one(self) -> int:
        handled = 0
        self._busy += 1
        self._quiet.clear()
        try:
            while True:
                hurried = await self.hurry()
                handled += (stepped := await self.step())
                if not (hurried or stepped):
                    return handled
        finally:
            self._busy -= 1
            if not self._busy:
                self._quiet.set()

    async def hurry(self) -> bool:
        """Queue what cannot wait of urgent events, then let them stand in line; False when there are none."""
        try:
            count = await self._hurry(limit=HURRIED)
        except Exception as exc:  # one of them cannot be greeted: that must not cost the others their 20 s
            log.error("inbox.hurry_failed", error=type(exc).__name__)
            count = await self._hurry_one_by_one()
        if count:
            self._on_decided()
        return count > 0

    async def _hurry(self, *, limit: int) -> int:
        async with self._database.write(urgent=True) as session:
            rows = await inbox.take_urgent(session, limit=limit)
            for row in rows:
                turn = Turn(session=session, now=self._clock.now(), received_at=row.received_at)
                row.urgent, row.hurried = False, True
                with suppress(UnparseableEvent):  # told when its turn comes
                    await self._router.hurry(parse_event(row.body), turn)
            # What was just queued need not wait until the courier comes to look for it.
            leased = await self._courier.lease(session, urgent=True) if rows else ()
        self._courier.start(leased, urgent=True)
        return len(rows)

    async def _hurry_one_by_one(self) -> int:
        count = 0
        for _ in range(HURRIED):
            try:
                hurried = await self._hurry(limit=1)
            except Exception as exc:  # the item's boundary: its turn will come, and its retries
                log.error("inbox.hurry_failed", error=type(exc).__name__)
                async with self._database.write() as session:
                    hurried = await inbox.calm_first(session)
            if not hurried:
                break
            count += hurried
        return count

    async def step(self) -> bool:
        """Handle one event; False when none is due."""
        event_id: int | None = None
        try:
            async with self._database.write() as session:
                now = self._clock.now()
                row = await inbox.take(session, now=now)
                if row is None:
                    return False
                event_id = row.id
                with structlog.contextvars.bound_contextvars(event_id=row.id):
                    try:
                        event = parse_event(row.body)
                    except UnparseableEvent as exc:
                        inbox.bury(row, error=f"无法解析：{exc}", now=now)
                        self._alarm("inbox.unparseable", row.id)
                        return True
                    turn = Turn(session=session, now=now, received_at=row.received_at)
                    called = await self._router.handle(event, turn, hurried=row.hurried)
                    inbox.finish(row, kind=event.kind[:80], now=now)
        except Exception as exc:
            if event_id is None:
                raise
            await self._failed(event_id, exc)
            return True
        outcome = "handled" if called else ("unknown" if isinstance(event, UnknownEvent) else "ignored")
        self._metrics.handled.labels(type(event).__name__, outcome).inc()
        self._on_decided()
        return True

    async def _failed(self, event_id: int, exc: Exception) -> None:
        # The error's words may quote the event: they stay in the database, the log gets the class.
        log.error("inbox.handler_failed", event_id=event_id, error=type(exc).__name__)
        self._metrics.handled.labels("error", type(exc).__name__).inc()
        async with self._database.write() as session:
            row = await session.get(InboxEvent, event_id)
            if row is None or row.state not in inbox.PENDING:
                return
            inbox.fail(row, error=f"{type(exc).__name__}: {exc}", now=self._clock.now())
            if row.state == inbox.DEAD:
                self._alarm("inbox.dead", event_id)

    def _alarm(self, name: str, event_id: int) -> None:
        self._metrics.alarms.labels(name).inc()
        log.error(name, event_id=event_id)
