"""The line in front of SQLite's one writer, and the thread that serves it.

Whoever wants to write stands in line here, not in SQLite's own waiting, which polls in growing sleeps. Work
that needs nothing but the database is done by the thread itself, one after the other without asking the loop
in between; whoever writes from the loop is lent the turn, and the thread waits until it is given back.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

T = TypeVar("T")

# A callback is stored, hurried and its greeting settled: three turns, each behind a long one otherwise.
URGENT_IN_A_ROW = 3
CLOSE_S = 10.0


class Line:
    """One turn at a time. The urgent go first, but after three of them one of the others has its turn."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._lines: dict[bool, deque[tuple[Future[Any], Callable[[], Any]]]] = {
            True: deque(),
            False: deque(),
        }
        self._urgent_in_a_row = 0
        self._thread: threading.Thread | None = None
        self._closing = False

    async def do(self, work: Callable[[], T], *, urgent: bool, within_s: float) -> T:
        """Let the thread do ``work`` in a turn of its own, and return what it returns.

        Work that has begun is seen through to its end, also when nobody waits for it any more: then this
        returns only after it.

        Raises:
            TimeoutError: the turn did not come within ``within_s`` seconds.
        """
        place = self._stand_in_line(work, urgent=urgent)
        result = asyncio.wrap_future(place)
        try:
            async with asyncio.timeout(within_s):
                return await asyncio.shield(result)
        except TimeoutError:
            if result.done() or place.cancel():
                raise
            return await asyncio.shield(result)  # the turn has come
        except asyncio.CancelledError:
            if not place.cancel():
                await asyncio.wait((result,))
            raise

    @asynccontextmanager
    async def turn(self, *, urgent: bool, within_s: float) -> AsyncIterator[None]:
        """Hold the turn until the block ends.

        Raises:
            TimeoutError: the turn did not come within ``within_s`` seconds.
        """
        lent = asyncio.get_running_loop().create_future()
        tell, given_back = _teller(lent), threading.Event()

        def lend() -> None:
            if tell():
                given_back.wait()

        place = self._stand_in_line(lend, urgent=urgent)
        try:
            async with asyncio.timeout(within_s):
                await lent
            yield
        finally:
            place.cancel()
            given_back.set()

    def close(self) -> None:
        """End the thread when everybody in line has been served."""
        with self._changed:
            thread, self._thread, self._closing = self._thread, None, True
            self._changed.notify()
        if thread is not None:
            thread.join(CLOSE_S)
        self._closing = False

    def _stand_in_line(self, work: Callable[[], T], *, urgent: bool) -> Future[T]:
        place: Future[T] = Future()
        with self._changed:
            self._lines[urgent].append((place, work))
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="writer", daemon=True)
                self._thread.start()
            self._changed.notify()
        return place

    def _serve(self) -> None:
        while (following := self._next()) is not None:
            place, work = following
            if not place.set_running_or_notify_cancel():
                continue
            try:
                place.set_result(work())
            except BaseException as exc:  # it is the caller's, whatever it is
                place.set_exception(exc)
            del place, work, following

    def _next(self) -> tuple[Future[Any], Callable[[], Any]] | None:
        with self._changed:
            while True:
                first = self._urgent_in_a_row < URGENT_IN_A_ROW
                for urgent in (first, not first):
                    if self._lines[urgent]:
                        self._urgent_in_a_row = self._urgent_in_a_row + 1 if urgent else 0
                        return self._lines[urgent].popleft()
                if self._closing:
                    return None
                self._changed.wait()


def _teller(future: asyncio.Future[None]) -> Callable[[], bool]:
    """Return what tells a loop's future from another thread; it answers whether there was anybody to tell."""
    loop = future.get_loop()

    def come_true() -> None:
        if not future.done():
            future.set_result(None)

    def tell() -> bool:
        try:
            loop.call_soon_threadsafe(come_true)
        except RuntimeError:  # the loop is closed
            return False
        return True

    return tell
