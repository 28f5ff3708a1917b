"""Waiting in line for SQLite's one writer, with a short cut for those whom WeCom is waiting for."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


# A callback is stored, hurried and its greeting settled: three turns, each behind a long one otherwise.
URGENT_IN_A_ROW = 3


class Turns:
    """One holder at a time. The urgent go first, but after three of them one of the others has its turn.

    SQLite's own waiting polls in growing sleeps; this line is fair and wakes at once.
    """

    def __init__(self) -> None:
        self._taken = False
        self._urgent_in_a_row = 0
        self._lines: dict[bool, deque[asyncio.Future[None]]] = {True: deque(), False: deque()}

    @asynccontextmanager
    async def turn(self, *, urgent: bool, within_s: float) -> AsyncIterator[None]:
        """Hold the turn until the block ends.

        Raises:
            TimeoutError: the turn did not come within ``within_s`` seconds.
        """
        await self._acquire(urgent=urgent, within_s=within_s)
        self._urgent_in_a_row = self._urgent_in_a_row + 1 if urgent else 0
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, *, urgent: bool, within_s: float) -> None:
        if not self._taken:
            self._taken = True
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines[urgent].append(place)
        try:
            async with asyncio.timeout(within_s):
                await place
        except BaseException:
            # Cancelled or too late in the very moment the turn came: pass it on.
            if place.done() and not place.cancelled():
                self._release()
            raise

    def _release(self) -> None:
        first = self._urgent_in_a_row < URGENT_IN_A_ROW
        for urgent in (first, not first):
            line = self._lines[urgent]
            while line:
                place = line.popleft()
                if not place.done():
                    place.set_result(None)
                    return
        self._taken = False
