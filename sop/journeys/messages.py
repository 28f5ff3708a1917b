"""What mass messages say, and how touches become posts: one post for all who get one text from one member.

A post is queued when its touches are complete: what was planned a day ahead at once, and what comes in drop
by drop (day-1 care after the visits of a day) together, as late as a review still has time.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, text

from sop.case import short_key
from sop.direct import MOST_RECIPIENTS, DirectDraft, queue
from sop.journeys import timing
from sop.journeys.claims import ACTIVE, FINISHED
from sop.journeys.ports import DROPPED, FAILED, HELD, QUEUED, SKIPPED, Gathered
from sop.journeys.recipients import known_to
from sop.journeys.touch_life import change, recount
from sop.journeys.wording import NothingToSay, said
from sop.plan_tables import Enrolment, Touch
from sop.planner import monday_of
from sop.posts import EditRefused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.compliance import Checker
    from content.pack import Pack
    from content.plans.specs import Plan, Step
    from content.render import Renderer
    from sop.journeys.ports import Book, Caps, Invites, Standing
    from sop.journeys.timing import Hours
    from sop.roster import Roster
    from sop.tables import Post

    class Rosters(Protocol):
        """Reads who speaks as whom, and who is away."""

        async def __call__(self, session: AsyncSession, pack: Pack, /, *, now: datetime) -> Roster: ...


PLANNED_AHEAD: Final = timedelta(hours=24)  # what is decided so long before waits for no others
REVIEW_BEFORE: Final = timedelta(hours=4, minutes=30)  # reviewers are reminded at T-4 h
EVENING: Final = time(20, 30)  # the last moment of a day at which a review is asked for
MORNING: Final = time(9)
SLOT_CHARS: Final = 200
_IS_READY: Final = text("touches.state = 'ready'")  # literally: it names the index


def ripe(at: datetime, first: datetime, *, now: datetime, hours: Hours) -> bool:
    """Tell whether a post due at ``at``, whose first touch was decided at ``first``, is to be queued."""
    return first <= at - PLANNED_AHEAD or now >= gather_at(at, hours=hours)


def gather_at(at: datetime, *, hours: Hours) -> datetime:
    """Return until when touches for ``at`` may still come: then there is just time for a review."""
    local = (at - REVIEW_BEFORE).astimezone(hours.zone)
    if local.time() < MORNING:
        return datetime.combine(local.date() - timedelta(days=1), EVENING, tzinfo=hours.zone)
    if local.time() > EVENING:
        return datetime.combine(local.date(), EVENING, tzinfo=hours.zone)
    return local


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    version_id: int
    step: str
    variant: str
    sender: str
    at: datetime


class Messages:
    """Gathers what is ready into posts."""

    def __init__(
        self,
        *,
        pack: Pack,
        renderer: Renderer,
        checker: Checker,
        hours: Hours,
        book: Book,
        caps: Caps,
        standing: Standing,
        rosters: Rosters,
        public_url: str,
        invites: Invites | None = None,
    ) -> None:
        self._pack = pack
        self._renderer = renderer
        self._checker = checker
        self._hours = hours
        self._book = book
        self._caps = caps
        self._standing = standing
        self._rosters = rosters
        self._public_url = public_url
        self._invites = invites

    async def gather(self, session: AsyncSession, *, now: datetime, most: int = MOST_RECIPIENTS) -> int:
        """Queue posts for what is ready and return how many touches were dealt with.

        Call it after the ticks, each time in a transaction of its own, until it returns 0.

        Args:
            most: touches of one transaction, about; a group larger than that is still one post.
        """
        columns = (Touch.version_id, Touch.step, Touch.variant, Touch.sender, Touch.at)
        rows = await session.execute(
            select(*columns, func.min(Touch.created_at).label("first"))
            .where(_IS_READY)
            .group_by(*columns)
            .order_by(Touch.at, *columns[:4])
        )
        dealt, roster = 0, None
        for version_id, step, variant, sender, at, first in rows.all():
            if dealt >= most:
                break
            if not ripe(at, first, now=now, hours=self._hours):
                continue
            roster = roster or await self._rosters(session, self._pack, now=now)
            group = _Group(version_id=version_id, step=step, variant=variant, sender=sender, at=at)
            dealt += await self._queue(session, group, roster=roster, now=now)
        return dealt

    async def _queue(self, session: AsyncSession, group: _Group, *, roster: Roster, now: datetime) -> int:
        touches = await self._lock(session, group)
        if not touches:
            return 0
        ids = [row.id for row in touches]
        plans = await self._book.versions(session, [group.version_id])
        plan = plans.get(group.version_id)
        if plan is None:
            await self._end(session, touches, FAILED, "这一版计划读不出来", now)
            return len(ids)
        if group.at <= now:
            # Nobody ran in between: by its late policy it goes out later, or not at all.
            await change(session, ids, HELD, reason="到点时还没有生成任务", now=now)
            return len(ids)
        step = timing.step_of(plan.journey, group.step)
        friends = await known_to(session, group.sender, {row.patient_id for row in touches})
        there: list[Any] = []
        out: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
        for row in touches:
            if row.state not in (ACTIVE, FINISHED):
                out[SKIPPED, row.reason or "旅程已经结束"].append(row)
            elif row.patient_id not in friends:
                out[DROPPED, "已经没有好友关系"].append(row)
            else:
                there.append(row)
        for (state, reason), some in out.items():
            await self._end(session, some, state, reason, now)
        for start in range(0, len(there), MOST_RECIPIENTS):
            some = there[start : start + MOST_RECIPIENTS]
            await self._post(session, group, plan, step, some, friends, roster=roster, now=now)
        return len(ids)

    async def _post(
        self,
        session: AsyncSession,
        group: _Group,
        plan: Plan,
        step: Step,
        touches: Sequence[Any],
        friends: dict[int, str],
        *,
        roster: Roster,
        now: datetime,
    ) -> None:
        ids = [row.id for row in touches]
        persona = roster.persona_of(group.sender).key
        purpose = step.purpose or plan.purpose
        try:
            words = said(self._pack, self._renderer, step, group.variant, persona)
            body = words.text
            if step.channel == "survey" and self._invites is not None:
                body = await self._invites.into(
                    session, body, survey=step.survey, plan=plan, version_id=group.version_id, now=now
                )
            draft = DirectDraft(
                slot=self._slot(plan, group, first=min(ids)),
                week=monday_of(group.at.astimezone(self._hours.zone).date()),
                persona=persona,
                sender=group.sender,
                external_userids=tuple(friends[row.patient_id] for row in touches),
                text=body,
                scheduled_at=group.at,
                attachments=words.attachments,
                scope=short_key(f"journey:{plan.key}:{step.key}", most=130),
                category=words.category,
                content_key=words.content_key,
                plan_key=plan.key,
                step=step.key,
                variant=group.variant,
                purpose=purpose,
            )
            posts = await queue(
                session,
                [draft],
                roster=roster,
                checker=self._checker,
                now=now,
                public_url=self._public_url,
                approve=partial(self._approve, session, plan, step, group.variant, now),
            )
        except (NothingToSay, EditRefused, LookupError) as exc:
            await self._end(session, touches, FAILED, str(exc), now)
            return
        await change(session, ids, QUEUED, reason="", now=now, at=group.at, post_id=posts[0].id)
        await self._caps.posted(session, posts[0].id, ids)

    async def _end(
        self, session: AsyncSession, touches: Sequence[Any], state: str, reason: str, now: datetime
    ) -> None:
        ids = [row.id for row in touches]
        await change(session, ids, state, reason=reason, now=now)
        await self._caps.settle(session, made=(), void=ids, now=now)
        await recount(session, [row.enrolment_id for row in touches])

    async def _approve(
        self,
        session: AsyncSession,
        plan: Plan,
        step: Step,
        variant: str,
        now: datetime,
        posts: Sequence[Post],
    ) -> None:
        purpose = step.purpose or plan.purpose
        gathered = [
            Gathered(post=post, plan=plan, step=step, variant=variant, purpose=purpose) for post in posts
        ]
        await self._standing.approve(session, gathered, now=now)

    def _slot(self, plan: Plan, group: _Group, *, first: int) -> str:
        # The first touch's number keeps posts of one hour apart: a touch is in one post at a time.
        due = group.at.astimezone(self._hours.zone)
        slot = (
            f"journey:{plan.key}:{group.version_id}:{group.step}:{group.variant}:{group.sender}"
            f":{due:%Y%m%dT%H%M}:{first}"
        )
        return short_key(slot, most=SLOT_CHARS)

    async def _lock(self, session: AsyncSession, group: _Group) -> Sequence[Any]:
        rows = await session.execute(
            select(Touch.id, Touch.enrolment_id, Touch.patient_id, Enrolment.state, Enrolment.reason)
            .join(Enrolment, Enrolment.id == Touch.enrolment_id)
            .where(
                _IS_READY,
                Touch.at == group.at,
                Touch.version_id == group.version_id,
                Touch.step == group.step,
                Touch.variant == group.variant,
                Touch.sender == group.sender,
            )
            .order_by(Touch.id)
            .with_for_update(of=Touch, skip_locked=True)
        )
        return rows.all()
