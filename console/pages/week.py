"""A week at a glance."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web
from sqlalchemy import select

from console.duties import waiting_count
from console.forms import FormRefused
from console.frame import deps_of, hours_of, page
from console.views import face_of, load_views
from sop.planner import monday_of
from sop.tables import Post
from sop.weeks import drafted

if TYPE_CHECKING:
    from collections.abc import Iterable


def routes() -> Iterable[web.RouteDef]:
    return (web.get("/week", week),)


async def week(request: web.Request) -> web.StreamResponse:
    """Seven days of posts, coloured and named by state; of one persona when asked."""
    deps, hours = deps_of(request), hours_of(request)
    start = monday_of(day_of(request.query.get("start"), default=hours.today))
    persona = request.query.get("persona") or None
    begin = datetime.combine(start, datetime.min.time(), tzinfo=deps.zone)
    query = (
        select(Post)
        .where(Post.scheduled_at >= begin, Post.scheduled_at < begin + timedelta(days=7))
        .order_by(Post.scheduled_at, Post.id)
    )
    if persona is not None:
        query = query.where(Post.persona == persona)
    async with deps.database.read() as session:
        posts = (await session.scalars(query)).all()
        views = await load_views(
            session, posts, pack=await deps.library.pack(session), zone=deps.zone, now=hours.now
        )
        planned = await drafted(session, start)
        waiting = await waiting_count(session)
    days = [start + timedelta(days=i) for i in range(7)]
    return page(
        request,
        "week.html",
        start=start,
        end=days[-1],
        days=[(day, [view for view in views if view.day == day]) for day in days],
        total=len(views),
        drafted=planned,
        persona=persona,
        faces=[face_of(deps.pack, p.key) for p in deps.pack.personas],
        before=start - timedelta(days=7),
        after=start + timedelta(days=7),
        this_week=monday_of(hours.today),
        states=sorted({view.state for view in views}, key=list(type(views[0].state)).index) if views else [],
        waiting=waiting,
    )


def day_of(raw: str | None, *, default: date) -> date:
    """Return the day written in an address.

    Raises:
        FormRefused: it is not one, or so far off that no calendar reaches it.
    """
    if not raw:
        return default
    try:
        day = date.fromisoformat(raw)
    except ValueError as exc:
        raise FormRefused("start", "日期要写成 2026-11-23 的样子") from exc
    if not 2000 <= day.year <= 2999:
        raise FormRefused("start", "日期要在 2000 年到 2999 年之间")
    return day
