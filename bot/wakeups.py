"""Wake-ups: "there may be work", told to whoever does it, in this process or another.

They carry nothing else: the truth is in SQL, and a sweep finds what nobody was woken for. In one process
taskiq's in-memory broker carries them, across processes a Redis stream.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from redis.exceptions import RedisError
from taskiq import InMemoryBroker
from taskiq.api import run_receiver_task
from taskiq_redis import RedisStreamBroker

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from taskiq import AckableMessage, AsyncBroker

log = structlog.get_logger(__name__)

INBOX: Final = "inbox"
OUTBOX: Final = "outbox"
CALM: Final = ".calm"  # behind a topic: nothing of it is urgent
STREAM: Final = "xiaohu:wakeups"
KEPT: Final = 1000  # old wake-ups are worth nothing
DECLARE_S: Final = 5.0
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
CLAIM_LOCK_S: Final = 10.0  # taskiq's lock on unacknowledged messages would outlive a killed worker for ever


class Wake(Protocol):
    """Who listens: told whether some of the work may be urgent."""

    def __call__(self, *, urgent: bool) -> None: ...


class SteadyStream(RedisStreamBroker):
    """A stream that is listened to whatever happens to Redis.

    taskiq's receiver tries again at once and for ever: after a flush (no such group) or without Redis it
    would fill a processor core and the log. Here the group is declared again, after a pause that grows.
    """

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async for message in super().listen():
                    pause_s = FIRST_PAUSE_S
                    yield message
            except (RedisError, OSError) as exc:
                log.warning("wakeups.listener_lost", error=type(exc).__name__, pause_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            await self.declare()

    async def declare(self) -> None:
        """Make stream and group if Redis can be reached; they may stand already."""
        try:
            async with asyncio.timeout(DECLARE_S):
                await self._declare_consumer_group()
        except (RedisError, OSError, TimeoutError) as exc:
            log.warning("wakeups.not_declared", error=type(exc).__name__)


class Wakeups:
    """Sends and receives wake-ups. Many in a row become one."""

    def __init__(self, redis_url: str | None) -> None:
        self._broker: AsyncBroker = _stream(redis_url) if redis_url else InMemoryBroker()
        self._shared = redis_url is not None
        self._listeners: dict[str, Callable[[], None]] = {}
        self._pending: set[str] = set()
        self._told = asyncio.Event()

        async def wake(topic: str) -> None:
            if topic in self._listeners:
                self._listeners[topic]()

        self._task = self._broker.register_task(wake, task_name="xiaohu.wake")

    def listen(self, topic: str, callback: Wake) -> None:
        """Call ``callback`` in this process for each wake-up about ``topic``."""
        self._listeners[topic] = partial(callback, urgent=True)
        self._listeners[topic + CALM] = partial(callback, urgent=False)

    def tell(self, topic: str, *, urgent: bool = True) -> None:
        """Announce work; returns at once. A listener in this process hears it without any broker.

        Args:
            urgent: some of it may be.
        """
        topic = topic if urgent else topic + CALM
        if (listener := self._listeners.get(topic)) is not None:
            listener()
            return
        self._pending.add(topic)
        self._told.set()

    @asynccontextmanager
    async def open(self, *, receive: bool) -> AsyncIterator[None]:
        """Connect to the broker; with ``receive`` also take what other processes announce."""
        self._broker.is_worker_process = receive
        await self._start()
        tasks = [asyncio.create_task(self._send(), name="wakeups-send")]
        if receive and self._shared:
            tasks.append(asyncio.create_task(run_receiver_task(self._broker), name="wakeups-receive"))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._broker.shutdown()

    async def _start(self) -> None:
        try:
            async with asyncio.timeout(DECLARE_S):
                await self._broker.startup()
        except (RedisError, OSError, TimeoutError) as exc:
            # Callbacks are durable without Redis, and sweeps find the work: a program that would not start
            # during Redis's outage would lose what it could have kept.
            log.warning("wakeups.started_without_redis", error=type(exc).__name__)

    async def _send(self) -> None:
        while True:
            await self._told.wait()
            self._told.clear()
            topics, self._pending = self._pending, set()
            for topic in topics:
                try:
                    async with asyncio.timeout(5):
                        await self._task.kiq(topic)
                except Exception as exc:  # the loop's boundary: without Redis the sweeps still find the work
                    log.warning("wakeups.not_sent", topic=topic, error=type(exc).__name__)


def _stream(redis_url: str) -> SteadyStream:
    return SteadyStream(redis_url, queue_name=STREAM, maxlen=KEPT, unacknowledged_lock_timeout=CLAIM_LOCK_S)
