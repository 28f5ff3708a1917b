"""Personas that nobody can speak as: their content waits for ever, so somebody must be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic import audit, todos
from clinic.care_tables import Todo
from clinic.todos import TodoState
from sop.handouts import hand_out

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.persona_specs import PersonaSpec
    from sop.roster import Roster

KIND: Final = "vacancy"


def vacant(roster: Roster) -> tuple[PersonaSpec, ...]:
    """Return the personas without a member who can post; none while no member is known at all."""
    if not roster.serving:
        return ()
    return tuple(persona for persona in roster.pack.personas if not roster.senders(persona.key))


async def differs(session: AsyncSession, roster: Roster) -> bool:
    """Tell whether :func:`watch` would find something to ask or to take back; only reads."""
    asked = await session.scalars(select(Todo.key).where(Todo.kind == KIND, Todo.state == TodoState.OPEN))
    return {key.split(":")[1] for key in asked} != {persona.key for persona in vacant(roster)}


async def watch(
    session: AsyncSession, *, roster: Roster, public_url: str, zone: ZoneInfo, now: datetime
) -> tuple[PersonaSpec, ...]:
    """Ask the manager to fill what is vacant, at most once a day each; take back what is filled again."""
    found = vacant(roster)
    asked = await session.scalars(select(Todo.key).where(Todo.kind == KIND, Todo.state == TodoState.OPEN))
    open_keys = {key.split(":")[1]: key for key in asked}
    for persona in found:
        if persona.key in open_keys:
            continue
        await hand_out(
            session,
            roster=roster,
            public_url=public_url,
            key=f"{KIND}:{persona.key}:{now.astimezone(zone):%Y%m%d}",
            kind=KIND,
            assignee=todos.MANAGER,
            title=f"“{persona.name}”没有能发送的成员",
            body="绑定的成员离职了、改了账号，或没有开通“客户联系”。请在“账号”里绑定一位成员，否则排好的内容发不出去。",
            now=now,
            page="/console/accounts",
        )
    for key in open_keys.keys() - {persona.key for persona in found}:
        await todos.settle(session, open_keys[key], now=now, by=audit.RULES)
    return found
