"""Keeps the material for newcomers of groups in WeCom as pack and library have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import select

from clinic.care_tables import GroupWelcome
from sop import group_welcomes
from sop.roster import load_roster
from wecom.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from content.library.view import Library
    from content.pack import Pack
    from content.render import Renderer
    from store.clock import Clock
    from store.database import Database
    from wecom.client import WeComClient

log = structlog.get_logger(__name__)

NO_SUCH_TEMPLATE: Final = 40058


class GroupCare:
    """Compares pack, records and WeCom; queues what differs. Run it as often as you like."""

    def __init__(
        self,
        database: Database,
        client: WeComClient,
        *,
        pack: Pack,
        library: Library,
        renderer: Renderer,
        public_url: str,
        clock: Clock,
        on_queued: Callable[[], None],
    ) -> None:
        self._database = database
        self._client = client
        self._pack = pack
        self._library = library
        self._renderer = renderer
        self._public_url = public_url
        self._clock = clock
        self._on_queued = on_queued

    async def keep(self) -> None:
        """Make, change and delete material as the pack says, and ask owners to apply what is new.

        Raises:
            WeComError: WeCom could not be asked whether yesterday's material is still there.
        """
        await self._look()
        async with self._database.write() as session:
            now = self._clock.now()
            wanted = await group_welcomes.wanted_now(
                session, await self._library.pack(session), self._renderer, now=now
            )
            queued = await group_welcomes.ensure(session, wanted, now=now)
            await session.flush()
            queued += await group_welcomes.remind(
                session,
                pack=self._pack,
                roster=await load_roster(session, self._pack, now=self._clock.now()),
                public_url=self._public_url,
                now=now,
            )
        if queued:
            log.info("group_welcomes.queued", count=queued)
            self._on_queued()

    async def _look(self) -> None:
        """Ask once a day for each material: an administrator may have deleted it, and no event tells."""
        async with self._database.read() as session:
            rows = (
                await session.scalars(select(GroupWelcome).where(GroupWelcome.template_id.is_not(None)))
            ).all()
        due = [
            (row.role, row.template_id)
            for row in rows
            if row.looked_at is None or self._clock.now() - row.looked_at >= group_welcomes.LOOK_AGAIN
        ]
        for role, template_id in due:
            if template_id is None:
                continue
            there = True
            try:
                await self._client.group_welcomes.get(template_id)
            except Refused as exc:
                if exc.errcode != NO_SUCH_TEMPLATE:
                    raise
                there = False
            async with self._database.write() as session:
                now = self._clock.now()
                if not there:
                    await group_welcomes.lost(session, role, template_id, now=now)
                row = await session.get(GroupWelcome, role, with_for_update=True)
                if row is not None:
                    row.looked_at = now
