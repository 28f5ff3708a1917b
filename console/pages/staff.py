"""员工: who works here, what is theirs, and handing it over."""

from __future__ import annotations

import re
import secrets
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Final

from aiohttp import web
from pydantic import Field, StringConstraints

from clinic import audit, transfers
from clinic.transfers import MESSAGE_CHARS, CannotTransfer, Order
from console import members
from console.duties import waiting_count
from console.forms import FormRefused, PlainForm, parse, strings
from console.frame import actor_of, deps_of, go, page, wants_fragment
from console.pages.todos import reach
from sop import absences, vacancies
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncSession

    from console.members import Colleague
    from sop.roster import Roster
    from sop.tables import Away

HERE: Final = "/console/staff"
RUN: Final = re.compile(r"[0-9a-f]{16}")


class AwayForm(PlainForm):
    """From which day to which, both included, and who stands in."""

    since: date
    until: date
    substitute: Annotated[str, StringConstraints(max_length=64)] = ""


class BackForm(PlainForm):
    """Which absence ends."""

    absence: Annotated[int, Field(ge=1, lt=10**18)]


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/staff", index),
        web.get(r"/staff/{userid:[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}}", show),
        web.post(r"/staff/{userid:[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}}/handover", hand_over),
        web.post(r"/staff/{userid:[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}}/away", send_off),
        web.post(r"/staff/{userid:[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}}/back", call_back),
    )


async def index(request: web.Request) -> web.StreamResponse:
    """Everybody, first those whose patients wait for somebody."""
    deps = deps_of(request)
    async with deps.database.read() as session:
        roster = await load_roster(session, deps.pack, now=deps.clock.now())
        found = await members.load_colleagues(session, roster)
        away = await _away(session, deps.clock.now())
        waiting = await waiting_count(session)
    return page(
        request,
        "staff.html",
        colleagues=found,
        vacant=vacancies.vacant(roster),
        away=away,
        names={colleague.member.userid: colleague.name for colleague in found},
        waiting=waiting,
    )


async def _away(session: AsyncSession, now: datetime) -> dict[str, list[Away]]:
    """Return the absences of now and later by member, the earliest first."""
    found: dict[str, list[Away]] = {}
    for one in await absences.listed(session, now=now):
        found.setdefault(one.userid, []).append(one)
    return found


async def show(request: web.Request, *, status: int = 200, problem: str = "") -> web.StreamResponse:
    """One member: what is his, the form that hands it over, and how handovers go."""
    deps, userid = deps_of(request), request.match_info["userid"]
    async with deps.database.read() as session:
        runs = await members.load_runs(session, userid, deps.vault)
        if wants_fragment(request):
            return page(request, "_handovers.html", runs=runs, userid=userid)
        roster = await load_roster(session, deps.pack, now=deps.clock.now())
        colleagues = await members.load_colleagues(session, roster)
        colleague = _find(colleagues, userid, roster)
        count, patients = await members.load_choice(session, userid, deps.vault)
        groups = await transfers.groups_of(session, userid)
        _, manages = await reach(session, deps, actor_of(request))
        away = (await _away(session, deps.clock.now())).get(userid, [])
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
        away=away,
        others=_substitutes(colleagues, roster, without=userid),
        names={c.member.userid: c.name for c in colleagues},
        may_note=manages or actor_of(request) == userid,
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


def _substitutes(colleagues: Iterable[Colleague], roster: Roster, *, without: str) -> list[tuple[str, str]]:
    """Return who can stand in, by userid and name: colleagues, and who is bound but was never seen."""
    names = dict.fromkeys(sorted(roster.people), "") | {
        c.member.userid: "" if c.gone else c.name for c in colleagues
    }
    gone = {c.member.userid for c in colleagues if c.gone}
    return [(u, name or u) for u, name in names.items() if u != without and u not in gone]


async def send_off(request: web.Request) -> web.StreamResponse:
    """Note that a member is away, and who stands in."""
    deps, userid, actor = deps_of(request), request.match_info["userid"], actor_of(request)
    form, now = parse(AwayForm, await request.post()), deps.clock.now()
    since = datetime.combine(form.since, time(), tzinfo=deps.zone)
    until = datetime.combine(form.until + timedelta(days=1), time(), tzinfo=deps.zone)
    try:
        async with deps.database.write() as session:
            await _may_note(session, request, userid)
            await absences.note(
                session,
                userid,
                since=max(since, now),
                until=until,
                substitute=form.substitute,
                roster=await load_roster(session, deps.pack),
                actor=actor,
                now=now,
            )
    except absences.AbsenceRefused as exc:
        return await show(request, status=422, problem=str(exc))
    note = f"已记下：{form.since:%m-%d} 到 {form.until:%m-%d} 休假。审核卡片、提醒和待办会交给代班的同事。"
    return go(request, f"{HERE}/{userid}#away", note=note)


async def call_back(request: web.Request) -> web.StreamResponse:
    """Let a member be back earlier, or not go at all."""
    deps, userid = deps_of(request), request.match_info["userid"]
    form = parse(BackForm, await request.post())
    try:
        async with deps.database.write() as session:
            await _may_note(session, request, userid)
            ended = await absences.end(session, form.absence, actor=actor_of(request), now=deps.clock.now())
    except absences.AbsenceRefused as exc:
        return await show(request, status=422, problem=str(exc))
    note = "已回来上班，之后的审核和提醒照常。" if ended else "没有改变：这次休假已经结束了。"
    return go(request, f"{HERE}/{userid}#away", note=note, tone="good" if ended else "warn")


async def _may_note(session: AsyncSession, request: web.Request, userid: str) -> None:
    _, manages = await reach(session, deps_of(request), actor_of(request))
    if not manages and actor_of(request) != userid:
        raise absences.AbsenceRefused("userid", "只有管理员、店长和本人能登记休假")


async def _checked(session: AsyncSession, request: web.Request, userid: str, takeover: str) -> Colleague:
    deps = deps_of(request)
    _, manages = await reach(session, deps, actor_of(request))
    if not manages:
        raise CannotTransfer("只有管理员和店长能安排交接")
    roster = await load_roster(session, deps.pack, now=deps.clock.now())
    colleagues = await members.load_colleagues(session, roster)
    if not any(c.member.userid == takeover and c.member.serves for c in colleagues):
        raise CannotTransfer("请选择一位已开通“客户联系”的同事接手")
    return _find(colleagues, userid, roster)


def _find(colleagues: Iterable[Colleague], userid: str, roster: Roster) -> Colleague:
    known = next((c for c in colleagues if c.member.userid == userid), None)
    found = known or members.only_bound(userid, roster)
    if found is None:
        raise web.HTTPNotFound(reason="no such member")
    return found
