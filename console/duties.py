"""What needs a person now: read for the start page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from console.views import load_views
from sop import vacancies
from sop.life import PostState
from sop.roster import load_roster
from sop.tables import Batch, Post, Push
from store import inbox, outbox
from store.inbox import InboxEvent
from store.outbox import OutboxEffect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncSession

    from console.views import PostView
    from console.wording import Hours
    from content.pack import Pack
    from content.persona_specs import PersonaSpec

SHOWN: Final = 20
LOOK_BACK: Final = timedelta(days=7)
TROUBLE: Final = (PostState.FAILED, PostState.UNKNOWN)
WAITING: Final = (PostState.IN_REVIEW, PostState.DRAFT)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBatch:
    """A batch that waits for decisions."""

    id: int
    week: date
    persona: str
    waiting: int
    blocked: int  # drafts the content check does not let through
    flagged: int  # waiting posts with findings
    total: int
    first: datetime  # the earliest hour among those that wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """A task that waits for a member's tap."""

    post: PostView
    since: datetime
    until: datetime
    reminders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """Everything the start page tells."""

    batches: tuple[OpenBatch, ...]
    taps: tuple[Tap, ...]
    trouble: tuple[PostView, ...]
    dead: Sequence[InboxEvent]
    effects: Sequence[OutboxEffect]
    today: tuple[PostView, ...]
    vacant: tuple[PersonaSpec, ...]

    @property
    def waiting(self) -> int:
        return sum(batch.waiting + batch.blocked for batch in self.batches)

    @property
    def problems(self) -> int:
        return len(self.trouble) + len(self.dead) + len(self.effects) + len(self.vacant)


async def open_batches(session: AsyncSession) -> tuple[OpenBatch, ...]:
    """Return the batches with something to decide, the most urgent first."""
    rows = await session.execute(
        select(Batch.id, Batch.week, Batch.persona, Post.state, Post.findings, Post.scheduled_at)
        .join(Post)
        .where(Post.state.in_(WAITING))
        .order_by(Post.scheduled_at, Post.id)
    )
    gathered: dict[int, list[tuple[date, str, str, bool, datetime]]] = {}
    for batch_id, week, persona, state, findings, at in rows:
        gathered.setdefault(batch_id, []).append((week, persona, state, bool(findings), at))
    if not gathered:
        return ()
    counted = await session.execute(
        select(Post.batch_id, func.count()).where(Post.batch_id.in_(gathered)).group_by(Post.batch_id)
    )
    totals = dict(counted.all())
    return tuple(
        OpenBatch(
            id=batch_id,
            week=posts[0][0],
            persona=posts[0][1],
            waiting=sum(state == PostState.IN_REVIEW for _, _, state, _, _ in posts),
            blocked=sum(state == PostState.DRAFT for _, _, state, _, _ in posts),
            flagged=sum(found and state == PostState.IN_REVIEW for _, _, state, found, _ in posts),
            total=totals[batch_id],
            first=posts[0][4],
        )
        for batch_id, posts in gathered.items()
    )


async def waiting_count(session: AsyncSession) -> int:
    """Return how many posts wait for a decision or an editor: the number beside 审核."""
    return (await session.scalars(select(func.count()).where(Post.state.in_(WAITING)))).one()


async def load_duties(session: AsyncSession, *, pack: Pack, hours: Hours) -> Duties:
    """Read what the start page shows; each list is cut at a length that a person can act on."""
    now = hours.now
    awaiting = await session.execute(
        select(Post, Push)
        .join(Push, Push.post_id == Post.id)
        .where(Post.state == PostState.AWAITING_SENDER)
        .order_by(Push.created_at)
        .limit(SHOWN)
    )
    pushes = awaiting.all()
    trouble = await session.scalars(
        select(Post)
        .where(Post.state.in_(TROUBLE), Post.updated_at >= now - LOOK_BACK)
        .order_by(Post.updated_at.desc())
        .limit(SHOWN)
    )
    midnight = hours.local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    today = await session.scalars(
        select(Post)
        .where(Post.scheduled_at >= midnight, Post.scheduled_at < midnight + timedelta(days=1))
        .order_by(Post.scheduled_at, Post.id)
    )
    views = await load_views(session, [post for post, _ in pushes], pack=pack, zone=hours.zone, now=now)
    return Duties(
        batches=await open_batches(session),
        taps=tuple(
            Tap(post=view, since=push.created_at, until=push.expires_at, reminders=push.reminders)
            for view, (_, push) in zip(views, pushes, strict=True)
        ),
        trouble=await load_views(session, trouble.all(), pack=pack, zone=hours.zone, now=now),
        dead=await _dead(session),
        effects=await _effects(session, now=now),
        today=await load_views(session, today.all(), pack=pack, zone=hours.zone, now=now),
        vacant=vacancies.vacant(await load_roster(session, pack)),
    )


async def _dead(session: AsyncSession) -> Sequence[InboxEvent]:
    found = await session.scalars(
        select(InboxEvent).where(InboxEvent.state == inbox.DEAD).order_by(InboxEvent.id.desc()).limit(SHOWN)
    )
    return found.all()


async def _effects(session: AsyncSession, *, now: datetime) -> Sequence[OutboxEffect]:
    found = await session.scalars(
        select(OutboxEffect)
        .where(
            OutboxEffect.state.in_((outbox.REFUSED, outbox.EXPIRED, outbox.UNKNOWN)),
            OutboxEffect.updated_at >= now - LOOK_BACK,
        )
        .order_by(OutboxEffect.id.desc())
        .limit(SHOWN)
    )
    return found.all()
