"""The walk through the tenant, stage by stage: read without a transaction, record in one, go on.

Order matters: tags before patients, who wear them; the members' complete lists before the pages of details,
because they say how many are to come and who is gone.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from bot.syncing import runs
from bot.syncing.groups import GroupWalk
from bot.syncing.reading import OF_ONE_MEMBER, TenantReader
from bot.syncing.runs import Watching
from bot.syncing.ways import WAYS, WayWalk
from clinic import corp_listing, group_moves, listings, members
from clinic.listed import Lookup
from clinic.reconcile import Tally, late_since, missing
from clinic.tables import CustomerGroup, Member, Patient, Tag
from sop import group_alerts
from sop.consequences import ADDITIONS, reconsider
from sop.roster import load_roster
from wecom.errors import NeedsAdmin, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.syncing.runs import Run
    from clinic.group_moves import Move
    from clinic.rules.happenings import Happening
    from content.pack import Pack
    from sop.roster import Roster
    from store.clock import Clock
    from store.database import Database
    from store.vault import Vault
    from wecom.client import WeComClient

log = structlog.get_logger(__name__)

MEMBERS, TAGS, RELATIONS, PATIENTS, GROUPS = "members", "tags", "relations", "patients", "groups"
STAGES: Final = (MEMBERS, TAGS, RELATIONS, PATIENTS, GROUPS, WAYS)
MEMBERS_AT_ONCE: Final = 100  # of one batch call (doc 92994)
NAMES_AT_ONCE: Final = 20
LOSSES_AT_ONCE: Final = 50
WRITE_TRIES: Final = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a finished run found different, by kind, and what it was not allowed to read."""

    tallies: Mapping[str, Tally]
    unread: tuple[str, ...]
    resumed: bool
    started_at: datetime


class Reconciliation:
    """Makes our records agree with WeCom's lists. Run it again after any end: it goes on where it was."""

    def __init__(
        self,
        database: Database,
        client: WeComClient,
        *,
        pack: Pack,
        vault: Vault,
        clock: Clock,
        public_url: str,
        watching: Watching | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._reader = TenantReader(client, sleep=sleep)
        self._vault = vault
        self._clock = clock
        self._watching = watching or Watching()
        self._sleep = sleep
        self._pack = pack
        self._public_url = public_url
        parts = (database, self._reader, self.step)
        self._stages: dict[str, Callable[[Run], Awaitable[Run]]] = {
            MEMBERS: self._members,
            TAGS: self._tags,
            RELATIONS: self._relations,
            PATIENTS: self._patients,
            GROUPS: GroupWalk(*parts, clock=clock, watching=self._watching, follow_up=self._after_moves).walk,
            WAYS: WayWalk(*parts, clock=clock, watching=self._watching).walk,
        }

    async def run(self) -> Report:
        """Read everything, or what an interrupted run has left to read.

        Raises:
            WeComError: WeCom refused or stayed unreachable; what was recorded stays, run again to go on.
            Relieved: another process has taken this run over.
        """
        now = self._clock.now()
        owner = secrets.token_hex(8)
        async with self._database.write() as session:
            run = await runs.begin_or_resume(session, owner=owner, first_stage=MEMBERS, now=now)
        log.info("sync.started", run=run.id, resumed=run.resumed, stage=run.stage)
        for name in STAGES[STAGES.index(run.stage) :]:
            try:
                run = await self._stages[name](run)
            except NeedsAdmin as exc:
                if name in (MEMBERS, RELATIONS, PATIENTS):
                    raise
                # A corp that does not let us see its groups still has its patients reconciled.
                log.warning("sync.stage_unreadable", stage=name, errcode=exc.errcode)
                run = replace(run, unread=(*run.unread, f"{name}: {exc.remedy}"))
            last = name == STAGES[-1]
            run = await self.step(run if last else run.enter(STAGES[STAGES.index(name) + 1]), finished=last)
        log.info(
            "sync.finished",
            run=run.id,
            seconds=round((self._clock.now() - run.started_at).total_seconds(), 1),
            **{f"{kind}_seen": tally.seen for kind, tally in run.tallies.items()},
        )
        return Report(tallies=run.tallies, unread=run.unread, resumed=run.resumed, started_at=run.started_at)

    async def step(
        self,
        run: Run,
        work: Callable[[AsyncSession], Awaitable[Mapping[str, Tally]]] | None = None,
        *,
        place: Mapping[str, Any] | None = None,
        finished: bool = False,
    ) -> Run:
        """Record what was read and move the bookmark, in one transaction; return the run as it stands then.

        ``work`` may be called again: a deadlock with a callback, or a locked file, undoes all of it.
        """
        for tried in range(1, WRITE_TRIES + 1):
            try:
                async with self._database.write() as session:
                    found = await work(session) if work is not None else {}
                    moved = run.at(run.place if place is None else place, found)
                    await runs.save(session, moved, now=self._clock.now(), finished=finished)
            except DBAPIError as exc:
                if tried == WRITE_TRIES:
                    raise
                log.warning("sync.write_again", error=type(exc).__name__)
                await self._sleep(tried)
            else:
                return moved
        raise AssertionError("unreachable")

    # -- members and tags -----------------------------------------------------------------------------

    async def _members(self, run: Run) -> Run:
        serving = await self._reader.serving()
        run = replace(run, serving=tuple(serving))
        done = int(run.place.get("done", -1))
        if done < 0:

            async def record(session: AsyncSession) -> Mapping[str, Tally]:
                known = set(await session.scalars(select(Member.userid).where(Member.serves)))
                await members.record_serving(session, serving, now=self._clock.now())
                fresh, gone = set(serving) - known, known - set(serving)
                return {MEMBERS: Tally(seen=len(serving), added=len(fresh), lost=len(gone))}

            run = await self.step(run, record, place={"done": 0})
            done = 0
        for start in range(done, len(serving), NAMES_AT_ONCE):
            some = serving[start : start + NAMES_AT_ONCE]
            run = await self.step(run, await self._names(some), place={"done": start + len(some)})
            self._watching.stage(MEMBERS, start + len(some), len(serving))
        return run

    async def _names(
        self, userids: Sequence[str]
    ) -> Callable[[AsyncSession], Awaitable[Mapping[str, Tally]]]:
        names = {}
        for userid in userids:
            member = await self._reader.member(userid)
            if member is not None:
                names[userid] = (member.name[:64], member.alias[:64])

        async def record(session: AsyncSession) -> Mapping[str, Tally]:
            rows = await session.scalars(select(Member).where(Member.userid.in_(names)))
            known = {row.userid: (row.name, row.alias) for row in rows}
            changed = 0
            for userid, (name, alias) in names.items():
                if known.get(userid) != (name, alias):
                    # A member whose name we read for the first time was added, not changed.
                    changed += known.get(userid, ("", ""))[0] != ""
                    await members.record_name(session, userid, name=name, alias=alias)
            return {MEMBERS: Tally(changed=changed)}

        return record

    async def _tags(self, run: Run) -> Run:
        asked_at = self._clock.now()
        listed = await self._reader.tags()

        async def record(session: AsyncSession) -> Mapping[str, Tally]:
            return {TAGS: (await corp_listing.record_listing(session, listed, asked_at=asked_at)).tally}

        run = await self.step(run, record)
        self._watching.stage(TAGS, len(listed), len(listed))
        return run

    # -- who is gone ----------------------------------------------------------------------------------

    async def _relations(self, run: Run) -> Run:
        """Compare each member's complete list with ours. Where there is no list, nothing is concluded."""
        for number in range(int(run.place.get("done", 0)), len(run.serving)):
            userid = run.serving[number]
            asked_at = self._clock.now()
            listed = await self._reader.contacts_of(userid)
            if listed is not None:
                async with self._database.read() as session:
                    known = await listings.standing(session, userid)
                gone = missing(known, listed, asked_at=asked_at)
                run = await self._lose(run, userid, gone, asked_at)
            run = replace(run, expected=run.expected + len(listed or ()))
            run = await self.step(run, place={"done": number + 1})
            self._watching.stage(RELATIONS, number + 1, len(run.serving))
        return run

    async def _lose(self, run: Run, userid: str, gone: Sequence[str], asked_at: datetime) -> Run:
        for start in range(0, len(gone), LOSSES_AT_ONCE):
            # One list that came back short must not end hundreds of relations: the other side is asked too.
            certain = [
                who
                for who in gone[start : start + LOSSES_AT_ONCE]
                if await self._reader.has_left(who, userid)
            ]
            if not certain:
                continue

            async def record(session: AsyncSession, certain: Sequence[str] = certain) -> Mapping[str, Tally]:
                lost = await listings.record_lost(
                    session, userid, certain, asked_at=asked_at, now=self._clock.now()
                )
                await self._follow_up(session, lost)
                return {listings.FOLLOWS: Tally(lost=len(lost))}

            run = await self.step(run, record)
        return run

    # -- who is there ---------------------------------------------------------------------------------

    async def _patients(self, run: Run) -> Run:
        lookup = await self._lookup(run)
        resumed_at = str(run.place.get("cursor", ""))
        while (start := int(run.place.get("start", 0))) < len(run.serving):
            # Up to here members are asked one by one, because a batch with them was refused.
            single_until = int(run.place.get("single_until", 0))
            size = 1 if start < single_until else MEMBERS_AT_ONCE
            userids = run.serving[start : start + size]
            cursor = str(run.place.get("cursor", ""))
            asked_at = self._clock.now()
            behind: dict[str, Any] = {"start": start + len(userids), "single_until": single_until}
            try:
                page = await self._reader.page(userids, cursor)
            except Refused as exc:
                if cursor and cursor == resumed_at:
                    # Cursors do not live for ever: these members are read again from their first page.
                    resumed_at = ""
                    run = await self.step(run, place={"start": start, "single_until": single_until})
                    continue
                if exc.errcode not in OF_ONE_MEMBER:
                    raise
                if size > 1 and len(userids) > 1:
                    behind = {"start": start, "single_until": start + len(userids)}
                run = await self.step(run, place=behind)
                continue
            if page.next_cursor:
                behind = {"start": start, "single_until": single_until, "cursor": page.next_cursor}

            async def record(
                session: AsyncSession, contacts: Any = page.contacts, asked_at: datetime = asked_at
            ) -> Mapping[str, Tally]:
                recorded = await listings.record(
                    session, contacts, lookup, asked_at=asked_at, now=self._clock.now()
                )
                await self._follow_up(session, recorded.happenings)
                return recorded.tallies

            run = await self.step(run, record, place=behind)
            seen = run.tallies.get(listings.FOLLOWS, Tally()).seen
            self._watching.stage(PATIENTS, seen, max(run.expected, seen))
        return run

    async def _follow_up(self, session: AsyncSession, happenings: Sequence[tuple[int, Happening]]) -> None:
        """Draw the consequences of what a listing shows to have happened unheard."""
        if not happenings:
            return
        roster = await load_roster(session, self._pack)
        for patient_id, happening in happenings:
            patient = await session.get_one(Patient, patient_id)
            await reconsider(
                session,
                patient,
                happening,
                pack=self._pack,
                roster=roster,
                public_url=self._public_url,
                now=self._clock.now(),
                late=True,
            )
            if happening.kind in ADDITIONS:  # she may have been in groups before she added anybody
                moves = await group_moves.moves_of(session, patient.external_userid)
                await self._heed(session, patient.external_userid, moves, roster)

    async def _after_moves(
        self, session: AsyncSession, chat_id: str, moves: Sequence[Move], *, first: bool
    ) -> None:
        if not any(move.external for move in moves):
            return
        roster = await load_roster(session, self._pack)
        if first:
            group = await session.get_one(CustomerGroup, chat_id)
            for move in moves:
                await self._heed(session, move.person, [(group, move)], roster)
            return
        await group_alerts.follow_up(
            session,
            chat_id,
            moves,
            pack=self._pack,
            roster=roster,
            public_url=self._public_url,
            now=self._clock.now(),
        )

    async def _heed(
        self,
        session: AsyncSession,
        external_userid: str,
        moves: Sequence[tuple[CustomerGroup, Move]],
        roster: Roster,
    ) -> None:
        await group_alerts.heed(
            session,
            external_userid,
            moves,
            pack=self._pack,
            roster=roster,
            public_url=self._public_url,
            now=self._clock.now(),
            late=True,
        )

    async def _lookup(self, run: Run) -> Lookup:
        async with self._database.read() as session:
            last = await runs.last_started_at(session)
            tags_read = await runs.was_read(session, TAGS)
            tags = await session.scalars(select(Tag).where(Tag.wecom_id.is_not(None)))
            by_id = {tag.wecom_id: tag.id for tag in tags if tag.wecom_id}
        return Lookup(
            vault=self._vault,
            tags=by_id,
            channels={channel.state: channel.title for channel in self._pack.channels},
            late_since=late_since(last, now=run.started_at),
            tags_read=tags_read,
        )
