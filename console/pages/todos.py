"""待办: what people should do because a machine must not, or could not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web
from sqlalchemy import select

from clinic import audit, merging, todos
from clinic.care_tables import Todo
from clinic.tables import Patient
from clinic.todos import MANAGER, TodoState
from console.cards import load_cards
from console.duties import waiting_count
from console.forms import FormRefused, local_path
from console.frame import actor_of, deps_of, go, hours_of, page
from console.views import load_names
from sop.journeys import touch_life
from sop.journeys.channels import errands
from sop.journeys.channels.todo import KIND as TOUCH
from sop.journeys.channels.words import TODO_TEXT
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from console.cards import Card
    from console.deps import Deps

HERE: Final = "/console/todos"
PAGE: Final = 50
ADMIN: Final = "admin"
DONE: Final = {"done": "已完成", "drop": "已标为不用做", "reopen": "已放回待办"}
ACTIONS: Final = {"done": "todo.done", "drop": "todo.drop", "reopen": "todo.reopen"}


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/todos", index),
        web.post(r"/todos/{id:\d{1,18}}/{verb:done|drop|reopen}", act),
    )


async def index(request: web.Request) -> web.StreamResponse:
    """One's own to-dos; everybody's for a manager; those that were closed, to undo a slip."""
    deps, hours = deps_of(request), hours_of(request)
    whose, closed = request.query.get("whose", "mine"), request.query.get("closed") == "1"
    at = request.query.get("page", "1")
    if whose not in ("mine", "all") or not (at.isascii() and at.isdigit() and 1 <= int(at[:6]) <= 9999):
        raise FormRefused("whose", "没有这个列表")
    async with deps.database.read() as session:
        mine, manages = await reach(session, deps, actor_of(request))
        everybody = manages and whose == "all"
        rows = await todos.listed(
            session,
            assignees=None if everybody else mine,
            closed=closed,
            limit=PAGE + 1,
            offset=(int(at) - 1) * PAGE,
        )
        shown = rows[:PAGE]
        names = await load_names(
            session, userids={name for todo in shown for name in (todo.assignee, todo.closed_by or "")}
        )
        patients = await _patients(session, deps, shown)
        counts = (await todos.open_count(session, mine), await todos.open_count(session))
        waiting = await waiting_count(session)
    return page(
        request,
        "todos.html",
        todos=shown,
        patients=patients,
        names=names,
        whose="all" if everybody else "mine",
        manages=manages,
        closed=closed,
        counts=counts,
        manager=MANAGER,
        touch=TOUCH,
        texts={
            todo.id: deps.vault.open(todo.text_sealed, about=TODO_TEXT) for todo in shown if todo.text_sealed
        },
        page_number=int(at),
        more=len(rows) > PAGE,
        now=hours.now,
        waiting=waiting,
    )


async def reach(session: AsyncSession, deps: Deps, user: str) -> tuple[tuple[str, ...], bool]:
    """Return whose to-dos are the user's own, and whether everybody's may be seen and closed too."""
    roster = await load_roster(session, deps.pack, now=deps.clock.now())
    manages = user == ADMIN or roster.manages(user)
    return (user, MANAGER) if manages else (user,), manages


async def _patients(session: AsyncSession, deps: Deps, rows: Sequence[Todo]) -> dict[int, Card]:
    """Return the patients that to-dos are about, by the record that they name."""
    about = {todo.patient_id for todo in rows if todo.patient_id is not None}
    found = (await session.scalars(select(Patient).where(Patient.id.in_(about)))).all()
    heads = {patient.id: await merging.head_of(session, patient) for patient in found}
    living = {key: head for key, head in heads.items() if head.erased_at is None}
    cards = await load_cards(session, list(living.values()), deps.vault)
    return dict(zip(living, cards, strict=True))


async def act(request: web.Request) -> web.StreamResponse:
    """Close a to-do, or open it again."""
    deps, actor = deps_of(request), actor_of(request)
    todo_id, verb, now = int(request.match_info["id"]), request.match_info["verb"], deps.clock.now()
    back = local_path(str((await request.post()).get("back", "")), HERE)
    async with deps.database.write() as session:
        mine, manages = await reach(session, deps, actor)
        whose = None if manages else mine
        if verb == "reopen":
            closed = await session.get(Todo, todo_id)
            done = closed is not None and errands.may_be_put_back(closed)
            done = done and await todos.reopen(session, todo_id, assignees=whose)
            if done:
                await errands.put_back(session, todo_id, now=now)
        else:
            state = TodoState.DONE if verb == "done" else TodoState.DROPPED
            done = await todos.close(session, todo_id, by=actor, now=now, state=state, assignees=whose)
            if done:
                await touch_life.follow_todo(session, todo_id, done=verb == "done", now=now)
        if done:
            todo = await session.get_one(Todo, todo_id)
            audit.record(
                session,
                at=now,
                actor=actor,
                action=ACTIONS[verb],
                subject=f"todo:{todo_id}",
                # Not its title: that may name a patient, and she may ask to be forgotten.
                reason=DONE[verb],
            )
    if not done:
        return go(request, back, note="没有改变：这件事刚被别人处理过，或者不是你的待办。", tone="warn")
    return go(request, back, note=f"{DONE[verb]}：{todo.title}")
