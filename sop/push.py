"""From an approved post to a task in WeCom: what is due, what was created, what can no longer be sent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, func, or_, select

from clinic import audit
from sop import consented, decisions, pauses
from sop.effects import CreateTask
from sop.journeys import touch_life
from sop.life import NEXT, PostState
from sop.tables import Post, Push, Receipt
from store import outbox
from store.outbox import OutboxEffect
from store.statements import PerDatabase, table_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from store.statements import Insert, Inserts

DUE_AT_ONCE: Final = 500
# After an outage an approved post may still go out this late; later it would surprise people.
LATE: Final = timedelta(hours=6)
# How long members may take to tap before the task is cancelled in WeCom.
TAP_WINDOW: Final = timedelta(hours=24)
FIRST_POLL: Final = timedelta(seconds=2)


def _keep(insert: Inserts) -> Insert:
    statement = insert(table_of(Receipt))
    return statement.on_conflict_do_update(
        index_elements=["push_id", "userid", "recipient"],
        set_={"status": statement.excluded.status, "at": statement.excluded.at},
    )


_KEEP_RECEIPTS: Final = PerDatabase(_keep)


async def start_due(session: AsyncSession, *, now: datetime) -> int:
    """Hand approved posts whose hour has come to the courier; return how many.

    The state changes in the transaction that queues the effect, and the effect's key names post and digest:
    two schedulers, or one that crashed in between, start each post once. What a kill switch holds stays
    approved; whether it is too late then is asked when the switch is lifted.
    """
    paused = await pauses.load(session)
    if paused.everything:
        return 0
    due = await session.scalars(
        select(Post)
        .where(
            Post.state == PostState.APPROVED,
            Post.scheduled_at <= now,
            Post.persona.not_in(sorted(paused.personas)),
            Post.plan_key.not_in(sorted(paused.plans)),
        )
        .order_by(Post.scheduled_at, Post.id)
        .limit(DUE_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    started = 0
    posts = due.all()
    barred = await consented.obstacles(session, posts, now=now) if posts else {}
    for post in posts:
        if now - post.scheduled_at > LATE:
            reason = await _missed(session, post)
            await end(session, post, PostState.EXPIRED, now=now, reason=reason)
            continue
        if post.id in barred:  # a consent ended since the approval
            await end(session, post, PostState.CANCELLED, now=now, reason=barred[post.id])
            continue
        post.state, post.updated_at = PostState.CREATING, now
        await outbox.put(
            session,
            CreateTask(post_id=post.id, digest=post.digest),
            key=effect_key(post.id, post.digest),
            now=now,
            deadline=post.scheduled_at + LATE,
            cause=f"内容 #{post.id} 已通过审核，到了发送时间",
        )
        started += 1
    return started


async def _missed(session: AsyncSession, post: Post) -> str:
    """Say why an approved post is so late."""
    held = await pauses.stood_still(session, persona=post.persona, plan=post.plan_key, at=post.scheduled_at)
    return "暂停期间错过了发送时间，没有发送" if held else "系统停机超过 6 小时，错过了发送时间"


async def expire_unreviewed(session: AsyncSession, *, now: datetime) -> Sequence[Post]:
    """End posts whose hour came before anybody approved them; return them."""
    late = (
        await session.scalars(
            select(Post)
            .where(Post.state.in_((PostState.DRAFT, PostState.IN_REVIEW)), Post.scheduled_at <= now)
            .limit(DUE_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
    ).all()
    approved = await decisions.approvers_of(session, late)
    for post in late:
        people = [await decisions.name_of(session, userid) for userid in approved.get(post.id, ())]
        reason = (
            f"到发送时间只有 {'、'.join(people)} 审核通过，还差一位，没有发送"
            if people
            else "到发送时间仍未审核，没有发送"
        )
        await end(session, post, PostState.EXPIRED, now=now, reason=reason)
    return late


async def end(session: AsyncSession, post: Post, state: PostState, *, now: datetime, reason: str) -> None:
    """Let a post end by rule, with the reason in the audit trail; one that cannot follow does nothing.

    What it carried for journeys ends with it, or is tried again.
    """
    if state not in NEXT[PostState(post.state)]:
        return
    post.state, post.updated_at, post.reason = state, now, reason
    audit.record(
        session,
        at=now,
        actor=audit.RULES,
        action=f"post.{state}",
        subject=f"post:{post.id}",
        reason=reason,
        detail={"digest": post.digest},
    )
    await touch_life.follow_post(session, post, now=now)


async def created(
    session: AsyncSession,
    post: Post,
    *,
    now: datetime,
    job_id: str | None = None,
    remote_id: str | None = None,
    unreachable: Sequence[str] = (),
) -> Push:
    """Note the task WeCom created: a mass send's msgid at once, a moment's job id first.

    Args:
        unreachable: recipients from ``fail_list``, who will not get it whatever the member does.
    """
    push = (await session.scalars(select(Push).where(Push.post_id == post.id))).one_or_none()
    if push is None:
        push = Push(post_id=post.id, kind=post.kind, created_at=now, expires_at=now + TAP_WINDOW)
        session.add(push)
    push.job_id, push.remote_id = job_id or push.job_id, remote_id or push.remote_id
    push.next_poll_at = now + FIRST_POLL
    await session.flush()
    await keep_receipts(session, push.id, post.sender, dict.fromkeys(unreachable, ("unreachable", now)))
    if remote_id is not None:
        _awaiting(session, post, now)
    return push


async def keep_receipts(
    session: AsyncSession, push_id: int, userid: str, rows: Mapping[str, tuple[str, datetime | None]]
) -> None:
    """Write down what became of recipients: ``rows`` maps each to a status and the instant it was sent.

    One statement, however many recipients: a task may have 10 000, and the writer waits meanwhile.
    """
    values = [
        {"push_id": push_id, "userid": userid, "recipient": recipient, "status": status, "at": at}
        for recipient, (status, at) in rows.items()
    ]
    if values:
        await (await session.connection()).execute(_KEEP_RECEIPTS.on(session), values)


async def twin_under_way(session: AsyncSession, post: Post, effect: OutboxEffect) -> bool:
    """Tell whether another post's task is being created that WeCom's lists could not tell from this one's.

    Two tasks of one sender with one text differ in nothing that WeCom lists before the member taps. When
    both answers were lost, each could be taken for the other, and one of them be sent twice. So the later
    one waits until it is known what became of the earlier.
    """
    twins = (
        await session.execute(
            select(Post.id, Post.digest).where(
                Post.id != post.id,
                Post.kind == post.kind,
                Post.sender == post.sender,
                Post.state.in_((PostState.CREATING, PostState.UNKNOWN)),
                func.trim(Post.text) == post.text.strip(),
            )
        )
    ).all()
    if not twins:
        return False
    earlier = or_(
        OutboxEffect.dispatched_at < effect.dispatched_at,
        and_(OutboxEffect.dispatched_at == effect.dispatched_at, OutboxEffect.id < effect.id),
    )
    dispatched = select(OutboxEffect.id).where(
        OutboxEffect.key.in_([effect_key(post_id, digest) for post_id, digest in twins]),
        OutboxEffect.state.in_((outbox.SENDING, outbox.UNKNOWN)),
        earlier,
    )
    # A moment has an id only when its job is done; until then nobody knows which listed one it is.
    job_runs = select(Push.id).where(
        Push.post_id.in_([post_id for post_id, _ in twins]),
        Push.remote_id.is_(None),
        Push.closed_at.is_(None),
    )
    for query in (dispatched, job_runs):
        if await session.scalar(query.limit(1)) is not None:
            return True
    return False


def effect_key(post_id: int, digest: str) -> str:
    """Return the outbox key of a post's creation: one for each approved version."""
    return f"push:{post_id}:{digest}"


async def job_finished(
    session: AsyncSession, push: Push, post: Post, *, remote_id: str, sender_invalid: bool, now: datetime
) -> None:
    """A moment's job is done: the task exists, unless its only sender was refused."""
    push.remote_id = remote_id
    if sender_invalid:
        close(push, now)
        await end(
            session,
            post,
            PostState.FAILED,
            now=now,
            reason=f"企业微信不接受成员 {post.sender} 发表：请检查应用可见范围",
        )
        return
    push.next_poll_at = now + FIRST_POLL
    _awaiting(session, post, now)


def close(push: Push, now: datetime) -> None:
    """Stop looking at a task."""
    push.closed_at, push.next_poll_at = now, None


def _awaiting(session: AsyncSession, post: Post, now: datetime) -> None:
    if post.state in (PostState.CREATING, PostState.UNKNOWN):
        post.state, post.updated_at, post.reason = PostState.AWAITING_SENDER, now, ""
        audit.record(
            session,
            at=now,
            actor=audit.RULES,
            action="post.task_created",
            subject=f"post:{post.id}",
            reason=f"任务已创建，等 {post.sender} 在企业微信里确认发送",
        )


def lost_answer(post: Post, *, now: datetime) -> None:
    """The answer to the creation was lost: the post waits until WeCom's lists have been read."""
    if post.state == PostState.CREATING:
        post.state, post.updated_at = PostState.UNKNOWN, now
        post.reason = "企业微信没有回答，正在核对任务是否已创建"


def certainly_absent(post: Post, *, now: datetime) -> None:
    """Two looks found no task: creating it may be tried again."""
    if post.state == PostState.UNKNOWN:
        post.state, post.updated_at, post.reason = PostState.CREATING, now, ""


async def known_remote_ids(session: AsyncSession, *, kind: str, since: datetime) -> set[str]:
    """Return the task ids that belong to posts already: a reconciliation must not take one of them."""
    rows = await session.scalars(
        select(Push.remote_id).where(Push.kind == kind, Push.remote_id.is_not(None), Push.created_at >= since)
    )
    return {remote_id for remote_id in rows if remote_id is not None}
