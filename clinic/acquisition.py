"""What happens at acquisition links (获客链接) before anybody is a patient: counted by day, nameless."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from clinic.care_tables import ChannelDay
from clinic.tables import Follow, Patient

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncSession

OPENED: Final = "opened"  # the profile page
REQUESTED: Final = "requested"  # asked to be a friend
CHATTED: Final = "chatted"  # wrote the first message
TALKED: Final = "talked"  # wrote the 3rd, 5th or 10th


def channel_of(state: str | None, link_id: str | None) -> str:
    """Return under which name a link's numbers are kept: its ``customer_channel``, else the link itself."""
    return (state or f"link:{link_id or 'unknown'}")[:64]


async def count(session: AsyncSession, channel: str, day: date, kind: str, *, userid: str = "") -> None:
    """Count one more of ``kind`` at a channel on a clinic day."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(
        insert(ChannelDay)
        .values(channel=channel, day=day, kind=kind, userid=userid, count=1)
        .on_conflict_do_update(
            index_elements=["channel", "day", "kind", "userid"], set_={"count": ChannelDay.count + 1}
        )
    )


async def channel_between(session: AsyncSession, userid: str, external_userid: str) -> str | None:
    """Return the channel by which a member and a patient met; None when we do not know."""
    return await session.scalar(
        select(Follow.channel)
        .join(Patient, Patient.id == Follow.patient_id)
        .where(Patient.external_userid == external_userid, Follow.userid == userid)
    )
