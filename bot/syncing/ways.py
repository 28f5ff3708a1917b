"""The last stage of a sync: contact ways, which no page of the admin console shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clinic import ways

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.syncing.groups import Step
    from bot.syncing.reading import TenantReader
    from bot.syncing.runs import Run, Watching
    from clinic.reconcile import Tally
    from clinic.ways import ListedWay
    from store.clock import Clock
    from store.database import Database

WAYS: Final = "ways"
AT_ONCE: Final = 50
READ_AGAIN: Final = 1000  # a corp with a code per patient has too many to read the known ones every night


class WayWalk:
    """Reads way after way in the order of their ids; the last id is the bookmark."""

    def __init__(
        self, database: Database, reader: TenantReader, step: Step, *, clock: Clock, watching: Watching
    ) -> None:
        self._database = database
        self._reader = reader
        self._step = step
        self._clock = clock
        self._watching = watching

    async def walk(self, run: Run) -> Run:
        """Read the ways behind the bookmark, then note those that are listed no more."""
        listed = await self._reader.way_ids(until=self._clock.now())
        async with self._database.read() as session:
            known = await ways.standing(session)
        after = str(run.place.get("after", ""))
        few = len(listed) <= READ_AGAIN
        left = [way for way in listed if way > after and (few or way not in known)]
        for start in range(0, len(left), AT_ONCE):
            some = left[start : start + AT_ONCE]
            found = [way for config_id in some if (way := await self._reader.way(config_id)) is not None]

            async def record(session: AsyncSession, found: list[ListedWay] = found) -> Mapping[str, Tally]:
                return {WAYS: await ways.record(session, found, now=self._clock.now())}

            run = await self._step(run, record, place={"after": some[-1]})
            self._watching.stage(WAYS, start + len(some), len(left))
        gone = known - set(listed)

        async def forget(session: AsyncSession) -> Mapping[str, Tally]:
            return {WAYS: await ways.record_gone(session, gone, now=self._clock.now())}

        return await self._step(run, forget)
