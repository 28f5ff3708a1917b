"""Planning a week: from the pack to posts that wait in review."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from clinic import audit
from clinic.tables import CustomerGroup, GroupMember
from content.plans.specs import GroupBody, MomentsBody
from sop.attachments import from_item
from sop.life import PostState
from sop.planner import HAND, GroupFact, History, WeekPlan, plan_week
from sop.posts import check_content, digest_of, finding_document
from sop.review import extended, offer, was_offered
from sop.tables import Batch, Post
from sop.wants import CREATED, JOINED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.compliance import Checker
    from content.pack import Pack
    from content.plans.specs import Plan
    from content.render import Renderer
    from sop.planner import Draft
    from sop.roster import Roster
    from sop.wants import Calendar

GIVEN_UP: Final = frozenset({PostState.REJECTED, PostState.CANCELLED, PostState.EXPIRED, PostState.FAILED})


# Posts that a week's planning made: not those to single patients, nor what staff sent to review themselves.
_PLANNED = (Post.kind != "direct", Post.slot.not_like(f"%{HAND}%"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What planning a week did. ``created`` is False when the week was drafted before."""

    week: date
    created: bool
    posts: tuple[Post, ...]
    notices: tuple[str, ...]


async def posts_of_week(session: AsyncSession, week: date) -> Sequence[Post]:
    """Return the posts drafted for the week that begins on Monday ``week``.

    Those to single patients are not among them: journeys queue them whenever they are due.
    """
    query = (
        select(Post)
        .join(Batch)
        .where(Batch.week == week, Post.kind != "direct")
        .order_by(Post.scheduled_at, Post.id)
    )
    return (await session.scalars(query)).all()


async def draft_week(
    session: AsyncSession,
    week: date,
    *,
    roster: Roster,
    renderer: Renderer,
    checker: Checker,
    now: datetime,
    zone: ZoneInfo,
    actor: str,
    lead: timedelta,
    plans: Sequence[Plan] = (),
    calendar: Calendar | None = None,
) -> Planned:
    """Draft, check and offer a whole week; a week already drafted is left as it stands.

    Everything is one transaction: either the whole week waits in review or nothing does. Slots sooner than
    ``lead`` from now are left out, since nobody could review them.
    """
    if await drafted(session, week):
        standing = await posts_of_week(session, week)
        return Planned(week=week, created=False, posts=tuple(standing), notices=())
    plan = plan_week(
        roster,
        week,
        groups=await _groups(session, plans, week, zone),
        history=await _history(session, week, days=_longest_rotation(roster.pack, plans) + 7),
        not_before=now + lead,
        zone=zone,
        plans=plans,
        calendar=calendar,
    )
    personas = sorted({draft.persona.key for draft in plan.drafts})
    batches = {key: await batch_for(session, week, key, now) for key in personas}
    # Another process may have drafted the week while this one waited for the batches.
    if await drafted(session, week):
        standing = await posts_of_week(session, week)
        return Planned(week=week, created=False, posts=tuple(standing), notices=())
    plan = _beside(plan, await posts_of_week(session, week), zone=zone)
    for draft in plan.drafts:
        session.add(post_of(draft, batches[draft.persona.key], roster.pack, renderer, checker, now))
    await session.flush()
    for batch in batches.values():
        if await was_offered(session, batch):
            # Messages to patients were offered in it before: their card does not count the week's posts.
            batch.revision += 1
        await offer(session, batch, roster=roster, now=now)
    audit.record(
        session,
        at=now,
        actor=actor,
        action="week.draft",
        subject=f"week:{week}",
        reason=f"排好 {len(plan.drafts)} 条内容" + ("；" + "；".join(plan.notices) if plan.notices else ""),
    )
    return Planned(
        week=week, created=True, posts=tuple(await posts_of_week(session, week)), notices=_notices(plan)
    )


async def extend_week(
    session: AsyncSession,
    week: date,
    *,
    roster: Roster,
    renderer: Renderer,
    checker: Checker,
    now: datetime,
    zone: ZoneInfo,
    lead: timedelta,
    public_url: str,
    plans: Sequence[Plan],
    calendar: Calendar,
) -> int:
    """Draft what belongs to groups made, or joined, since the week was drafted; return how many posts.

    Only what counts days from a group's or a newcomer's beginning; a group that has its posts of the week
    already gets no more than its plan's most.
    """
    standing = await posts_of_week(session, week)
    if not _most_a_week(plans) or not await drafted(session, week):
        return 0
    plan = plan_week(
        roster,
        week,
        groups=await _groups(session, plans, week, zone),
        history=await _history(session, week, days=_longest_rotation(roster.pack, plans) + 7),
        not_before=now + lead,
        zone=zone,
        plans=plans,
        calendar=calendar,
    )
    known = {post.slot for post in standing}
    most = _most_a_week(plans)
    has = Counter(
        chat_id
        for post in standing
        if PostState(post.state) not in GIVEN_UP
        for chat_id in post.audience.get("chat_ids", ())
    )
    fresh = [
        draft
        for draft in plan.drafts
        if draft.rank in (CREATED, JOINED)
        and draft.slot not in known
        and all(has[chat_id] < most for chat_id in draft.chat_ids)
    ]
    batches: dict[str, Batch] = {}
    for draft in fresh:
        key = draft.persona.key
        if key not in batches:
            batches[key] = await batch_for(session, week, key, now)
        session.add(post_of(draft, batches[key], roster.pack, renderer, checker, now))
    await session.flush()
    for batch in batches.values():
        await extended(session, batch, roster=roster, now=now, public_url=public_url)
    return len(fresh)


async def latest_drafted(session: AsyncSession) -> date | None:
    """Return the Monday of the latest week that was drafted, whatever else is queued later."""
    found: date | None = await session.scalar(select(func.max(Batch.week)).join(Post).where(*_PLANNED))
    return found


async def drafted(session: AsyncSession, week: date) -> int:
    """Return how many posts the planning of this week made; 0: it was not planned yet."""
    query = select(func.count(Post.id)).join(Batch).where(Batch.week == week, *_PLANNED)
    return (await session.scalars(query)).one()


def _beside(plan: WeekPlan, standing: Sequence[Post], *, zone: ZoneInfo) -> WeekPlan:
    """Leave out moments for which a day has no room any more beside what staff sent to review themselves."""
    hours = {
        (post.persona, post.scheduled_at)
        for post in standing
        if post.kind == "moment" and PostState(post.state) not in GIVEN_UP
    }
    if not hours:
        return plan
    kept: list[Draft] = []
    notices = list(plan.notices)
    for draft in plan.drafts:
        at = (draft.persona.key, draft.scheduled_at)
        day = draft.scheduled_at.astimezone(zone).date()
        others = {
            hour
            for persona, hour in hours - {at}
            if persona == draft.persona.key and hour.astimezone(zone).date() == day
        }
        if draft.kind == "moment" and len(others) >= draft.persona.max_moments_per_day:
            notices.append(f"人设“{draft.persona.name}”{day:%m-%d} 已有自己送审的朋友圈，这一天不再排")
            continue
        kept.append(draft)
        if draft.kind == "moment":
            hours.add(at)
    return WeekPlan(drafts=tuple(kept), notices=tuple(dict.fromkeys(notices)))


def _most_a_week(plans: Sequence[Plan]) -> int:
    """Return how many posts a group may get, as the strictest plan that counts days says; 0: none does."""
    return min(
        (
            plan.body.max_a_week
            for plan in plans
            if isinstance(plan.body, GroupBody) and (plan.body.after_creation or plan.body.after_joining)
        ),
        default=0,
    )


def _longest_rotation(pack: Pack, plans: Sequence[Plan]) -> int:
    return max(
        (
            pack.rotation_days,
            *(p.body.rotation_days for p in plans if isinstance(p.body, MomentsBody | GroupBody)),
        )
    )


def _notices(plan: WeekPlan) -> tuple[str, ...]:
    if plan.drafts:
        return plan.notices
    return (*plan.notices, "这一周没有可以排的内容：没有成员、没有客户群，或时段都已过去")


async def batch_for(session: AsyncSession, week: date, persona: str, now: datetime) -> Batch:
    """Return the batch of a persona's week, locked; made when there is none yet."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    # Two planners at once: the second waits here for the first's commit, then finds its rows (unique key).
    await session.execute(
        insert(Batch)
        .values(week=week, persona=persona, revision=1, created_at=now)
        .on_conflict_do_nothing(index_elements=["week", "persona"])
    )
    found = await session.scalars(
        select(Batch).where(Batch.week == week, Batch.persona == persona).with_for_update()
    )
    return found.one()


def post_of(
    draft: Draft, batch: Batch, pack: Pack, renderer: Renderer, checker: Checker, now: datetime
) -> Post:
    """Return a post that says a draft, checked: in review, or a draft for an editor when it is blocked."""
    text = renderer.render(draft.item.text, **pack.variables(draft.persona))
    attachments = from_item(draft.item.attachments, pack)
    audience = {"chat_ids": list(draft.chat_ids)} if draft.kind == "group" else {"members": [draft.sender]}
    if draft.tags:
        audience["tags"] = sorted(draft.tags)
    findings = check_content(text, kind=draft.kind, persona=draft.persona.key, pack=pack, checker=checker)
    blocked = any(finding.level == "block" for finding in findings)
    return Post(
        batch_id=batch.id,
        slot=draft.slot,
        scope=draft.scope,
        kind=draft.kind,
        # What the check blocks cannot be approved as it is: it waits for an editor, not for a reviewer.
        state=PostState.DRAFT if blocked else PostState.IN_REVIEW,
        persona=draft.persona.key,
        sender=draft.sender,
        category=draft.item.category,
        content_key=draft.item.key,
        plan_key=draft.plan,
        text=text,
        attachments=attachments,
        audience=audience,
        scheduled_at=draft.scheduled_at,
        digest=digest_of(
            kind=draft.kind,
            text=text,
            attachments=attachments,
            audience=audience,
            sender=draft.sender,
            scheduled_at=draft.scheduled_at,
        ),
        revision=1,
        findings=[finding_document(finding) for finding in findings],
        reason="内容检查未通过，请修改" if blocked else "",
        created_at=now,
        updated_at=now,
    )


async def _groups(
    session: AsyncSession, plans: Sequence[Plan], week: date, zone: ZoneInfo
) -> list[GroupFact]:
    rows = await session.scalars(
        select(CustomerGroup).where(CustomerGroup.dismissed_at.is_(None)).order_by(CustomerGroup.chat_id)
    )
    joined = await _joined(session, plans, week, zone)
    return [
        GroupFact(
            chat_id=g.chat_id,
            name=g.name,
            owner=g.owner,
            role=g.role,
            created_on=g.created_at.astimezone(zone).date() if g.created_at else None,
            joined_on=tuple(sorted(joined.get(g.chat_id, ()))),
        )
        for g in rows
    ]


async def _joined(
    session: AsyncSession, plans: Sequence[Plan], week: date, zone: ZoneInfo
) -> dict[str, set[date]]:
    """Return on which days patients came into groups, as far back as any plan counts."""
    days = [
        slot.day for plan in plans if isinstance(plan.body, GroupBody) for slot in plan.body.after_joining
    ]
    if not days:
        return {}
    since = datetime.combine(week - timedelta(days=max(days)), time(), tzinfo=zone)
    rows = await session.execute(
        select(GroupMember.chat_id, GroupMember.joined_at).where(
            GroupMember.external, GroupMember.joined_at >= since
        )
    )
    joined: dict[str, set[date]] = {}
    for chat_id, at in rows:
        if at is not None:
            joined.setdefault(chat_id, set()).add(at.astimezone(zone).date())
    return joined


async def _history(session: AsyncSession, week: date, *, days: int) -> History:
    since = week - timedelta(days=days)
    rows = await session.execute(
        select(Post.scope, Post.content_key, func.max(Batch.week))
        .join(Batch)
        .where(Post.content_key.is_not(None), Batch.week >= since)
        .group_by(Post.scope, Post.content_key)
    )
    # The week's Sunday stands for the day: at most six days too careful, never too soon.
    return {(scope, key): last + timedelta(days=6) for scope, key, last in rows if key is not None}
