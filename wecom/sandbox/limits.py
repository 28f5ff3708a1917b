"""Published call rates (errors-and-limits.md §7): over one of them answers 45009 until its window ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .refusal import Refusal

if TYPE_CHECKING:
    from .clock import SandboxClock
    from .rules import Rules

MINUTE, HOUR, DAY, MONTH = 60, 3600, 86_400, 30 * 86_400

# Every API of a corp, and what single APIs have of their own: (calls, seconds).
EVERY_API = ((10_000, MINUTE), (150_000, HOUR))
OF_API = {
    "externalcontact/add_moment_task": ((10, MINUTE), (100_000, MONTH)),
    "media/uploadimg": ((1_000, DAY), (3_000, MONTH)),
    "get_jsapi_ticket": ((400, HOUR),),
    "ticket/get": ((100, HOUR),),
    "auth/getuserinfo": (),  # exempt with a valid code
    "message/send": (),  # app messages do not count; the per-member limit drops silently instead
}
PARALLEL = {"externalcontact/mark_tag": 5}  # one staff answer in WeCom's forum; 45033 beyond


@dataclass(slots=True)
class _Window:
    began: float
    calls: int = 0


class RateLimits:
    """Counts calls in fixed windows of the tenant's time, and calls that run at the same moment."""

    def __init__(self, clock: SandboxClock, rules: Rules) -> None:
        self._clock = clock
        self._rules = rules
        self._windows: dict[tuple[str, int, int], _Window] = {}
        self._running: dict[str, int] = {}

    def count(self, api: str, *, debug: bool = False) -> None:
        """Count one call; 45009 when the API's minute, hour, day or month is used up."""
        if not self._rules.rate_limits:
            return
        now = self._clock.now().timestamp()
        own = OF_API.get(api)
        limits = EVERY_API if own is None else (*own, *(EVERY_API if own else ()))
        if debug:
            limits = ((5, MINUTE), *limits)
        for most, seconds in limits:
            window = self._windows.get((api, most, seconds))
            if window is None or now - window.began >= seconds:
                window = self._windows[api, most, seconds] = _Window(began=now)
            window.calls += 1
            if window.calls > most:
                raise Refusal(45009)

    def enter(self, api: str) -> None:
        """Note that a call runs; 45033 when too many of this API run already."""
        running = self._running.get(api, 0)
        if running >= PARALLEL.get(api, running + 1):
            raise Refusal(45033)
        self._running[api] = running + 1

    def leave(self, api: str) -> None:
        self._running[api] -= 1
