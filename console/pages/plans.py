"""计划: the SOPs, what each step does and how it goes, drafts with their faults, publication, pauses."""

from __future__ import annotations

from difflib import ndiff
from typing import TYPE_CHECKING, Any, Final, Literal

import yaml
from aiohttp import web
from sqlalchemy import select

from clinic import audit
from console.duties import waiting_count
from console.forms import FormRefused, PlainForm, parse
from console.frame import actor_of, deps_of, go, page, render
from console.plan_views import KINDS, load_cards, load_plan
from console.views import load_names
from content.plans.check import check_document
from content.plans.documents import plan_of
from content.plans.naming import names_of
from content.plans.specs import JourneyBody
from content.problems import Problem
from sop.plan_tables import PlanVersion
from sop.plans import store
from sop.plans.errors import PlanRefused
from sop.plans.states import PlanState, may_become

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack

HERE: Final = "/console/plans"
_KEY: Final = r"{key:[a-z0-9._-]{1,64}}"
DOCUMENT_CHARS: Final = 60_000
DONE: Final = {
    PlanState.ACTIVE: "已启用：符合条件的人会陆续进来",
    PlanState.PAUSED: "已暂停：到时间的先等着，恢复以后再说",
    PlanState.RETIRED: "已停用：在里面的人都结束了",
}
NEW: Final = """\
key: my-plan            # 起了名字以后不要改
kind: journey           # journey 一对一，group 客户群，moments 朋友圈
title: 洗牙后回访
persona: follow         # follow = 她加的那位成员
purpose: care           # care 关怀，marketing 推广
trigger:
  - on: visit
    treatment: [scaling]
steps:
  - key: day-3
    title: 第 3 天问候
    channel: mass
    after: { days: 3 }
    at: "10:00"
    text: 洗完牙这几天感觉怎么样？牙龈有不舒服随时告诉我们。
"""


class DocumentForm(PlainForm):
    """A plan as it was typed; ``seen``: the digest of the draft that was opened."""

    document: str
    seen: str = ""


class PublishForm(PlainForm):
    """Which draft, by the digest that was shown, and what it does to the people inside."""

    number: int
    seen: str
    inside: Literal["stay", "move", "restart"] = "stay"
    at: str = ""


class StateForm(PlainForm):
    """The wanted state and why."""

    state: PlanState
    reason: str = ""


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/plans", index),
        web.get("/plans/new", edit),
        web.post("/plans/new", save),
        web.post("/plans/check", check),
        web.get(f"/plans/of/{_KEY}", detail),
        web.get(f"/plans/of/{_KEY}/edit", edit),
        web.post(f"/plans/of/{_KEY}/edit", save),
        web.post(f"/plans/of/{_KEY}/publish", publish),
        web.post(f"/plans/of/{_KEY}/drop", drop),
        web.post(f"/plans/of/{_KEY}/state", state),
    )


async def index(request: web.Request) -> web.StreamResponse:
    """Every plan by kind."""
    deps = deps_of(request)
    pack = await deps.library.current()
    async with deps.database.read() as session:
        cards = await load_cards(session, pack)
        waiting = await waiting_count(session)
    groups = [(name, [card for card in cards if card.kind == kind]) for kind, name in KINDS.items()]
    return page(request, "plans.html", groups=groups, waiting=waiting)


async def detail(request: web.Request) -> web.StreamResponse:
    """One plan: its way, its people, its versions and its story."""
    deps, key = deps_of(request), request.match_info["key"]
    pack = await deps.library.current()
    async with deps.database.read() as session:
        view = await load_plan(session, key, pack)
        if view is None:
            raise web.HTTPNotFound
        versions = await store.versions_of(session, key)
        story = await audit.of_subject(session, f"plan:{key}", limit=20)
        names = await load_names(
            session,
            userids={
                *(entry.actor for entry in story),
                *(who for one in versions for who in (one.created_by, one.published_by) if who),
            },
        )
        waiting = await waiting_count(session)
    draft = next((one for one in versions if one.published_at is None), None)
    return page(
        request,
        "plan.html",
        view=view,
        versions=versions,
        draft=draft,
        steps=_steps(draft),
        names=names,
        changes=_changes(versions, draft, view.card.version) if draft else (),
        states=[one for one in PlanState if may_become(view.state, one) and _possible(view.state, one)],
        story=tuple(reversed(story)),
        waiting=waiting,
    )


async def edit(request: web.Request) -> web.StreamResponse:
    """The document to type in: the open draft, else the published version as the beginning of a new one."""
    deps, key = deps_of(request), request.match_info.get("key", "")
    text, seen = NEW, ""
    if key:
        async with deps.database.read() as session:
            version = await _to_edit(session, key)
        if version is None:
            raise web.HTTPNotFound
        text = written(version.document)
        seen = version.digest if version.published_at is None and version.origin == store.STAFF else ""
    return await _editor(request, key, text, seen, check_text(text, key, deps.pack))


async def save(request: web.Request) -> web.StreamResponse:
    """Keep the document as a draft, or show what is wrong with it and where."""
    deps, actor, key = deps_of(request), actor_of(request), request.match_info.get("key", "")
    form = parse(DocumentForm, await request.post())
    problems = check_text(form.document, key, deps.pack)
    if any(problem.level == "error" for problem in problems):
        return await _editor(request, key, form.document, form.seen, problems, status=422)
    document = _read(form.document)
    try:
        async with deps.database.write() as session:
            draft = await store.save_draft(
                session,
                document,
                pack=deps.pack,
                actor=actor,
                now=deps.clock.now(),
                seen=form.seen or None,
            )
    except PlanRefused as exc:
        return await _editor(request, key, form.document, form.seen, problems, refused=str(exc), status=409)
    note = f"草稿已保存（第 {draft.number} 版），看一遍就可以发布"
    return go(request, f"{HERE}/of/{draft.plan_key}", note=note)


async def check(request: web.Request) -> web.StreamResponse:
    """Say while somebody types what is wrong with the document."""
    deps = deps_of(request)
    form = parse(DocumentForm, await request.post())
    problems = check_text(form.document, "", deps.pack)
    return web.Response(
        text=render(request, "_plan_check.html", {"problems": problems}), content_type="text/html"
    )


async def publish(request: web.Request) -> web.StreamResponse:
    """Publish the draft that was shown."""
    deps, actor, key = deps_of(request), actor_of(request), request.match_info["key"]
    form = parse(PublishForm, await request.post())
    try:
        async with deps.database.write() as session:
            done = await store.publish(
                session,
                key,
                form.number,
                inside=form.inside,
                at=form.at or None,
                pack=deps.pack,
                actor=actor,
                now=deps.clock.now(),
                seen=form.seen,
            )
    except PlanRefused as exc:
        return go(request, f"{HERE}/of/{key}", note=str(exc), tone="bad")
    more = (
        f"，{done.moved} 人转到新版"
        if done.moved
        else f"，{done.restarted} 人重新开始"
        if done.restarted
        else ""
    )
    return go(request, f"{HERE}/of/{key}", note=f"第 {done.version.number} 版已发布{more}")


async def drop(request: web.Request) -> web.StreamResponse:
    """Throw a draft away."""
    deps, actor, key = deps_of(request), actor_of(request), request.match_info["key"]
    form = parse(PublishForm, await request.post())
    try:
        async with deps.database.write() as session:
            await store.drop_draft(session, key, form.number, actor=actor, now=deps.clock.now())
    except PlanRefused as exc:
        return go(request, f"{HERE}/of/{key}", note=str(exc), tone="bad")
    return go(request, HERE, note=f"第 {form.number} 版草稿已删掉")


async def state(request: web.Request) -> web.StreamResponse:
    """Pause, resume or retire."""
    deps, actor, key = deps_of(request), actor_of(request), request.match_info["key"]
    form = parse(StateForm, await request.post())
    try:
        async with deps.database.write() as session:
            await store.change_state(
                session, key, form.state, actor=actor, now=deps.clock.now(), reason=form.reason[:100]
            )
    except PlanRefused as exc:
        return go(request, f"{HERE}/of/{key}", note=str(exc), tone="bad")
    deps.wake()
    return go(request, f"{HERE}/of/{key}", note=DONE[form.state])


# ── documents ────────────────────────────────────────────────────────────────────────────────────────


def written(document: dict[str, Any]) -> str:
    """Return a document as staff read and write it."""
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=100)


def check_text(text: str, key: str, pack: Pack) -> Sequence[Problem]:
    """Return what is wrong with a typed document; a plan that exists keeps its key."""
    try:
        document = _read(text)
    except FormRefused as exc:
        return [_problem(str(exc))]
    if key and document.get("key") != key:
        return [_problem(f"key 不能改，这里应是 {key}")]
    return check_document(document, pack)


def _read(text: str) -> dict[str, Any]:
    if len(text) > DOCUMENT_CHARS:
        raise FormRefused("document", f"太长了：最多 {DOCUMENT_CHARS} 字")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        place = f"第 {mark.line + 1} 行第 {mark.column + 1} 列" if mark else ""
        raise FormRefused("document", f"{place}格式不对：检查冒号、缩进和引号") from None
    except (ValueError, RecursionError):
        raise FormRefused("document", "有不能用的值，例如不存在的日期") from None
    if not isinstance(document, dict):
        raise FormRefused("document", "要从 key、kind、title 写起")
    return document


def _problem(message: str) -> Problem:
    return Problem(level="error", file="", line=0, field="", message=message, remedy="改好以后再保存")


async def _to_edit(session: AsyncSession, key: str) -> PlanVersion | None:
    versions = (
        await session.scalars(
            select(PlanVersion).where(PlanVersion.plan_key == key).order_by(PlanVersion.number.desc())
        )
    ).all()
    drafts = [one for one in versions if one.published_at is None]
    return next(iter((*drafts, *versions)), None)


async def _editor(
    request: web.Request,
    key: str,
    text: str,
    seen: str,
    problems: Sequence[Problem],
    *,
    refused: str = "",
    status: int = 200,
) -> web.StreamResponse:
    deps = deps_of(request)
    async with deps.database.read() as session:
        waiting = await waiting_count(session)
    response = page(
        request,
        "plan_edit.html",
        key=key,
        text=text,
        seen=seen,
        problems=problems,
        refused=refused,
        waiting=waiting,
    )
    response.set_status(status)
    return response


def _possible(before: PlanState, to: PlanState) -> bool:
    # A draft becomes active by being published, on this very page.
    return not (before is PlanState.DRAFT and to is PlanState.ACTIVE)


def _steps(draft: PlanVersion | None) -> dict[str, str]:
    """Return the steps of a journey's draft by key, as staff call them."""
    body = plan_of(draft.document).body if draft is not None else None
    return names_of(body) if isinstance(body, JourneyBody) else {}


def _changes(
    versions: Sequence[PlanVersion], draft: PlanVersion, published: int
) -> tuple[tuple[str, str], ...]:
    """Return the lines that the draft takes away and adds, each with its sign."""
    before = next((one for one in versions if one.number == published), None)
    if before is None:
        return ()
    lines = ndiff(written(before.document).splitlines(), written(draft.document).splitlines())
    return tuple((line[0], line[2:]) for line in lines if line[0] in "+-")
