"""Looks at handovers: WeCom tells of a failure, of success only by the relations that change."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from clinic import audit, people, staff, transfers
from clinic.lookup import known_patient
from clinic.rules.happenings import Happening
from clinic.tables import Member
from clinic.transfers import BY_STATUS, TransferState
from sop import handovers
from sop.consequences import reconsider
from sop.roster import load_roster
from wecom.errors import NeedsAdmin, WeComError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from store.clock import Clock
    from store.database import Database
    from wecom.api.transfers import TransferResult
    from wecom.client import WeComClient

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(minutes=10)
LEAVERS_EVERY: Final = timedelta(hours=6)


class Handovers:
    """Asks WeCom how handovers go, and who left without our being told."""

    def __init__(
        self,
        database: Database,
        client: WeComClient,
        *,
        pack: Pack,
        public_url: str,
        clock: Clock,
        on_queued: Callable[[], None],
    ) -> None:
        self._database = database
        self._client = client
        self._pack = pack
        self._public_url = public_url
        self._clock = clock
        self._on_queued = on_queued
        self._leavers_at: datetime | None = None
        self._turn = asyncio.Lock()  # two looks at once would wait for each other's rows in turn

    async def look(self) -> int:
        """Ask about every pair of members with patients on the way, every ten minutes; return how many."""
        async with self._turn:
            return await self._look()

    async def _look(self) -> int:
        async with self._database.read() as session:
            pairs = await transfers.waiting(session, before=self._clock.now() - EVERY)
        for handover, takeover, resigned in pairs:
            try:
                await self._look_at(handover, takeover, resigned=resigned)
            except WeComError as exc:
                # One pair that cannot be asked about must not hide the others; it comes again.
                log.warning("handover.look_failed", outcome=exc.outcome, errcode=exc.errcode)
                async with self._database.write() as session:
                    await transfers.looked_at(
                        session, handover, takeover, resigned=resigned, now=self._clock.now()
                    )
        return len(pairs)

    async def _look_at(self, handover: str, takeover: str, *, resigned: bool) -> None:
        api = self._client.transfers
        look = api.resigned_result if resigned else api.result
        results = [result async for result in look(handover, takeover)]
        async with self._database.write() as session:
            now = self._clock.now()
            # Whoever handles an event takes the patient first and her handover then; so do we.
            ended = [one.external_userid for one in results if _standing(one)[0] is not TransferState.WAITING]
            await people.hold(session, ended)
            for result in results:
                await self._settle(session, result, handover, takeover, resigned=resigned, now=now)
            await transfers.looked_at(session, handover, takeover, resigned=resigned, now=now)
            await session.flush()
            await handovers.finish_runs(
                session, handover, pack=self._pack, public_url=self._public_url, now=now
            )
        self._on_queued()

    async def _settle(
        self,
        session: AsyncSession,
        result: TransferResult,
        handover: str,
        takeover: str,
        *,
        resigned: bool,
        now: datetime,
    ) -> None:
        state, reason = _standing(result)
        if state is TransferState.WAITING:
            return
        changed = await transfers.set_state(
            session,
            [result.external_userid],
            handover=handover,
            takeover=takeover,
            state=state,
            reason=reason,
            now=now,
        )
        if not changed:
            return
        audit.record(
            session,
            at=now,
            actor=audit.RULES,
            action=f"transfer.{state}",
            subject=f"patient:{result.external_userid}",
            reason=f"从成员 {handover} 交接给成员 {takeover}：{reason or state.label}",
        )
        if state is TransferState.DONE and resigned:
            # Nobody deletes a patient for a member who left, so no event ends his relation to her.
            with suppress(people.Forgotten):  # the handover ended all the same
                await people.lost(
                    session,
                    external_userid=result.external_userid,
                    userid=handover,
                    by=people.BY_TRANSFER,
                    at=result.takeover_time or now,
                    now=now,
                )
            await self._parted(session, result, handover, now=now)

    async def _parted(
        self, session: AsyncSession, result: TransferResult, handover: str, *, now: datetime
    ) -> None:
        patient = await known_patient(session, result.external_userid)
        if patient is not None:
            await reconsider(
                session,
                patient,
                Happening(
                    kind="lost",
                    at=result.takeover_time or now,
                    userid=handover,
                    by=people.BY_TRANSFER,
                ),
                pack=self._pack,
                roster=await load_roster(session, self._pack, now=self._clock.now()),
                public_url=self._public_url,
                now=now,
            )

    async def find_leavers(self) -> int:
        """Read whose patients wait for a new member (doc 92124); return how many members had left unnoticed.

        An app that may not hear contacts events learns of a leaver this way only.
        """
        now = self._clock.now()
        if self._leavers_at is not None and now - self._leavers_at < LEAVERS_EVERY:
            return 0
        self._leavers_at = now
        left: dict[str, datetime] = {}
        try:
            async for row in self._client.transfers.unassigned():
                left.setdefault(row.handover_userid, row.dimission_time or now)
        except NeedsAdmin as exc:
            log.info("handover.leavers_unreadable", errcode=exc.errcode)
            return 0
        found = 0
        async with self._database.write() as session:
            for userid, at in sorted(left.items()):
                known = await session.get(Member, userid)
                if known is not None and known.left_at is not None:
                    continue
                member = await staff.left(session, userid, at=at, now=now)
                if member is not None:
                    found += 1
                    await handovers.see_off(
                        session, member, at=at, pack=self._pack, public_url=self._public_url, now=now
                    )
        if found:
            self._on_queued()
        return found


def _standing(result: TransferResult) -> tuple[TransferState, str]:
    """Return how far WeCom says this handover is; what it says newly is no end."""
    return BY_STATUS.get(result.status, (TransferState.WAITING, ""))
