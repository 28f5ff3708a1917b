"""Standing approvals: one exact content of a care step that somebody approved for good.

The digest covers plan, step, wording, speaker, text and attachments (with their pictures' digests), not the
audience and the hour: these differ each time. Any change of the content makes another digest, so another
approval. Marketing has none.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from clinic import audit
from content.plans.naming import name_of
from sop import consented, decisions, review
from sop.decisions import STANDING
from sop.journeys.books import book_of
from sop.life import PostState
from sop.plan_tables import StandingApproval
from sop.posts import Outdated, get_post
from sop.tables import Approval, Batch, Post

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.journeys.ports import Gathered
    from sop.roster import Roster

CARE: Final = "care"
GRANTED: Final = "standing.grant"
REVOKED: Final = "standing.revoke"
IDS_AT_ONCE: Final = 500
# States that a post reaches only when somebody approved it.
APPROVED: Final = (
    PostState.APPROVED,
    PostState.CREATING,
    PostState.UNKNOWN,
    PostState.AWAITING_SENDER,
    PostState.PUBLISHED,
    PostState.PARTIAL,
)


class NotGrantable(ValueError):
    """A content cannot be approved for good; the message says why."""


def content_digest(
    *, plan: str, step: str, variant: str, persona: str, text: str, attachments: Sequence[dict[str, Any]]
) -> str:
    """Return what names one exact content of a step."""
    document = [plan, step, variant, persona, text, list(attachments)]
    canonical = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()


def digest_of_post(post: Post) -> str:
    """Return the digest of what a post says, as its step."""
    return content_digest(
        plan=post.plan_key,
        step=post.step,
        variant=post.variant,
        persona=post.persona,
        text=post.text,
        attachments=post.attachments,
    )


def may_stand(post: Post) -> bool:
    """Tell whether this post's content is of the kind that can be approved for good."""
    return post.kind == "direct" and bool(post.plan_key and post.step) and post.purpose == CARE


async def stands(session: AsyncSession, post: Post) -> bool:
    """Tell whether what a post says is approved for good."""
    return bool(await _standing(session, [digest_of_post(post)]))


async def grant(
    session: AsyncSession, post_id: int, *, digest: str, actor: str, now: datetime
) -> StandingApproval:
    """Approve for good what an approved post says; granting it again changes nothing.

    Raises:
        PostNotFound: no such post.
        Outdated: the post has another digest by now.
        NotGrantable: marketing, no step of a plan, or nobody has approved it yet.
    """
    post = await get_post(session, post_id, lock=True)
    if post.digest != digest:
        raise Outdated(post)
    if post.purpose != CARE:
        raise NotGrantable("营销内容每次都要审核，不能设为以后自动通过")
    if not may_stand(post):
        raise NotGrantable("只有旅程里的一对一关怀内容，才能设为以后自动通过")
    if post.state not in APPROVED:
        raise NotGrantable("先审核通过这一条，才能让以后同样的内容自动通过")
    of_content = digest_of_post(post)
    # Two who grant the same at once wait for each other at the post's batch.
    found = await _standing(session, [of_content])
    if found:
        return found[of_content]
    granted = StandingApproval(
        content_digest=of_content,
        plan_key=post.plan_key,
        step=post.step,
        variant=post.variant,
        persona=post.persona,
        text=post.text,
        granted_by=actor,
        granted_at=now,
    )
    session.add(granted)
    await session.flush()
    plan = (await book_of(session)).get(post.plan_key)
    title = plan.plan.title if plan is not None else post.plan_key
    step = name_of(plan.plan.journey, post.step) if plan is not None else post.step
    for subject in (f"standing:{granted.id}", f"post:{post.id}"):
        audit.record(
            session,
            at=now,
            actor=actor,
            action=GRANTED,
            subject=subject,
            reason=f"计划“{title}”的“{step}”：以后同样的内容自动通过",
            detail={"post": post.id, "content": of_content},
        )
    return granted


async def revoke(
    session: AsyncSession,
    standing_id: int,
    *,
    actor: str,
    reason: str = "",
    roster: Roster,
    public_url: str,
    now: datetime,
) -> int | None:
    """End a standing approval; return how many posts that it approved wait for people again.

    Posts on their way already go on: to stop those there are the kill switches. None: it had ended before.
    """
    standing = await session.get(StandingApproval, standing_id, with_for_update=True)
    if standing is None or standing.revoked_at is not None:
        return None
    standing.revoked_at, standing.revoked_by = now, actor
    audit.record(
        session, at=now, actor=actor, action=REVOKED, subject=f"standing:{standing.id}", reason=reason
    )
    again = [
        post
        for post in await _approved_by(session, standing)
        if digest_of_post(post) == standing.content_digest
    ]
    for post in again:
        post.state, post.updated_at, post.reason = PostState.IN_REVIEW, now, "自动通过已取消，请再审核一次"
        audit.record(
            session,
            at=now,
            actor=actor,
            action="post.reopen",
            subject=f"post:{post.id}",
            reason="自动通过已取消，请再审核一次",
        )
    await session.flush()
    for batch_id in sorted({post.batch_id for post in again}):
        batch = await session.get_one(Batch, batch_id)
        await review.extended(session, batch, roster=roster, now=now, public_url=public_url)
    return len(again)


async def _approved_by(session: AsyncSession, standing: StandingApproval) -> Sequence[Post]:
    """Return posts of the step that a standing approval let pass and that are not on their way, locked."""
    mine = (
        Post.state == PostState.APPROVED,
        Post.plan_key == standing.plan_key,
        Post.step == standing.step,
        select(Approval.id)
        .where(
            Approval.post_id == Post.id, Approval.digest == Post.digest, Approval.actor.startswith(STANDING)
        )
        .exists(),
    )
    batches = set(await session.scalars(select(Post.batch_id).where(*mine)))
    await session.execute(select(Batch.id).where(Batch.id.in_(batches)).order_by(Batch.id).with_for_update())
    return (await session.scalars(select(Post).where(*mine).order_by(Post.id).with_for_update())).all()


async def listed(
    session: AsyncSession, *, revoked: bool = False, limit: int = 200
) -> Sequence[StandingApproval]:
    """Return the standing approvals that hold (or those that ended), the latest first."""
    wanted = StandingApproval.revoked_at.is_not(None) if revoked else StandingApproval.revoked_at.is_(None)
    query = select(StandingApproval).where(wanted).order_by(StandingApproval.id.desc()).limit(limit)
    return (await session.scalars(query)).all()


async def approve_posts(session: AsyncSession, posts: Iterable[Post], *, now: datetime) -> int:
    """Approve those posts in review whose exact content was approved for good; return how many.

    One SELECT for all of them.
    """
    able = {
        post: digest_of_post(post) for post in posts if post.state == PostState.IN_REVIEW and may_stand(post)
    }
    found = await _standing(session, able.values())
    barred = await consented.obstacles(session, (p for p, d in able.items() if d in found), now=now)
    count = 0
    for post, digest in able.items():
        standing = found.get(digest)
        if standing is None or post.scheduled_at <= now or post.id in barred:
            continue
        await decisions.approve_standing(
            session,
            post,
            granted_by=standing.granted_by,
            reason=f"同样的内容 {standing.granted_at:%Y-%m-%d} 已设为自动通过",
            now=now,
        )
        count += 1
    return count


class StandingApprovals:
    """Standing approvals as journeys ask for them (:class:`sop.journeys.ports.Standing`)."""

    async def approve(self, session: AsyncSession, posts: Sequence[Gathered], *, now: datetime) -> None:
        """Approve those of the posts (in review) whose exact content has a standing approval; care only."""
        await approve_posts(session, [one.post for one in posts if one.purpose == CARE], now=now)


async def _standing(session: AsyncSession, digests: Iterable[str]) -> dict[str, StandingApproval]:
    wanted = sorted(set(digests))
    found: dict[str, StandingApproval] = {}
    for start in range(0, len(wanted), IDS_AT_ONCE):
        rows = await session.scalars(
            select(StandingApproval)
            .where(
                StandingApproval.content_digest.in_(wanted[start : start + IDS_AT_ONCE]),
                StandingApproval.revoked_at.is_(None),
            )
            .order_by(StandingApproval.id.desc())
        )
        found |= {row.content_digest: row for row in rows}
    return found
