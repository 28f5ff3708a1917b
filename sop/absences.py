"""Who is away, from when until when, and who stands in: noted by staff, read by the roster."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic import audit
from clinic.tables import Member
from sop.tables import Away

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.roster import Roster

LONGEST: Final = timedelta(days=366)
NOTED: Final = "member.away"
ENDED: Final = "member.back"


class AbsenceRefused(ValueError):
    """An absence that cannot be; ``field`` names the place, the message says what to write instead."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


async def note(
    session: AsyncSession,
    userid: str,
    *,
    since: datetime,
    until: datetime,
    substitute: str = "",
    roster: Roster,
    actor: str,
    now: datetime,
) -> Away:
    """Note that a member is away; of two absences that overlap the one noted last counts.

    Raises:
        AbsenceRefused: nobody like that works here, or no time is left of it.
    """
    if until <= since:
        raise AbsenceRefused("until", "回来的时间要晚于开始的时间")
    if until <= now:
        raise AbsenceRefused("until", "这段时间已经过去，请写将来的时间")
    if until - since > LONGEST:
        raise AbsenceRefused("until", "一次最多写一年；更久的话请在“账号”里换人")
    await _check(session, userid, "userid", roster)
    if substitute:
        if substitute == userid:
            raise AbsenceRefused("substitute", "代班的要是另一位同事；没有人代班就不选")
        await _check(session, substitute, "substitute", roster)
    away = Away(userid=userid, since=since, until=until, substitute=substitute, noted_by=actor, noted_at=now)
    session.add(away)
    await session.flush()
    audit.record(
        session,
        at=now,
        actor=actor,
        action=NOTED,
        subject=f"member:{userid}",
        reason=f"休假，{substitute} 代班" if substitute else "休假，没有人代班",
        detail={"since": since.isoformat(), "until": until.isoformat(), "substitute": substitute},
    )
    return away


async def end(session: AsyncSession, absence_id: int, *, actor: str, now: datetime) -> bool:
    """Let a member be back now, or not go at all; return False when he is back already."""
    away = await session.get(Away, absence_id, with_for_update=True)
    if away is None or away.until <= now:
        return False
    if away.since >= now:
        await session.delete(away)
    else:
        away.until = now
    audit.record(
        session,
        at=now,
        actor=actor,
        action=ENDED,
        subject=f"member:{away.userid}",
        reason="提前回来" if away.since < now else "取消了休假",
    )
    return True


async def listed(session: AsyncSession, *, now: datetime) -> Sequence[Away]:
    """Return the absences of now and later, the earliest first."""
    query = select(Away).where(Away.until > now).order_by(Away.since, Away.id)
    return (await session.scalars(query)).all()


async def _check(session: AsyncSession, userid: str, field: str, roster: Roster) -> None:
    member = await session.get(Member, userid)
    if member is None and userid in roster.people:
        return
    if member is None or member.left_at is not None:
        raise AbsenceRefused(field, f"没有“{userid[:64]}”这位在职的成员")
