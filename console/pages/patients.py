"""客户: finding patients, and everything that is known of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from aiohttp import web
from sqlalchemy import select

from clinic import benefits, finding, merging, terms
from clinic.consents import ConsentKind
from clinic.finding import Search
from clinic.moments import Place
from clinic.stages import Stage
from clinic.tables import Member, Patient, Tag
from console import records
from console.cards import load_cards
from console.duties import waiting_count
from console.forms import FormRefused
from console.frame import actor_of, deps_of, go, hours_of, page, wants_fragment
from console.hands import hand_of
from console.person_views import STAGES, load_story, read_record
from sop import consented

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from console.cards import Card
    from console.records import Record

HERE: Final = "/console/patients"
PAGE: Final = 30
FILTERS: Final = ("stage", "tag", "member")
WORDS_CHARS: Final = 100
FILTER_CHARS: Final = 121  # of a tag with its group, the longest


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/patients", index),
        web.post("/patients/search", search),
        web.get("/patients/doubles", doubles),
        web.get(r"/patients/{id:\d{1,18}}", detail),
        web.get(r"/patients/{id:\d{1,18}}/story", story),
        web.post(r"/patients/{id:\d{1,18}}/reveal", reveal),
        web.get(r"/patients/{external:(?:local:)?[A-Za-z0-9._@-]{1,64}}", from_card),
    )


async def index(request: web.Request) -> web.StreamResponse:
    """Patients by stage, tag and member, the latest recorded first."""
    return await _list(request, {name: request.query.get(name, "") for name in FILTERS}, request.query)


async def search(request: web.Request) -> web.StreamResponse:
    """Patients that somebody's words may mean; the words are sent in the form, addresses end up in logs."""
    form = {name: str(value).strip() for name, value in (await request.post()).items()}
    kept = {name: form.get(name, "")[:FILTER_CHARS] for name in FILTERS}  # goes into an address
    if not form.get("q"):
        chosen = {name: value for name, value in kept.items() if value}
        return go(request, f"{HERE}?{urlencode(chosen)}" if chosen else HERE)
    return await _list(request, kept | {"q": form["q"][:WORDS_CHARS]}, form)


async def _list(
    request: web.Request, kept: Mapping[str, str], fields: Mapping[str, str]
) -> web.StreamResponse:
    deps = deps_of(request)
    if kept["stage"] and kept["stage"] not in set(Stage):
        raise FormRefused("stage", "没有这个阶段")
    cursor = fields.get("cursor") or ""
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise FormRefused("cursor", "这一页的地址不对，请从第一页看起")
    wanted = Search(words=kept.get("q", ""), tag=kept["tag"], stage=kept["stage"], member=kept["member"])
    async with deps.database.read() as session:
        found = await finding.search(
            session, wanted, deps.vault, before=int(cursor) if cursor else None, limit=PAGE
        )
        cards = await load_cards(session, found.items, deps.vault)
        tags = (await session.scalars(select(Tag).order_by(Tag.group_name, Tag.name))).all()
        members = await session.scalars(select(Member).where(Member.serves).order_by(Member.userid))
        waiting = await waiting_count(session)
        people = [(member.userid, member.name or member.userid) for member in members]
    chosen = {name: kept[name] for name in FILTERS if kept[name]}
    return page(
        request,
        "patients.html",
        cards=cards,
        kept={"q": ""} | dict(kept),
        stages=[(stage.value, stage.title) for stage in Stage],
        signs=STAGES,
        tag_groups=_grouped(tags),
        members=people,
        next=found.next,
        more=f"{HERE}?{urlencode(chosen | {'cursor': found.next})}" if found.next else None,
        searched=bool(chosen or kept.get("q")),
        waiting=waiting,
    )


async def doubles(request: web.Request) -> web.StreamResponse:
    """Records that share a phone: one person twice, or a family."""
    deps, after = deps_of(request), request.query.get("after", "")
    if after and not (len(after) <= terms.DIGEST_CHARS and after.isalnum()):
        raise FormRefused("after", "这一页的地址不对，请从第一页看起")
    async with deps.database.read() as session:
        found = await merging.doubles(session, after=after)
        groups = [await load_cards(session, group, deps.vault) for group in found.groups]
        waiting = await waiting_count(session)
    return page(request, "doubles.html", groups=groups, signs=STAGES, next=found.next, waiting=waiting)


def _grouped(tags: Iterable[Tag]) -> dict[str, list[Tag]]:
    groups: dict[str, list[Tag]] = {}
    for tag in tags:
        groups.setdefault(tag.group_name, []).append(tag)
    return groups


async def patient_at(request: web.Request, session: AsyncSession, *, lock: bool = False) -> Patient:
    """Return the record that a page's address names.

    Raises:
        RecordNotFound: there is none, or she asked to be forgotten.
    """
    wanted = int(request.match_info["id"])
    patient = await session.get(Patient, wanted, with_for_update=lock)
    if patient is None:
        raise records.RecordNotFound("没有这位客户：地址可能写错了。")
    if patient.erased_at is not None:
        raise records.RecordNotFound("这位客户的信息已按本人要求删除。")
    return patient


async def detail(request: web.Request) -> web.StreamResponse:
    """Everything that is known of a patient; a merged record leads to the one that speaks for it."""
    async with deps_of(request).database.read() as session:
        patient = await patient_at(request, session)
        if patient.merged_into is not None:
            return go(request, f"{HERE}/{patient.merged_into}")
        return await show(request, session, patient)


async def from_card(request: web.Request) -> web.StreamResponse:
    """Lead from the link on a card in WeCom, which knows her by WeCom's id, to her page."""
    async with deps_of(request).database.read() as session:
        patient = await finding.by_external_userid(session, request.match_info["external"])
    if patient is None:
        raise records.RecordNotFound("没有这位客户：可能已按本人要求删除。")
    return go(request, f"{HERE}/{patient.id}")


async def show(
    request: web.Request,
    session: AsyncSession,
    patient: Patient,
    *,
    status: int = 200,
    identity: tuple[str, str] | None = None,
    problem: str = "",
    problem_at: str = "",
) -> web.Response:
    """Answer with a patient's page.

    Args:
        identity: real name and phone in clear, for who has asked for them just now.
        problem: what was wrong with the form named ``problem_at``.
    """
    deps, hours = deps_of(request), hours_of(request)
    record = await read_record(session, patient, deps)
    before = _place(request)
    hand = await hand_of(session, record.patient, deps, now=hours.now)
    uses = await consented.behind(session, [consent.row.id for consent in record.consents])
    return page(
        request,
        "patient.html",
        status=status,
        record=record,
        stage=STAGES[record.card.stage],
        story=await load_story(session, record, deps, before=before, now=hours.now),
        later=before is not None,
        journeys=await hand.running(),
        benefits=await benefits.of(session, [one.id for one in record.family]),
        startable=[(one.key, one.plan.title) for one in hand.gate.book.journeys()],
        suggested=await _suggested(session, record, request),
        kinds=[(kind.value, kind.title) for kind in ConsentKind],
        consent_uses=uses,
        identity=identity,
        problem=problem,
        problem_at=problem_at,
        waiting=await waiting_count(session),
    )


async def _suggested(
    session: AsyncSession, record: Record, request: web.Request
) -> Sequence[tuple[Card, str]]:
    found = await merging.suggestions(session, record.family)
    cards = await load_cards(session, [patient for patient, _ in found], deps_of(request).vault)
    return [(card, reason) for card, (_, reason) in zip(cards, found, strict=True)]


async def story(request: web.Request) -> web.StreamResponse:
    """A further page of what happened, for htmx to put below the last; a browser gets the whole page."""
    deps, hours = deps_of(request), hours_of(request)
    if not wants_fragment(request):
        return go(request, f"{HERE}/{request.match_info['id']}?{request.query_string}#story")
    async with deps.database.read() as session:
        record = await read_record(session, await patient_at(request, session), deps)
        found = await load_story(session, record, deps, before=_place(request), now=hours.now)
    return page(request, "_story.html", record=record, story=found)


def _place(request: web.Request) -> Place | None:
    raw = request.query.get("before")
    try:
        return Place.parse(raw) if raw else None
    except ValueError:
        raise FormRefused("before", "这一页的地址不对，请从最近的经过看起") from None


async def reveal(request: web.Request) -> web.StreamResponse:
    """Show real name and phone in clear, once, and write down who asked."""
    deps = deps_of(request)
    async with deps.database.write() as session:
        patient = await merging.head_of(session, await patient_at(request, session))
        family = await merging.family_of(session, patient)
        records.note_reveal(session, patient, actor=actor_of(request), reason="", now=deps.clock.now())
        identity = records.revealed(family, deps.vault)
    async with deps.database.read() as session:
        if not wants_fragment(request):
            return await show(request, session, patient, identity=identity)
        record = await read_record(session, patient, deps)
    return page(request, "_identity.html", record=record, identity=identity)
