"""The review queue: batches that wait, and one batch with everything needed to decide it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web
from sqlalchemy import select

from console.duties import open_batches, waiting_count
from console.forms import strings
from console.frame import actor_of, deps_of, go, hours_of, page
from console.views import face_of, load_names, load_views
from console.wording import PEOPLE
from sop import decisions, review
from sop.life import PostState
from sop.posts import Outdated
from sop.roster import load_roster
from sop.tables import Batch, Post

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

RECENT: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a batch is."""

    total: int
    waiting: int  # can be approved now
    flagged: int  # of these: with findings
    warned: int  # of these: with warnings, each of which needs a reason
    blocked: int  # need an editor first
    late: int  # their hour passed undecided

    @property
    def done(self) -> int:
        return self.total - self.waiting - self.blocked - self.late


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/review", queue),
        web.get(r"/review/{id:\d{1,18}}", batch),
        web.post(r"/review/{id:\d{1,18}}/approve", approve_all),
    )


async def queue(request: web.Request) -> web.StreamResponse:
    """Batches that wait for decisions, and the latest that do not any more."""
    deps = deps_of(request)
    async with deps.database.read() as session:
        batches = await open_batches(session)
        settled = await session.scalars(
            select(Batch)
            .where(Batch.id.not_in([found.id for found in batches]))
            .order_by(Batch.week.desc(), Batch.id)
            .limit(RECENT)
        )
        roster = await load_roster(session, deps.pack, now=deps.clock.now())
        known = {persona.key for persona in deps.pack.personas}
        reviewers = {key: roster.reviewers(key) for key in known}
        names = await load_names(session, userids=(u for people in reviewers.values() for u in people))
        return page(
            request,
            "review.html",
            batches=batches,
            settled=settled.all(),
            face=lambda key: face_of(deps.pack, key),
            reviewers={key: [names.person(u) for u in people] for key, people in reviewers.items()},
            waiting=sum(found.waiting + found.blocked for found in batches),
        )


async def batch(request: web.Request, *, status: int = 200, alert: str = "") -> web.StreamResponse:
    """One batch by day; ``?only=waiting`` leaves out what has been decided."""
    deps, hours = deps_of(request), hours_of(request)
    only = request.query.get("only") == "waiting"
    async with deps.database.read() as session:
        found = await session.get(Batch, int(request.match_info["id"]))
        if found is None:
            raise web.HTTPNotFound
        posts = await posts_of(session, found.id)
        views = await load_views(
            session, posts, pack=await deps.library.pack(session), zone=deps.zone, now=hours.now
        )
        waiting = await waiting_count(session)
    shown = [v for v in views if not only or v.state in (PostState.IN_REVIEW, PostState.DRAFT)]
    days = list(dict.fromkeys(view.day for view in shown))
    return page(
        request,
        "batch.html",
        status=status,
        alert=alert,
        batch=found,
        face=face_of(deps.pack, found.persona),
        days=[(day, [view for view in shown if view.day == day]) for day in days],
        progress=progress_of(posts, now=hours.now),
        only=only,
        waiting=waiting,
    )


async def approve_all(request: web.Request) -> web.StreamResponse:
    """Approve what waits in a batch, exactly as it was shown; if any of it changed meanwhile, nothing."""
    deps, actor = deps_of(request), actor_of(request)
    batch_id, now = int(request.match_info["id"]), deps.clock.now()
    seen = dict(pair.split(":", 1) for pair in strings(await request.post(), "seen") if ":" in pair)
    try:
        async with deps.database.write() as session:
            done, half, late, left = await _approve_seen(
                session, batch_id, seen, actor=actor, now=now, needed=deps.pack.house.approvals
            )
            await settle(request, session, batch_id, now=now)
    except Outdated as exc:
        # Nothing was approved: what the reviewer did not see must not slip through with the rest.
        alert = f"{exc}。这次没有通过任何内容，下面是最新的版本。"
        return await batch(request, status=409, alert=alert)
    deps.wake()
    missed = f"；另有 {late} 条已过发送时间" if late else ""
    if left:
        missed += f"；{left} 条留着没有通过：内容检查有提醒的请逐条写明理由，用到患者的请先登记同意"
    here = f"/console/review/{batch_id}"
    if half:
        return go(request, here, note=f"已记下你的通过，{half} 条还需要另一位审核人通过{missed}。")
    if not done:
        return go(request, here, note=f"没有可以通过的内容{missed}。", tone="warn")
    return go(request, here, note=f"已通过 {done} 条内容，到点会创建发送任务{missed}。")


async def _approve_seen(
    session: AsyncSession,
    batch_id: int,
    seen: Mapping[str, str],
    *,
    actor: str,
    now: datetime,
    needed: int,
) -> tuple[int, int, int, int]:
    """Approve what waits; return how many are approved, need somebody else too, are late, or are left.

    Left is what cannot be approved together with others: see :func:`sop.review.left_for_people`.

    Raises:
        Outdated: something waits that was not seen as it is.
    """
    done = half = late = 0
    posts = await review.waiting(session, batch_id)
    left = await review.left_for_people(session, posts, now=now)
    for post in posts:
        if seen.get(str(post.id)) != post.digest:
            raise Outdated(post)
        if post.scheduled_at <= now:
            late += 1
            continue
        if post.id in left:
            continue
        decided = await decisions.approve(
            session, post.id, digest=post.digest, actor=actor, via="console", now=now, needed=needed
        )
        if decided.state == PostState.APPROVED:
            done += 1
        else:
            half += 1
    return done, half, late, sum(post.id in left and post.scheduled_at > now for post in posts)


async def settle(request: web.Request, session: AsyncSession, batch_id: int, *, now: datetime) -> None:
    """Close the batch's cards when nothing of it waits any more."""
    deps, actor = deps_of(request), actor_of(request)
    roster = await load_roster(session, deps.pack, now=deps.clock.now())
    await review.settled(
        session,
        batch_id,
        roster=roster,
        now=now,
        public_url=deps.public_url,
        by=PEOPLE.get(actor, actor),
    )


async def posts_of(session: AsyncSession, batch_id: int) -> Sequence[Post]:
    """Return the posts of a batch by their hour."""
    query = select(Post).where(Post.batch_id == batch_id).order_by(Post.scheduled_at, Post.id)
    return (await session.scalars(query)).all()


def progress_of(posts: Sequence[Post], *, now: datetime) -> Progress:
    """Count how far a batch is."""
    waiting = [post for post in posts if post.state == PostState.IN_REVIEW]
    drafts = [post for post in posts if post.state == PostState.DRAFT]
    ready = [post for post in waiting if post.scheduled_at > now]
    return Progress(
        total=len(posts),
        waiting=len(ready),
        flagged=sum(bool(post.findings) for post in ready),
        warned=sum(bool(decisions.warnings_of(post)) for post in ready),
        blocked=sum(post.scheduled_at > now for post in drafts),
        late=sum(post.scheduled_at <= now for post in (*waiting, *drafts)),
    )
