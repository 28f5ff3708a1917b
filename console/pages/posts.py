"""Posts: the list, one post with its story, and decisions about one post."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from sqlalchemy import select

from clinic import audit
from console.duties import waiting_count
from console.forms import DecisionForm, FormRefused, RejectForm, local_path, parse, strings
from console.frame import actor_of, deps_of, go, hours_of, page, wants_fragment
from console.pages.review import posts_of, progress_of, settle
from console.pages.week import day_of
from console.stories import story_of, tally_of
from console.views import face_of, load_names, load_views
from sop import decisions, resending, standing
from sop.life import LABELS, NotPossible, PostState
from sop.planner import monday_of
from sop.posts import Outdated, get_post, list_posts
from sop.roster import load_roster
from sop.tables import Batch, Push

if TYPE_CHECKING:
    from collections.abc import Iterable

DONE: Final = {"approve": "已通过", "reject": "已退回", "cancel": "已取消"}
PAGE: Final = 30


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/posts", index),
        web.get(r"/posts/{id:\d{1,18}}", detail),
        web.get(r"/posts/{id:\d{1,18}}/card", card),
        web.post(r"/posts/{id:\d{1,18}}/{verb:approve|reject|cancel}", decide),
        web.post(r"/posts/{id:\d{1,18}}/resend", resend),
    )


async def index(request: web.Request) -> web.StreamResponse:
    """Posts by their hour, filtered by state, persona and days; from this Monday on when nothing is said."""
    deps, hours = deps_of(request), hours_of(request)
    query = request.query
    state, persona = query.get("state") or None, query.get("persona") or None
    if state is not None and state not in set(PostState):
        raise FormRefused("state", "没有这个状态")
    first = day_of(query.get("from"), default=monday_of(hours.today))
    last = day_of(query.get("to"), default=first + timedelta(days=27))
    begin = datetime.combine(first, datetime.min.time(), tzinfo=deps.zone)
    end = datetime.combine(last, datetime.min.time(), tzinfo=deps.zone) + timedelta(days=1)
    async with deps.database.read() as session:
        try:
            found = await list_posts(
                session,
                states=[state] if state else (),
                start=begin,
                end=end,
                persona=persona,
                cursor=query.get("cursor") or None,
                limit=PAGE,
            )
        except ValueError as exc:
            raise FormRefused("cursor", str(exc)) from exc
        views = await load_views(
            session, found.items, pack=await deps.library.pack(session), zone=deps.zone, now=hours.now
        )
        waiting = await waiting_count(session)
    kept = {"state": state or "", "persona": persona or "", "from": str(first), "to": str(last)}
    return page(
        request,
        "posts.html",
        views=views,
        kept=kept,
        states=[(str(s), LABELS[s]) for s in PostState],
        faces=[face_of(deps.pack, p.key) for p in deps.pack.personas],
        more=str(request.rel_url.with_query(kept | {"cursor": found.next})) if found.next else None,
        waiting=waiting,
    )


async def detail(request: web.Request) -> web.StreamResponse:
    """One post: preview, state, what was decided, and what became of it."""
    deps, hours = deps_of(request), hours_of(request)
    post_id = int(request.match_info["id"])
    async with deps.database.read() as session:
        post = await get_post(session, post_id)
        (view,) = await load_views(
            session, [post], pack=await deps.library.pack(session), zone=deps.zone, now=hours.now
        )
        entries = await audit.of_subject(session, f"post:{post_id}")
        names = await load_names(
            session,
            userids=(post.sender, *(entry.actor for entry in entries)),
            chat_ids=post.audience.get("chat_ids", ()),
        )
        batch = await session.get_one(Batch, post.batch_id)
        push = (await session.scalars(select(Push).where(Push.post_id == post_id))).one_or_none()
        tally = await tally_of(session, post, push, names) if push is not None else None
        may_stand = standing.may_stand(post) and post.state in standing.APPROVED
        stands = may_stand and await standing.stands(session, post)
        waiting = await waiting_count(session)
    return page(
        request,
        "post.html",
        view=view,
        story=story_of(post, entries, names),
        batch=batch,
        push=push,
        may_stand=may_stand,
        stands=stands,
        tally=tally,
        waiting=waiting,
    )


async def card(request: web.Request) -> web.StreamResponse:
    """The card of one post as a batch shows it: what an editor who gives up comes back to."""
    if not wants_fragment(request):
        return web.Response(status=303, headers={"Location": f"/console/posts/{request.match_info['id']}"})
    return await answer(request, int(request.match_info["id"]))


async def decide(request: web.Request) -> web.StreamResponse:
    """Approve, reject or cancel exactly the content that was shown."""
    deps, actor = deps_of(request), actor_of(request)
    post_id, verb, now = int(request.match_info["id"]), request.match_info["verb"], deps.clock.now()
    fields = await request.post()
    form = parse(RejectForm, fields) if verb == "reject" else parse(DecisionForm, fields)
    approve = partial(decisions.approve, needed=deps.pack.house.approvals)
    act: Any = {"approve": approve, "reject": decisions.reject, "cancel": decisions.cancel}[verb]
    try:
        async with deps.database.write() as session:
            post = await act(
                session, post_id, digest=form.digest, actor=actor, via="console", now=now, reason=form.reason
            )
            await settle(request, session, post.batch_id, now=now)
    except (Outdated, NotPossible) as exc:
        return await conflict(request, post_id, str(exc))
    deps.wake()
    note = f"{DONE[verb]}：内容 #{post_id}"
    if wants_fragment(request):
        return await answer(request, post_id, toast=note)
    return go(request, local_path(str(fields.get("back", "")), f"/console/posts/{post_id}"), note=note)


async def resend(request: web.Request) -> web.StreamResponse:
    """Queue a post once more for those whom it did not reach, and go there."""
    deps, post_id, now = deps_of(request), int(request.match_info["id"]), deps_of(request).clock.now()
    also = [status for status in strings(await request.post(), "also") if status in resending.REFUSED]
    try:
        async with deps.database.write() as session:
            fresh = await resending.resend(
                session,
                post_id,
                also=also,
                actor=actor_of(request),
                roster=await load_roster(session, deps.pack, now=now),
                checker=deps.checker,
                public_url=deps.public_url,
                now=now,
            )
    except resending.NothingToResend as exc:
        return go(request, f"/console/posts/{post_id}", note=str(exc), tone="warn")
    deps.wake()
    note = f"补发的内容 #{fresh.id} 已放进审核，通过以后才会发送。"
    return go(request, f"/console/posts/{fresh.id}", note=note)


async def conflict(
    request: web.Request, post_id: int, message: str, *, draft: str = ""
) -> web.StreamResponse:
    """Tell that nothing was changed and show the post as it is now (409); ``draft`` is what was written."""
    if wants_fragment(request):
        return await answer(request, post_id, status=409, alert=message, draft=draft)
    deps, hours = deps_of(request), hours_of(request)
    async with deps.database.read() as session:
        post = await get_post(session, post_id)
        (view,) = await load_views(
            session, [post], pack=await deps.library.pack(session), zone=deps.zone, now=hours.now
        )
        waiting = await waiting_count(session)
    back = local_path(str((await request.post()).get("back", "")), f"/console/posts/{post_id}")
    return page(
        request,
        "conflict.html",
        status=409,
        view=view,
        alert=message,
        draft=draft,
        back=back,
        waiting=waiting,
    )


async def answer(
    request: web.Request,
    post_id: int,
    *,
    status: int = 200,
    alert: str = "",
    draft: str = "",
    toast: str = "",
) -> web.Response:
    """Answer htmx with the post's card, and the numbers around it that may have changed."""
    deps, hours = deps_of(request), hours_of(request)
    async with deps.database.read() as session:
        post = await get_post(session, post_id)
        (view,) = await load_views(
            session, [post], pack=await deps.library.pack(session), zone=deps.zone, now=hours.now
        )
        batch = await session.get_one(Batch, post.batch_id)
        progress = progress_of(await posts_of(session, batch.id), now=hours.now)
        waiting = await waiting_count(session)
    return page(
        request,
        "_answer.html",
        status=status,
        view=view,
        batch=batch,
        face=face_of(deps.pack, batch.persona),
        progress=progress,
        waiting=waiting,
        alert=alert,
        draft=draft,
        toast=toast,
    )
