"""One entry of the library: read, written, judged while it is written, and its versions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from clinic import audit
from console import library_views as views
from console.diffs import diff
from console.duties import waiting_count
from console.forms import FormRefused
from console.frame import actor_of, deps_of, go, hours_of, page
from console.library_desk import (
    Desk,
    choices,
    covers,
    empty_desk,
    load_desk,
    options,
    senders,
    verdict_of,
)
from console.library_forms import document_from, new_key
from console.library_uploads import NoPicture, read_file, twin_of
from content.library import keeping, pictures
from content.written import ASSETS, FILED, SHAPES, Written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from console.deps import Deps
    from content.library.fitness import Fault
    from content.library.uploads import Picture
    from content.videos import Video

HERE: Final = "/console/library"
ENTRY: Final = r"/library/{shelf:text|script|answer|asset}/{key:[a-z0-9._-]{1,64}}"
BY_HAND: Final = ".todo"  # see `content.pack`: texts that staff send one by one


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/library/new", blank),
        web.post("/library/new", create),
        web.post("/library/check", check),
        web.get(ENTRY, show),
        web.post(ENTRY, save),
        web.get(ENTRY + r"/versions/{number:\d{1,6}}", version),
    )


async def blank(request: web.Request) -> web.StreamResponse:
    """An empty form of a kind."""
    kind = _kind(request.query.get("kind", ""))
    deps = deps_of(request)
    async with deps.database.read() as session:
        desk = await empty_desk(session, deps)
    start: dict[str, Any] = {"category": "科普"} if kind in ("moment", "group") else {}
    return await _form(request, desk, kind, start)


async def create(request: web.Request) -> web.StreamResponse:
    """Put something new into the library; its key is made up."""
    deps, actor = deps_of(request), actor_of(request)
    now, raw = deps.clock.now(), await request.post()
    kind = _kind(str(raw.get("kind", "")))
    document = document_from(kind, {"kind": kind} if kind in ASSETS else {}, raw)
    ending = BY_HAND if kind == "direct" and raw.get("by_hand") else ""
    document["key"] = new_key(kind, document, now) + ending
    async with deps.database.read() as session:
        desk = await empty_desk(session, deps)
    picture = None
    if kind in FILED:
        try:
            picture = await _file(deps, kind, raw, document, needed=True)
        except NoPicture as exc:
            return await _form(request, desk, kind, document, status=422, faults=(exc.fault,))
    verdict = verdict_of(deps, desk, kind, document)
    if verdict.all:
        return await _form(request, desk, kind, document, status=422, faults=verdict.all)
    entry = Written(
        kind=kind,
        key=document["key"],
        file="",
        document=verdict.document,
        picture=picture.digest if picture else "",
    )
    async with deps.database.write() as session:
        if picture is not None:
            await pictures.keep(session, picture.digest, picture.data, now=now)
        kept = await keeping.add(session, entry, author=actor, now=now)
        _note(session, kept.item.key, actor=actor, now=now, reason="新写了一条")
    return go(request, f"{HERE}/{kept.item.shelf}/{kept.item.key}", note="已经放进内容库。")


async def show(request: web.Request) -> web.StreamResponse:
    """The entry as it stands; ``?from=3`` puts its third version into the form."""
    deps, shelf, key = deps_of(request), request.match_info["shelf"], request.match_info["key"]
    wanted = request.query.get("from", "")
    async with deps.database.read() as session:
        desk = await load_desk(session, deps, shelf, key)
        assert desk.kept is not None
        document = desk.kept.version.document
        if wanted.isascii() and wanted.isdigit():
            document = (await keeping.version_of(session, shelf, key, int(wanted[:6]))).document
    restored = int(wanted) if document is not desk.kept.version.document else 0
    return await _form(request, desk, desk.kept.item.kind, document, restored=restored)


async def save(request: web.Request) -> web.StreamResponse:
    """Keep a new version, unless somebody was quicker or something is wrong with it."""
    deps, actor, raw = deps_of(request), actor_of(request), await request.post()
    shelf, key, now = request.match_info["shelf"], request.match_info["key"], deps.clock.now()
    async with deps.database.read() as session:
        desk = await load_desk(session, deps, shelf, key)
    assert desk.kept is not None
    kind = desk.kept.item.kind
    document = document_from(kind, desk.kept.version.document, raw)
    picture = None
    if kind in FILED:
        try:
            picture = await _file(deps, kind, raw, document, needed=False)
        except NoPicture as exc:
            return await _form(request, desk, kind, document, status=422, faults=(exc.fault,))
    verdict = verdict_of(deps, desk, kind, document)
    if verdict.all:
        return await _form(request, desk, kind, document, status=422, faults=verdict.all)
    entry = replace(desk.kept.written, document=verdict.document)
    if picture is not None:
        entry = replace(entry, picture=picture.digest)
    try:
        async with deps.database.write() as session:
            if picture is not None:
                await pictures.keep(session, picture.digest, picture.data, now=now)
            kept = await keeping.save(session, entry, seen=_seen(raw), author=actor, now=now)
            changed = kept.item.version != desk.kept.item.version
            if changed:
                _note(session, key, actor=actor, now=now, reason=f"改为第 {kept.item.version} 版")
    except keeping.Overtaken as exc:
        return await _form(request, desk, kind, document, status=409, alert=str(exc))
    note = f"已存为第 {kept.item.version} 版，下次排内容就用它。" if changed else "没有变化。"
    return go(request, f"{HERE}/{shelf}/{key}", note=note)


async def check(request: web.Request) -> web.StreamResponse:
    """Judge a text while it is being written; answers with a fragment and repaints the preview."""
    deps, hours, raw = deps_of(request), hours_of(request), await request.post()
    kind, key = _kind(str(raw.get("kind", ""))), str(raw.get("key", ""))
    async with deps.database.read() as session:
        desk = await empty_desk(session, deps)
    base = next((one.document for one in desk.others if one.key == key and one.kind == kind), {})
    document = document_from(kind, base, raw)
    judged = verdict_of(deps, desk, kind, document)
    verdict = views.verdict_on(
        deps,
        desk.pack,
        kind,
        document,
        persona=str(raw.get("preview_as", "")),
        faults=judged.faults,
        now=hours.now,
    )
    return page(request, "_library_check.html", live=True, verdict=verdict, kind=kind)


async def version(request: web.Request) -> web.StreamResponse:
    """One version, and what it changed."""
    deps, shelf, key = deps_of(request), request.match_info["shelf"], request.match_info["key"]
    number = int(request.match_info["number"])
    async with deps.database.read() as session:
        desk = await load_desk(session, deps, shelf, key)
        waiting = await waiting_count(session)
    assert desk.kept is not None
    found = {one.number: one for one in desk.history}
    if number not in found:
        raise keeping.NotInLibrary(f"{key} 的第 {number} 版")
    before: Mapping[str, Any] = found[number - 1].document if number - 1 in found else {}
    return page(
        request,
        "library_version.html",
        desk=desk,
        item=desk.kept.item,
        version=found[number],
        first=number == 1,
        change=diff(before, found[number].document),
        waiting=waiting,
    )


async def _form(
    request: web.Request,
    desk: Desk,
    kind: str,
    document: Mapping[str, Any],
    *,
    status: int = 200,
    faults: tuple[Fault, ...] = (),
    alert: str = "",
    restored: int = 0,
) -> web.StreamResponse:
    deps, hours = deps_of(request), hours_of(request)
    raw = await request.post() if request.method == "POST" else None
    async with deps.database.read() as session:
        waiting = await waiting_count(session)
    shown_as = str(raw.get("preview_as", "")) if raw is not None else request.query.get("as", "")
    kept = desk.kept
    if not faults and kept is not None:
        faults = verdict_of(deps, desk, kind, document).all
    return page(
        request,
        "library_item.html",
        status=status,
        desk=desk,
        kept=kept,
        kind=kind,
        kind_name=views.KINDS[kind],
        title=views.title_of(document) or views.KINDS[kind],
        document=document,
        faults={fault.field: fault for fault in reversed(faults)},
        verdict=views.verdict_on(
            deps, desk.pack, kind, document, persona=shown_as, faults=faults, now=hours.now
        )
        if kind not in ASSETS
        else None,
        options=options(desk, kind),
        choices=choices(desk, kind, document),
        covers=covers(desk, document) if kind in ("link", "miniprogram") else (),
        faces=views.faces_for(kind, document, desk.pack) if kind not in ASSETS else (),
        senders=senders(desk, kind, kept.version.document) if kept and not desk.retired else (),
        overtaken=diff(kept.version.document, document) if kept and status == 409 else None,
        alert=alert,
        restored=restored,
        seen=kept.item.version if kept else 0,
        earliest=hours.input(hours.now),
        waiting=waiting,
    )


async def _file(
    deps: Deps, kind: str, raw: Mapping[str, Any], document: dict[str, Any], *, needed: bool
) -> Picture | Video | None:
    """Return the picture or video of a form and name its file; None leaves the one that is there.

    Raises:
        NoPicture: it is unusable, needed and missing, or there already.
    """
    picture = await read_file(kind, raw)
    if picture is None:
        if needed:
            raise NoPicture("请选一个视频" if kind == "video" else "请选一张图片")
        return None
    async with deps.database.read() as session:
        twin = await twin_of(session, picture.digest, but=str(document["key"]))
    if twin is not None:
        raise NoPicture(f"内容库里已经有这{'个视频' if kind == 'video' else '张图片'}：素材 {twin}")
    document["file"] = f"{document['key']}.{picture.suffix}"
    return picture


def _kind(raw: str) -> str:
    if raw not in SHAPES:
        raise FormRefused("kind", "没有这一种内容，请从内容库里选一种")
    return raw


def _seen(raw: Mapping[str, Any]) -> int:
    text = str(raw.get("seen", ""))
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise FormRefused("seen", "这个表单已经过期，请刷新页面再试")
    return int(text)


def _note(session: Any, key: str, *, actor: str, now: Any, reason: str) -> None:
    audit.record(session, at=now, actor=actor, action="library.save", subject=f"content:{key}", reason=reason)
