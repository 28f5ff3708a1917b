"""The reconcile of every night: WeCom drops callbacks, and nobody would ever notice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from bot.syncing import runs
from bot.syncing.runs import Relieved
from clinic.reconcile import nightly_due

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from bot.syncing.reconciliation import Report
    from store.clock import Clock
    from store.database import Database

log = structlog.get_logger(__name__)

AFTER_FAILURE: Final = timedelta(minutes=30)


class NightlySync:
    """Starts the run when its hour has come or was missed; ask it every minute."""

    def __init__(
        self,
        database: Database,
        reconcile: Callable[[], Awaitable[Report]],
        *,
        clock: Clock,
        zone: ZoneInfo,
        on_found: Callable[[], None],
    ) -> None:
        self._database = database
        self._reconcile = reconcile
        self._clock = clock
        self._zone = zone
        self._on_found = on_found
        self._not_before: datetime | None = None

    async def keep(self) -> bool:
        """Reconcile if this night's run has not been done; return whether one ran to its end.

        Raises:
            WeComError: it could not go on; half an hour later it is tried again, from where it stopped.
        """
        now = self._clock.now()
        if self._not_before is not None and now < self._not_before:
            return False
        async with self._database.read() as session:
            last = await runs.last_started_at(session)
            busy = await runs.moving(session, now=now)
        if busy or not nightly_due(now.astimezone(self._zone), last):
            return False
        self._not_before = now + AFTER_FAILURE
        try:
            report = await self._reconcile()
        except Relieved:
            # Somebody runs `xiaohu sync` by hand: that is the same work.
            log.info("sync.relieved")
            return False
        self._not_before = None
        if any(tally.differs for tally in report.tallies.values()):
            self._on_found()
        return True
