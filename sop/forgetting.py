"""Forgetting a person on every floor: her records (:mod:`clinic.erasing`), and what was posted to her."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import String, cast, delete, literal, or_, select, update

from clinic import erasing, merging
from clinic.care_tables import Benefit
from sop.audience import recipients_of
from sop.journeys import touch_life
from sop.journeys.claims import ACTIVE
from sop.journeys.leaving import leave
from sop.life import PostState
from sop.plan_tables import Enrolment, SurveyLink, Touch
from sop.posts import refresh_digest
from sop.tables import Batch, Post, Receipt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.erasing import Erased, Traces
    from clinic.tables import Patient

DIRECT: Final = "direct"
UNDER_WAY: Final = (PostState.CREATING, PostState.UNKNOWN, PostState.AWAITING_SENDER)
WAITING: Final = (PostState.DRAFT, PostState.IN_REVIEW, PostState.APPROVED)


class MessageUnderWay(ValueError):
    """A message to her is being sent; it can still be cancelled."""

    def __init__(self, post_id: int) -> None:
        super().__init__(f"内容 #{post_id} 正在发给这位客户：请等它发完，或先取消它，再删除")


async def forget(
    session: AsyncSession, patient: Patient, *, traces: Traces, actor: str, reason: str, now: datetime
) -> Erased:
    """Erase a person and take her out of every audience; see :func:`clinic.erasing.erase`.

    Raises:
        AlreadyErased: she was forgotten before.
        MessageUnderWay: a task with her among its recipients waits in WeCom.
    """
    family = await merging.family_of(session, patient)
    externals = [record.external_userid for record in family]
    posts = await _posts_to(session, externals)
    for post in posts:
        if post.state in UNDER_WAY:
            raise MessageUnderWay(post.id)
    journeys = await session.scalars(
        select(Enrolment.id).where(
            Enrolment.patient_id.in_([record.id for record in family]), Enrolment.state == ACTIVE
        )
    )
    await leave(session, journeys.all(), reason="她要求删除个人信息", now=now)
    erased = await erasing.erase(session, patient, traces=traces, actor=actor, reason=reason, now=now)
    for external, alias in erased.aliases.items():
        await session.execute(update(Receipt).where(Receipt.recipient == external).values(recipient=alias))
    for post in posts:
        await _take_out(session, post, erased.aliases, now=now)
    await _forget_journeys(session, [record.id for record in family])
    return erased


async def _forget_journeys(session: AsyncSession, patient_ids: Sequence[int]) -> None:
    """Empty what tells of her treatments; how many began, and what became of the steps, still counts."""
    await session.execute(
        update(Enrolment)
        .where(Enrolment.patient_id.in_(patient_ids))
        .values(fact=literal(erasing.ERASED) + cast(Enrolment.id, String), cause="", reason="")
    )
    await session.execute(update(Touch).where(Touch.patient_id.in_(patient_ids)).values(reason=""))
    await session.execute(delete(SurveyLink).where(SurveyLink.patient_id.in_(patient_ids)))
    await session.execute(delete(Benefit).where(Benefit.patient_id.in_(patient_ids)))


async def _posts_to(session: AsyncSession, externals: Sequence[str]) -> list[Post]:
    """Return the posts that list her, locked with their batches."""
    audience = cast(Post.audience, String)
    listing = Post.kind == DIRECT, or_(*(audience.contains(who, autoescape=True) for who in externals))
    batches = set(await session.scalars(select(Post.batch_id).where(*listing)))
    # Batches first and in order, as everywhere: whoever decides about a batch meanwhile waits, or we do.
    await session.execute(select(Batch.id).where(Batch.id.in_(batches)).order_by(Batch.id).with_for_update())
    rows = await session.scalars(select(Post).where(*listing).order_by(Post.id).with_for_update())
    return [post for post in rows if set(externals) & set(recipients_of(post.kind, post.audience))]


async def _take_out(session: AsyncSession, post: Post, aliases: Mapping[str, str], *, now: datetime) -> None:
    listed = recipients_of(post.kind, post.audience)
    if post.state not in WAITING:
        # It has ended: how many it was for is kept.
        post.audience = post.audience | {"external_userids": sorted(aliases.get(who, who) for who in listed)}
        return
    left = sorted(set(listed) - aliases.keys())
    post.audience = post.audience | {"external_userids": left}
    refresh_digest(post)
    post.revision, post.updated_at = post.revision + 1, now
    post.reason = "一位收件人要求删除个人信息，已从名单里去掉，请重新审核"
    if not left:
        post.state, post.reason = PostState.CANCELLED, "唯一的收件人要求删除个人信息"
        await touch_life.follow_post(session, post, now=now)
    elif post.state == PostState.APPROVED:
        post.state = PostState.IN_REVIEW
    batch = await session.get_one(Batch, post.batch_id)
    batch.revision += 1
