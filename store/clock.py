"""What time it is: the one place that asks, so that a test can stand at 23:50 and a rehearsal can run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the present moment."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ShiftedClock:
    """The machine's clock plus an offset that can only grow: time goes on, and can be jumped ahead.

    The demo and the acceptance tests jump to a post's hour with it instead of waiting for it.
    """

    def __init__(self, start: datetime | None = None) -> None:
        if start is not None and start.utcoffset() is None:
            raise ValueError(f"start {start!r} has no UTC offset")
        self._offset = start - datetime.now(UTC) if start else timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def advance_to(self, moment: datetime) -> None:
        """Jump to ``moment``; a moment already past changes nothing."""
        ahead = moment - self.now()
        if ahead > timedelta():
            self._offset += ahead

    def advance(self, by: timedelta) -> None:
        """Jump ``by`` ahead; negative durations change nothing."""
        self._offset += max(by, timedelta())
