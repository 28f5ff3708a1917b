"""Handing a to-do to a person: it stands on her list, and a card in the app's chat tells her."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from clinic import todos
from clinic.tables import Member
from sop.effects import NotifyStaff
from store import outbox

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.roster import Roster

TOLD_WITHIN: Final = timedelta(hours=12)


async def hand_out(
    session: AsyncSession,
    *,
    roster: Roster,
    public_url: str,
    key: str,
    kind: str,
    assignee: str,
    title: str,
    body: str,
    now: datetime,
    patient_id: int | None = None,
    due_at: datetime | None = None,
    page: str = "/console/todos",
) -> bool:
    """Ask for something once (see :func:`clinic.todos.ask`) and tell the assignee by a card.

    What is for a member who has left is asked of the managers: nobody would ever see it. Who is away is
    stood in for, where the roster knows by whom.

    Returns:
        False when it was asked before; then nobody is told again.
    """
    member = None if assignee == todos.MANAGER else await session.get(Member, assignee)
    if member is not None and member.left_at is not None:
        assignee, body = todos.MANAGER, todos.was_his(member.name or member.userid) + body
    elif member is not None and (standing_in := roster.stand_in(assignee)) not in (None, assignee):
        body = f"（{member.name or member.userid} 休假，请代为处理）{body}"
        assignee = str(standing_in)
    asked = await todos.ask(
        session,
        key=key,
        kind=kind,
        assignee=assignee,
        title=title,
        body=body,
        now=now,
        patient_id=patient_id,
        due_at=due_at,
    )
    people = roster.managers() if assignee == todos.MANAGER else (assignee,)
    if asked and people:
        await outbox.put(
            session,
            NotifyStaff(to=list(people), title=title, body=body, url=f"{public_url.rstrip('/')}{page}"),
            key=f"todo:{key}"[:200],
            now=now,
            deadline=now + TOLD_WITHIN,
            cause=title,
        )
    return asked
