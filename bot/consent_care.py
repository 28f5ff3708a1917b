"""Looks for consents that have ended, or are missing, without anybody pulling what needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from sop import consented, greeting_assets, withdrawals
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Callable

    from content.library.view import Library
    from content.pack import Pack
    from content.render import Renderer
    from store.clock import Clock
    from store.database import Database

log = structlog.get_logger(__name__)


class ConsentCare:
    """Run it every minute; most of the time it asks a few questions and does nothing."""

    def __init__(
        self,
        database: Database,
        *,
        pack: Pack,
        library: Library,
        renderer: Renderer,
        public_url: str,
        clock: Clock,
        on_queued: Callable[[], None],
    ) -> None:
        self._database = database
        self._pack = pack
        self._library = library
        self._renderer = renderer
        self._public_url = public_url
        self._clock = clock
        self._on_queued = on_queued

    async def keep(self) -> int:
        """Pull what no consent stands behind any more; return how many posts and to-dos."""
        now = self._clock.now()
        async with self._database.read() as session:
            ended = await consented.ended(session, now=now)
            pack = await self._library.pack(session)
            if not ended and not await greeting_assets.barred(session, pack, now=now):
                return 0
        async with self._database.write() as session:
            roster = await load_roster(session, self._pack, now=now)
            pack = await self._library.pack(session)
            pulled = await withdrawals.pull(
                session,
                roster=roster,
                pack=pack,
                renderer=self._renderer,
                public_url=self._public_url,
                now=now,
            )
        count = len(pulled.drafts) + len(pulled.cancelled) + len(pulled.todos)
        if count:
            log.info(
                "consents.pulled",
                drafts=len(pulled.drafts),
                cancelled=len(pulled.cancelled),
                todos=len(pulled.todos),
            )
            self._on_queued()
        return count
