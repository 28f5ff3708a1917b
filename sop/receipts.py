"""What happened to a task: receipts, the verdict on the post, when to look again, whom to remind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, select, update

from sop import decisions
from sop import push as pushes
from sop.audience import recipients_of
from sop.effects import NotifyStaff, RemindSender
from sop.journeys import touch_life
from sop.life import PostState
from sop.tables import Post, Push, Receipt
from store import outbox
from store.statements import table_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.roster import Roster

# WeCom sends no callback when a member taps, so we look: often at first, then less and less.
POLL_AFTER: Final = tuple(timedelta(seconds=s) for s in (2, 5, 15, 30, 60, 120, 300, 300, 600, 900, 1800))
SETTLE: Final = timedelta(minutes=10)  # statuses still move shortly after the tap
REMIND_AFTER: Final = (timedelta(hours=1), timedelta(hours=3))
MANAGER_AFTER: Final = timedelta(hours=6)
QUIET: Final = (21, 9)  # staff are not reminded at night

# What send_list.status means (doc 93338).
STATUS: Final = {0: "waiting", 1: "sent", 2: "not_friend", 3: "capped"}
RECIPIENTS: Final = {"group": "个群", "direct": "位客户"}
WHY: Final = {
    "not_friend": {"group": "已不能发送（群已解散或换了群主）", "direct": "已不是好友"},
    "capped": {"group": "这段时间收到的群发已满", "direct": "这段时间收到的群发已满"},
    "unreachable": {"group": "被企业微信排除", "direct": "被企业微信排除（已不是好友，或群发已满）"},
}
WHAT: Final = {"moment": "朋友圈", "group": "群消息", "direct": "一对一消息"}


_PUSHES: Final = table_of(Push)
_NOTHING_YET: Final = (
    update(_PUSHES)
    .where(
        _PUSHES.c.id == bindparam("push"),
        _PUSHES.c.polls == bindparam("was"),
        _PUSHES.c.closed_at.is_(None),
    )
    .values(polls=bindparam("polls"), next_poll_at=bindparam("next"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one recipient's row in WeCom's result says."""

    recipient: str
    status: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a task: did its member tap, and what do the recipients' rows say."""

    tapped: bool
    rows: tuple[Seen, ...] = ()
    gone: bool = False  # cancelled or deleted in WeCom


async def due_pushes(
    session: AsyncSession, *, now: datetime, limit: int = 100
) -> Sequence[tuple[Push, Post]]:
    """Return tasks whose next look is due, oldest first."""
    rows = await session.execute(
        select(Push, Post)
        .join(Post, Post.id == Push.post_id)
        .where(Push.next_poll_at <= now, Push.closed_at.is_(None))
        .order_by(Push.next_poll_at)
        .limit(limit)
    )
    return rows.all()


def verdict(*, tapped: bool, wanted: int, counts: Counter[str], settled: bool) -> PostState | None:
    """Judge a task from its receipts; None = keep looking.

    Args:
        wanted: how many recipients there should be (0 = not known beforehand, as for moments).
        counts: receipts by status.
        settled: ten minutes have passed since the tap was seen; what is missing now stays missing.
    """
    if not tapped:
        return None
    failed = counts["not_friend"] + counts["capped"] + counts["unreachable"]
    missing = max(wanted - counts["sent"] - failed, 0) + counts["waiting"]
    if not missing and not failed:
        return PostState.PUBLISHED
    if missing and not settled:
        return None
    return PostState.PARTIAL


async def record(session: AsyncSession, push_id: int, look: Look, *, now: datetime) -> PostState | None:
    """Write down one look at a task and move its post when the outcome is clear; return its new state."""
    push = await session.get_one(Push, push_id, with_for_update=True)
    post = await session.get_one(Post, push.post_id, with_for_update=True)
    if push.closed_at is not None or post.state != PostState.AWAITING_SENDER:
        return None
    push.polls += 1
    if look.gone:
        pushes.close(push, now)
        await pushes.end(session, post, PostState.CANCELLED, now=now, reason="任务已在企业微信里被取消")
        return PostState.CANCELLED
    state = await _judged(session, push, post, look, now=now) if look.tapped else None
    if state is not None:
        pushes.close(push, now)
    elif now >= push.expires_at and not look.tapped:
        cause = f"内容 #{post.id} 超过 24 小时没有人确认发送"
        await decisions.withdraw_task(session, post, now=now, cause=cause)
        await pushes.end(
            session, post, PostState.EXPIRED, now=now, reason="成员 24 小时内没有确认发送，任务已撤销"
        )
    else:
        wait = pause_after(push.polls)
        push.next_poll_at = now + (min(wait, SETTLE) if look.tapped else wait)
    return state


async def _judged(
    session: AsyncSession, push: Push, post: Post, look: Look, *, now: datetime
) -> PostState | None:
    """Keep the receipts of a task that was tapped, and end its post when they are all there."""
    own = await session.get(Receipt, (push.id, post.sender, ""))
    first_seen = own.at if own is not None and own.at is not None else now
    if own is None:
        session.add(Receipt(push_id=push.id, userid=post.sender, recipient="", status="sent", at=now))
    await session.flush()
    rows = {row.recipient: (row.status, row.at) for row in look.rows}
    await pushes.keep_receipts(session, push.id, post.sender, rows)
    wanted, counts = len(recipients_of(post.kind, post.audience)), await counts_of(session, push.id)
    if post.kind == "direct":
        wanted -= await touch_life.withdrawn_from(session, post.id)
    state = verdict(tapped=look.tapped, wanted=wanted, counts=counts, settled=now - first_seen >= SETTLE)
    if state is not None:
        reason = told(post.kind, wanted=wanted, counts=counts)
        await pushes.end(session, post, state, now=now, reason=reason)
    return state


async def nothing_yet(session: AsyncSession, seen: Sequence[Push], *, now: datetime) -> None:
    """Write down, in one statement, looks at tasks whose members have not tapped and still have time to."""
    if not seen:
        return
    rows = [
        {
            "push": push.id,
            "was": push.polls,
            "polls": push.polls + 1,
            "next": now + pause_after(push.polls + 1),
        }
        for push in sorted(seen, key=lambda push: push.id)
    ]
    await (await session.connection()).execute(_NOTHING_YET, rows)


def told(kind: str, *, wanted: int, counts: Counter[str]) -> str:
    """Return the outcome of a tapped task as staff read it; a moment's is not counted by recipients."""
    if kind not in RECIPIENTS:
        return ""
    one = RECIPIENTS[kind]
    failed = sum(counts[status] for status in WHY)
    unsent = max(wanted - counts["sent"] - failed, counts["waiting"])
    parts = [f"已发给 {counts['sent']} {one}"]
    parts += [f"{counts[status]} {one}{why[kind]}" for status, why in WHY.items() if counts[status]]
    if unsent:
        parts.append(f"{unsent} {one}没有发出")
    return "，".join(parts)


def pause_after(polls: int) -> timedelta:
    """Return how long to wait after so many looks: WeCom pushes nothing, and 10 000 looks a minute is all."""
    return POLL_AFTER[min(polls, len(POLL_AFTER) - 1)]


async def counts_of(session: AsyncSession, push_id: int) -> Counter[str]:
    """Return how many recipients stand in each status."""
    rows = await session.execute(
        select(Receipt.status, func.count())
        .where(Receipt.push_id == push_id, Receipt.recipient != "")
        .group_by(Receipt.status)
    )
    return Counter(dict(rows.all()))


def reminder_due(push: Push, *, now: datetime, zone: ZoneInfo) -> str | None:
    """Return ``"sender"`` or ``"manager"`` when somebody should be told that the task waits, else None."""
    hour = now.astimezone(zone).hour
    if push.closed_at is not None or push.remote_id is None or hour >= QUIET[0] or hour < QUIET[1]:
        return None
    waited = now - push.created_at
    if push.reminders < len(REMIND_AFTER):
        return "sender" if waited >= REMIND_AFTER[push.reminders] else None
    if push.reminders == len(REMIND_AFTER):
        return "manager" if waited >= MANAGER_AFTER else None
    return None


async def remind(
    session: AsyncSession, *, roster: Roster, now: datetime, zone: ZoneInfo, public_url: str
) -> int:
    """Remind members whose task waits too long, at last the manager; return how many reminders."""
    rows = await session.execute(
        select(Push, Post)
        .join(Post, Post.id == Push.post_id)
        .where(
            Post.state == PostState.AWAITING_SENDER,
            Push.closed_at.is_(None),
            Push.created_at <= now - REMIND_AFTER[0],
            Push.reminders <= len(REMIND_AFTER),
        )
    )
    count = 0
    for push, post in rows.all():
        whom = reminder_due(push, now=now, zone=zone)
        if whom is None:
            continue
        push.reminders += 1
        push.reminded_at = now
        count += 1
        key, cause = f"remind:{push.id}:{push.reminders}", f"内容 #{post.id} 的任务还没有人确认发送"
        if whom == "sender" and post.kind != "moment" and roster.absence_of(post.sender) is None:
            effect: RemindSender | NotifyStaff = RemindSender(push_id=push.id, remote_id=push.remote_id or "")
        else:
            # Who is away is not reminded: who stands in is, since it is his phone that must be found.
            # Moments have no reminding API (doc 95094): the app writes to the member and the 医助 itself.
            people = roster.tappers(post.persona, post.sender) if whom == "sender" else roster.managers()
            if not people:
                continue
            what = WHAT.get(post.kind, "内容")
            hours = int((now - push.created_at).total_seconds() // 3600)
            speaker = roster.name_of(post.persona)
            effect = NotifyStaff(
                to=list(people),
                title="还有内容等待发送" if whom == "sender" else "内容长时间没有发送，请关注",
                body=f"{speaker}的{what}已等待 {hours} 小时，请在企业微信“客户联系”里确认。",
                url=f"{public_url.rstrip('/')}/console/posts/{post.id}",
            )
        await outbox.put(session, effect, key=key, now=now, deadline=now + timedelta(hours=2), cause=cause)
    return count
