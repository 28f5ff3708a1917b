"""Members of the corp: who joined, changed, left, or got another userid.

Contacts events (change_contact) tell it, but only to apps that may hear them, and in any order: the time of
the newest one applied stands in ``Member.changed_at``, and an older one changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import String, and_, delete, exists, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased

from clinic.care_tables import ChannelCode, Greeting, GroupMove, StageMove, Todo, Transfer, Visit
from clinic.stages import ADDED_KEY, LOST_KEY, MOVED_KEY
from clinic.tables import ContactWay, CustomerGroup, Follow, GroupMember, Member, PatientTag, TagWord

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

STATUS_ACTIVE, STATUS_DISABLED, STATUS_LEFT = 1, 2, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What is a member's and must be somebody's: patients connected to him, groups he owns."""

    patients: int
    groups: int

    def __bool__(self) -> bool:
        return bool(self.patients or self.groups)


async def changed(
    session: AsyncSession,
    userid: str,
    *,
    at: datetime,
    now: datetime,
    name: str | None = None,
    position: str | None = None,
    status: int | None = None,
) -> Member | None:
    """A member joined or changed; what is None was not said. None when we know something newer."""
    member = await _member(session, userid, now=now)
    if member.changed_at is not None and at < member.changed_at:
        return None
    member.changed_at = at
    member.name = (name or member.name)[:64]
    member.position = (position or member.position)[:64]
    if status != STATUS_LEFT:
        member.left_at = None
    if status in (None, STATUS_ACTIVE):
        member.active = True
    elif status == STATUS_DISABLED:
        member.active = False
    return member


async def left(session: AsyncSession, userid: str, *, at: datetime, now: datetime) -> Member | None:
    """A member left the corp: he speaks for nobody any more. None when that was known, or he came back."""
    member = await _member(session, userid, now=now)
    if member.left_at is not None or (member.changed_at is not None and at < member.changed_at):
        return None
    member.changed_at = member.left_at = at
    member.active = member.serves = False
    return member


async def holdings(session: AsyncSession, userid: str) -> Holdings:
    """Count what is a member's now."""
    patients = await session.scalar(
        select(func.count())
        .select_from(Follow)
        .where(Follow.userid == userid, Follow.lost_at.is_(None), Follow.half.is_(False))
    )
    groups = await session.scalar(
        select(func.count())
        .select_from(CustomerGroup)
        .where(CustomerGroup.owner == userid, CustomerGroup.dismissed_at.is_(None))
    )
    return Holdings(patients=patients or 0, groups=groups or 0)


async def renamed(session: AsyncSession, old: str, new: str, *, now: datetime) -> None:
    """Let everything that is a member's be his under his new userid; told twice, nothing is left to move."""
    before = await session.get(Member, old, with_for_update=True)
    after = await _member(session, new, now=now)
    if before is not None:
        after.name = after.name or before.name
        after.alias = after.alias or before.alias
        after.position = after.position or before.position
        after.serves = after.serves or before.serves
        after.changed_at = max(filter(None, (after.changed_at, before.changed_at)), default=None)
        await session.delete(before)
    await session.flush()
    # Rows that the new userid has already are the newer ones: the old ones make room.
    await _give_way(session, Follow, Follow.userid, (Follow.patient_id,), old, new)
    await _give_way(
        session, PatientTag, PatientTag.userid, (PatientTag.patient_id, PatientTag.tag_id), old, new
    )
    await _give_way(session, GroupMember, GroupMember.person, (GroupMember.chat_id,), old, new)
    for column in _PLAIN:
        await session.execute(update(column.class_).where(column == old).values({column.key: new}))
    await _rename_moves(session, old, new)
    for way in await session.scalars(select(ContactWay)):
        if old in way.userids:
            way.userids = [new if userid == old else userid for userid in way.userids]
    for code in await session.scalars(select(ChannelCode)):
        if old in code.userids:
            code.userids = [new if userid == old else userid for userid in code.userids]


_PLAIN: Final[tuple[Any, ...]] = (
    CustomerGroup.owner,
    GroupMember.inviter,
    GroupMove.person,
    GroupMove.inviter,
    Greeting.userid,
    TagWord.userid,
    Todo.assignee,
    Transfer.handover,
    Transfer.takeover,
    Visit.doctor,
)


async def _give_way(
    session: AsyncSession, table: Any, userid: Any, rest: tuple[Any, ...], old: str, new: str
) -> None:
    other = aliased(table)
    taken = exists().where(
        getattr(other, userid.key) == new, and_(*(getattr(other, column.key) == column for column in rest))
    )
    await session.execute(
        update(table)
        .where(userid == old, ~taken)
        .values({userid.key: new})
        .execution_options(synchronize_session=False)
    )
    await session.execute(delete(table).where(userid == old).execution_options(synchronize_session=False))


async def _rename_moves(session: AsyncSession, old: str, new: str) -> None:
    """Keys of stage moves name the member they connect: ``added:<userid>:…``, ``lost:<userid>:…``."""
    for word in (ADDED_KEY, LOST_KEY, MOVED_KEY):
        head = f"{word}:{old}:"
        rest = func.substr(StageMove.key, len(head) + 1, type_=String)
        fresh = literal(f"{word}:{new}:", String) + rest
        other = aliased(StageMove)
        taken = exists().where(other.patient_id == StageMove.patient_id, other.key == fresh)
        await session.execute(
            update(StageMove)
            .where(func.substr(StageMove.key, 1, len(head)) == head, ~taken)
            .values(key=fresh)
            .execution_options(synchronize_session=False)
        )


async def _member(session: AsyncSession, userid: str, *, now: datetime) -> Member:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(
        insert(Member)
        .values(userid=userid, name="", alias="", serves=False, seen_at=now)
        .on_conflict_do_nothing(index_elements=["userid"])
    )
    return await session.get_one(Member, userid, with_for_update=True, populate_existing=True)
