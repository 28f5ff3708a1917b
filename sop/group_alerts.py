"""What follows when somebody comes into a customer group or goes: rules, and a word to the right person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic import todos
from clinic.group_moves import JOINED
from clinic.lookup import known_patient
from clinic.rules.happenings import Happening
from clinic.tables import CustomerGroup, GroupMember
from sop.consequences import reconsider
from sop.handouts import hand_out

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.group_moves import Move
    from clinic.tables import Patient
    from content.pack import GroupRole, Pack
    from sop.roster import Roster

PAGE: Final = "/console/groups"
LEFT_WORDS: Final = {0: "自己退出了", 1: "被移出了"}


async def follow_up(
    session: AsyncSession,
    chat_id: str,
    moves: Iterable[Move],
    *,
    pack: Pack,
    roster: Roster,
    public_url: str,
    now: datetime,
) -> None:
    """Draw the consequences of moves that were news; members of the corp come and go without any."""
    group = await session.get(CustomerGroup, chat_id)
    name, owner = (group.name, group.owner) if group is not None else ("", "")
    role = pack.role_of_group(name, chosen=group.role if group is not None else "")
    for move in moves:
        if not move.external:
            continue
        patient = await known_patient(session, move.person)
        if patient is not None:
            happening = _happening(move, chat_id, role)
            await reconsider(
                session, patient, happening, pack=pack, roster=roster, public_url=public_url, now=now
            )
        told = _Told(chat_id=chat_id, name=name, owner=owner, role=role, patient=patient)
        if move.kind == JOINED and role.one_per_patient:
            await _twice(session, told, move, pack=pack, roster=roster, public_url=public_url, now=now)
        elif move.kind != JOINED and role.quit_alert:
            await hand_out(
                session,
                roster=roster,
                public_url=public_url,
                key=f"group-quit:{chat_id}:{move.person}:{int(move.at.timestamp())}",
                kind="group_quit",
                assignee=told.assignee(role.quit_alert),
                title=f"有顾客退出了“{name[:40] or '客户群'}”",
                body=f"一位顾客{LEFT_WORDS.get(move.scene, '退出了')}{role.title}“{name[:40]}”，"
                "请私下问一声。",
                now=now,
                patient_id=patient.id if patient is not None else None,
                page=told.page,
            )


async def heed(
    session: AsyncSession,
    external_userid: str,
    moves: Iterable[tuple[CustomerGroup, Move]],
    *,
    pack: Pack,
    roster: Roster,
    public_url: str,
    now: datetime,
    late: bool = False,
) -> None:
    """Let the rules know what a patient did in groups before anybody of us had her as a contact.

    Args:
        late: a sync found it, long after it happened.
    """
    patient = await known_patient(session, external_userid)
    if patient is None:
        return
    for group, move in moves:
        role = pack.role_of_group(group.name, chosen=group.role)
        happening = _happening(move, group.chat_id, role)
        await reconsider(
            session, patient, happening, pack=pack, roster=roster, public_url=public_url, now=now, late=late
        )


def _happening(move: Move, chat_id: str, role: GroupRole) -> Happening:
    return Happening(
        kind="group_joined" if move.kind == JOINED else "group_left",
        at=move.at,
        group_role=role.key,
        chat_id=chat_id,
    )


async def people_in_two(session: AsyncSession, pack: Pack) -> dict[str, list[CustomerGroup]]:
    """Return the standing groups of every patient who sits in several of one role that wants her once.

    Reads all seats of such groups: for a page that somebody opens, not for an event.
    """
    groups = (await session.scalars(select(CustomerGroup).where(CustomerGroup.dismissed_at.is_(None)))).all()
    once = {
        group.chat_id: (pack.role_of_group(group.name, chosen=group.role).key, group)
        for group in groups
        if pack.role_of_group(group.name, chosen=group.role).one_per_patient
    }
    seats = await session.execute(
        select(GroupMember.person, GroupMember.chat_id)
        .where(GroupMember.external, GroupMember.chat_id.in_(once))
        .order_by(GroupMember.person, GroupMember.chat_id)
    )
    found: dict[tuple[str, str], list[CustomerGroup]] = {}
    for person, chat_id in seats:
        role, group = once[chat_id]
        found.setdefault((person, role), []).append(group)
    return {person: groups for (person, _), groups in found.items() if len(groups) > 1}


class _Told:
    """What a sentence about a move needs."""

    def __init__(
        self, *, chat_id: str, name: str, owner: str, role: GroupRole, patient: Patient | None
    ) -> None:
        self.chat_id, self.name, self.owner, self.role, self.patient = chat_id, name, owner, role, patient

    @property
    def page(self) -> str:
        return f"/console/patients/{self.patient.id}" if self.patient is not None else PAGE

    def assignee(self, wanted: str) -> str:
        """Return whom an alert goes to; the manager where the owner is not known."""
        return self.owner if wanted == "owner" and self.owner else todos.MANAGER


async def _twice(
    session: AsyncSession,
    told: _Told,
    move: Move,
    *,
    pack: Pack,
    roster: Roster,
    public_url: str,
    now: datetime,
) -> None:
    rows = await session.execute(
        select(CustomerGroup.name, CustomerGroup.role)
        .join(GroupMember, GroupMember.chat_id == CustomerGroup.chat_id)
        .where(
            GroupMember.person == move.person,
            CustomerGroup.chat_id != told.chat_id,
            CustomerGroup.dismissed_at.is_(None),
        )
        .order_by(CustomerGroup.name)
    )
    others = [name for name, chosen in rows if pack.role_of_group(name, chosen=chosen).key == told.role.key]
    if not others:
        return
    await hand_out(
        session,
        roster=roster,
        public_url=public_url,
        key=f"group-twice:{told.chat_id}:{move.person}",
        kind="group_twice",
        assignee=told.assignee("owner"),
        title=f"一位顾客进了两个{told.role.title}",
        body=f"刚进“{told.name[:40]}”的顾客也在“{'”“'.join(name[:40] for name in others[:3])}”里，"
        "同样的内容会收到两遍，请和她商量留在哪一个。",
        now=now,
        patient_id=told.patient.id if told.patient is not None else None,
        page=told.page,
    )
