"""海报: a layout picked, words filled in, looked at, and kept as a picture of the library."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from sqlalchemy import and_, select

from clinic import audit
from clinic.care_tables import ChannelCode
from console.duties import waiting_count
from console.frame import actor_of, deps_of, go, page
from console.highlights import gravest, segments
from console.library_forms import Raw, new_key
from content.fonts import NoFont, find_face
from content.library import keeping, pictures
from content.library.uploads import clean
from content.posters import LAYOUTS, Poster, PosterRefused, draw
from content.qr import Unreadable, read_code
from content.written import Written
from sop.channels import WORKING
from sop.posts import finding_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from console.deps import Deps
    from content.pack import Pack
    from content.persona_specs import PersonaSpec

HERE: Final = "/console/library/posters"
CHANNEL: Final = "channel:"  # before the state of a channel whose live code is on the poster
# An ended code keeps its picture, and leads nowhere.
_PRINTABLE: Final = and_(ChannelCode.picture.is_not(None), ChannelCode.status.in_(WORKING))


def routes() -> Iterable[web.RouteDef]:
    return (web.get("/library/posters", blank), web.post("/library/posters", make))


async def blank(request: web.Request) -> web.StreamResponse:
    """The form, with the clinic's own address and the first layout."""
    pack = deps_of(request).pack
    contact = "\n".join(pack.clinic[name] for name in ("address", "phone") if pack.clinic.get(name))
    fields = {"layout": LAYOUTS[0].key, "contact": contact, "hint": "扫码加我们，约时间、问问题"}
    return await _shown(request, fields)


async def make(request: web.Request) -> web.StreamResponse:
    """Draw the poster to be looked at; ``do=keep`` keeps it in the library."""
    deps, raw = deps_of(request), Raw(await request.post())
    fields = {
        name: raw.text(name)
        for name in ("layout", "title", "text", "doctor", "contact", "hint", "link", "code", "patient")
    }
    doctor = next((one for one in deps.pack.personas if one.key == fields["doctor"]), None)
    try:
        link = await _link(deps, fields)
        poster = Poster(
            layout=fields["layout"],
            clinic=deps.pack.clinic["name"],
            title=fields["title"],
            text=fields["text"],
            doctor=f"{doctor.name} · {doctor.title}" if doctor else "",
            contact=fields["contact"],
            link=link,
            hint=fields["hint"],
        )
        findings = _findings(deps, poster, doctor)
        data = await asyncio.to_thread(_draw, poster)
    except PosterRefused as exc:
        return await _shown(request, fields, status=422, place=exc.field, problem=str(exc))
    except NoFont as exc:
        return await _shown(request, fields, status=503, problem=str(exc))
    blocked = gravest([str(found["level"]) for found in findings]) == "block"
    if raw.text("do") == "keep" and not blocked:
        return await _keep(request, poster, data, shows=bool(fields["patient"]))
    problem = "有必须修改的地方，现在不能保存" if blocked and raw.text("do") == "keep" else ""
    return await _shown(
        request,
        fields,
        status=422 if problem else 200,
        problem=problem,
        picture=b64encode(data).decode(),
        words=poster.words,
        findings=findings,
        blocked=blocked,
    )


def _draw(poster: Poster) -> bytes:
    return draw(poster, find_face())


def _findings(deps: Deps, poster: Poster, doctor: PersonaSpec | None) -> list[dict[str, Any]]:
    """Check the words as the doctor's whose name stands on it, else as the assistant's."""
    kind = doctor.kind if doctor else "assistant"
    own = tuple(deps.pack.clinic.values())
    found = deps.checker.check(poster.words, persona=kind, channel="moment", own=own)
    return [finding_document(finding) for finding in found]


async def _link(deps: Deps, fields: dict[str, str]) -> str:
    """Return what the code says: a channel's live code, read from WeCom's picture, or a written address."""
    code = fields["code"]
    if not code.startswith(CHANNEL):
        return fields["link"]
    async with deps.database.read() as session:
        picture = await session.scalar(
            select(ChannelCode.picture).where(ChannelCode.state == code.removeprefix(CHANNEL), _PRINTABLE)
        )
    if picture is None:
        raise PosterRefused("code", "这个渠道还没有活码，先在“渠道”页建一个")
    try:
        return await asyncio.to_thread(read_code, picture)
    except Unreadable:
        raise PosterRefused("code", "这个活码的图片读不出来，请改填地址") from None


async def _keep(request: web.Request, poster: Poster, data: bytes, *, shows: bool) -> web.StreamResponse:
    deps, actor, now = deps_of(request), actor_of(request), deps_of(request).clock.now()
    picture = await asyncio.to_thread(clean, data)
    document: dict[str, Any] = {"kind": "image", "title": f"海报：{poster.title}"}
    document["key"] = key = new_key("image", document, now, salt=picture.digest)
    document["file"] = f"{key}.{picture.suffix}"
    if shows:
        document["patient"] = "shown"
    entry = Written(kind="image", key=key, file="", document=document, picture=picture.digest)
    async with deps.database.write() as session:
        await pictures.keep(session, picture.digest, picture.data, now=now)
        await keeping.add(session, entry, author=actor, now=now)
        audit.record(
            session,
            at=now,
            actor=actor,
            action="library.save",
            subject=f"asset:{key}",
            reason="画了一张海报",
            detail={"words": poster.words},
        )
    return go(request, f"/console/library/asset/{key}", note="海报已放进素材，可以附在内容里了。")


async def _shown(
    request: web.Request,
    fields: dict[str, str],
    *,
    status: int = 200,
    place: str = "",
    problem: str = "",
    picture: str = "",
    words: str = "",
    findings: Sequence[dict[str, Any]] = (),
    blocked: bool = False,
) -> web.StreamResponse:
    deps = deps_of(request)
    async with deps.database.read() as session:
        codes = await _codes(session, deps.pack)
        waiting = await waiting_count(session)
    return page(
        request,
        "posters.html",
        status=status,
        fields=fields,
        place=place,
        problem=problem,
        picture=picture,
        segments=segments(words, findings),
        findings=findings,
        blocked=blocked,
        layouts=LAYOUTS,
        doctors=[one for one in deps.pack.personas if one.kind == "doctor"],
        codes=codes,
        waiting=waiting,
    )


async def _codes(session: AsyncSession, pack: Pack) -> list[tuple[str, str]]:
    """Return the channels that have a live code to print."""
    found = set(await session.scalars(select(ChannelCode.state).where(_PRINTABLE)))
    return [(CHANNEL + one.state, one.title) for one in pack.channels if one.state in found]
