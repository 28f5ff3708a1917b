"""Steps that bring her into a customer group: only a member can invite, so a member is asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from clinic.tables import CustomerGroup, GroupMember, Patient
from sop.journeys.channels.faces import assignee_of, faces_of
from sop.journeys.channels.sayable import barred_of
from sop.journeys.channels.todo import Errand, hand_out_many
from sop.journeys.channels.words import personal
from sop.journeys.ports import QUEUED, SKIPPED, Made
from sop.journeys.wording import NothingToSay
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.render import Renderer
    from sop.journeys.channels.faces import Faces
    from sop.journeys.ports import Due
    from store.vault import Vault

FULL = 490  # of 500: invitations under way take a place too


class InviteGroupChannel:
    """Asks the member whom she knows to invite her, and names the group."""

    def __init__(self, *, pack: Pack, renderer: Renderer, vault: Vault, public_url: str) -> None:
        self._pack, self._renderer, self._vault = pack, renderer, vault
        self._public_url = public_url

    async def carry_out(self, session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> Sequence[Made]:
        faces = await faces_of(session, dues, self._vault)
        roster = await load_roster(session, self._pack, now=now)
        groups = await self._groups(session)
        inside = await self._inside(session, dues, groups)
        outside = [due for due in dues if due.step.group_role not in inside.get(due.patient_id, ())]
        barred = await barred_of(session, outside, now=now)
        errands: dict[str, Errand] = {}
        for due in outside:
            if due.key not in barred:
                assignee = assignee_of(due, faces, roster, self._pack)
                errands[due.key] = self._errand(due, faces, groups, assignee)
        ids = await hand_out_many(
            session,
            list(errands.values()),
            vault=self._vault,
            roster=roster,
            public_url=self._public_url,
            now=now,
        )
        return [
            Made(state=QUEUED, todo_id=ids[due.key], channel="todo")
            if due.key in ids
            else barred.get(due.key) or Made(state=SKIPPED, reason="她已经在这样的群里了")
            for due in dues
        ]

    def _errand(self, due: Due, faces: Faces, groups: Sequence[Any], assignee: str) -> Errand:
        wanted = [one for one in groups if self._role(one) == due.step.group_role and one.members < FULL]
        own = [one for one in wanted if one.owner == assignee] or wanted
        group = min(own, key=lambda one: (one.members, one.chat_id), default=None)
        title = next((r.title for r in self._pack.roles if r.key == due.step.group_role), due.step.group_role)
        where = f"“{group.name or '未命名的群'}”" if group else f"（还没有“{title}”，请先建一个）"
        try:
            text = personal(
                self._pack,
                self._renderer,
                due.step,
                due.variant,
                due.persona,
                name=faces.names.get(due.patient_id, ""),
                member=faces.of_member(assignee),
            )
        except NothingToSay:
            text = ""
        return Errand(
            due=due,
            assignee=assignee,
            title=f"邀请顾客进群：{title}",
            body=f"{due.why}。问过她愿意，再从聊天里邀请她进群{where}。",
            text=text,
        )

    def _role(self, group: Any) -> str:
        return self._pack.role_of_group(group.name, chosen=group.role).key

    async def _groups(self, session: AsyncSession) -> Sequence[Any]:
        rows = await session.execute(
            select(
                CustomerGroup.chat_id,
                CustomerGroup.name,
                CustomerGroup.role,
                CustomerGroup.owner,
                CustomerGroup.members,
            ).where(CustomerGroup.dismissed_at.is_(None))
        )
        return rows.all()

    async def _inside(
        self, session: AsyncSession, dues: Sequence[Due], groups: Sequence[Any]
    ) -> Mapping[int, set[str]]:
        """Return the roles of the groups that she is in, by head record."""
        heads = sorted({due.patient_id for due in dues})
        roles = {one.chat_id: self._role(one) for one in groups}
        rows = await session.execute(
            select(Patient.id, Patient.merged_into, GroupMember.chat_id)
            .join(GroupMember, GroupMember.person == Patient.external_userid)
            .where(or_(Patient.id.in_(heads), Patient.merged_into.in_(heads)))
        )
        found: dict[int, set[str]] = {}
        for row in rows:
            found.setdefault(row.merged_into or row.id, set()).add(roles.get(row.chat_id, ""))
        return found
