"""Review by card: a batch is offered to its reviewers, and a tap decides what they saw, or nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update

from clinic import audit
from clinic.tables import AuditEntry
from sop import cards, consented, decisions
from sop.effects import SendReviewCard, UpdateReviewCard
from sop.life import PostState
from sop.tables import Approval, Batch, Post, ReviewCard
from store import outbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.roster import Roster

TASK_ID: Final = re.compile(r"batch-(\d{1,18})@(\d{1,9})")
# Several edits in a row make one new card, not one each: WeCom drops what exceeds 30 messages a minute.
SETTLE: Final = timedelta(seconds=60)
TAPPED: Final = "card.tap"  # in the audit trail, with the card as its subject
CODE_LIFE: Final = timedelta(hours=72)  # doc 90236: response_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """A tap on a review card, as the callback reports it."""

    userid: str
    key: str
    task_id: str
    response_code: str


async def offer(
    session: AsyncSession, batch: Batch, *, roster: Roster, now: datetime, wait: timedelta = timedelta()
) -> None:
    """Queue the card of the batch's present revision, unless nobody could tap it or nothing waits."""
    if not await waiting(session, batch.id):
        return
    receivers = roster.reviewers(batch.persona)
    if not receivers:
        audit.record(
            session,
            at=now,
            actor=audit.RULES,
            action="batch.no_reviewer",
            subject=f"batch:{batch.id}",
            reason=f"人设 {batch.persona} 没有绑定审核人，只能在控制台审核",
        )
        return
    card = ReviewCard(
        batch_id=batch.id,
        revision=batch.revision,
        task_id=cards.task_id(batch.id, batch.revision),
        receivers=list(receivers),
    )
    session.add(card)
    await session.flush()
    await outbox.put(
        session,
        SendReviewCard(card_id=card.id),
        key=f"card:{card.task_id}",
        now=now,
        not_before=now + wait,
        deadline=now + wait + timedelta(hours=12),
        cause=f"批次 {batch.id} 第 {batch.revision} 版待审核",
    )


async def was_offered(session: AsyncSession, batch: Batch) -> bool:
    """Tell whether there is a card of the batch's present revision."""
    query = select(ReviewCard.id).where(ReviewCard.task_id == cards.task_id(batch.id, batch.revision))
    return await session.scalar(query) is not None


async def reopened(
    session: AsyncSession, post: Post, *, roster: Roster, now: datetime, public_url: str
) -> None:
    """After an edit: outdate the cards already out and offer the new revision."""
    batch = (await session.scalars(select(Batch).where(Batch.id == post.batch_id).with_for_update())).one()
    batch.revision += 1
    await close_cards(
        session,
        batch,
        roster=roster,
        now=now,
        public_url=public_url,
        outcome="内容已更新",
        detail="内容刚被修改，这张卡片已作废，请等新的卡片或到控制台查看。",
    )
    await offer(session, batch, roster=roster, now=now, wait=SETTLE)


async def extended(
    session: AsyncSession, batch: Batch, *, roster: Roster, now: datetime, public_url: str
) -> None:
    """After posts joined a batch: outdate the cards that do not count them and offer it as it is now."""
    batch.revision += 1
    await close_cards(
        session,
        batch,
        roster=roster,
        now=now,
        public_url=public_url,
        outcome="有新内容",
        detail="这批内容里刚加入了新的，这张卡片已作废，请等新的卡片或到控制台查看。",
    )
    await offer(session, batch, roster=roster, now=now, wait=SETTLE)


async def rebound(
    session: AsyncSession, persona: str, *, roster: Roster, now: datetime, public_url: str
) -> None:
    """After other people were bound to a persona: offer what waits to those who review for it now."""
    batches = await session.scalars(select(Batch).where(Batch.persona == persona).with_for_update())
    for batch in batches.all():
        if not await waiting(session, batch.id):
            continue
        batch.revision += 1
        await close_cards(
            session,
            batch,
            roster=roster,
            now=now,
            public_url=public_url,
            outcome="审核人已调整",
            detail="这个账号的审核人刚刚调整过，请以新的卡片为准。",
        )
        await offer(session, batch, roster=roster, now=now)


async def settled(
    session: AsyncSession, batch_id: int, *, roster: Roster, now: datetime, public_url: str, by: str
) -> None:
    """After a decision in the console or by the API: when nothing waits any more, say so on the cards."""
    await session.flush()
    if await waiting(session, batch_id):
        return
    batch = await session.get_one(Batch, batch_id)
    await close_cards(
        session,
        batch,
        roster=roster,
        now=now,
        public_url=public_url,
        outcome="已处理",
        detail=f"这批内容已由 {by} 处理完毕，无需再操作。",
    )


async def tapped(session: AsyncSession, tap: Tap, *, roster: Roster, now: datetime, public_url: str) -> str:
    """Decide a batch by a tap and answer on the card; return what happened, for the audit trail.

    Changes nothing, and says so on the card, when the person may not decide, the card shows an older
    revision, or everything has been decided already.
    """
    match = TASK_ID.fullmatch(tap.task_id)
    batch = await _locked(session, int(match[1])) if match else None
    if match is None or batch is None:
        return "card of something else"
    if not roster.may_decide(batch.persona, tap.userid):
        outcome, detail = "没有审核权限", "您不是这个账号的审核人，本次点击没有改变任何内容。"
    elif int(match[2]) != batch.revision:
        outcome, detail = "内容已更新", "您看到的是旧版本，本次点击没有改变任何内容，请以新的卡片为准。"
    elif not (posts := await waiting(session, batch.id)):
        outcome, detail = "已处理过", "这批内容已经处理完毕，本次点击没有改变任何内容。"
    elif tap.key not in (cards.APPROVE, cards.REJECT):
        outcome, detail = "无法识别", "没有这个操作，本次点击没有改变任何内容。"
    else:
        outcome, detail, decided = await _decide(session, posts, tap, now, needed=roster.pack.house.approvals)
        if decided:
            await close_cards(
                session,
                batch,
                roster=roster,
                now=now,
                public_url=public_url,
                without=tap.userid,
                outcome=outcome,
                detail=f"{await decisions.name_of(session, tap.userid)}{detail}",
            )
    await outbox.put(
        session,
        UpdateReviewCard(
            summary=await summarize(session, batch, roster=roster, public_url=public_url),
            outcome=outcome,
            detail=detail,
            task_id=tap.task_id,
            userids=[tap.userid],
            response_code=tap.response_code,
        ),
        key=f"card-answer:{tap.response_code}"[:200],
        now=now,
        deadline=now + CODE_LIFE,
        cause=f"{tap.userid} 点了卡片 {tap.task_id}：{outcome}",
        urgent=True,
    )
    return outcome


async def _decide(
    session: AsyncSession, posts: Sequence[Post], tap: Tap, now: datetime, *, needed: int
) -> tuple[str, str, bool]:
    """Decide what waits; return the outcome in words, and whether nobody else has to decide any of it."""
    late = [post for post in posts if post.scheduled_at <= now]
    left = await left_for_people(session, posts, now=now) if tap.key == cards.APPROVE else {}
    done = 0
    for post in posts:
        if post in late or post.id in left:
            continue
        if tap.key == cards.APPROVE:
            await decisions.approve(
                session,
                post.id,
                digest=post.digest,
                actor=tap.userid,
                via="card",
                now=now,
                needed=needed,
            )
        else:
            await decisions.reject(
                session,
                post.id,
                digest=post.digest,
                actor=tap.userid,
                via="card",
                now=now,
                reason="在卡片上退回",
            )
        done += 1
    missed = f"；另有 {len(late)} 条已过发送时间" if late else ""
    if waits := [post for post in posts if post.id in left and post not in late]:
        missed += f"；另有 {len(waits)} 条要到控制台看过才能通过（{'、'.join(sorted(set(left.values())))}）"
    if tap.key == cards.REJECT:
        return f"已退回 {done} 条", f"已退回 {done} 条内容，不会发送{missed}。", True
    if waits and not done:
        return "请到控制台审核", f"没有通过任何内容{missed}。", False
    undecided = [post for post in posts if post not in late and post not in waits]
    open_still = sum(post.state == PostState.IN_REVIEW for post in undecided)
    if open_still:
        said = f"已记下你的通过。其中 {open_still} 条还需要另一位审核人通过，才会发送{missed}。"
        return "已记下，还差一位", said, False
    return f"已通过 {done} 条", f"已通过 {done} 条内容，到点自动创建发送任务{missed}。", not waits


async def left_for_people(session: AsyncSession, posts: Iterable[Post], *, now: datetime) -> dict[int, str]:
    """Return which posts cannot be approved together with others, by id, and why in a few words.

    A warning of the content check needs a reason of its own; a patient who is shown, her consent.
    """
    waiting_ones = list(posts)
    barred = await consented.obstacles(session, waiting_ones, now=now)
    return {
        post.id: "缺患者同意" if post.id in barred else "要写明理由"
        for post in waiting_ones
        if post.id in barred or decisions.warnings_of(post)
    }


async def waiting(session: AsyncSession, batch_id: int, *, lock: bool = True) -> Sequence[Post]:
    """Return the posts of a batch that wait for a decision, in order of their hour."""
    query = (
        select(Post)
        .where(Post.batch_id == batch_id, Post.state == PostState.IN_REVIEW)
        .order_by(Post.scheduled_at, Post.id)
    )
    return (await session.scalars(query.with_for_update() if lock else query)).all()


async def summarize(
    session: AsyncSession, batch: Batch, *, roster: Roster, public_url: str
) -> cards.BatchSummary:
    """Return what a card says about the batch as it stands."""
    posts = (
        await session.scalars(
            select(Post).where(Post.batch_id == batch.id).order_by(Post.scheduled_at, Post.id)
        )
    ).all()
    shown = [post for post in posts if post.state == PostState.IN_REVIEW] or posts
    return cards.BatchSummary(
        batch_id=batch.id,
        revision=batch.revision,
        persona_name=roster.name_of(batch.persona),
        week=batch.week,
        moments=sum(post.kind == "moment" for post in shown),
        group_posts=sum(post.kind == "group" for post in shown),
        direct_posts=sum(post.kind == "direct" for post in shown),
        warnings=sum(bool(post.findings) for post in shown),
        sample=cards.sample_of(shown[0].text) if shown else "",
        url=f"{public_url.rstrip('/')}/console/review/{batch.id}",
    )


async def close_cards(
    session: AsyncSession,
    batch: Batch,
    *,
    roster: Roster,
    now: datetime,
    public_url: str,
    outcome: str,
    detail: str,
    without: str | None = None,
) -> None:
    """Withdraw cards still queued, and tell the outcome on those already in people's hands."""
    open_cards = (
        await session.scalars(
            select(ReviewCard).where(ReviewCard.batch_id == batch.id, ReviewCard.closed_at.is_(None))
        )
    ).all()
    for card in open_cards:
        await outbox.cancel(session, keys=[f"card:{card.task_id}"], now=now, reason="批次已有新的状态")
        card.closed_at = now
        receivers = [userid for userid in card.receivers if userid != without]
        summary = await summarize(session, batch, roster=roster, public_url=public_url)
        await _tell_on_card(session, card, receivers, summary, outcome=outcome, detail=detail, now=now)


async def overtaken(
    session: AsyncSession, card: ReviewCard, *, roster: Roster, now: datetime, public_url: str
) -> None:
    """Say on a card that it is void: the batch moved on between its sending and the answer to it.

    Whoever tapped it before that answer was written down has been told what became of the tap.
    """
    batch = await session.get_one(Batch, card.batch_id)
    summary = await summarize(session, batch, roster=roster, public_url=public_url)
    taps = select(AuditEntry.actor).where(
        AuditEntry.action == TAPPED, AuditEntry.subject == f"card:{card.task_id}"
    )
    answered = set(await session.scalars(taps))
    outcome, detail = "内容已更新", "这批内容刚有变化，这张卡片已作废，请以新的卡片或控制台为准。"
    if card.revision == batch.revision:
        # Not those who tapped: a stranger's tap, or one that came too late, decided nothing.
        made = select(Approval.actor).join(Post, Post.id == Approval.post_id).where(Post.batch_id == batch.id)
        deciders = sorted(set(await session.scalars(made)))
        by = "、".join([await decisions.name_of(session, userid) for userid in deciders])
        outcome, detail = "已处理", f"这批内容已{f'由 {by} ' if by else '经'}处理完毕，无需再操作。"
    receivers = [userid for userid in card.receivers if userid not in answered]
    await _tell_on_card(session, card, receivers, summary, outcome=outcome, detail=detail, now=now)


async def _tell_on_card(
    session: AsyncSession,
    card: ReviewCard,
    receivers: Sequence[str],
    summary: cards.BatchSummary,
    *,
    outcome: str,
    detail: str,
    now: datetime,
) -> None:
    """Queue the outcome for those who have the card in their hands; its code works once."""
    if not (receivers and card.response_code and card.sent_at and now - card.sent_at < CODE_LIFE):
        return
    await outbox.put(
        session,
        UpdateReviewCard(
            summary=summary,
            outcome=outcome,
            detail=detail,
            task_id=card.task_id,
            userids=list(receivers),
            response_code=card.response_code,
        ),
        key=f"card-close:{card.task_id}",
        now=now,
        deadline=card.sent_at + CODE_LIFE,
        cause=f"批次 {card.batch_id}：{outcome}",
    )


async def sent(session: AsyncSession, card_id: int, *, response_code: str | None, now: datetime) -> None:
    """Note that a card is in its receivers' hands."""
    await session.execute(
        update(ReviewCard).where(ReviewCard.id == card_id).values(response_code=response_code, sent_at=now)
    )


async def _locked(session: AsyncSession, batch_id: int) -> Batch | None:
    return (await session.scalars(select(Batch).where(Batch.id == batch_id).with_for_update())).one_or_none()
