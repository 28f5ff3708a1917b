"""内容库: everything there is to say and show, found by kind, category, who says it, and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web
from yarl import URL

from console import library_views as views
from console.duties import waiting_count
from console.forms import FormRefused
from console.frame import deps_of, page
from console.views import face_of
from content.library import keeping
from content.written import ASSETS, SHAPES
from sop.library_use import results_of
from sop.plans.usage import content_used_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from content.library.keeping import Stocked
    from content.pack import Pack

HERE: Final = "/console/library"
PAGE: Final = 30
CATEGORIES: Final = ("科普", "案例", "口碑", "日常", "活动", "节日", "关怀")
ORDER: Final = tuple(SHAPES)
TEXTS: Final = tuple(kind for kind in SHAPES if kind not in ASSETS)


def routes() -> Iterable[web.RouteDef]:
    return (web.get("/library", index),)


async def index(request: web.Request) -> web.StreamResponse:
    """Texts, or assets with ``?kind=asset``; filtered, thirty at a time."""
    deps, query = deps_of(request), request.query
    wanted = {name: query.get(name, "") for name in ("kind", "category", "persona", "state", "q")}
    number = _number(query.get("page", ""))
    assets = wanted["kind"] in ("asset", *ASSETS)
    async with deps.database.read() as session:
        pack = await deps.library.pack(session)
        everything = await keeping.stock(session)
        stocked = [one for one in everything if (one.entry.kind in ASSETS) == assets]
        usable = usable_keys(pack)
        found = [one for one in stocked if _fits(one, wanted, pack, usable)]
        found.sort(key=lambda one: ORDER.index(one.entry.kind))
        shown = found[(number - 1) * PAGE : number * PAGE]
        keys = [one.entry.key for one in shown]
        results = await results_of(session, keys)
        plans = await content_used_by(session, keys)
        waiting = await waiting_count(session)
    lines = [
        views.line_of(
            one.entry,
            pack=pack,
            usable=(one.entry.shelf, one.entry.key) in usable,
            offered=one.offered,
            edited=one.edited,
            result=results.get(one.entry.key),
            plans=len(plans.get(one.entry.key, ())),
        )
        for one in shown
    ]
    kept = {name: value for name, value in wanted.items() if value}
    return page(
        request,
        "library.html",
        lines=lines,
        names=views.KINDS,
        wanted=wanted,
        assets=assets,
        kinds=[(kind, views.KINDS[kind], views.ICONS[kind]) for kind in (ASSETS if assets else TEXTS)],
        counts=_counts(everything),
        categories=CATEGORIES,
        faces=[face_of(pack, persona.key) for persona in pack.personas],
        states=views.STATES,
        offers=sum(one.offered for one in everything),
        total=len(found),
        number=number,
        back=_to(kept, number - 1) if number > 1 else None,
        more=_to(kept, number + 1) if len(found) > number * PAGE else None,
        waiting=waiting,
    )


def usable_keys(pack: Pack) -> set[tuple[str, str]]:
    """Return what can be used with the pack as it stands; the rest of the library does not fit it."""
    return {
        *(("text", item.key) for item in (*pack.moments, *pack.group_posts, *pack.direct_texts)),
        *(("script", script.key) for script in pack.scripts),
        *(("answer", answer.key) for answer in pack.answers),
        *(("asset", asset.key) for asset in pack.assets),
    }


def _fits(one: Stocked, wanted: dict[str, str], pack: Pack, usable: set[tuple[str, str]]) -> bool:
    entry, document = one.entry, one.entry.document
    persona = next((p for p in pack.personas if p.key == wanted["persona"]), None)
    retired = document.get("state") == "retired"
    states = {
        "": True,
        "active": not retired,
        "retired": retired,
        "offered": one.offered,
        "unfit": not retired and (entry.shelf, entry.key) not in usable,
    }
    audience = document.get("for") or ()
    return (
        wanted["kind"] in ("", "asset", entry.kind)
        and wanted["category"] in ("", document.get("category"))
        and (persona is None or not audience or bool({persona.key, persona.kind} & set(audience)))
        and states.get(wanted["state"], False)
        and (not wanted["q"] or views.says(entry, wanted["q"]))
    )


def _counts(everything: Iterable[Stocked]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in everything:
        if one.entry.document.get("state") != "retired":
            counts[one.entry.kind] = counts.get(one.entry.kind, 0) + 1
    return counts


def _number(raw: str) -> int:
    if raw and not (raw.isascii() and raw.isdigit() and 1 <= int(raw[:6]) <= 9999):
        raise FormRefused("page", "没有这一页")
    return int(raw or 1)


def _to(kept: dict[str, str], number: int) -> str:
    return str(URL(HERE).with_query(kept | ({"page": str(number)} if number > 1 else {})))
