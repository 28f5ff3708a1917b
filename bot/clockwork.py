"""The clockwork: what happens because time passes. A tick run twice changes nothing.

With several processes only the holder of a Redis lock ticks.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from sop import push, receipts, vacancies, vigil
from sop.roster import load_roster
from store import inbox, outbox
from wecom.errors import WeComError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from zoneinfo import ZoneInfo

    from redis.asyncio import Redis

    from bot.metrics import Metrics
    from bot.planning import WeekPlanning
    from bot.sync import TenantSync
    from bot.syncing.nightly import NightlySync
    from bot.watcher import Watcher
    from content.pack import Pack
    from store.clock import Clock
    from store.database import Database

log = structlog.get_logger(__name__)

LOCK: Final = "xiaohu:clockwork"
LOCK_S: Final = 15
LAST_WORDS_S: Final = 2  # a tick can be cut; with the courier's 7 s we end before supervisors kill


class Leadership(Protocol):
    """Says whether this process may tick."""

    async def held(self) -> bool:
        """Return True while no other process ticks."""


class Alone:
    """One process: always leading."""

    async def held(self) -> bool:
        return True


class RedisLeadership:
    """A lock in Redis, taken and prolonged at each question; it frees itself when its holder dies."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._token = secrets.token_hex(8)

    async def held(self) -> bool:
        try:
            async with asyncio.timeout(2):
                if await self._redis.set(LOCK, self._token, nx=True, ex=LOCK_S):
                    return True
                holder = await self._redis.get(LOCK)
                if holder not in (self._token, self._token.encode()):
                    return False
                await self._redis.expire(LOCK, LOCK_S)
        except Exception as exc:  # the boundary to a service that may be gone: ticks are harmless twice
            log.warning("clockwork.lock_unknown", error=type(exc).__name__)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Work that comes again and again. ``at_once``: also when the program starts."""

    name: str
    job: Callable[[], Awaitable[object]]
    every: timedelta
    at_once: bool = True


class Clockwork:
    """Runs the ticks on APScheduler."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        zone: ZoneInfo,
        pack: Pack,
        public_url: str,
        planning: WeekPlanning,
        watcher: Watcher,
        sync: TenantSync,
        nightly: NightlySync,
        warm: Callable[[], Awaitable[None]],
        metrics: Metrics,
        leadership: Leadership,
        on_due: Callable[[], None],
        more: Sequence[Tick] = (),
    ) -> None:
        self._database = database
        self._clock = clock
        self._zone = zone
        self._pack = pack
        self._public_url = public_url
        self._planning = planning
        self._watcher = watcher
        self._sync = sync
        self._nightly = nightly
        self._warm = warm
        self._metrics = metrics
        self._leadership = leadership
        self._on_due = on_due
        self._more = tuple(more)

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """Everything that happens because time passes, for whoever moves the time by himself."""
        return (
            Tick(name="push_due", job=self.push_due, every=timedelta(seconds=1)),
            Tick(name="look", job=self._watcher.look, every=timedelta(seconds=1)),
            Tick(name="remind", job=self.remind, every=timedelta(minutes=1)),
            Tick(name="ensure_week", job=self.ensure_week, every=timedelta(seconds=5)),
            Tick(name="read_tenant", job=self.read_tenant, every=timedelta(seconds=15)),
            Tick(name="warm_media", job=self.warm_media, every=timedelta(minutes=10)),
            Tick(name="reconcile", job=self.reconcile, every=timedelta(minutes=1)),
            Tick(name="count", job=self.count, every=timedelta(seconds=15)),
            Tick(name="watch_personas", job=self.watch_personas, every=timedelta(minutes=1)),
            *self._more,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tick until the block ends; ticks under way are then waited for."""
        scheduler = AsyncIOScheduler(timezone=UTC)
        under_way: set[asyncio.Task[None]] = set()

        def start(tick: Tick) -> Callable[[], Awaitable[None]]:
            async def run() -> None:
                task = asyncio.current_task()
                if task is not None:
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                # Cancelled only at shutdown; APScheduler would report that as an error.
                with suppress(asyncio.CancelledError):
                    await self._run(tick)

            return run

        for tick in self.ticks:
            scheduler.add_job(
                start(tick),
                IntervalTrigger(seconds=int(tick.every.total_seconds())),
                id=tick.name,
                next_run_time=datetime.now(UTC) + (timedelta() if tick.at_once else tick.every),
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
            )
        scheduler.start()
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)
            pending = [task for task in under_way if not task.done()]
            if pending:
                await asyncio.wait(pending, timeout=LAST_WORDS_S)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def push_due(self) -> None:
        """Expire what nobody approved and hand over what is due."""
        async with self._database.write() as session:
            now = self._clock.now()
            late = await push.expire_unreviewed(session, now=now)
            if late:
                roster = await load_roster(session, self._pack, now=now)
                await vigil.tell_expired(session, late, roster=roster, now=now, public_url=self._public_url)
            started = await push.start_due(session, now=now)
        if started or late:
            log.info("posts.due", started=started, expired=len(late))
            self._on_due()

    async def remind(self) -> None:
        """Remind members whose tasks wait."""
        async with self._database.write() as session:
            roster = await load_roster(session, self._pack, now=self._clock.now())
            count = await receipts.remind(
                session, roster=roster, now=self._clock.now(), zone=self._zone, public_url=self._public_url
            )
        if count:
            self._on_due()

    async def ensure_week(self) -> None:
        """Draft this week when its hour has come."""
        await self._planning.ensure_current()

    async def read_tenant(self) -> None:
        """Read members and groups, once an hour."""
        await self._sync.keep()

    async def reconcile(self) -> None:
        """Compare everything with WeCom's lists, once a night."""
        await self._nightly.keep()

    async def warm_media(self) -> None:
        """Upload what greetings need, before somebody must be greeted within 20 s."""
        await self._warm()

    async def watch_personas(self) -> None:
        """Tell the manager of personas that nobody can speak as; look first, SQLite has one writer."""
        async with self._database.read() as session:
            roster = await load_roster(session, self._pack, now=self._clock.now())
            differs = await vacancies.differs(session, roster)
        self._metrics.personas_vacant.set(len(vacancies.vacant(roster)))
        if not differs:
            return
        async with self._database.write() as session:
            await vacancies.watch(
                session,
                roster=await load_roster(session, self._pack, now=self._clock.now()),
                public_url=self._public_url,
                zone=self._zone,
                now=self._clock.now(),
            )
        self._on_due()

    async def count(self) -> None:
        """Count rows by state for the metrics."""
        async with self._database.read() as session:
            for gauge, counts in (
                (self._metrics.inbox_rows, await inbox.count_by_state(session)),
                (self._metrics.outbox_rows, await outbox.count_by_state(session)),
            ):
                gauge.clear()
                for state, number in counts.items():
                    gauge.labels(state).set(number)

    async def _run(self, tick: Tick) -> None:
        name = tick.name
        if not await self._leadership.held():
            return
        try:
            await tick.job()
        except WeComError as exc:
            self._metrics.ticks.labels(name, "wecom_error").inc()
            log.warning("clockwork.wecom_error", job=name, outcome=exc.outcome, errcode=exc.errcode)
        except Exception as exc:  # the loop's boundary: the next tick tries again
            self._metrics.ticks.labels(name, "failed").inc()
            log.error("clockwork.failed", job=name, error=type(exc).__name__)
        else:
            self._metrics.ticks.labels(name, "ok").inc()
