"""The courier: the only one that asks WeCom to change something.

It leases effects, makes one call each, and settles each in one transaction with what follows from it. A
call whose answer was lost is never simply repeated: see ``when_unknown`` of its delivery.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from bot.attempts import Attempts
from bot.deliveries.base import Outcome
from store import outbox
from store.database import is_deadlock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.deliveries.base import Delivery
    from bot.metrics import Metrics
    from store.clock import Clock
    from store.database import Database
    from store.outbox import OutboxEffect

log = structlog.get_logger(__name__)

AT_ONCE: Final = {True: 32, False: 16}  # by urgency: who hurries never waits for who does not
# Outcomes written in one transaction. On SQLite its end costs a write to disk; PostgreSQL shares those by
# itself, and would see two transactions that want the same patients in another order.
SETTLED_AT_ONCE: Final = 32
HOLD_S: Final = 0.02  # for longer nobody who must be greeted should wait for the writer
LOOK_S: Final = 0.5  # finds effects whose hour has come and that nobody announced
LEASE: Final = timedelta(seconds=30)
DEADLOCKS: Final = 3  # in a row: then it is no chance
LAST_WORDS_S: Final = 7.0  # supervisors kill after 10 s; what is unanswered then is looked up later


@dataclass(slots=True, kw_only=True, eq=False)
class _Lane:
    """What is under way of one urgency.

    ``calling``: of those, who has no answer yet; the others wait to be written down. ``more``: when last
    asked, there were as many due effects as places.
    """

    urgent: bool
    calling: int = 0
    more: bool = False
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    answered: asyncio.Event = field(default_factory=asyncio.Event)  # nobody is calling
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    claiming: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def free(self) -> int:
        """Return how many may be leased now.

        Whoever is urgent must not wait until what came of others is written down; the rest must, or calls
        would run ahead of their records.
        """
        return AT_ONCE[self.urgent] - (self.calling if self.urgent else len(self.under_way))


@dataclass(slots=True, kw_only=True, eq=False)
class _Ended:
    """An attempt whose outcome is to be written down."""

    effect: OutboxEffect
    delivery: Delivery | None
    outcome: Outcome
    settled: bool = False
    error: Exception | None = None


class Courier:
    """Delivers the outbox. ``on_settled`` is called after each settled effect.

    Args:
        hold_s: after so many seconds what is settled together lets others write. Where nobody else is, a
            rehearsal, it need not, so that the same comes of the same seed.
    """

    def __init__(
        self,
        database: Database,
        deliveries: Iterable[Delivery],
        *,
        clock: Clock,
        metrics: Metrics,
        on_settled: Callable[[], None] = lambda: None,
        alone: bool = True,
        hold_s: float = HOLD_S,
    ) -> None:
        self._database = database
        self._deliveries = {delivery.kind: delivery for delivery in deliveries}
        self._clock = clock
        self._metrics = metrics
        self._on_settled = on_settled
        self._attempts = Attempts(clock=clock, metrics=metrics)
        self._alone = alone
        self._hold_s = hold_s
        self._owner = secrets.token_hex(8)
        self._lanes = {urgent: _Lane(urgent=urgent) for urgent in AT_ONCE}
        self._ended: list[_Ended] = []
        self._settling = asyncio.Lock()
        for lane in self._lanes.values():
            lane.answered.set()
        self._longest_lease = max([LEASE, *(d.lease for d in self._deliveries.values())])

    def wake(self, *, urgent: bool = True) -> None:
        """Say that there may be work, and whether some of it may be urgent."""
        self._lanes[False].woken.set()
        if urgent:
            self._lanes[True].woken.set()

    @property
    def idle(self) -> bool:
        """Whether no delivery is under way."""
        return not self._under_way()

    async def let_pass(self, *, within_s: float) -> None:
        """Return when no urgent call is waiting for its answer, or after so many seconds."""
        answered = self._lanes[True].answered
        if not answered.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await answered.wait()

    def _under_way(self) -> list[asyncio.Task[None]]:
        return [task for lane in self._lanes.values() for task in lane.under_way]

    async def run(self) -> None:
        """Deliver until cancelled; calls already made are then seen through to their end."""
        try:
            async with asyncio.TaskGroup() as group:
                for urgent in self._lanes:
                    group.create_task(
                        self._run(urgent=urgent), name=f"courier-{'urgent' if urgent else 'calm'}"
                    )
        finally:
            under_way = self._under_way()
            if under_way:
                await asyncio.wait(under_way, timeout=LAST_WORDS_S)
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _run(self, *, urgent: bool) -> None:
        lane, looked = self._lanes[urgent], -LOOK_S
        first = True
        while True:
            lane.woken.clear()
            try:
                if not urgent and time.monotonic() - looked >= LOOK_S:
                    # Alone, every lease found at the start belongs to a process that died.
                    await self._adopt_orphans(every=self._alone and first)
                    first, looked = False, time.monotonic()
                while await self._claim(urgent=urgent):
                    pass
            except Exception as exc:  # the loop's boundary: a database that went away comes back
                log.error("courier.failed", error=type(exc).__name__)
                await asyncio.sleep(LOOK_S)
            try:
                async with asyncio.timeout(LOOK_S):
                    await lane.woken.wait()
            except TimeoutError:
                continue

    async def drain(self) -> None:
        """Deliver everything that is due now and wait for it."""
        while await self._claim(urgent=True) or await self._claim(urgent=False) or self._under_way():
            await asyncio.gather(*self._under_way())

    async def _adopt_orphans(self, *, every: bool) -> None:
        count = await self._database.transact(
            partial(outbox.orphaned, now=self._clock.now(), all_but=self._owner if every else None),
        )
        if count:
            log.warning("courier.orphans", count=count)

    async def _claim(self, *, urgent: bool) -> bool:
        lane = self._lanes[urgent]
        # One at a time: who drains must see as under way whatever the run loop has leased meanwhile.
        async with lane.claiming:
            if lane.free <= 0:
                return False
            claimed = await self._database.transact(partial(self.lease, urgent=urgent), urgent=urgent)
            self.start(claimed, urgent=urgent)
            return bool(claimed)

    async def lease(self, session: AsyncSession, *, urgent: bool) -> Sequence[OutboxEffect]:
        """Lease what is due and has a place here, in the caller's transaction; then call :meth:`start`."""
        lane = self._lanes[urgent]
        places = max(lane.free, 0)
        leased = await outbox.claim(
            session,
            now=self._clock.now(),
            owner=self._owner,
            lease=self._longest_lease,
            limit=places,
            urgent=urgent,
        )
        lane.more = len(leased) == places
        return leased

    def start(self, leased: Sequence[OutboxEffect], *, urgent: bool) -> None:
        """Deliver what was leased; to be called as soon as the lease is committed, and only then."""
        lane = self._lanes[urgent]
        for effect in leased:
            lane.calling += 1
            lane.answered.clear()
            task = asyncio.create_task(self._deliver(effect, lane), name=f"effect-{effect.id}")
            lane.under_way.add(task)
            task.add_done_callback(partial(self._finished, lane))

    def _finished(self, lane: _Lane, task: asyncio.Task[None]) -> None:
        lane.under_way.discard(task)
        self._made_room(lane)
        if not task.cancelled() and (exc := task.exception()) is not None:
            # Its lease will run out, so it will be looked up: nothing is lost, but somebody should know.
            log.error("courier.settle_failed", task=task.get_name(), error=type(exc).__name__)
            self._metrics.alarms.labels("courier.settle_failed").inc()

    @staticmethod
    def _made_room(lane: _Lane) -> None:
        if lane.more and lane.free > 0:
            lane.woken.set()

    async def _deliver(self, effect: OutboxEffect, lane: _Lane) -> None:
        delivery = self._deliveries.get(effect.kind)
        try:
            if delivery is None:
                outcome = Outcome(state=outbox.REFUSED, error=f"没有处理 {effect.kind} 的程序")
            else:
                outcome = await self._attempts.make(delivery, effect)
        finally:
            lane.calling -= 1
            if not lane.calling:
                lane.answered.set()
            self._made_room(lane)
        await self._settle(_Ended(effect=effect, delivery=delivery, outcome=outcome))
        self._metrics.delivered.labels(effect.kind, outcome.state).inc()
        if outcome.state == outbox.REFUSED:
            self._metrics.alarms.labels("effect.refused").inc()
            log.warning("effect.refused", effect_id=effect.id, effect=effect.kind, errcode=outcome.errcode)
        self._on_settled()

    async def _settle(self, ended: _Ended) -> None:
        """Write an outcome down; on SQLite together with all others that wait to be written."""
        if not self._database.is_sqlite:
            await self._write_one(ended)
        else:
            self._ended.append(ended)
            async with self._settling:
                while not ended.settled:
                    written = await self._write_batch(self._ended[:SETTLED_AT_ONCE])
                    del self._ended[:written]
        if ended.error is not None:
            raise ended.error

    async def _write_batch(self, batch: Sequence[_Ended]) -> int:
        """Write down the first of these outcomes, as many as the writer may be held for; return how many."""
        try:
            written = await self._write_down(batch)
        except Exception as exc:  # one that cannot be written down must not keep the others from it
            log.warning("courier.settling_one_by_one", error=type(exc).__name__)
            for ended in batch:
                await self._write_one(ended)
            written = len(batch)
        for ended in batch[:written]:
            ended.settled = True
        return written

    async def _write_one(self, ended: _Ended) -> None:
        """Write one outcome down; a deadlock chose us by chance, so try again."""
        for again in range(DEADLOCKS, -1, -1):
            try:
                await self._write_down([ended])
            except Exception as exc:
                if again and is_deadlock(exc):
                    continue
                ended.error = exc
            return

    async def _write_down(self, batch: Sequence[_Ended]) -> int:
        now = self._clock.now()

        async def write(session: AsyncSession) -> tuple[int, bool]:
            began, written = time.monotonic(), 0
            for ended in batch:
                if written and time.monotonic() - began > self._hold_s:
                    break
                written += 1
                outcome = ended.outcome
                settled = await outbox.settle(
                    session,
                    ended.effect.id,
                    owner=self._owner,
                    state=outcome.state,
                    now=now,
                    not_before=outcome.not_before,
                    result=outcome.result,
                    errcode=outcome.errcode,
                    error=outcome.error,
                    looked=outcome.looked,
                )
                if settled and ended.delivery is not None:
                    await ended.delivery.record(session, ended.effect, outcome, now=now)
            return written, outbox.PUT_URGENT in session.info

        written, urgent = await self._database.transact(write)
        self.wake(urgent=urgent)  # for what follows from it
        return written
