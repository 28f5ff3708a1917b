"""How often and how many at once: one budget per corp and API (errors-and-limits.md §7-§9, doc 90312).

    WeCom's page says              kept here by
    ------------------------------------------------------------------------------------------
    so many calls a minute, hour   sliding windows: never more in any span of that length
    so many at once (45033)        a limit that halves on 45033 and grows by one each clean minute
    the API is blocked (45009)     the budget closes until the block ends; 60 s, then an hour, then a day

Who must wait does so in the order of arrival; an ``urgent`` call (somebody must be greeted within 20 s) waits
only for other urgent ones, and where there may be such calls, a fifth of every window and one of the calls
in flight are kept for them. Who would wait longer than the patience is refused at once with
``RateLimited`` and the seconds to wait. Nothing is counted across processes: the rates of one process stay
under WeCom's with room to spare, and 45009 and 45033 tell each process the rest.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wecom.errors import RateLimited

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

MINUTE, HOUR, DAY, MONTH = 60.0, 3600.0, 86_400.0, 30 * 86_400.0
TOO_OFTEN, TOO_MANY_AT_ONCE = 45009, 45033
SLOTS = 60
LEAST_SLEEP_S = 0.001
PATIENCE_S = 10.0
KEPT_FOR_URGENT = 5  # one in so many


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one API of one corp bears."""

    windows: tuple[tuple[int, float], ...]  # (calls, seconds): at most so many in any span of so many seconds
    at_once: int = 10  # calls in flight to begin with
    at_once_most: int = 20  # what clean minutes may raise that to
    blocks_s: tuple[float, ...] = (
        MINUTE,
        HOUR,
        DAY,
    )  # how long the first, second, … 45009 in a row closes it
    patience_s: float | None = None  # None: the budget's own
    keeps_room: bool = False  # some calls are urgent: the others leave room for them


# 150 a second stays under 10 000 a minute.
EVERY = ((150, 1.0), (150_000, HOUR))
DEFAULT = Rate(windows=EVERY)
STORED = Rate(windows=EVERY, at_once=5)  # reads of "stored data" are what 45033 exists for
URGENT = Rate(windows=EVERY, at_once=20, patience_s=5.0)  # its code dies 20 s after the event

RATES: Mapping[str, Rate] = {
    # The token source holds back by itself after a refusal; this only stops a storm.
    "gettoken": Rate(windows=((30, MINUTE),), at_once=1, at_once_most=1, blocks_s=()),
    "externalcontact/list": STORED,
    "externalcontact/get": Rate(windows=EVERY, at_once=5, keeps_room=True),  # a greeting wants a name
    "externalcontact/batch/get_by_user": STORED,
    "externalcontact/groupchat/list": STORED,
    "externalcontact/groupchat/get": STORED,
    "media/get": STORED,
    "externalcontact/mark_tag": Rate(windows=EVERY, at_once=5, at_once_most=5),
    "externalcontact/send_welcome_msg": URGENT,
    "kf/send_msg_on_event": URGENT,
    "externalcontact/add_moment_task": Rate(windows=((10, MINUTE), (100_000, MONTH))),
    "media/uploadimg": Rate(windows=((1_000, DAY), (3_000, MONTH)), blocks_s=(DAY,)),
    "get_jsapi_ticket": Rate(windows=((400, HOUR),), blocks_s=(HOUR,)),
    "ticket/get": Rate(windows=((100, HOUR),), blocks_s=(HOUR,)),
    # Do not count in the base rate; the cap per member drops silently and is the sender's to mind.
    "message/send": Rate(windows=((150, 1.0),)),
    "auth/getuserinfo": Rate(windows=()),  # exempt with a valid code
}


class OnWait(Protocol):
    """Told when a call begins to wait (``seconds`` 0) and when its wait is over; must not raise.

    ``waiting`` is how many calls of that API wait now.
    """

    def __call__(self, api: str, waiting: int, seconds: float, /) -> None: ...


def _unobserved(_api: str, _waiting: int, _seconds: float) -> None:
    pass


class SlidingWindow:
    """At most ``most`` calls in any span of ``seconds``, counted in sixtieths of it."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._slot_s = seconds / SLOTS
        self._counts: deque[tuple[int, int]] = deque()  # (slot, calls), oldest first
        self._total = 0

    def delay(self, now: float, *, ahead: int = 0, spare: bool = False) -> float:
        """Return the seconds until one more call fits, after ``ahead`` others; ``spare``: leaving room."""
        self._forget(now)
        most = self._most - self._most // KEPT_FOR_URGENT * spare
        missing = self._total + ahead + 1 - most
        if missing <= 0:
            return 0.0
        for slot, calls in self._counts:
            missing -= calls
            if missing <= 0:
                return max(self._leaves_at(slot) - now, LEAST_SLEEP_S)
        newest = self._leaves_at(self._counts[-1][0]) if self._counts else now
        return newest - now + math.ceil(missing / most) * (SLOTS + 1) * self._slot_s

    def count(self, now: float) -> None:
        """Count one call."""
        self._forget(now)
        slot = self._slot(now)
        calls = self._counts.pop()[1] if self._counts and self._counts[-1][0] == slot else 0
        self._counts.append((slot, calls + 1))
        self._total += 1

    def _slot(self, now: float) -> int:
        return math.floor(now / self._slot_s)

    def _leaves_at(self, slot: int) -> float:
        return (slot + SLOTS + 1) * self._slot_s

    def _forget(self, now: float) -> None:
        oldest = self._slot(now) - SLOTS  # a span that ends now reaches back into this slot
        while self._counts and self._counts[0][0] < oldest:
            self._total -= self._counts.popleft()[1]


class Budget:
    """The turns of one API of one corp."""

    def __init__(
        self,
        api: str,
        rate: Rate,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
        patience_s: float,
        on_wait: OnWait,
    ) -> None:
        self._api = api
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._patience_s = patience_s if rate.patience_s is None else rate.patience_s
        self._on_wait = on_wait
        self._windows = [SlidingWindow(most, seconds) for most, seconds in rate.windows]
        # By urgency: wakes those who wait in the order of their arrival.
        self._queues = {True: asyncio.Lock(), False: asyncio.Lock()}
        self._freed = asyncio.Event()  # only the heads of the queues wait for it
        self._waiting = {True: 0, False: 0}
        self._running = 0
        self._at_once = rate.at_once
        self._grown_at = clock()
        self._halvings = 0
        self._closed_until = -math.inf
        self._blocks = 0  # 45009 in a row

    @property
    def waiting(self) -> int:
        return sum(self._waiting.values())

    @property
    def running(self) -> int:
        return self._running

    @property
    def at_once(self) -> int:
        """How many calls may be in flight now."""
        self._grow()
        return self._at_once

    @asynccontextmanager
    async def turn(self, *, urgent: bool = False) -> AsyncIterator[Callable[[int], None]]:
        """Wait for a turn and hold it while the call runs; tell the function it gives each ``errcode``.

        Raises:
            RateLimited: the wait would be longer than the patience; nothing was sent.
        """
        await self._enter(urgent=urgent)
        halvings = self._halvings
        try:
            yield lambda errcode: self._heard(errcode, halvings=halvings)
        finally:
            self._running -= 1
            self._freed.set()

    async def _enter(self, *, urgent: bool) -> None:
        delay = self._delay(ahead=self._waiting[urgent], urgent=urgent)
        self._refuse_beyond_patience(delay)
        if not self._waiting[urgent] and not delay and self._has_room(urgent=urgent):
            self._take()
            return
        began = self._clock()
        slept = 0.0
        self._waiting[urgent] += 1
        self._on_wait(self._api, self.waiting, 0.0)
        try:
            async with self._queues[urgent]:
                while True:
                    delay = self._delay(urgent=urgent)
                    # What was slept counts too: a clock that a test holds still must not hold the call.
                    self._refuse_beyond_patience(max(self._clock() - began, slept) + delay, delay)
                    if delay:
                        await self._sleep(delay)
                        slept += delay
                    elif not self._has_room(urgent=urgent):
                        self._freed.clear()
                        await self._freed.wait()
                    else:
                        self._take()
                        return
        finally:
            self._waiting[urgent] -= 1
            self._on_wait(self._api, self.waiting, self._clock() - began)

    def _has_room(self, *, urgent: bool) -> bool:
        kept = self._rate.keeps_room and not urgent and self.at_once > 1
        return self._running < self.at_once - kept

    def _take(self) -> None:
        now = self._clock()
        for window in self._windows:
            window.count(now)
        self._running += 1

    def _delay(self, *, urgent: bool, ahead: int = 0) -> float:
        now = self._clock()
        closed = max(self._closed_until - now, 0.0)
        spare = self._rate.keeps_room and not urgent
        waits = (window.delay(now, ahead=ahead, spare=spare) for window in self._windows)
        return max(closed, *waits, 0.0)

    def _refuse_beyond_patience(self, wait: float, left: float | None = None) -> None:
        if wait > self._patience_s:
            pause = max(wait if left is None else left, 1.0)
            raise RateLimited(
                self._api,
                f"its budget is used up, a turn is {pause:.0f} s away",
                remedy="该接口调用过于频繁，系统会等限流窗口结束后继续。",
                retry_after_s=pause,
            )

    def _heard(self, errcode: int, *, halvings: int) -> None:
        if errcode not in {TOO_OFTEN, TOO_MANY_AT_ONCE}:
            return
        now = self._clock()
        if halvings == self._halvings:  # calls that were in flight together say one thing, not many
            self._grow()
            self._at_once = max(1, self._at_once // 2)
            self._grown_at = now
            self._halvings += 1
        if errcode == TOO_OFTEN and self._rate.blocks_s and now >= self._closed_until:
            again = now - self._closed_until <= MINUTE
            self._blocks = min(self._blocks + 1 if again else 1, len(self._rate.blocks_s))
            self._closed_until = now + self._rate.blocks_s[self._blocks - 1]

    def _grow(self) -> None:
        minutes = int((self._clock() - self._grown_at) // MINUTE)
        if minutes > 0:
            self._at_once = min(self._at_once + minutes, self._rate.at_once_most)
            self._grown_at += minutes * MINUTE


class Budgets:
    """The budgets of all APIs; clients of the same corp in one process may share one."""

    def __init__(
        self,
        *,
        rates: Mapping[str, Rate] = RATES,
        default: Rate = DEFAULT,
        patience_s: float = PATIENCE_S,
        on_wait: OnWait | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Nothing is counted yet.

        Args:
            rates: by API, such as ``externalcontact/mark_tag``; ``default`` for all others.
            patience_s: the longest a call waits for its turn.
            on_wait: told of waits, for metrics.
            clock: seconds; a step back is taken as no time passing.
        """
        self._rates = rates
        self._default = default
        self._patience_s = patience_s
        self._on_wait = on_wait or _unobserved
        self._clock = _forward(clock)
        self._sleep = sleep
        self._budgets: dict[tuple[str, str], Budget] = {}

    def of(self, corp_id: str, api: str) -> Budget:
        """Return the budget of one API of one corp, always the same object."""
        budget = self._budgets.get((corp_id, api))
        if budget is None:
            budget = self._budgets[corp_id, api] = Budget(
                api,
                self._rates.get(api, self._default),
                clock=self._clock,
                sleep=self._sleep,
                patience_s=self._patience_s,
                on_wait=self._on_wait,
            )
        return budget


def _forward(clock: Callable[[], float]) -> Callable[[], float]:
    """Seconds that never run backward, even when the wall clock is set back."""
    last, elapsed = clock(), 0.0

    def seconds() -> float:
        nonlocal last, elapsed
        now = clock()
        elapsed += max(now - last, 0.0)
        last = now
        return elapsed

    return seconds
