"""Customer groups and personas by the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from clinic.tables import CustomerGroup
from console.api.documents import (
    GroupDocument,
    Page,
    PersonaDocument,
)
from console.api.operation import Answer, Call
from sop.roster import load_roster

if TYPE_CHECKING:
    from console.api.requests import GroupQuery, Nothing


async def list_groups(call: Call[Nothing, GroupQuery, Nothing]) -> Answer:
    """Return the customer groups that exist, by their ids."""
    query = select(CustomerGroup).where(CustomerGroup.dismissed_at.is_(None)).order_by(CustomerGroup.chat_id)
    if call.query.cursor is not None:
        query = query.where(CustomerGroup.chat_id > call.query.cursor)
    async with call.deps.database.read() as session:
        found = (await session.scalars(query.limit(call.query.limit + 1))).all()
    shown = found[: call.query.limit]
    items = [
        GroupDocument(
            chat_id=group.chat_id,
            name=group.name,
            owner=group.owner,
            members=group.members,
            role=call.deps.pack.role_of_group(group.name, chosen=group.role).key,
        )
        for group in shown
    ]
    return Answer(
        content=Page[GroupDocument](items=items, next=shown[-1].chat_id if len(found) > len(shown) else None)
    )


async def list_personas(call: Call[Nothing, Nothing, Nothing]) -> Answer:
    """Return the pack's personas with the people behind them now."""
    pack = call.deps.pack
    async with call.deps.database.read() as session:
        roster = await load_roster(session, pack)
    items = [
        PersonaDocument(
            key=persona.key,
            kind=persona.kind,
            name=persona.name,
            title=persona.title,
            speakers=list(roster.senders(persona.key)),
            reviewers=list(roster.reviewers(persona.key)),
        )
        for persona in pack.personas
    ]
    return Answer(content=Page[PersonaDocument](items=items, next=None))
