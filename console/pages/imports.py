"""导入: a file from the clinic's own system is uploaded, looked through, confirmed, recorded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.orm import defer

from clinic import audit, visits
from clinic.care_tables import Import
from clinic.imports.book import faulty_rows, template
from clinic.imports.columns import COLUMNS, KIND_TITLES, KINDS
from clinic.imports.files import MAX_BYTES
from clinic.imports.sheet import MAX_ROWS, FileRefused
from console.duties import waiting_count
from console.forms import FormRefused
from console.frame import actor_of, deps_of, go, page, wants_fragment
from console.views import load_names
from sop import importing
from sop.importing import ImportState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clinic.imports.columns import ImportKind

HERE: Final = "/console/imports"
SHOWN: Final = 20
FAULTS_SHOWN: Final = 100
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SIGNS: Final = {
    ImportState.CHECKING: ("blue", "clock", "检查中"),
    ImportState.CHECKED: ("amber", "hand", "等你确认"),
    ImportState.RUNNING: ("blue", "clock", "导入中"),
    ImportState.DONE: ("green", "check", "已完成"),
    ImportState.STOPPED: ("grey", "cross", "已停止"),
    ImportState.BROKEN: ("red", "alert", "读不出来"),
}
NO_IMPORT: Final = "没有这次导入"


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/imports", index),
        web.post("/imports", upload),
        web.get(r"/imports/template/{kind}.xlsx", fetch_template),
        web.get(r"/imports/{id:\d{1,18}}", show),
        web.get(r"/imports/{id:\d{1,18}}/faults.csv", fetch_faults),
        web.post(r"/imports/{id:\d{1,18}}/confirm", confirm),
        web.post(r"/imports/{id:\d{1,18}}/stop", stop),
    )


async def index(request: web.Request, *, status: int = 200, problem: str = "") -> web.StreamResponse:
    """The form to upload with, what was imported lately, and which treatments were not recognised."""
    async with deps_of(request).database.read() as session:
        query = select(Import).options(defer(Import.content_sealed), defer(Import.faults))
        found = (await session.scalars(query.order_by(Import.id.desc()).limit(SHOWN))).all()
        unknown = await visits.unknown_codes(session, limit=50)
        waiting = await waiting_count(session)
    return page(
        request,
        "imports.html",
        status=status,
        problem=problem,
        imports=found,
        unknown=unknown,
        kinds=KIND_TITLES,
        columns=COLUMNS,
        signs=SIGNS,
        megabytes=MAX_BYTES // 1024 // 1024,
        most=MAX_ROWS,
        waiting=waiting,
    )


async def upload(request: web.Request) -> web.StreamResponse:
    """Store a file to be looked through."""
    deps, actor = deps_of(request), actor_of(request)
    form = await request.post()
    kind, sent = form.get("kind"), form.get("file")
    if kind not in KINDS:
        return await index(request, status=422, problem="请选择文件里是什么")
    if not isinstance(sent, web.FileField) or not sent.filename:
        return await index(request, status=422, problem="请选择一个 .xlsx 或 .csv 文件")
    data = await asyncio.to_thread(sent.file.read)
    if not data.strip():
        return await index(request, status=422, problem="这个文件是空的，请重新选择")
    ready = await asyncio.to_thread(importing.make_ready, data, _kind(kind), deps.vault)
    async with deps.database.write() as session:
        row = await importing.submit(
            session, ready, name=_name(sent.filename), actor=actor, now=deps.clock.now()
        )
    return go(request, f"{HERE}/{row.id}")


async def show(request: web.Request) -> web.StreamResponse:
    """How far an import is, and what is wrong with the file; the middle renews itself while it moves."""
    async with deps_of(request).database.read() as session:
        row = await session.get(Import, int(request.match_info["id"]), options=[defer(Import.content_sealed)])
        if row is None:
            raise FormRefused("id", NO_IMPORT)
        kept = await session.scalar(
            select(Import.id).where(Import.id == row.id, Import.content_sealed.is_not(None))
        )
        names = await load_names(session, userids=[row.actor])
        waiting = await waiting_count(session)
    return page(
        request,
        "_import.html" if wants_fragment(request) else "import.html",
        row=row,
        names=names,
        sign=SIGNS[ImportState(row.state)],
        moves=ImportState(row.state).moves,
        kind=KIND_TITLES[row.kind],
        faults=row.faults[:FAULTS_SHOWN],
        kept=kept is not None,
        waiting=waiting,
    )


async def confirm(request: web.Request) -> web.StreamResponse:
    """Record a file that was looked through."""
    return await _turn(
        request, importing.confirm, "开始导入。", "没有改变：这个文件已经在导入，或者已经结束。"
    )


async def stop(request: web.Request) -> web.StreamResponse:
    """Stop; what was recorded stays."""
    return await _turn(request, importing.stop, "已停止，记下的内容保留。", "没有改变：这次导入已经结束。")


async def _turn(request: web.Request, act: Any, done: str, not_done: str) -> web.StreamResponse:
    deps, import_id = deps_of(request), int(request.match_info["id"])
    async with deps.database.write() as session:
        turned = await act(session, import_id, actor=actor_of(request), now=deps.clock.now())
    return go(
        request, f"{HERE}/{import_id}", note=done if turned else not_done, tone="good" if turned else "warn"
    )


async def fetch_template(request: web.Request) -> web.StreamResponse:
    """An Excel file to fill in."""
    kind = request.match_info["kind"]
    if kind not in KINDS:
        raise web.HTTPNotFound
    body = await asyncio.to_thread(template, _kind(kind))
    return _file(body, XLSX, f"xiaohu-{kind}.xlsx")


async def fetch_faults(request: web.Request) -> web.StreamResponse:
    """The faulty rows as they were and what to mend; who took them stands in the audit trail."""
    deps, import_id = deps_of(request), int(request.match_info["id"])
    async with deps.database.write() as session:
        row = await session.get(Import, import_id)
        if row is None or row.content_sealed is None or not row.faults:
            raise FormRefused("id", "没有可以下载的问题行：文件只保留一天")
        audit.record(
            session,
            at=deps.clock.now(),
            actor=actor_of(request),
            action="import.faults",
            subject=f"import:{import_id}",
            reason="下载了导入文件里有问题的行",
        )
    faults: dict[int, list[tuple[str, str]]] = {}
    for fault in row.faults:
        faults.setdefault(fault["row"], []).append((fault["column"], fault["message"]))
    try:
        data = await asyncio.to_thread(importing.content_of, row, deps.vault)
        body = await asyncio.to_thread(faulty_rows, data, _kind(row.kind), faults)
    except FileRefused as exc:
        raise FormRefused("id", str(exc)) from exc
    return _file(body, "text/csv; charset=utf-8", f"xiaohu-faults-{import_id}.csv")


def _file(body: bytes, content_type: str, name: str) -> web.Response:
    headers = {"Content-Type": content_type, "Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=body, headers=headers)


def _kind(raw: Any) -> ImportKind:
    kind: ImportKind = raw  # checked against KINDS by whoever asks
    return kind


def _name(raw: str) -> str:
    """Return a file's name without folders and without what no name holds."""
    return "".join(c for c in raw.replace("\\", "/").rpartition("/")[2] if c.isprintable()) or "文件"
