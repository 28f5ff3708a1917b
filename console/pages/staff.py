"""员工: who works here, what is theirs, and handing it over."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

from aiohttp import web

from clinic import audit, transfers
from clinic.transfers import MESSAGE_CHARS, CannotTransfer, Order
from console import members
from console.duties import waiting_count
from console.forms import FormRefused, strings
from console.frame import actor_of, deps_of, go, page, wants_fragment
from console.pages.todos import reach
from sop import vacancies
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncSession

    from console.members import Colleague

HERE: Final = "/console/staff"
RUN: Final = re.compile(r"[0-9a-f]{16}")


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/staff", index),
        web.get(r"/staff/{userid:[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}}", show),
        web.post(r"/staff/{userid:[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}}/handover", hand_over),
    )


async def index(request: web.Request) -> web.StreamResponse:
    """Everybody, first those whose patients wait for somebody."""
    deps = deps_of(request)
    async with deps.database.read() as session:
        roster = await load_roster(session, deps.pack, now=deps.clock.now())
        found = await members.load_colleagues(session, roster)
        waiting = await waiting_count(session)
    return page(request, "staff.html", colleagues=found, vacant=vacancies.vacant(roster), waiting=waiting)


async def show(request: web.Request, *, status: int = 200, problem: str = "") -> web.StreamResponse:
    """One member: what is his, the form that hands it over, and how handovers go."""
    deps, userid = deps_of(request), request.match_info["userid"]
    async with deps.database.read() as session:
        runs = await members.load_runs(session, userid, deps.vault)
        if wants_fragment(request):
            return page(request, "_handovers.html", runs=runs, userid=userid)
        roster = await load_roster(session, deps.pack, now=deps.clock.now())
        colleagues = await members.load_colleagues(session, roster)
        colleague = _find(colleagues, userid)
        count, patients = await members.load_choice(session, userid, deps.vault)
        groups = await transfers.groups_of(session, userid)
        _, manages = await reach(session, deps, actor_of(request))
        waiting = await waiting_count(session)
    takers = [c for c in colleagues if c.member.serves and c.member.userid != userid]
    return page(
        request,
        "member.html",
        status=status,
        colleague=colleague,
        count=count,
        patients=patients,
        groups=groups,
        takers=takers,
        runs=runs,
        userid=userid,
        manages=manages,
        run=secrets.token_hex(8),
        message_chars=MESSAGE_CHARS,
        problem=problem,
        waiting=waiting,
    )


async def hand_over(request: web.Request) -> web.StreamResponse:
    """Begin a handover; the form's own number keeps a second click from beginning another one."""
    deps, userid, actor = deps_of(request), request.match_info["userid"], actor_of(request)
    form = await request.post()
    run, takeover = str(form.get("run", "")), str(form.get("takeover", ""))
    if not RUN.fullmatch(run):
        raise FormRefused("run", "页面打开得太久，请刷新后再试")
    which = str(form.get("patients", ""))
    try:
        async with deps.database.write() as session:
            colleague = await _checked(session, request, userid, takeover)
            begun = await transfers.runs_of(session, userid)
            if any(progress.run == run for progress in begun):
                return go(request, f"{HERE}/{userid}", note="这次交接已经开始了。", tone="warn")
            able = await transfers.patients_of(session, userid)
            chosen = set(strings(form, "patient"))
            order = Order(
                run=run,
                handover=userid,
                takeover=takeover,
                resigned=colleague.gone,
                patients=tuple(able)
                if which == "all"
                else tuple(one for one in able if which == "chosen" and one in chosen),
                groups=tuple(strings(form, "group")),
                message=str(form.get("message", "")).strip(),
            )
            count = await transfers.begin(session, order, now=deps.clock.now())
            audit.record(
                session,
                at=deps.clock.now(),
                actor=actor,
                action="transfer.begin",
                subject=f"member:{userid}",
                reason=f"把 {len(order.patients)} 位顾客、{len(order.groups)} 个客户群交接给 {takeover}",
                detail={"run": run, "takeover": takeover, "resigned": order.resigned},
            )
    except CannotTransfer as exc:
        return await show(request, status=422, problem=str(exc))
    deps.wake()
    return go(request, f"{HERE}/{userid}#runs", note=f"开始交接 {count} 个，进度会显示在下面。")


async def _checked(session: AsyncSession, request: web.Request, userid: str, takeover: str) -> Colleague:
    deps = deps_of(request)
    _, manages = await reach(session, deps, actor_of(request))
    if not manages:
        raise CannotTransfer("只有管理员和店长能安排交接")
    colleagues = await members.load_colleagues(
        session, await load_roster(session, deps.pack, now=deps.clock.now())
    )
    if not any(c.member.userid == takeover and c.member.serves for c in colleagues):
        raise CannotTransfer("请选择一位已开通“客户联系”的同事接手")
    return _find(colleagues, userid)


def _find(colleagues: Iterable[Colleague], userid: str) -> Colleague:
    found = next((c for c in colleagues if c.member.userid == userid), None)
    if found is None:
        raise web.HTTPNotFound(reason="no such member")
    return found
