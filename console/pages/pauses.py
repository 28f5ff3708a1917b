"""暂停: the kill switches, for everything, one persona, one plan, and what they did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

from aiohttp import web
from pydantic import StringConstraints
from sqlalchemy import func, select

from clinic.tables import AuditEntry
from console.duties import waiting_count
from console.forms import REASON_CHARS, PlainForm, parse
from console.frame import PAUSED, actor_of, deps_of, go, hours_of, page
from console.pages.todos import reach
from console.views import face_of, load_names
from sop import pauses
from sop.life import PostState
from sop.plan_tables import StoredPlan
from sop.tables import Post

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncSession

    from console.views import Face
    from sop.pauses import Switch

HERE: Final = "/console/pauses"
AHEAD: Final = timedelta(hours=24)
SHOWN: Final = 20
KINDS: Final = {"journey": "一对一旅程", "group": "客户群计划", "moments": "朋友圈计划"}


class PauseForm(PlainForm):
    """Which switch, and why."""

    scope: Annotated[str, StringConstraints(min_length=3, max_length=80)]
    reason: Annotated[str, StringConstraints(max_length=REASON_CHARS)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Something that can stand still, with its switch when it does, and what would have gone out soon."""

    scope: str
    title: str
    kind: str
    switch: Switch | None
    soon: int
    face: Face | None = None


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/pauses", index),
        web.post("/pauses", throw),
        web.post("/pauses/lift", lift),
    )


async def index(request: web.Request) -> web.StreamResponse:
    """What stands still, and the switches."""
    deps, hours = deps_of(request), hours_of(request)
    paused = request[PAUSED]
    async with deps.database.read() as session:
        soon = await _soon(session, request)
        plans = await session.scalars(
            select(StoredPlan).where(StoredPlan.state.in_(("active", "paused"))).order_by(StoredPlan.title)
        )
        entries = await session.scalars(
            select(AuditEntry)
            .where(AuditEntry.action.in_((pauses.ON, pauses.OFF)))
            .order_by(AuditEntry.id.desc())
            .limit(SHOWN)
        )
        shown = entries.all()
        names = await load_names(
            session, userids=[*(one.actor for one in shown), *(one.by for one in paused.thrown)]
        )
        _, manages = await reach(session, deps, actor_of(request))
        waiting = await waiting_count(session)
    titles = {pauses.PERSONA + persona.key: persona.name for persona in deps.pack.personas}
    lines = [
        Line(
            scope=pauses.PERSONA + persona.key,
            title=persona.name,
            kind="医生 IP" if persona.kind == "doctor" else "小助理",
            switch=paused.switches.get(pauses.PERSONA + persona.key),
            soon=sum(count for (key, _), count in soon.items() if key == persona.key),
            face=face_of(deps.pack, persona.key),
        )
        for persona in deps.pack.personas
    ]
    resting = []
    for plan in plans:
        scope = pauses.PLAN + plan.key
        titles[scope] = plan.title
        resting.append(
            Line(
                scope=scope,
                title=plan.title,
                kind=KINDS.get(plan.kind, plan.kind),
                switch=paused.switches.get(scope),
                soon=sum(count for (_, key), count in soon.items() if key == plan.key),
            )
        )
    return page(
        request,
        "pauses.html",
        everything=paused.switches.get(pauses.ALL),
        personas=lines,
        plans=resting,
        soon=sum(soon.values()),
        story=[(entry, titles.get(entry.subject.removeprefix("pause:"), "")) for entry in shown],
        names=names,
        manages=manages,
        waiting=waiting,
        now=hours.now,
    )


async def _soon(session: AsyncSession, request: web.Request) -> dict[tuple[str, str], int]:
    """Count what is approved for the coming day, by persona and plan."""
    now = deps_of(request).clock.now()
    rows = await session.execute(
        select(Post.persona, Post.plan_key, func.count())
        .where(Post.state == PostState.APPROVED, Post.scheduled_at <= now + AHEAD)
        .group_by(Post.persona, Post.plan_key)
    )
    return {(persona, plan): count for persona, plan, count in rows}


async def throw(request: web.Request) -> web.StreamResponse:
    """Let something stand still, at once."""
    deps = deps_of(request)
    form = parse(PauseForm, await request.post())
    async with deps.database.write() as session:
        fresh = await pauses.throw(
            session,
            form.scope,
            pack=deps.pack,
            by=actor_of(request),
            reason=form.reason,
            now=deps.clock.now(),
        )
    if not fresh:
        return go(request, HERE, note="已经是暂停的。", tone="warn")
    return go(request, HERE, note="已暂停：从现在起不再向客户发送，等着的内容都保留。", tone="warn")


async def lift(request: web.Request) -> web.StreamResponse:
    """Let it go on; only managers may."""
    deps, actor = deps_of(request), actor_of(request)
    form = parse(PauseForm, await request.post())
    async with deps.database.write() as session:
        _, manages = await reach(session, deps, actor)
        if not manages:
            return go(request, HERE, note="只有管理员和店长能恢复发送。", tone="bad")
        lifted = await pauses.lift(session, form.scope, by=actor, reason=form.reason, now=deps.clock.now())
    if not lifted:
        return go(request, HERE, note="没有改变：它没有被暂停。", tone="warn")
    deps.wake()
    return go(request, HERE, note="已恢复。等着的内容继续发送，错过时间的按各自的规则处理。")
