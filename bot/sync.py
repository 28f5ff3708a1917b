"""Reading members and customer groups from WeCom: before a week is planned, and once an hour."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import select

from bot.syncing.reading import seats_of
from clinic import group_moves, groups, members
from clinic.care_tables import GroupMove
from clinic.effects import FetchGroup
from clinic.tables import CustomerGroup, GroupMember, Member
from store import outbox
from wecom.errors import Refused, WeComError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from store.clock import Clock
    from store.database import Database
    from wecom.api.groups import GroupChat
    from wecom.client import WeComClient

log = structlog.get_logger(__name__)

MANY_MEMBERS: Final = 900
FRESH: Final = timedelta(minutes=10)
HOURLY: Final = timedelta(hours=1)


class TenantSync:
    """Keeps our picture of who serves customers and which groups exist."""

    def __init__(self, database: Database, client: WeComClient, *, clock: Clock) -> None:
        self._database = database
        self._client = client
        self._clock = clock
        self._read_at: datetime | None = None
        self._not_before: datetime | None = None
        self._failures = 0
        self._turn = asyncio.Lock()

    async def fresh(self) -> None:
        """Read again unless that was done in the last ten minutes.

        Raises:
            WeComError: WeCom could not be read.
        """
        if self._read_at is None or self._clock.now() - self._read_at > FRESH:
            await self.read()

    async def keep(self) -> None:
        """Read once an hour; after a failure again in one, two, four … minutes, until it works.

        Raises:
            WeComError: the members could not be read this time.
        """
        now = self._clock.now()
        if self._not_before is not None and now < self._not_before:
            return
        # Not every minute for ever: WeCom blocks an address that keeps sending a wrong secret.
        self._failures += 1
        self._not_before = now + min(timedelta(minutes=1) * 2 ** min(self._failures - 1, 6), HOURLY)
        await self.read()
        self._failures, self._not_before = 0, now + HOURLY

    async def read(self) -> None:
        """Read members and groups now.

        Raises:
            WeComError: the members could not be read; what is known stays as it is.
        """
        async with self._turn:
            await self._read()

    async def _read(self) -> None:
        serving = await self._client.contacts.follow_users()
        async with self._database.write() as session:
            await members.record_serving(session, serving, now=self._clock.now())
        try:
            asked_at = self._clock.now()
            chats, listed = await self._groups()
            await self._record_groups(chats, listed=listed, serving=set(serving), asked_at=asked_at)
        except WeComError as exc:
            # Moments need no groups: a corp without the permission for groups still gets its week.
            log.warning("sync.groups_unreadable", errcode=exc.errcode)
        async with self._database.read() as session:
            nameless = (
                await session.scalars(select(Member.userid).where(Member.name == "", Member.serves))
            ).all()
        await self._read_names(nameless)
        self._read_at = self._clock.now()

    async def _record_groups(
        self, chats: list[GroupChat], *, listed: set[str], serving: set[str], asked_at: datetime
    ) -> None:
        """Write what was read since ``asked_at``; what events told since then is younger and stands."""
        now = self._clock.now()
        async with self._database.write() as session:
            versions = dict(
                (await session.execute(select(CustomerGroup.chat_id, CustomerGroup.member_version))).all()
            )
            first = not versions
            seated = set(await session.scalars(select(GroupMember.chat_id).distinct()))
            unmet = [chat.chat_id for chat in chats if chat.chat_id not in seated]
            told = set(await session.scalars(select(GroupMove.chat_id).where(GroupMove.chat_id.in_(unmet))))
            for chat in chats:
                since = group_moves.coming_since(chat.create_time, now=now, first=first)
                if chat.chat_id in seated:
                    behind = bool(chat.member_version) and versions.get(chat.chat_id) != chat.member_version
                else:
                    # Something follows from who came. At the very first reading from nothing yet: the first
                    # reconcile brings the patients, and lets the rules know who came in these days.
                    behind = (since is not None and not first) or chat.chat_id in told
                await groups.record(
                    session,
                    chat_id=chat.chat_id,
                    name=chat.name,
                    owner=chat.owner,
                    members=len(chat.member_list),
                    # The version says who we think is in it, so both change together or not at all.
                    member_version=versions.get(chat.chat_id) if behind else chat.member_version or None,
                    created_at=chat.create_time,
                    asked_at=asked_at,
                    now=now,
                )
                if behind:
                    await self._ask(session, chat, now=now)
                elif chat.chat_id not in seated:
                    await group_moves.reread(session, chat.chat_id, seats_of(chat), now=now, since=since)
            known = await session.scalars(select(CustomerGroup).where(CustomerGroup.dismissed_at.is_(None)))
            for group in known.all():
                # Groups of an owner who left our sight are not listed, but live on; the nightly run asks.
                unlisted = group.chat_id not in listed and group.changed_at < asked_at
                if unlisted and group.owner in serving:
                    group.dismissed_at = now

    async def _ask(self, session: AsyncSession, chat: GroupChat, *, now: datetime) -> None:
        """An event about this group was lost: let it be read with all that follows from who moved."""
        await outbox.put(
            session,
            FetchGroup(chat_id=chat.chat_id),
            key=f"fetch-group:{chat.chat_id}:{chat.member_version[:32]}",
            now=now,
            deadline=now + HOURLY,
            cause="客户群的成员和我们记的不一样，重新读取",
        )

    async def _groups(self) -> tuple[list[GroupChat], set[str]]:
        """Return the groups that could be read, and the ids of all that exist."""
        chats: list[GroupChat] = []
        listed: set[str] = set()
        async for ref in self._client.groups.list(await self._owners()):
            listed.add(ref.chat_id)
            try:
                chats.append(await self._client.groups.get(ref.chat_id))
            except Refused as exc:
                # One group that cannot be read (owner left the visible range) must not hide the others.
                log.warning("sync.group_unreadable", errcode=exc.errcode)
        return chats, listed

    async def _owners(self) -> list[str] | None:
        """Name the owners where there are many members: WeCom lists no groups of more than 1000 (81017)."""
        async with self._database.read() as session:
            serving = (await session.scalars(select(Member.userid).where(Member.serves))).all()
        return sorted(serving) if len(serving) > MANY_MEMBERS else None

    async def _read_names(self, userids: Sequence[str]) -> None:
        names: dict[str, tuple[str, str]] = {}
        for userid in userids:
            try:
                member = await self._client.members.get(userid)
            except WeComError as exc:
                log.info("sync.member_unreadable", errcode=exc.errcode)
                continue
            names[userid] = (member.name, member.alias)
        async with self._database.write() as session:
            for userid, (name, alias) in names.items():
                await members.record_name(session, userid, name=name, alias=alias)
