"""To whom an entry of the library went one by one: for the day on which a patient takes her consent back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web
from sqlalchemy import select

from clinic.tables import Patient
from console import library_views as views
from console.cards import load_cards
from console.duties import waiting_count
from console.forms import FormRefused
from console.frame import deps_of, page
from console.pages.library_item import ENTRY, HERE
from content.library import keeping
from sop.sendings import WAYS, recipients, sendings

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE: Final = 50


def routes() -> Iterable[web.RouteDef]:
    return (web.get(ENTRY + "/sent", index),)


async def index(request: web.Request) -> web.StreamResponse:
    """The people, the latest first; ``?version=3`` only those who got the third version."""
    deps, shelf, key = deps_of(request), request.match_info["shelf"], request.match_info["key"]
    version, number = _number(request, "version", 0), _number(request, "page", 1) or 1
    async with deps.database.read() as session:
        pack = await deps.library.pack(session)
        kept = await keeping.get(session, shelf, key)
        found = await sendings(session, pack, shelf, key)
        rows = await recipients(
            session,
            pack,
            shelf,
            key,
            version=version or None,
            offset=(number - 1) * PAGE,
            limit=PAGE + 1,
        )
        patients = await session.scalars(
            select(Patient).where(
                Patient.id.in_({row.patient_id for row in rows}), Patient.erased_at.is_(None)
            )
        )
        cards = {card.id: card for card in await load_cards(session, patients.all(), deps.vault)}
        waiting = await waiting_count(session)
    return page(
        request,
        "library_sent.html",
        back=f"{HERE}/{shelf}/{key}",
        title=views.title_of(kept.version.document) or key,
        sendings=found,
        chosen=version,
        rows=rows[:PAGE],
        cards=cards,
        ways=WAYS,
        number=number,
        more=len(rows) > PAGE,
        waiting=waiting,
    )


def _number(request: web.Request, name: str, default: int) -> int:
    raw = request.query.get(name, "")
    if not raw:
        return default
    if not (raw.isascii() and raw.isdigit() and len(raw) < 7):
        raise FormRefused(name, "没有这一页")
    return int(raw)
