"""The tenant's clock: real time, or somebody else's, plus what was advanced by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


LATEST = datetime(2100, 1, 1, tzinfo=UTC)  # API calls take no instants beyond it either


def utc_now() -> datetime:
    """Return the wall clock as an aware UTC instant."""
    return datetime.now(UTC)


class SandboxClock:
    """Tells the tenant's time; it can be advanced so that a month passes in a second.

    Two clocks on purpose: ``now`` is what the tenant believes and goes forward with ``advance``;
    ``outside_now`` is the source untouched. Callbacks are *stamped* with the outside clock, because
    the program under test compares that stamp with its own clock and refuses stale requests.
    """

    def __init__(self, source: Callable[[], datetime] | None = None) -> None:
        self._source = source or utc_now
        self._ahead = timedelta()

    def outside_now(self) -> datetime:
        """Return the source's time, without what was advanced here."""
        now = self._source()
        if now.utcoffset() is None:
            raise ValueError(f"the sandbox's clock source gave a naive time {now!r}; give an aware UTC one")
        return now.astimezone(UTC)

    def now(self) -> datetime:
        """Return the tenant's time as an aware UTC instant."""
        return self.outside_now() + self._ahead

    def timestamp(self) -> int:
        """Return the tenant's time as WeCom writes it: whole unix seconds."""
        return int(self.now().timestamp())

    def advance(self, by: timedelta) -> datetime:
        """Move the tenant's time forward and return the new time.

        Raises:
            ValueError: ``by`` is negative (WeCom's time never runs back), or ends after this century.
        """
        if by < timedelta():
            raise ValueError(f"the sandbox's clock only goes forward, not by {by}")
        if by > LATEST - self.now():
            raise ValueError(f"the sandbox's clock ends at {LATEST:%Y-%m-%d}")
        self._ahead += by
        return self.now()
