"""When we may write to somebody in 微信客服: 48 hours from her last message, five messages for each of hers.

WeCom counts by account (customer-service-kf.md §4), and does not give back what we sent: it is written down
when it is sent, with an origin of our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import or_, select

from clinic.care_tables import KfAccount, KfMessage
from clinic.kf import FROM_CUSTOMER, FROM_US
from clinic.tables import Patient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

OPEN_FOR: Final = timedelta(hours=48)
MOST: Final = 5
# What is sent in the last moments may arrive when it is too late.
MARGIN: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """An account in which she may be written to, by the id she has there, until when."""

    open_kfid: str
    external_userid: str
    until: datetime
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message of a chat, as far as the window asks."""

    open_kfid: str
    external_userid: str
    at: datetime
    from_her: bool


def window(said: Iterable[Said], *, now: datetime) -> Window | None:
    """Return where she may be written to; of several chats the one that stays open longest."""
    last: dict[tuple[str, str], datetime] = {}
    ours: dict[tuple[str, str], int] = {}
    for one in sorted(said, key=lambda each: (each.at, not each.from_her)):
        chat = one.open_kfid, one.external_userid
        if one.from_her:
            last[chat], ours[chat] = one.at, 0
        elif chat in last:
            ours[chat] += 1
    found = [
        Window(
            open_kfid=chat[0], external_userid=chat[1], until=at + OPEN_FOR - MARGIN, left=MOST - ours[chat]
        )
        for chat, at in last.items()
    ]
    open_now = [one for one in found if one.until > now and one.left > 0]
    return max(open_now, key=lambda one: (one.until, one.open_kfid), default=None)


async def windows_of(
    session: AsyncSession, patient_ids: Iterable[int], *, now: datetime
) -> Mapping[int, Window]:
    """Return the open windows of these people, by head record, in two statements."""
    heads = sorted(set(patient_ids))
    rows = await session.execute(
        select(Patient.id, Patient.merged_into, Patient.external_userid).where(
            or_(Patient.id.in_(heads), Patient.merged_into.in_(heads))
        )
    )
    head_of = {row.external_userid: row.merged_into or row.id for row in rows}
    messages = await session.execute(
        select(KfMessage.open_kfid, KfMessage.external_userid, KfMessage.at, KfMessage.origin)
        .join(KfAccount, KfAccount.open_kfid == KfMessage.open_kfid)
        .where(
            KfMessage.external_userid.in_(head_of),
            KfMessage.at > now - OPEN_FOR,
            KfMessage.origin.in_((FROM_CUSTOMER, FROM_US)),
            KfAccount.authorised,
        )
    )
    chats: dict[int, list[Said]] = {}
    for row in messages:
        chats.setdefault(head_of[row.external_userid], []).append(
            Said(
                open_kfid=row.open_kfid,
                external_userid=row.external_userid,
                at=row.at,
                from_her=row.origin == FROM_CUSTOMER,
            )
        )
    return {head: found for head, said in chats.items() if (found := window(said, now=now)) is not None}
