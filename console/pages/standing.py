"""自动通过: contents of care steps approved for good; granted on a post, listed and ended here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from console.duties import waiting_count
from console.forms import DecisionForm, parse
from console.frame import actor_of, deps_of, go, page
from console.pages.posts import conflict
from console.views import face_of, load_names
from content.plans.naming import name_of, wording_of
from sop import standing
from sop.journeys.books import book_of
from sop.posts import Outdated
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sop.plan_tables import StandingApproval
    from sop.plans.book import PlanBook

HERE: Final = "/console/standing"


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/standing", index),
        web.post(r"/standing/{id:\d{1,18}}/revoke", revoke),
        web.post(r"/posts/{id:\d{1,18}}/standing", grant),
    )


async def index(request: web.Request) -> web.StreamResponse:
    """What passes without being looked at, by whose word, and what did once."""
    deps = deps_of(request)
    async with deps.database.read() as session:
        holding = await standing.listed(session)
        ended = await standing.listed(session, revoked=True, limit=20)
        shown = [*holding, *ended]
        book = await book_of(session)
        names = await load_names(
            session, userids=[u for one in shown for u in (one.granted_by, one.revoked_by) if u]
        )
        waiting = await waiting_count(session)
    return page(
        request,
        "standing.html",
        holding=holding,
        ended=ended,
        places={one.id: _place(one, book) for one in shown},
        names=names,
        face=lambda key: face_of(deps.pack, key),
        waiting=waiting,
    )


def _place(one: StandingApproval, book: PlanBook) -> tuple[str, str]:
    """Return which plan says it, and in which step; by their keys where there is no such plan any more."""
    plan = book.get(one.plan_key)
    if plan is None or plan.plan.kind != "journey":
        return one.plan_key, f"步骤 {one.step}"
    body = plan.plan.journey
    words = (name_of(body, one.step), wording_of(body, one.step, one.variant))
    return plan.plan.title, " · ".join(word for word in words if word)


async def grant(request: web.Request) -> web.StreamResponse:
    """Approve for good exactly what was shown."""
    deps, post_id = deps_of(request), int(request.match_info["id"])
    form = parse(DecisionForm, await request.post())
    back = f"/console/posts/{post_id}"
    try:
        async with deps.database.write() as session:
            await standing.grant(
                session, post_id, digest=form.digest, actor=actor_of(request), now=deps.clock.now()
            )
    except Outdated as exc:
        return await conflict(request, post_id, str(exc))
    except standing.NotGrantable as exc:
        return go(request, back, note=str(exc), tone="warn")
    return go(request, back, note="以后这个步骤说同样的话，会自动通过。措辞一改，就要重新审核。")


async def revoke(request: web.Request) -> web.StreamResponse:
    """End a standing approval; what it let pass and has not gone out waits for people again."""
    deps, actor, now = deps_of(request), actor_of(request), deps_of(request).clock.now()
    async with deps.database.write() as session:
        roster = await load_roster(session, deps.pack, now=now)
        again = await standing.revoke(
            session,
            int(request.match_info["id"]),
            actor=actor,
            roster=roster,
            public_url=deps.public_url,
            now=now,
        )
    if again is None:
        return go(request, HERE, note="没有改变：它已经取消了。", tone="warn")
    deps.wake()
    more = f"，{again} 条还没有发的回到待审核" if again else ""
    return go(request, HERE, note=f"已取消自动通过{more}。以后同样的内容要逐条审核。")
