"""Slows down guessing: after a few failed logins an address has to pause, longer each time."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FREE: Final = 3  # failures without a pause: people mistype
LONGEST_S: Final = 300.0
FORGET_S: Final = 3600.0
ADDRESSES: Final = 4096


@dataclass(slots=True, kw_only=True)
class _Failures:
    count: int
    until: float
    last: float


class LoginThrottle:
    """Counts failures per address, in bounded memory: the address seen longest ago makes room.

    Args:
        now: seconds of a clock that only goes forward.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen: OrderedDict[str, _Failures] = OrderedDict()

    def pause_s(self, address: str) -> float:
        """Return for how many seconds this address must not try again; 0 = it may."""
        failures = self._seen.get(address)
        return max(failures.until - self._now(), 0.0) if failures else 0.0

    def failed(self, address: str) -> float:
        """Note a failure and return the pause that follows: 0, 0, 0, then 2, 4, 8 … 300 seconds."""
        now = self._now()
        failures = self._seen.pop(address, None)
        if failures is None or now - failures.last > FORGET_S:
            failures = _Failures(count=0, until=now, last=now)
        failures.count += 1
        failures.last = now
        pause = 0.0 if failures.count <= FREE else min(2.0 ** min(failures.count - FREE, 16), LONGEST_S)
        failures.until = now + pause
        self._seen[address] = failures
        while len(self._seen) > ADDRESSES:
            self._seen.popitem(last=False)
        return pause

    def succeeded(self, address: str) -> None:
        """Forget the failures of this address."""
        self._seen.pop(address, None)
