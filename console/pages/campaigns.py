"""Many people for one journey: who would begin and what the caps say, then the start; what caps held."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Final

from aiohttp import web
from pydantic import StringConstraints
from sqlalchemy import func, select

from clinic import audit
from clinic.stages import Stage
from clinic.tables import Patient, Tag
from console.cards import load_cards
from console.duties import waiting_count
from console.forms import FormRefused, PlainForm, parse
from console.frame import actor_of, deps_of, go, page
from content.plans.naming import name_of
from sop.caps import budget
from sop.journeys import by_hand
from sop.journeys.books import book_of
from sop.journeys.crowds import ENROLLED, Crowd, Forecast, first_contact
from sop.journeys.enrolling import Begun, Candidate, begin
from sop.journeys.ports import DROPPED, HELD
from sop.plan_tables import Touch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from console.deps import Deps
    from sop.journeys.enrolling import Gate
    from sop.plans.book import Published

_AT: Final = r"/plans/of/{key:[a-z0-9._-]{1,64}}/people"
MOST_SEEN: Final = 20_000  # people of one look: more is for the command line, which shows how far it is
MOST_STARTED: Final = 3_000
SLICE: Final = 100  # people of one transaction: on SQLite a greeting waits behind it
SHOWN: Final = 50
LATELY: Final = 100_000  # steps that are looked through for those that were dropped


class CrowdForm(PlainForm):
    """Whom it is about; ``mark`` names one look, so that the same start is one start."""

    tag: Annotated[str, StringConstraints(max_length=130)] = ""
    stage: Annotated[str, StringConstraints(max_length=12)] = ""
    mark: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")]


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get(_AT, look),
        web.post(f"{_AT}/start", start),
        web.get("/plans/held", held),
    )


async def look(request: web.Request) -> web.StreamResponse:
    """Choose people and see the budget: how many would begin, whom the caps would hold, and why."""
    deps, key = deps_of(request), request.match_info["key"]
    now, query = deps.clock.now(), request.query
    asked = "tag" in query or "stage" in query
    crowd = _crowd(query.get("tag", ""), query.get("stage", ""))
    async with deps.database.read() as session:
        plan, gate = await _plan(session, deps, key, now)
        tags = (await session.scalars(select(Tag).order_by(Tag.group_name, Tag.name))).all()
        count = await crowd.count(session) if asked else 0
        waiting = await waiting_count(session)
    forecast = Forecast()
    if asked and count <= MOST_SEEN:
        async for ids in crowd.pages(deps.database):
            async with deps.database.read() as session:
                some = [Candidate(patient_id=one, fact="manual:?", trigger_at=now, cause="") for one in ids]
                await forecast.add(session, plan, some, gate=gate, now=now)
    return page(
        request,
        "campaign.html",
        plan=plan,
        tags=[tag.path for tag in tags],
        stages=[(stage.value, stage.title) for stage in Stage],
        crowd=crowd,
        asked=asked,
        count=count,
        forecast=forecast,
        refused=Counter(forecast.begun.refused.values()).most_common(8),
        words=budget.WORDS,
        first=first_contact(plan, gate, now),
        most_seen=MOST_SEEN,
        most=MOST_STARTED,
        mark=int(now.timestamp() * 1000),
        waiting=waiting,
    )


async def start(request: web.Request) -> web.StreamResponse:
    """Let them begin, some in each transaction; told twice, nobody begins twice."""
    deps, key, now = deps_of(request), request.match_info["key"], deps_of(request).clock.now()
    form = parse(CrowdForm, await request.post())
    crowd = _crowd(form.tag, form.stage)
    async with deps.database.read() as session:
        plan, gate = await _plan(session, deps, key, now)
        if await crowd.count(session) > MOST_SEEN:
            raise FormRefused("tag", "人太多了：请用 xiaohu enrol，它会显示进度，断了能接着做")
    begun = Begun()
    async for ids in crowd.pages(deps.database):
        for place in range(0, len(ids), SLICE):
            if len(begun.began) >= MOST_STARTED:
                break
            some = [
                Candidate(
                    patient_id=one, fact=f"{by_hand.HAND}{form.mark}", trigger_at=now, cause="同事手动加入"
                )
                for one in ids[place : place + SLICE]
            ]
            async with deps.database.write() as session:
                begun += await begin(session, plan, some, gate=gate, now=now)
    if begun.began:
        async with deps.database.write() as session:
            audit.record(
                session,
                at=now,
                actor=actor_of(request),
                action=ENROLLED,
                subject=f"plan:{key}",
                reason=f"手动加入 {len(begun.began)} 位（{crowd.words}）",
            )
    here = f"/console/plans/of/{key}"
    if not begun.began:
        return go(request, here, note="没有人加入：都已经在里面，或不符合条件。", tone="warn")
    return go(
        request, here, note=f"加入了 {len(begun.began)} 位。要撤回，停用这个计划，或在客户的页面一个个停。"
    )


async def held(request: web.Request) -> web.StreamResponse:
    """What waits for caps, quiet hours and pauses, and what was given up lately, each with its reason."""
    deps = deps_of(request)
    async with deps.database.read() as session:
        book = await book_of(session)
        waits = (
            await session.scalars(select(Touch).where(Touch.state == HELD).order_by(Touch.at).limit(SHOWN))
        ).all()
        total = await session.scalar(select(func.count()).select_from(Touch).where(Touch.state == HELD))
        newest = await session.scalar(select(func.max(Touch.id))) or 0
        gone = (
            await session.scalars(
                select(Touch)
                .where(Touch.state == DROPPED, Touch.id > newest - LATELY)
                .order_by(Touch.id.desc())
                .limit(SHOWN)
            )
        ).all()
        versions = await book.versions(session, {one.version_id for one in (*waits, *gone)})
        cards = await _cards(session, [*waits, *gone], deps)
        waiting = await waiting_count(session)
    return page(
        request,
        "held.html",
        waits=waits,
        total=total or 0,
        gone=gone,
        cards=cards,
        titles={key: one.plan.title for key, one in book.published.items()},
        steps={
            one.id: name_of(versions[one.version_id].journey, one.step)
            for one in (*waits, *gone)
            if one.version_id in versions
        },
        waiting=waiting,
    )


async def _cards(session: AsyncSession, touches: Sequence[Touch], deps: Deps) -> dict[int, object]:
    ids = {one.patient_id for one in touches}
    people = (await session.scalars(select(Patient).where(Patient.id.in_(ids)))).all()
    return {card.id: card for card in await load_cards(session, people, deps.vault)}


async def _plan(session: AsyncSession, deps: Deps, key: str, now: datetime) -> tuple[Published, Gate]:
    gate = await by_hand.gate_of(session, await deps.library.pack(session), now=now)
    plan = gate.book.get(key)
    if plan is None or plan.plan.kind != "journey":
        raise web.HTTPNotFound
    return plan, gate


def _crowd(tag: str, stage: str) -> Crowd:
    if stage and stage not in set(Stage):
        raise FormRefused("stage", "没有这个阶段")
    try:
        return Crowd(tag=tag, stage=stage)
    except ValueError as exc:
        raise FormRefused("tag", str(exc)) from None
