"""Who came into and went out of customer groups, and when: from events, or from a group read again.

WeCom tells a change with the version it makes out of which other. Only where ours is that other may the
change be applied; otherwise something was missed and the group must be read. Either way the move itself is
a fact, written once however often it is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeVar

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic import groups, terms
from clinic.care_tables import GroupMove
from clinic.reconcile import FIRST_LOOK_BACK
from clinic.tables import CustomerGroup, GroupMember, Member, Patient

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.groups import Seat
    from clinic.reconcile import Tally

JOINED: Final = "joined"
LEFT: Final = "left"
INVITED, BY_LINK, BY_CODE = 1, 2, 3  # as groupchat/get counts the scenes of joining (doc 92122)
QUIT, REMOVED = 0, 1
UNSEEN: Final = -1  # a listing says that she is gone, not how
# An event and a listing may date one move differently; nobody joins twice within so short a time.
ONE_MOVE: Final = timedelta(minutes=10)
# Whoever is in a group so young came while we were there. As long as its event may wait to be read.
YOUNG: Final = timedelta(days=1)

_EXTERNAL: Final = re.compile(r"w[mo][0-9A-Za-z_-]{30}")


WAYS: Final[Mapping[tuple[str, int], str]] = {
    (JOINED, INVITED): "被邀请",
    (JOINED, BY_LINK): "通过邀请链接",
    (JOINED, BY_CODE): "扫群二维码",
    (LEFT, QUIT): "自己退出",
    (LEFT, REMOVED): "被移出",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Somebody joined or left. ``scene``: 1 invited, 2 by link, 3 by QR code; leaving: 0 left, 1 removed.

    Found by a listing only, a leaving's scene is :data:`UNSEEN`.
    """

    person: str
    external: bool
    kind: Literal["joined", "left"]
    at: datetime
    scene: int = 0
    inviter: str = ""


class Dated(Protocol):
    """A move as it was written down."""

    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def scene(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A change of a group's people as its event tells it (callbacks.md §6.8)."""

    chat_id: str
    kind: Literal["joined", "left"]
    people: tuple[str, ...]
    scene: int
    last_version: str | None
    current_version: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """``in_step``: our list of people is now WeCom's; ``moves`` are those that were news.

    ``met``: the group has been read before. What follows from a move in one that has not is left to its first
    reading, which knows the group's name and so its role.
    """

    in_step: bool
    moves: tuple[Move, ...]
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """What a listing changed: in numbers, and the moves that were news; ``met`` as in :class:`Applied`."""

    tally: Tally
    moves: tuple[Move, ...]
    met: bool


# An event does not say who invited her, nor by which way she came; the listing does.
_TOLD_BY_LISTING: Final = (GroupMember.inviter, GroupMember.state, GroupMember.join_scene)


async def apply(session: AsyncSession, delta: Delta) -> Applied:
    """Apply an event's delta when it continues what we hold, and write down who moved."""
    outsiders = await _outsiders(session, delta.people)
    nameless = await _forgotten(session, outsiders)
    moves = [
        Move(person=person, external=person in outsiders, kind=delta.kind, at=delta.at, scene=delta.scene)
        for person in dict.fromkeys(delta.people)
        if person not in nameless
    ]
    fresh = await note(session, delta.chat_id, moves)
    group = await session.get(CustomerGroup, delta.chat_id, with_for_update=True)
    met = group is not None and bool(await _seated(session, delta.chat_id))
    if group is None or group.dismissed_at is not None or not delta.people or not delta.current_version:
        return Applied(in_step=False, moves=fresh, met=met)
    if group.member_version == delta.current_version:
        return Applied(in_step=True, moves=fresh, met=met)
    # A group whose people were never read has a version, but nothing that a change could be applied to.
    if group.member_version != delta.last_version or not met:
        return Applied(in_step=False, moves=fresh, met=met)
    if delta.kind == JOINED:
        await _seat(session, delta.chat_id, moves)
    else:
        gone = [move.person for move in moves]
        await session.execute(
            delete(GroupMember).where(GroupMember.chat_id == delta.chat_id, GroupMember.person.in_(gone))
        )
    group.member_version = delta.current_version
    group.members = await _seated(session, delta.chat_id)
    group.changed_at = max(group.changed_at, delta.at)
    return Applied(in_step=True, moves=fresh, met=met)


def young(created_at: datetime | None, *, now: datetime) -> bool:
    """Tell whether a group began so lately that who is in it came before our eyes."""
    return created_at is not None and now - created_at <= YOUNG


def coming_since(created_at: datetime | None, *, now: datetime, first: bool = False) -> datetime | None:
    """Return from when on somebody in a group that was never read just came; None: nobody did.

    Args:
        first: nothing was ever read here. The first look goes back as far for groups as for patients; who
            came before is old stock.
    """
    if first:
        return now - FIRST_LOOK_BACK
    return now - YOUNG if young(created_at, now=now) else None


async def reread(
    session: AsyncSession,
    chat_id: str,
    seats: Sequence[Seat],
    *,
    now: datetime,
    since: datetime | None = None,
) -> Reread:
    """Write who is in a group as WeCom lists it, and the moves that no event has told.

    The first reading returns what events told before it too: nothing has followed from that yet.

    Args:
        since: of the first reading (:func:`coming_since`): whoever joined from then on just came. Of others
            no coming is written down: who was there before us did not just join.
    """
    columns = (GroupMember.person, GroupMember.external, *_TOLD_BY_LISTING)
    rows = await session.execute(select(*columns).where(GroupMember.chat_id == chat_id))
    known = {row.person: row for row in rows}
    nameless = await _forgotten(
        session, {seat.person for seat in seats if seat.external and seat.person not in known}
    )
    seats = [seat for seat in seats if seat.person not in nameless]
    listed = {seat.person: seat for seat in seats}
    moves = [
        Move(
            person=seat.person,
            external=seat.external,
            kind="joined",
            at=seat.joined_at or now,
            scene=seat.join_scene,
            inviter=seat.inviter,
        )
        for person, seat in listed.items()
        if person not in known
        and (known or (since is not None and seat.joined_at is not None and seat.joined_at >= since))
    ]
    moves += [
        Move(person=person, external=row.external, kind="left", at=now, scene=UNSEEN)
        for person, row in known.items()
        if person not in listed
    ]
    for person, row in known.items():
        seat = listed.get(person)
        if seat is not None and row[2:] != (seat.inviter, seat.state[:64], seat.join_scene):
            await _complete(session, chat_id, seat)
    tally = await groups.record_seats(session, chat_id, seats)
    told = () if known else await _told(session, chat_id)
    return Reread(tally=tally, moves=(*told, *await note(session, chat_id, moves)), met=bool(known))


async def comings(session: AsyncSession, chat_id: str, *, since: datetime) -> list[Move]:
    """Return which patients are known to have come into a group from then on, in the order they came."""
    rows = await session.scalars(
        select(GroupMove)
        .where(
            GroupMove.chat_id == chat_id,
            GroupMove.kind == JOINED,
            GroupMove.external,
            GroupMove.at >= since,
        )
        .order_by(GroupMove.at, GroupMove.id)
    )
    return [_move(row) for row in rows]


async def moves_of(session: AsyncSession, person: str) -> list[tuple[CustomerGroup, Move]]:
    """Return a person's moves in the groups that have been read, in the order they happened."""
    rows = await session.execute(
        select(CustomerGroup, GroupMove)
        .join(GroupMove, GroupMove.chat_id == CustomerGroup.chat_id)
        .where(
            GroupMove.person == person,
            select(GroupMember.person).where(GroupMember.chat_id == CustomerGroup.chat_id).exists(),
        )
        .order_by(GroupMove.at, GroupMove.id)
    )
    return [(group, _move(row)) for group, row in rows]


async def note(session: AsyncSession, chat_id: str, moves: Sequence[Move]) -> tuple[Move, ...]:
    """Write down moves, each once; return those that were not known.

    One that is known is corrected by whoever dates it earlier, or says how she left.
    """
    if not moves:
        return ()
    people = sorted({move.person for move in moves})
    rows = await session.scalars(
        select(GroupMove).where(GroupMove.chat_id == chat_id, GroupMove.person.in_(people))
    )
    history: dict[str, list[GroupMove]] = {}
    for row in rows:
        history.setdefault(row.person, []).append(row)
    unknown: list[Move] = []
    for move in moves:
        one = known_as(move, history.get(move.person, ()))
        if one is None:
            unknown.append(move)
        elif move.scene != UNSEEN and (one.scene == UNSEEN or move.at < one.at):
            one.at, one.scene, one.inviter = move.at, move.scene, move.inviter or one.inviter
    fresh = tuple(unknown)
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for move in fresh:
        await session.execute(
            insert(GroupMove)
            .values(
                chat_id=chat_id,
                person=move.person,
                external=move.external,
                kind=move.kind,
                scene=move.scene,
                inviter=move.inviter,
                at=move.at,
            )
            .on_conflict_do_nothing()
        )
    return fresh


T = TypeVar("T", bound=Dated)


def known_as(move: Move, history: Iterable[T]) -> T | None:
    """Return what a person's history holds this move as: one of its kind, nothing else between, and near it.

    What only a listing shows, that she is gone, may have happened long before it was seen.
    """
    before = max((one for one in history if one.at <= move.at), key=lambda one: one.at, default=None)
    after = min((one for one in history if one.at >= move.at), key=lambda one: one.at, default=None)
    for one, seen in ((before, move.scene), (after, after.scene if after is not None else 0)):
        if one is not None and one.kind == move.kind:
            since_when = move.kind == LEFT and seen == UNSEEN
            if since_when or abs(one.at - move.at) <= ONE_MOVE:
                return one
    return None


async def _told(session: AsyncSession, chat_id: str) -> tuple[Move, ...]:
    rows = await session.scalars(
        select(GroupMove).where(GroupMove.chat_id == chat_id).order_by(GroupMove.at, GroupMove.id)
    )
    return tuple(_move(row) for row in rows)


def _move(row: GroupMove) -> Move:
    return Move(
        person=row.person,
        external=row.external,
        kind="joined" if row.kind == JOINED else "left",
        at=row.at,
        scene=row.scene,
        inviter=row.inviter,
    )


async def _seated(session: AsyncSession, chat_id: str) -> int:
    query = select(func.count()).select_from(GroupMember).where(GroupMember.chat_id == chat_id)
    return await session.scalar(query) or 0


async def _outsiders(session: AsyncSession, people: Sequence[str]) -> set[str]:
    """Return who of a mixed list is no member: it holds userids and external_userids alike."""
    members = set(await session.scalars(select(Member.userid).where(Member.userid.in_(people))))
    return {person for person in people if person not in members and _EXTERNAL.fullmatch(person)}


async def _forgotten(session: AsyncSession, people: Collection[str]) -> set[str]:
    """Return who asked to be forgotten and is nobody's contact since: WeCom lists her still, we do not."""
    erased = await terms.erased_since(session, people) if people else {}
    if not erased:
        return set()
    back = await session.scalars(select(Patient.external_userid).where(Patient.external_userid.in_(erased)))
    return erased.keys() - set(back)


async def _seat(session: AsyncSession, chat_id: str, moves: Sequence[Move]) -> None:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    rows: list[Mapping[str, object]] = [
        {
            "chat_id": chat_id,
            "person": move.person,
            "external": move.external,
            "joined_at": move.at,
            "join_scene": move.scene,
            "inviter": "",
            "state": "",
        }
        for move in moves
    ]
    await session.execute(insert(GroupMember).on_conflict_do_nothing(), rows)


async def _complete(session: AsyncSession, chat_id: str, seat: Seat) -> None:
    """Add to a seat, and to the last coming of its person, what only the listing knows."""
    await session.execute(
        update(GroupMember)
        .where(GroupMember.chat_id == chat_id, GroupMember.person == seat.person)
        .values(inviter=seat.inviter, state=seat.state[:64], join_scene=seat.join_scene)
    )
    last = await session.scalar(
        select(GroupMove)
        .where(GroupMove.chat_id == chat_id, GroupMove.person == seat.person, GroupMove.kind == JOINED)
        .order_by(GroupMove.at.desc())
        .limit(1)
    )
    if last is not None:
        last.inviter, last.scene = seat.inviter, seat.join_scene
