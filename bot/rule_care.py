"""Lets the rules see that time passes: expired tags every hour, birthdays and long silences once a day."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Final

import structlog

from sop import ripening

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from content.pack import Pack
    from store.clock import Clock
    from store.database import Database

log = structlog.get_logger(__name__)

DAILY_AT: Final = time(4, 30)  # clinic time, after the nightly sync
AT_ONCE: Final = 10  # patients in one transaction: greetings must not wait behind it


class RuleCare:
    """Run it every few minutes; it finds out itself what is due."""

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
        self._day: date | None = None

    async def keep(self) -> int:
        """Look again at everybody for whom time may have changed something; return how many."""
        now = self._clock.now()
        local = now.astimezone(self._pack.timezone)
        daily = local.time() >= DAILY_AT and self._day != local.date()
        async with self._database.read() as session:
            found = set(await ripening.expired(session, now=now))
            if daily:
                found |= set(await ripening.ripe(session, self._pack, now=now))
        ids = sorted(found)
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            try:
                await self._look_again(some)
            except Exception as exc:  # the item's boundary: one of them must not keep the others waiting
                log.error("rules.look_failed", patients=some, error=type(exc).__name__)
        if daily:
            self._day = local.date()
        if ids:
            log.info("rules.looked_again", patients=len(ids), daily=daily)
            self._on_queued()
        return len(ids)

    async def _look_again(self, patient_ids: Sequence[int]) -> None:
        async with self._database.write() as session:
            await ripening.look_again(
                session,
                patient_ids,
                pack=self._pack,
                public_url=self._public_url,
                now=self._clock.now(),
            )
