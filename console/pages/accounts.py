"""账号与人设: who speaks as which persona."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web

from console import accounts
from console.accounts import BindingRefused, BindingsChanged
from console.duties import waiting_count
from console.forms import strings
from console.frame import actor_of, deps_of, go, page
from console.views import face_of
from console.wording import ROLES
from sop import review
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncSession

    from console.deps import Deps

HERE = "/console/accounts"


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/accounts", show),
        web.post(r"/accounts/{persona}", bind),
        web.post(r"/accounts/{persona}/reset", reset),
    )


async def show(
    request: web.Request, *, status: int = 200, persona: str = "", problem: str = ""
) -> web.StreamResponse:
    """Personas with their people; a problem is told at the persona it belongs to."""
    deps = deps_of(request)
    async with deps.database.read() as session:
        found = await accounts.load_accounts(session, deps.pack, now=deps.clock.now())
        waiting = await waiting_count(session)
    names = {member.userid: member.name or member.userid for member in found.members}
    serving = {member.userid for member in found.members if member.serves}
    bound = {userid for account in found.personas for people in account.bound.values() for userid in people}
    return page(
        request,
        "accounts.html",
        status=status,
        accounts=found.personas,
        members=found.members,
        # A member may be bound before the first sync has shown that he exists.
        people=[*names, *sorted(bound - set(names))],
        names=names,
        serving=serving,
        face=lambda key: face_of(deps.pack, key),
        problem_at=persona,
        problem=problem,
        waiting=waiting,
    )


async def bind(request: web.Request) -> web.StreamResponse:
    """Bind exactly the people ticked or written."""
    deps, persona = deps_of(request), request.match_info["persona"]
    form = await request.post()
    wanted = {role: [*strings(form, role), *_written(form.get(f"{role}_more"))] for role in ROLES}
    try:
        async with deps.database.write() as session:
            changed = await accounts.change(
                session,
                deps.pack,
                persona,
                wanted,
                seen=str(form.get("seen", "")),
                actor=actor_of(request),
                now=deps.clock.now(),
            )
            if changed:
                await _offer_again(session, deps, persona)
    except BindingsChanged as exc:
        return await show(request, status=409, persona=persona, problem=str(exc))
    except BindingRefused as exc:
        return await show(request, status=422, persona=persona, problem=str(exc))
    name = deps.pack.persona(persona).name
    return go(
        request,
        f"{HERE}#{persona}",
        note=f"“{name}”的绑定已保存。" if changed else f"“{name}”的绑定没有变化。",
    )


async def reset(request: web.Request) -> web.StreamResponse:
    """Follow the content pack again."""
    deps, persona = deps_of(request), request.match_info["persona"]
    form = await request.post()
    try:
        async with deps.database.write() as session:
            changed = await accounts.reset(
                session,
                deps.pack,
                persona,
                seen=str(form.get("seen", "")),
                actor=actor_of(request),
                now=deps.clock.now(),
            )
            if changed:
                await _offer_again(session, deps, persona)
    except BindingsChanged as exc:
        return await show(request, status=409, persona=persona, problem=str(exc))
    return go(request, f"{HERE}#{persona}", note=f"“{deps.pack.persona(persona).name}”已恢复内容包默认。")


async def _offer_again(session: AsyncSession, deps: Deps, persona: str) -> None:
    await session.flush()
    roster = await load_roster(session, deps.pack, now=deps.clock.now())
    await review.rebound(session, persona, roster=roster, now=deps.clock.now(), public_url=deps.public_url)


def _written(raw: object) -> list[str]:
    return [part for part in re.split(r"[\s,，、;；]+", raw) if part] if isinstance(raw, str) else []
