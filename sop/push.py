"""From an approved post to a task in WeCom: what is due, what was created, what can no longer be sent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic import audit
from sop.effects import CreateTask
from sop.life import NEXT, PostState
from sop.tables import Post, Push, Receipt
from store import outbox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

DUE_AT_ONCE: Final = 500
# After an outage an approved post may still go out this late; later it would surprise people.
LATE: Final = timedelta(hours=6)
# How long members may take to tap before the task is cancelled in WeCom.
TAP_WINDOW: Final = timedelta(hours=24)
FIRST_POLL: Final = timedelta(seconds=2)


async def start_due(session: AsyncSession, *, now: datetime) -> int:
    """Hand approved posts whose hour has come to the courier; return how many.

    The state changes in the transaction that queues the effect, and the effect's key names post and digest:
    two schedulers, or one that crashed in between, start each post once.
    """
    due = await session.scalars(
        select(Post)
        .where(Post.state == PostState.APPROVED, Post.scheduled_at <= now)
        .order_by(Post.scheduled_at, Post.id)
        .limit(DUE_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    started = 0
    for post in due.all():
        if now - post.scheduled_at > LATE:
            end(session, post, PostState.EXPIRED, now=now, reason="系统停机超过 6 小时，错过了发送时间")
            continue
        post.state, post.updated_at = PostState.CREATING, now
        await outbox.put(
            session,
            CreateTask(post_id=post.id, digest=post.digest),
            key=f"push:{post.id}:{post.digest}",
            now=now,
            deadline=post.scheduled_at + LATE,
            cause=f"内容 #{post.id} 已通过审核，到了发送时间",
        )
        started += 1
    return started


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
    for post in late:
        end(session, post, PostState.EXPIRED, now=now, reason="到发送时间仍未审核，没有发送")
    return late


def end(session: AsyncSession, post: Post, state: PostState, *, now: datetime, reason: str) -> None:
    """Let a post end by rule, with the reason in the audit trail; one that cannot follow does nothing."""
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
    for recipient in dict.fromkeys(unreachable):
        await session.merge(
            Receipt(push_id=push.id, userid=post.sender, recipient=recipient, status="unreachable", at=now)
        )
    if remote_id is not None:
        _awaiting(session, post, now)
    return push


def job_finished(
    session: AsyncSession, push: Push, post: Post, *, remote_id: str, sender_invalid: bool, now: datetime
) -> None:
    """A moment's job is done: the task exists, unless its only sender was refused."""
    push.remote_id = remote_id
    if sender_invalid:
        close(push, now)
        end(
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
