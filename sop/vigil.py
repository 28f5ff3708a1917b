"""Keeping watch over what waits for approval: reminders, escalation, and word of what expired.

Reviewers are reminded four hours and one hour before a post's hour, the managers told one hour before; what
would fall into the night comes the evening before. A reminder is an effect with a key of its own, so however
often and by however many engines this is run, each is sent once.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic import audit
from sop import decisions, review
from sop.effects import NotifyStaff
from sop.life import PostState
from sop.tables import Batch, Post, ReviewCard
from store import outbox
from store.outbox import OutboxEffect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.roster import Roster

EARLY: Final = timedelta(hours=4)
LAST: Final = timedelta(hours=1)
AHEAD: Final = timedelta(hours=16)  # the longest night and the hours before it
NIGHT: Final = (time(21), time(8))  # staff sleep
EVENING: Final = time(20, 30)
WAITING: Final = (PostState.IN_REVIEW, PostState.DRAFT)
REMINDED: Final = "post.reminded"
ESCALATED: Final = "post.escalated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """Posts of one batch and hour that nobody decided yet; ``last``: an hour is left, managers are told."""

    batch_id: int
    persona: str
    at: datetime
    last: bool
    posts: tuple[Post, ...]

    @property
    def key(self) -> str:
        return f"approve:{self.batch_id}:{int(self.at.timestamp())}:{1 if self.last else 4}"


def reminder_at(at: datetime, before: timedelta, zone: ZoneInfo) -> datetime:
    """Return when to remind of a post due at ``at``: so long before, or the evening before a night."""
    wanted = (at - before).astimezone(zone)
    begin, end = NIGHT
    if end <= wanted.time() < begin:
        return wanted
    day = wanted.date() if wanted.time() >= begin else wanted.date() - timedelta(days=1)
    return datetime.combine(day, EVENING, tzinfo=zone)


def due_reminder(at: datetime, *, touched: datetime, now: datetime, zone: ZoneInfo) -> bool | None:
    """Tell which reminder of a post is due: the last one (True), the early one (False), or none (None).

    Args:
        touched: when the post came into review as it is; nobody is reminded early of what is newer.
    """
    if at <= now:
        return None
    if reminder_at(at, LAST, zone) <= now:
        return True
    early = reminder_at(at, EARLY, zone)
    return False if touched <= early <= now else None


def reminders(posts: Iterable[Post], *, now: datetime, zone: ZoneInfo) -> tuple[Reminder, ...]:
    """Gather posts that wait into reminders: one for each batch and hour."""
    found: defaultdict[tuple[datetime, int, str, bool], list[Post]] = defaultdict(list)
    for post in posts:
        last = due_reminder(post.scheduled_at, touched=post.updated_at, now=now, zone=zone)
        if last is not None:
            found[post.scheduled_at, post.batch_id, post.persona, last].append(post)
    return tuple(
        Reminder(batch_id=batch_id, persona=persona, at=at, last=last, posts=tuple(some))
        for (at, batch_id, persona, last), some in sorted(found.items(), key=lambda item: item[0])
    )


async def _due(session: AsyncSession, *, now: datetime, zone: ZoneInfo) -> tuple[Reminder, ...]:
    waiting = await session.scalars(
        select(Post)
        .where(Post.state.in_(WAITING), Post.scheduled_at > now, Post.scheduled_at <= now + AHEAD)
        .order_by(Post.scheduled_at, Post.id)
    )
    found = reminders(waiting, now=now, zone=zone)
    keys = [one.key for one in found]
    known = set(
        await session.scalars(
            select(OutboxEffect.key).where(OutboxEffect.key.in_([*keys, *(f"{key}:up" for key in keys)]))
        )
    )
    return tuple(one for one in found if not {one.key, f"{one.key}:up"} & known)


async def differs(session: AsyncSession, *, roster: Roster, now: datetime, zone: ZoneInfo) -> bool:
    """Tell whether :func:`watch` would do anything; only reads."""
    return bool(await _due(session, now=now, zone=zone)) or bool(await _misdirected(session, roster))


async def watch(
    session: AsyncSession, *, roster: Roster, now: datetime, zone: ZoneInfo, public_url: str
) -> int:
    """Remind reviewers, tell managers, and offer what waits to who stands in; return how many messages."""
    count = 0
    for reminder in await _due(session, now=now, zone=zone):
        count += await _remind(session, reminder, roster=roster, now=now, zone=zone, public_url=public_url)
    for persona in await _misdirected(session, roster):
        await review.rebound(session, persona, roster=roster, now=now, public_url=public_url)
        count += 1
    return count


async def _remind(
    session: AsyncSession,
    reminder: Reminder,
    *,
    roster: Roster,
    now: datetime,
    zone: ZoneInfo,
    public_url: str,
) -> int:
    approved = await decisions.approvers_of(session, reminder.posts)
    # Who has approved everything already waits for somebody else himself.
    done = set.intersection(*({*approved.get(post.id, ())} for post in reminder.posts))
    reviewers = tuple(userid for userid in roster.reviewers(reminder.persona) if userid not in done)
    managers = tuple(userid for userid in roster.managers() if userid not in reviewers)
    name, at = roster.name_of(reminder.persona), reminder.at.astimezone(zone)
    # WeCom drops a message that repeats one of the last hours, so the two reminders say different things.
    left = "不到一小时" if reminder.last else "几个小时"
    many, when = len(reminder.posts), f"{at:%m-%d %H:%M}（还有{left}）"
    blocked = sum(post.state == PostState.DRAFT for post in reminder.posts)
    mend = f"其中 {blocked} 条内容检查没有放行，要先修改。" if blocked else ""
    url = f"{public_url.rstrip('/')}/console/review/{reminder.batch_id}"
    told: list[str] = []
    messages = [
        (
            reminder.key,
            reviewers,
            "内容还在等你审核",
            f"{name}的 {many} 条内容 {when} 就要发送。{mend}到时没有通过就不会发送。",
        )
    ]
    if reminder.last or not reviewers:
        asked = "、".join([await decisions.name_of(session, userid) for userid in reviewers]) or "没有人"
        messages.append(
            (
                f"{reminder.key}:up",
                managers,
                "有内容快到时间还没有审核",
                f"{name}的 {many} 条内容 {when} 要发送，没有审核（审核人：{asked}）。{mend}没通过就不发。",
            )
        )
    for key, people, title, body in messages:
        if not people:
            continue
        effect = NotifyStaff(to=list(people), title=title, body=body, url=url)
        if await outbox.put(session, effect, key=key, now=now, deadline=reminder.at, cause=title):
            told += people
            for post in reminder.posts:
                audit.record(
                    session,
                    at=now,
                    actor=audit.RULES,
                    action=ESCALATED if key.endswith(":up") else REMINDED,
                    subject=f"post:{post.id}",
                    reason="、".join([await decisions.name_of(session, userid) for userid in people]),
                )
    return len(told)


async def _misdirected(session: AsyncSession, roster: Roster) -> tuple[str, ...]:
    """Return personas of which a batch waits with a card that not all who should decide now have got."""
    rows = await session.execute(
        select(Batch.persona, ReviewCard.receivers)
        .join(ReviewCard, (ReviewCard.batch_id == Batch.id) & (ReviewCard.revision == Batch.revision))
        .where(
            ReviewCard.closed_at.is_(None),
            select(Post.id).where(Post.batch_id == Batch.id, Post.state == PostState.IN_REVIEW).exists(),
        )
    )
    return tuple(
        sorted({persona for persona, receivers in rows if not {*roster.reviewers(persona)} <= {*receivers}})
    )


async def tell_expired(
    session: AsyncSession, posts: Sequence[Post], *, roster: Roster, now: datetime, public_url: str
) -> None:
    """Tell reviewers and managers of posts that nobody approved in time: they will not be sent."""
    gathered: defaultdict[tuple[int, str], list[Post]] = defaultdict(list)
    for post in posts:
        gathered[post.batch_id, post.persona].append(post)
    for (batch_id, persona), some in sorted(gathered.items(), key=lambda item: item[0]):
        people = tuple(dict.fromkeys((*roster.reviewers(persona), *roster.managers())))
        if not people:
            continue
        title = "有内容没有审核，已过期"
        at = some[0].scheduled_at.astimezone(roster.pack.timezone)
        await outbox.put(
            session,
            NotifyStaff(
                to=list(people),
                title=title,
                body=f"{roster.name_of(persona)} {at:%m-%d %H:%M} 的 {len(some)} 条内容没有审核，没有发送。",
                url=f"{public_url.rstrip('/')}/console/review/{batch_id}",
            ),
            key=f"unreviewed:{batch_id}:{some[0].id}:{int(some[0].scheduled_at.timestamp())}",
            now=now,
            deadline=now + timedelta(hours=12),
            cause=title,
        )
