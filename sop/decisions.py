"""Decisions about posts: approve, reject, cancel. Bound to the digest that the decider saw."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from clinic import audit
from clinic.tables import Member
from sop import consented
from sop.effects import CancelTask
from sop.journeys import touch_life
from sop.life import CANCELLABLE, NotPossible, PostState, check_step
from sop.posts import Outdated, get_post
from sop.tables import Approval, Push
from store import outbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.tables import Post

OVERRIDE: Final = "post.override"
CANCEL_WINDOW: Final = timedelta(hours=24)
APPROVE: Final = "approve"
STANDING: Final = "standing:"  # before the name of who approved a content for good
IDS_AT_ONCE: Final = 500


class ReasonNeeded(NotPossible):
    """The content check warns of a post: it may be approved only with a reason, by somebody who answers."""

    def __init__(self, post: Post) -> None:
        words = "、".join(f"“{post.text[f['start'] : f['end']]}”" for f in warnings_of(post))
        super().__init__(
            post.id,
            PostState(post.state),
            PostState.APPROVED,
            f"：内容检查对{words}有提醒。请先修改，或写明理由再通过",
        )
        self.post = post


async def approve(
    session: AsyncSession,
    post_id: int,
    *,
    digest: str,
    actor: str,
    via: str,
    now: datetime,
    reason: str = "",
    needed: int = 1,
) -> Post:
    """Approve exactly the content whose digest is given; approving it again changes nothing.

    Args:
        needed: how many different people must approve (the house rules say); until then the post stays in
            review and each approval is kept. Whoever changes the content makes all of them void, also his
            own: so the one who wrote the wording is never its only approver.

    Raises:
        PostNotFound: no such post.
        Outdated: the post has another digest by now.
        NotPossible: it is not waiting for review, its hour has passed, or it must be changed first.
        Unconsented: it shows a patient who has not agreed.
        ReasonNeeded: the content check warns, and no ``reason`` says why it may go out all the same.
    """
    post = await _seen(session, post_id, digest)
    if post.state == PostState.APPROVED:
        return post
    check_step(post.id, post.state, PostState.APPROVED)
    if post.scheduled_at <= now:
        raise NotPossible(post.id, PostState(post.state), PostState.APPROVED, "：发送时间已过，请先改时间")
    if any(finding["level"] == "block" for finding in post.findings):
        raise NotPossible(
            post.id, PostState(post.state), PostState.APPROVED, "：内容检查有必须修改的地方，请先编辑"
        )
    if why := await consented.obstacle(session, post, now=now):
        raise consented.Unconsented(post.id, PostState(post.state), why)
    warned = warnings_of(post)
    if warned and not reason.strip():
        raise ReasonNeeded(post)
    if warned:
        _override(session, post, warned, actor=actor, via=via, now=now, reason=reason.strip())
    if needed > 1:
        before = (await approvers_of(session, [post])).get(post.id, ())
        if actor in before:
            return post
        if len(before) + 1 < needed:
            post.reason = f"已有 {len(before) + 1}/{needed} 人通过，还需要另一位审核"
            which = f"第 {len(before) + 1} 位，共需 {needed} 位"
            said = f"{which}：{reason}" if reason else which
            _write_down(session, post, APPROVE, actor=actor, via=via, now=now, reason=said, state=post.state)
            return post
    return await _decided(
        session, post, PostState.APPROVED, APPROVE, actor=actor, via=via, now=now, reason=reason
    )


def warnings_of(post: Post) -> list[dict[str, Any]]:
    """Return what the content check warns of in a post: whoever approves it says why it may go out."""
    return [finding for finding in post.findings if finding["level"] == "warn"]


def _override(
    session: AsyncSession,
    post: Post,
    warned: Sequence[dict[str, Any]],
    *,
    actor: str,
    via: str,
    now: datetime,
    reason: str,
) -> None:
    """Write down each warning that somebody answers for: the rule, the words, and why."""
    words = [
        {
            "rule": found["rule"],
            "start": found["start"],
            "end": found["end"],
            "words": post.text[found["start"] : found["end"]],
        }
        for found in warned
    ]
    audit.record(
        session,
        at=now,
        actor=actor,
        action=OVERRIDE,
        subject=f"post:{post.id}",
        reason=reason,
        detail={"via": via, "digest": post.digest, "revision": post.revision, "warnings": words},
    )


async def approvers_of(session: AsyncSession, posts: Sequence[Post]) -> dict[int, tuple[str, ...]]:
    """Return who has approved these posts as they are now, the first one first; absent = nobody.

    What was approved for good does not count: when that is revoked, people have to look.
    """
    digests = {post.id: post.digest for post in posts}
    found: dict[int, dict[str, None]] = {}
    for some in _slices(sorted(digests)):
        rows = await session.execute(
            select(Approval.post_id, Approval.digest, Approval.actor)
            .where(
                Approval.post_id.in_(some),
                Approval.decision == APPROVE,
                ~Approval.actor.startswith(STANDING),
            )
            .order_by(Approval.id)
        )
        for post_id, digest, actor in rows:
            if digests[post_id] == digest:
                found.setdefault(post_id, {})[actor] = None
    return {post_id: tuple(actors) for post_id, actors in found.items()}


def _slices(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE))


async def approve_standing(
    session: AsyncSession, post: Post, *, granted_by: str, reason: str, now: datetime
) -> None:
    """Approve a post whose exact content somebody approved for good (:mod:`sop.standing`)."""
    check_step(post.id, post.state, PostState.APPROVED)
    actor = f"{STANDING}{granted_by}"
    await _decided(
        session, post, PostState.APPROVED, APPROVE, actor=actor, via="standing", now=now, reason=reason
    )


async def reject(
    session: AsyncSession, post_id: int, *, digest: str, actor: str, via: str, now: datetime, reason: str = ""
) -> Post:
    """Reject the content whose digest is given; it will not be sent. Rejecting it again changes nothing.

    Raises:
        PostNotFound, Outdated: as for :func:`approve`.
        NotPossible: it is already on its way or has ended.
    """
    post = await _seen(session, post_id, digest)
    if post.state == PostState.REJECTED:
        return post
    check_step(post.id, post.state, PostState.REJECTED)
    return await _decided(
        session, post, PostState.REJECTED, "reject", actor=actor, via=via, now=now, reason=reason
    )


async def cancel(
    session: AsyncSession, post_id: int, *, digest: str, actor: str, via: str, now: datetime, reason: str = ""
) -> Post:
    """Withdraw a post; a task that members have not tapped yet is cancelled in WeCom too.

    Raises:
        PostNotFound, Outdated: as for :func:`approve`.
        NotPossible: it is just being created, or has ended.
    """
    post = await _seen(session, post_id, digest)
    if post.state == PostState.CANCELLED:
        return post
    if PostState(post.state) not in CANCELLABLE:
        raise NotPossible(post.id, PostState(post.state), PostState.CANCELLED)
    if post.state == PostState.AWAITING_SENDER:
        await withdraw_task(session, post, now=now, cause=f"{actor} 取消了内容 #{post.id}")
    return await _decided(
        session, post, PostState.CANCELLED, "cancel", actor=actor, via=via, now=now, reason=reason
    )


async def withdraw_task(session: AsyncSession, post: Post, *, now: datetime, cause: str) -> None:
    """Queue the cancellation of a post's WeCom task and stop polling it."""
    push = (await session.scalars(select(Push).where(Push.post_id == post.id))).one_or_none()
    if push is None or push.closed_at is not None:
        return
    push.closed_at, push.next_poll_at = now, None
    if push.remote_id is None:
        return
    await outbox.put(
        session,
        CancelTask(push_id=push.id, post_kind=post.kind, remote_id=push.remote_id),
        key=f"cancel:{push.id}",
        now=now,
        deadline=now + CANCEL_WINDOW,
        cause=cause,
    )


async def name_of(session: AsyncSession, userid: str) -> str:
    """Return how staff call a member, or the userid when the name is not known."""
    member = await session.get(Member, userid)
    return member.name if member is not None and member.name else userid


async def _seen(session: AsyncSession, post_id: int, digest: str) -> Post:
    post = await get_post(session, post_id, lock=True)
    if post.digest != digest:
        raise Outdated(post)
    return post


async def _decided(
    session: AsyncSession,
    post: Post,
    state: PostState,
    decision: str,
    *,
    actor: str,
    via: str,
    now: datetime,
    reason: str,
) -> Post:
    before = post.state
    post.state, post.updated_at, post.reason = state, now, reason
    _write_down(session, post, decision, actor=actor, via=via, now=now, reason=reason, state=before)
    await touch_life.follow_post(session, post, now=now)
    return post


def _write_down(
    session: AsyncSession,
    post: Post,
    decision: str,
    *,
    actor: str,
    via: str,
    now: datetime,
    reason: str,
    state: str,
) -> None:
    """Keep a decision with the digest it was made on; ``state``: in which the post was then."""
    session.add(
        Approval(
            post_id=post.id,
            digest=post.digest,
            decision=decision,
            actor=actor,
            via=via,
            reason=reason,
            at=now,
        )
    )
    audit.record(
        session,
        at=now,
        actor=actor,
        action=f"post.{decision}",
        subject=f"post:{post.id}",
        reason=reason,
        detail={"via": via, "digest": post.digest, "from": state, "revision": post.revision},
    )
