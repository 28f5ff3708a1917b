"""Keeps channel codes as the hour and the day's numbers demand, and writes the numbers down."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from clinic import channels as records
from sop import channels

if TYPE_CHECKING:
    from collections.abc import Callable

    from content.pack import Pack
    from store.clock import Clock
    from store.database import Database


class ChannelCare:
    """Looks often and writes seldom. Run it as often as you like."""

    def __init__(
        self, database: Database, *, pack: Pack, clock: Clock, on_queued: Callable[[], None]
    ) -> None:
        self._database = database
        self._pack = pack
        self._clock = clock
        self._on_queued = on_queued

    async def keep(self) -> None:
        """Change the codes that are not as they should be."""
        async with self._database.read() as session:
            due = await channels.due(session, self._pack, at=self._clock.now())
        asked = False
        for state in due:
            async with self._database.write() as session:
                asked |= await channels.keep(session, self._pack, state, now=self._clock.now())
        if asked:
            self._on_queued()

    async def count(self) -> None:
        """Write down how many came today and yesterday: an event may be late."""
        today = channels.midnight(self._clock.now(), self._pack.timezone)
        for back in (1, 0):
            start = today - timedelta(days=back)
            async with self._database.read() as session:
                counts = await records.added_between(session, start, start + timedelta(days=1))
            if counts:
                async with self._database.write() as session:
                    await records.keep_days(session, start.date(), counts)
