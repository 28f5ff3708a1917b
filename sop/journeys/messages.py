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
from sop.direct import MOST_RECIPIENTS, DirectDraft, check_draft, queue
from sop.journeys import timing
from sop.journeys.claims import ACTIVE, FINISHED
from sop.journeys.ports import DROPPED, FAILED, HELD, SKIPPED, Gathered
from sop.journeys.recipients import known_to
from sop.journeys.touch_life import Carried, change, into_posts, recount
from sop.journeys.wording import NothingToSay, said
from sop.plan_tables import Enrolment, Touch
from sop.planner import monday_of
from sop.posts import EditRefused
from store.statements import plan_each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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
HOURS_AT_ONCE: Final = 200
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Letter:
    """What a post will be, and the touches that it carries."""

    draft: DirectDraft
    plan: Plan
    step: Step
    touch_ids: Sequence[int]


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
            select(*columns, func.min(Touch.created_at).label("first"), func.count())
            .where(_IS_READY)
            .group_by(*columns)
            .order_by(Touch.at, *columns[:4])
        )
        groups: list[_Group] = []
        expected = 0
        for version_id, step, variant, sender, at, first, count in rows.all():
            if expected >= most:
                break
            if ripe(at, first, now=now, hours=self._hours):
                groups.append(_Group(version_id=version_id, step=step, variant=variant, sender=sender, at=at))
                expected += count
        if not groups:
            return 0
        await plan_each(session)
        roster = await self._rosters(session, self._pack, now=now)
        return await self._queue(session, groups, roster=roster, now=now)

    async def _queue(
        self, session: AsyncSession, groups: Sequence[_Group], *, roster: Roster, now: datetime
    ) -> int:
        """Queue posts for groups of touches, in a number of statements that does not grow with the groups."""
        locked = await self._lock(session, groups)
        plans = await self._book.versions(session, {group.version_id for group in locked})
        wanted: defaultdict[str, set[int]] = defaultdict(set)
        for group, touches in locked.items():
            wanted[group.sender] |= {row.patient_id for row in touches}
        friends = {sender: await known_to(session, sender, ids) for sender, ids in wanted.items()}
        late: list[int] = []
        out: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
        letters: list[_Letter] = []
        for group, touches in locked.items():
            plan = plans.get(group.version_id)
            if plan is None:
                out[FAILED, "这一版计划读不出来"] += touches
            elif group.at <= now:
                # Nobody ran in between: by its late policy it goes out later, or not at all.
                late += [row.id for row in touches]
            else:
                known = friends[group.sender]
                there = _still_there(touches, known, out)
                for start in range(0, len(there), MOST_RECIPIENTS):
                    some = there[start : start + MOST_RECIPIENTS]
                    try:
                        letters.append(
                            await self._letter(session, group, plan, some, known, roster=roster, now=now)
                        )
                    except (NothingToSay, EditRefused, LookupError) as exc:
                        out[FAILED, str(exc)] += some
        if late:
            await change(session, late, HELD, reason="到点时还没有生成任务", now=now)
        for (state, reason), ended in out.items():
            await self._end(session, ended, state, reason, now)
        await self._post(session, letters, roster=roster, now=now)
        return sum(len(touches) for touches in locked.values())

    async def _letter(
        self,
        session: AsyncSession,
        group: _Group,
        plan: Plan,
        touches: Sequence[Any],
        friends: dict[int, str],
        *,
        roster: Roster,
        now: datetime,
    ) -> _Letter:
        """Return what these touches' patients are to be sent.

        Raises:
            NothingToSay, EditRefused, LookupError: nothing can be, and why.
        """
        step = timing.step_of(plan.journey, group.step)
        persona = roster.persona_of(group.sender).key
        words = said(self._pack, self._renderer, step, group.variant, persona)
        body = words.text
        if step.channel == "survey" and self._invites is not None:
            body = await self._invites.into(
                session, body, survey=step.survey, plan=plan, version_id=group.version_id, now=now
            )
        ids = [row.id for row in touches]
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
            purpose=step.purpose or plan.purpose,
        )
        check_draft(draft, now=now)
        return _Letter(draft=draft, plan=plan, step=step, touch_ids=ids)

    async def _post(
        self, session: AsyncSession, letters: Sequence[_Letter], *, roster: Roster, now: datetime
    ) -> None:
        if not letters:
            return
        posts = await queue(
            session,
            [letter.draft for letter in letters],
            roster=roster,
            checker=self._checker,
            now=now,
            public_url=self._public_url,
            approve=partial(self._approve, session, {letter.draft.slot: letter for letter in letters}, now),
        )
        carried = [
            Carried(post_id=post.id, at=letter.draft.scheduled_at, touch_ids=letter.touch_ids)
            for post, letter in zip(posts, letters, strict=True)
        ]
        await into_posts(session, carried, now=now)
        await self._caps.posted(session, {one.post_id: one.touch_ids for one in carried})

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
        letters: Mapping[str, _Letter],
        now: datetime,
        posts: Sequence[Post],
    ) -> None:
        gathered = [
            Gathered(
                post=post,
                plan=letters[post.slot].plan,
                step=letters[post.slot].step,
                variant=post.variant,
                purpose=letters[post.slot].draft.purpose,
            )
            for post in posts
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

    async def _lock(self, session: AsyncSession, groups: Sequence[_Group]) -> dict[_Group, list[Any]]:
        """Lock the touches of these groups that nobody else has locked, and return them."""
        found: dict[_Group, list[Any]] = {group: [] for group in groups}
        hours = sorted({group.at for group in groups})
        for start in range(0, len(hours), HOURS_AT_ONCE):
            rows = await session.execute(
                select(
                    Touch.id,
                    Touch.enrolment_id,
                    Touch.patient_id,
                    Enrolment.state,
                    Enrolment.reason,
                    Touch.version_id,
                    Touch.step,
                    Touch.variant,
                    Touch.sender,
                    Touch.at,
                )
                .join(Enrolment, Enrolment.id == Touch.enrolment_id)
                .where(_IS_READY, Touch.at.in_(hours[start : start + HOURS_AT_ONCE]))
                .order_by(Touch.id)
                .with_for_update(of=Touch, skip_locked=True)
            )
            for row in rows:
                group = _Group(
                    version_id=row.version_id,
                    step=row.step,
                    variant=row.variant,
                    sender=row.sender,
                    at=row.at,
                )
                if group in found:  # others of the hour wait for more
                    found[group].append(row)
        return {group: touches for group, touches in found.items() if touches}


def _still_there(
    touches: Sequence[Any], friends: Mapping[int, str], out: Mapping[tuple[str, str], list[Any]]
) -> list[Any]:
    """Return the touches of those who still get something; put the others into ``out``, by their end."""
    there: list[Any] = []
    for row in touches:
        if row.state not in (ACTIVE, FINISHED):
            out[SKIPPED, row.reason or "旅程已经结束"].append(row)
        elif row.patient_id not in friends:
            out[DROPPED, "已经没有好友关系"].append(row)
        else:
            there.append(row)
    return there
