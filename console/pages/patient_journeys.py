"""Journeys of one patient: what she is in, starting one by hand after a look ahead, and stopping one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from aiohttp import web
from pydantic import StringConstraints

from clinic import merging
from console.duties import waiting_count
from console.forms import PlainForm, parse
from console.frame import actor_of, deps_of, go, page
from console.hands import hand_of
from console.pages.patients import HERE, patient_at
from console.person_views import read_record
from console.plan_views import ICONS, says_of
from console.records import RecordNotFound
from console.views import load_names
from content.plans.naming import CHANNELS, names_of
from content.plans.specs import CONTACTS
from sop.journeys import by_hand, timing

if TYPE_CHECKING:
    from collections.abc import Iterable

_AT = r"/patients/{id:\d{1,18}}/journeys"
Line = Annotated[str, StringConstraints(max_length=100)]


class StartForm(PlainForm):
    """A journey to begin; ``mark`` names one look ahead: pressed twice, one start."""

    plan: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    mark: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]
    reason: Line = ""


class StopForm(PlainForm):
    reason: Line = ""


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get(f"{_AT}/start", look_ahead),
        web.post(f"{_AT}/start", start),
        web.post(f"{_AT}/{{enrolment:\\d{{1,18}}}}/stop", stop),
    )


async def look_ahead(request: web.Request) -> web.StreamResponse:
    """Say what a start would send, when, by whom, and what the caps would hold; nothing begins yet."""
    return await _look(request, request.query.get("plan", ""))


async def _look(
    request: web.Request, key: str, *, reason: str = "", refused: str = "", status: int = 200
) -> web.StreamResponse:
    deps, now = deps_of(request), deps_of(request).clock.now()
    async with deps.database.read() as session:
        patient = await merging.head_of(session, await patient_at(request, session))
        hand = await hand_of(session, patient, deps, now=now)
        try:
            ahead = await hand.foresee(key)
        except by_hand.NoSuchJourney as exc:
            raise RecordNotFound(str(exc)) from None
        plan = hand.gate.book.published[key].plan
        record = await read_record(session, patient, deps)
        names = await load_names(session, userids=[step.userid for step in ahead.steps if step.userid])
        waiting = await waiting_count(session)
    says = {step.key: says_of(step, hand.gate.pack) for step in plan.journey.steps}
    approved = {step.key for step in plan.journey.steps if timing.needs_review(step)}
    return page(
        request,
        "patient_journey.html",
        status=status,
        record=record,
        ahead=ahead,
        channels=CHANNELS,
        icons=ICONS,
        titles=names_of(plan.journey, brief=True),
        says=says,
        approved=approved,
        contacts=CONTACTS,
        names=names,
        mark=int(now.timestamp() * 1000),
        reason=reason,
        refused=refused or ahead.refused,
        waiting=waiting,
    )


async def start(request: web.Request) -> web.StreamResponse:
    """Let her begin."""
    deps = deps_of(request)
    form, now = parse(StartForm, await request.post()), deps.clock.now()
    try:
        async with deps.database.write() as session:
            patient = await merging.head_of(session, await patient_at(request, session))
            hand = await hand_of(session, patient, deps, now=now)
            fresh = await hand.start(form.plan, mark=form.mark, reason=form.reason, actor=actor_of(request))
    except by_hand.NoSuchJourney as exc:
        raise RecordNotFound(str(exc)) from None
    except by_hand.NotStarted as exc:
        return await _look(request, form.plan, reason=form.reason, refused=str(exc), status=422)
    here = f"{HERE}/{patient.id}#journeys"
    if not fresh:
        return go(request, here, note="没有再开始一次：刚才已经开始了。", tone="warn")
    return go(request, here, note="已经开始。加错了的话，在“旅程”一栏点停止，还没发的都会撤下。")


async def stop(request: web.Request) -> web.StreamResponse:
    """End a journey of hers; what has not gone out is withdrawn."""
    deps = deps_of(request)
    form, now = parse(StopForm, await request.post()), deps.clock.now()
    try:
        async with deps.database.write() as session:
            patient = await merging.head_of(session, await patient_at(request, session))
            hand = await hand_of(session, patient, deps, now=now)
            enrolment = int(request.match_info["enrolment"])
            ended = await hand.stop(enrolment, reason=form.reason, actor=actor_of(request))
    except by_hand.NoSuchJourney as exc:
        raise RecordNotFound(str(exc)) from None
    here = f"{HERE}/{patient.id}#journeys"
    if not ended:
        return go(request, here, note="没有改变：这个旅程早已结束。", tone="warn")
    return go(request, here, note="已经停止，还没有发出去的都撤下了。要再走，就重新开始一次。")
