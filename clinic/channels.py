"""What the records say of channels: who came today, who is away, and what became of everybody."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import case, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from clinic.care_tables import ChannelCode, ChannelDay, StageMove
from clinic.stages import Stage
from clinic.tables import Follow, Member

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

ADDED: Final = "added"  # the kind of ChannelDay: patients that came on that day
CAME: Final = (Stage.VISITED, Stage.CLOSED, Stage.TREATING, Stage.MEMBER, Stage.REFERRING)
BOUGHT: Final = (Stage.CLOSED, Stage.TREATING, Stage.MEMBER)

Counts = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of the patients of one channel, each patient counted once however many members she added.

    ``friends`` still have somebody of ours, ``lost`` nobody any more; ``visited`` and ``closed`` ever came or
    bought something. ``waiting`` asked and were not confirmed yet.
    """

    added: int = 0
    friends: int = 0
    waiting: int = 0
    visited: int = 0
    closed: int = 0

    @property
    def lost(self) -> int:
        return self.added - self.friends - self.waiting


async def added_between(session: AsyncSession, start: datetime, end: datetime) -> Counts:
    """Count the patients that each member got through each channel since ``start`` and before ``end``."""
    rows = await session.execute(
        select(Follow.channel, Follow.userid, func.count())
        .where(Follow.added_at >= start, Follow.added_at < end, Follow.channel != "")
        .group_by(Follow.channel, Follow.userid)
    )
    counts: Counts = defaultdict(dict)
    for channel, userid, count in rows:
        counts[channel][userid] = count
    return counts


async def keep_days(session: AsyncSession, day: date, counts: Mapping[str, Mapping[str, int]]) -> bool:
    """Write down how many came on ``day``; a number only grows, whoever is forgotten or moves on later."""
    rows = await session.execute(
        select(ChannelDay.channel, ChannelDay.userid, ChannelDay.count).where(
            ChannelDay.day == day, ChannelDay.kind == ADDED
        )
    )
    known = {(channel, userid): count for channel, userid, count in rows}
    grown = [
        {"channel": channel[:64], "day": day, "kind": ADDED, "userid": userid, "count": count}
        for channel, by_member in counts.items()
        for userid, count in by_member.items()
        if count > known.get((channel, userid), 0)
    ]
    if not grown:
        return False
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(ChannelDay)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["channel", "day", "kind", "userid"], set_={"count": statement.excluded.count}
        ),
        grown,
    )
    return True


async def away(session: AsyncSession, userids: Iterable[str]) -> frozenset[str]:
    """Return those who left, or who do not serve customers; somebody we never saw is not away."""
    rows = await session.scalars(
        select(Member.userid).where(
            Member.userid.in_(sorted(set(userids))),
            or_(Member.active.is_(False), Member.left_at.is_not(None), Member.serves.is_(False)),
        )
    )
    return frozenset(rows)


async def results(session: AsyncSession) -> dict[str, Result]:
    """Return what became of the patients of every channel that anybody came through."""
    confirmed = Follow.half.is_(False)
    per_patient = (
        select(
            Follow.channel,
            Follow.patient_id,
            func.max(case((confirmed & Follow.lost_at.is_(None), 1), else_=0)).label("friend"),
            func.max(case((Follow.half & Follow.lost_at.is_(None), 1), else_=0)).label("waiting"),
        )
        .where(Follow.channel != "")
        .group_by(Follow.channel, Follow.patient_id)
        .subquery()
    )
    reached = {
        stages: select(StageMove.patient_id).where(StageMove.stage.in_([s.value for s in stages])).distinct()
        for stages in (CAME, BOUGHT)
    }
    rows = await session.execute(
        select(
            per_patient.c.channel,
            func.count(),
            func.sum(per_patient.c.friend),
            func.sum(case((per_patient.c.friend == 0, per_patient.c.waiting), else_=0)),
            func.sum(case((per_patient.c.patient_id.in_(reached[CAME]), 1), else_=0)),
            func.sum(case((per_patient.c.patient_id.in_(reached[BOUGHT]), 1), else_=0)),
        ).group_by(per_patient.c.channel)
    )
    return {
        channel: Result(added=added, friends=friends, waiting=waiting, visited=visited, closed=closed)
        for channel, added, friends, waiting, visited, closed in rows
    }


async def days(session: AsyncSession, state: str, since: date) -> list[tuple[date, str, int]]:
    """Return what happened at a channel by day and kind, oldest first."""
    rows = await session.execute(
        select(ChannelDay.day, ChannelDay.kind, func.sum(ChannelDay.count))
        .where(ChannelDay.channel == state, ChannelDay.day >= since)
        .group_by(ChannelDay.day, ChannelDay.kind)
        .order_by(ChannelDay.day, ChannelDay.kind)
    )
    return [(day, kind, int(count)) for day, kind, count in rows]


async def pictured(session: AsyncSession) -> frozenset[str]:
    """Return the channels whose code's picture we have."""
    rows = await session.scalars(select(ChannelCode.state).where(ChannelCode.picture.is_not(None)))
    return frozenset(rows)


async def picture(session: AsyncSession, state: str) -> bytes | None:
    """Return the picture of a channel's code as WeCom gave it."""
    return await session.scalar(select(ChannelCode.picture).where(ChannelCode.state == state))
