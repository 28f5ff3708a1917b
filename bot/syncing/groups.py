"""The last stage of a sync: customer groups and who is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from bot.syncing import runs
from bot.syncing.reading import GroupHidden, TenantReader, seats_of
from clinic import group_moves, groups
from clinic.reconcile import Tally

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.syncing.runs import Run, Watching
    from clinic.group_moves import Move
    from store.clock import Clock
    from store.database import Database
    from wecom.api.groups import GroupChat

GROUPS: Final = "groups"
SEATS: Final = "seats"
AT_ONCE: Final = 10  # groups of one transaction; each has up to 500 people


class Step(Protocol):
    """Records and moves on, in one transaction."""

    async def __call__(
        self,
        run: Run,
        work: Callable[[AsyncSession], Awaitable[Mapping[str, Tally]]] | None = None,
        *,
        place: Mapping[str, Any] | None = None,
    ) -> Run: ...


class FollowUp(Protocol):
    """Draws the consequences of moves in a group, in the transaction that wrote them down."""

    async def __call__(
        self, session: AsyncSession, chat_id: str, moves: Sequence[Move], *, first: bool
    ) -> None:
        """``first``: they were there when we came; let the rules know, and disturb nobody."""


class GroupWalk:
    """Reads group after group in the order of their ids; the last id is the bookmark."""

    def __init__(
        self,
        database: Database,
        reader: TenantReader,
        step: Step,
        *,
        clock: Clock,
        watching: Watching,
        follow_up: FollowUp,
    ) -> None:
        self._database = database
        self._reader = reader
        self._step = step
        self._clock = clock
        self._watching = watching
        self._follow_up = follow_up

    async def walk(self, run: Run) -> Run:
        """Read all groups behind the bookmark, then look for those that are listed no more."""
        ids = await self._reader.group_ids(run.serving)
        async with self._database.read() as session:
            first = not await runs.was_read(session, GROUPS)
        # What follows from a week of comings takes a while, and greetings wait behind it.
        at_once = 1 if first else AT_ONCE
        after = str(run.place.get("after", ""))
        left = [chat_id for chat_id in ids if chat_id > after]
        for start in range(0, len(left), at_once):
            some, asked_at = left[start : start + at_once], self._clock.now()
            chats = [chat for chat_id in some if (chat := await self._visible(chat_id)) is not None]
            run = await self._step(
                run, self._record(chats, asked_at=asked_at, first=first), place={"after": some[-1]}
            )
            self._watching.stage(GROUPS, len(ids) - len(left) + start + len(some), len(ids))
        gone = await self._gone(set(ids))

        async def dismiss(session: AsyncSession) -> Mapping[str, Tally]:
            for chat_id in gone:
                await groups.dismissed(session, chat_id, at=self._clock.now())
            return {GROUPS: Tally(lost=len(gone))}

        return await self._step(run, dismiss)

    async def _visible(self, chat_id: str) -> GroupChat | None:
        try:
            return await self._reader.group(chat_id)
        except GroupHidden:
            return None

    def _record(
        self, chats: Sequence[GroupChat], *, asked_at: datetime, first: bool
    ) -> Callable[[AsyncSession], Awaitable[Mapping[str, Tally]]]:
        async def record(session: AsyncSession) -> Mapping[str, Tally]:
            found = {GROUPS: Tally(), SEATS: Tally()}
            for chat in chats:
                known = await groups.description(session, chat.chat_id)
                described = (chat.name[:200], chat.owner, len(chat.member_list), True)
                await groups.record(
                    session,
                    chat_id=chat.chat_id,
                    name=chat.name,
                    owner=chat.owner,
                    members=len(chat.member_list),
                    member_version=chat.member_version or None,
                    created_at=chat.create_time,
                    asked_at=asked_at,
                    now=self._clock.now(),
                )
                changed = known is not None and known != described
                found[GROUPS] += Tally(seen=1, added=known is None, changed=changed)
                now = self._clock.now()
                since = group_moves.coming_since(chat.create_time, now=now, first=first)
                read = await group_moves.reread(session, chat.chat_id, seats_of(chat), now=now, since=since)
                found[SEATS] += read.tally
                if first and since is not None:
                    # Also of those whom the hourly reading met before there were any patients.
                    came = await group_moves.comings(session, chat.chat_id, since=since)
                    await self._follow_up(session, chat.chat_id, came, first=True)
                if read.met or not first:
                    await self._follow_up(session, chat.chat_id, read.moves, first=False)
            return found

        return record

    async def _gone(self, listed: set[str]) -> list[str]:
        """Return the groups that are certainly dismissed: not listed, and refused when asked for by id."""
        async with self._database.read() as session:
            known = await groups.standing(session)
        gone = []
        for chat_id in sorted(known - listed):
            try:
                if await self._reader.group(chat_id) is None:
                    gone.append(chat_id)
            except GroupHidden:
                continue  # its owner left the visible range: the group lives on without us
        return gone
