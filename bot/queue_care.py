"""Looks after the queue as time passes: who must be reminded to approve, what became of contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from sop import vigil
from sop.caps import ledger
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Callable

    from content.pack import Pack
    from store.clock import Clock
    from store.database import Database

log = structlog.get_logger(__name__)


class QueueCare:
    """Run its parts again and again; each looks first, since SQLite has one writer."""

    def __init__(
        self,
        database: Database,
        *,
        pack: Pack,
        public_url: str,
        clock: Clock,
        on_queued: Callable[[], None],
    ) -> None:
        self._database = database
        self._pack = pack
        self._public_url = public_url
        self._clock = clock
        self._on_queued = on_queued

    async def watch(self) -> int:
        """Remind of what waits for approval, and offer it to who stands in; return how many were told."""
        zone = self._pack.timezone
        async with self._database.read() as session:
            now = self._clock.now()
            roster = await load_roster(session, self._pack, now=now)
            if not await vigil.differs(session, roster=roster, now=now, zone=zone):
                return 0
        async with self._database.write() as session:
            now = self._clock.now()
            count = await vigil.watch(
                session,
                roster=await load_roster(session, self._pack, now=now),
                now=now,
                zone=zone,
                public_url=self._public_url,
            )
        log.info("approvals.watched", told=count)
        self._on_queued()
        return count

    async def follow(self) -> int:
        """Let the ledger learn what became of posts; return how many were read."""
        async with self._database.read() as session:
            if not await ledger.differs(session):
                return 0
        async with self._database.write() as session:
            return await ledger.follow_posts(session, now=self._clock.now())
