"""Who the people of a batch of steps are: how she is called, how the member is, whom she is connected to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlalchemy import or_, select

from clinic.people import name_of
from clinic.tables import Follow, Member, Patient
from clinic.todos import MANAGER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from sop.journeys.ports import Due
    from sop.roster import Roster
    from store.vault import Vault

WORDS: Final = ("member", "assistant", "doctor", MANAGER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """By head record: names in clear, connected members (newest first); by userid: how members are called."""

    names: dict[int, str] = field(default_factory=dict)
    members: dict[int, list[str]] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()  # members who have left

    def of_member(self, userid: str) -> str:
        return self.called.get(userid, "")


async def faces_of(session: AsyncSession, dues: Iterable[Due], vault: Vault) -> Faces:
    """Read who the people of these steps are, in three statements."""
    heads = sorted({due.patient_id for due in dues})
    records = await session.scalars(
        select(Patient)
        .where(or_(Patient.id.in_(heads), Patient.merged_into.in_(heads)))
        .order_by(Patient.merged_into.is_not(None), Patient.id)
    )
    names: dict[int, str] = {}
    head_of: dict[int, int] = {}
    for record in records:
        head = record.merged_into or record.id
        head_of[record.id] = head
        names[head] = names.get(head) or name_of(record, vault)
    rows = await session.execute(
        select(Follow.patient_id, Follow.userid)
        .where(
            Follow.patient_id.in_(head_of),
            Follow.lost_at.is_(None),
            Follow.half.is_(False),
            Follow.added_at.is_not(None),
        )
        .order_by(Follow.added_at.desc(), Follow.userid)
    )
    members: defaultdict[int, list[str]] = defaultdict(list)
    for patient_id, userid in rows:
        members[head_of[patient_id]].append(userid)
    people = await session.execute(select(Member.userid, Member.alias, Member.name, Member.left_at))
    called, gone = {}, set()
    for userid, alias, name, left_at in people:
        called[userid] = alias or name
        if left_at is not None:
            gone.add(userid)
    return Faces(names=names, members=dict(members), called=called, gone=frozenset(gone))


def assignee_of(due: Due, faces: Faces, roster: Roster, pack: Pack, *, to: Sequence[str] = ()) -> str:
    """Return who is asked to do a step: the first of ``to`` that fits; a manager when nobody does.

    Several userids take turns by patient, unless she is connected to one of them.
    """
    wanted = tuple(to or due.step.to) or ("member",)
    named = [one for one in wanted if one not in WORDS and one not in faces.gone]
    following = [one for one in faces.members.get(due.patient_id, ()) if one not in faces.gone]
    if named:
        known = next((one for one in following if one in named), None)
        return known or named[due.patient_id % len(named)]
    for word in wanted:
        found = ""
        if word == "member":
            found = due.sender if due.sender and due.sender not in faces.gone else next(iter(following), "")
        elif word in ("assistant", "doctor"):
            found = next((one for one in following if roster.persona_of(one).kind == word), "")
            if not found and word == "assistant" and (senders := roster.senders(pack.default_persona)):
                found = senders[due.patient_id % len(senders)]
        if found:
            return found
    return MANAGER
