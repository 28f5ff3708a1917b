"""Long work in slices: an endpoint that looks at thousands of patients must not keep others waiting."""

from __future__ import annotations

import asyncio
import time

SLICE_S = 0.01


class Slices:
    """Gives the loop to others every 10 ms: ``if slices.over: await slices.pause()``.

    Whoever pauses must expect that the tenant changed meanwhile.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()

    @property
    def over(self) -> bool:
        return time.perf_counter() - self._began >= SLICE_S

    async def pause(self) -> None:
        await asyncio.sleep(0)
        self._began = time.perf_counter()
