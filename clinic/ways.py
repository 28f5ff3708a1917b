"""Contact ways (联系我): the codes through which patients come, as WeCom keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from clinic.reconcile import Tally
from clinic.tables import ContactWay

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedWay:
    """A contact way as WeCom describes it (get_contact_way, doc 92572)."""

    config_id: str
    state: str
    remark: str
    userids: tuple[str, ...]
    qr_code: str


async def standing(session: AsyncSession) -> set[str]:
    """Return the ids of the ways that still exist as far as we know."""
    return set(await session.scalars(select(ContactWay.config_id).where(ContactWay.gone_at.is_(None))))


async def record(session: AsyncSession, listed: Sequence[ListedWay], *, now: datetime) -> Tally:
    """Write ways as WeCom describes them; one that can be read is not gone."""
    query = select(ContactWay).where(ContactWay.config_id.in_([way.config_id for way in listed]))
    known = {row.config_id: row for row in await session.scalars(query)}
    added = changed = 0
    for way in listed:
        row = known.get(way.config_id)
        described = (way.state[:64], way.remark[:64], sorted(way.userids), way.qr_code[:300], None)
        if row is None:
            added += 1
            row = ContactWay(config_id=way.config_id)
            session.add(row)
        elif (row.state, row.remark, row.userids, row.qr_code, row.gone_at) != described:
            changed += 1
        else:
            continue
        row.state, row.remark, row.userids, row.qr_code, row.gone_at = described
        row.changed_at = now
    return Tally(seen=len(listed), added=added, changed=changed)


async def record_gone(session: AsyncSession, config_ids: Iterable[str], *, now: datetime) -> Tally:
    """Note that ways are listed no more: their codes work no longer."""
    query = select(ContactWay).where(ContactWay.config_id.in_(sorted(config_ids)))
    lost = 0
    for row in await session.scalars(query):
        row.gone_at = row.changed_at = now
        lost += 1
    return Tally(lost=lost)
