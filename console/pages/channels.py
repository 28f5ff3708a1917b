"""渠道: live codes made, paused and ended; what became of who came; which greeting is chosen, and why."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Final

from aiohttp import web

from clinic import audit
from clinic import channels as records
from console import code_pictures
from console.channel_views import load_channels, load_days, load_wordings
from console.duties import waiting_count
from console.forms import FormRefused
from console.frame import actor_of, deps_of, go, hours_of, page
from console.views import Attachment, face_of, load_names
from content.channel_specs import MAIN
from content.greeting import Arrival
from content.pack import NotInPackError
from sop import channels, greeting_assets
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.deps import Deps
    from content.pack import Pack
    from content.persona_specs import PersonaSpec

HERE: Final = "/console/channels"
_STATE: Final = r"{state:[A-Za-z0-9_.-]{1,64}}"
DONE: Final = {
    "create": "正在建活码，几秒后刷新就能看到",
    "pause": "已暂停：印出去的码不用换，扫码的人要等成员同意",
    "resume": "已恢复",
    "end": "正在停用，印出去的码马上不能用了",
    "retry": "正在重新调整",
}


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/channels", index),
        web.get("/channels/greetings", tester),
        web.get(f"/channels/of/{_STATE}", detail),
        web.get(f"/channels/of/{_STATE}/code.{{kind:svg|png}}", download),
        web.post(f"/channels/of/{_STATE}/{{verb:create|pause|resume|end|retry}}", act),
    )


async def index(request: web.Request) -> web.StreamResponse:
    """Every channel, its code and its results."""
    deps, hours = deps_of(request), hours_of(request)
    async with deps.database.read() as session:
        found = await load_channels(session, deps.pack, now=hours.now)
        waiting = await waiting_count(session)
    return page(request, "channels.html", channels=found, waiting=waiting)


async def detail(request: web.Request) -> web.StreamResponse:
    """One channel: its code to look at and to print, who receives when, its last days and its story."""
    deps, hours = deps_of(request), hours_of(request)
    state = request.match_info["state"]
    async with deps.database.read() as session:
        found = {view.state: view for view in await load_channels(session, deps.pack, now=hours.now)}
        if state not in found:
            raise web.HTTPNotFound
        view = found[state]
        days = await load_days(session, state, today=hours.today, so_far=view.today)
        story = await audit.of_subject(session, f"channel:{state}", limit=30)
        people = view.spec.code.everyone if view.spec and view.spec.code else ()
        names = await load_names(session, userids=(*people, *(entry.actor for entry in story)))
        waiting = await waiting_count(session)
    persona = view.spec.persona if view.spec else None
    return page(
        request,
        "channel.html",
        view=view,
        days=days,
        story=tuple(reversed(story)),
        person=names.person,
        face=face_of(deps.pack, persona) if persona else None,
        waiting=waiting,
    )


async def download(request: web.Request) -> web.StreamResponse:
    """The code to print, with a place for the clinic's logo; the picture ``logo`` stands there."""
    deps, kind = deps_of(request), request.match_info["kind"]
    state = request.match_info["state"]
    async with deps.database.read() as session:
        picture = await records.picture(session, state)
    if picture is None:
        raise web.HTTPNotFound
    data, content_type = await code_pictures.printable(picture, kind, logo=await _logo(deps))
    headers = {"Cache-Control": "private, no-store"}
    if "download" in request.query:
        headers["Content-Disposition"] = f'attachment; filename="{state}.{kind}"'
    return web.Response(body=data, content_type=content_type, headers=headers)


async def _logo(deps: Deps) -> bytes | None:
    try:
        return await deps.library.picture(code_pictures.LOGO)
    except (NotInPackError, OSError):
        return None


async def act(request: web.Request) -> web.StreamResponse:
    """Make, pause, resume, end or reshape a code: queued, and done by the courier."""
    deps, actor = deps_of(request), actor_of(request)
    state, verb = request.match_info["state"], request.match_info["verb"]
    now = deps.clock.now()
    try:
        async with deps.database.write() as session:
            match verb:
                case "create":
                    await channels.create(session, deps.pack, state, actor=actor, now=now)
                case "pause" | "resume":
                    await channels.pause(
                        session, deps.pack, state, paused=verb == "pause", actor=actor, now=now
                    )
                case "end":
                    await channels.end(session, deps.pack, state, actor=actor, reason="在控制台停用", now=now)
                case _:
                    await channels.try_again(session, deps.pack, state, actor=actor, now=now)
    except channels.CodeRefused as exc:
        return go(request, f"{HERE}/of/{state}", note=str(exc), tone="bad")
    deps.wake()
    return go(request, f"{HERE}/of/{state}", note=DONE[verb])


# ── which greeting, and why ──────────────────────────────────────────────────────────────────────────


async def tester(request: web.Request) -> web.StreamResponse:
    """Say which greeting somebody would get, and why; and how each wording did in the last month."""
    deps, hours = deps_of(request), hours_of(request)
    query = request.query
    state = query.get("channel") or None
    if state is not None and deps.pack.channel(state) is None:
        raise FormRefused("channel", "没有这个渠道")
    at = _hour(query.get("hour"), default=hours.local(hours.now))
    async with deps.database.read() as session:
        roster = await load_roster(session, deps.pack)
        wordings = await load_wordings(session, now=hours.now)
        pack = await deps.library.pack(session)
        barred = await greeting_assets.barred(session, pack, now=hours.now)
        waiting = await waiting_count(session)
    persona = _persona(deps.pack, query.get("persona"), state)
    arrival = Arrival(
        persona=persona,
        state=state,
        open=deps.pack.open_at(at),
        again=query.get("contact") == "again",
        tags=frozenset(query.getall("tag", [])) & _asked_tags(deps.pack),
    )
    welcome = deps.pack.greet(arrival)
    total = sum(text.share for text in welcome.texts)
    texts = [
        {
            "title": "正文" if text.key == MAIN else f"写法 {text.key}",
            "share": round(100 * text.share / total),
            "text": _rendered(deps, persona, text.text, query.get("name", "小雨")[:20], state),
            "cards": [_card(pack, key) for key in text.attachments if key not in barred],
            "left_out": [str(barred[key]) for key in text.attachments if key in barred],
        }
        for text in welcome.texts
    ]
    return page(
        request,
        "greetings.html",
        channels=deps.pack.channels,
        personas=deps.pack.personas,
        tags=sorted(_asked_tags(deps.pack)),
        chosen=arrival,
        at=at,
        welcome=welcome,
        texts=texts,
        face=face_of(deps.pack, persona.key),
        speakers=roster.senders(persona.key),
        wordings=wordings,
        name=query.get("name", "小雨")[:20],
        waiting=waiting,
    )


def _hour(raw: str | None, *, default: datetime) -> datetime:
    if not raw:
        return default
    try:
        at = time.fromisoformat(raw)
    except ValueError as exc:
        raise FormRefused("hour", "时间要写成 20:30 的样子") from exc
    return default.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)


def _persona(pack: Pack, key: str | None, state: str | None) -> PersonaSpec:
    """Return who greets: the one asked for, else the channel's, else the default one."""
    channel = pack.channel(state)
    wanted = key or (channel.persona if channel else None) or pack.default_persona
    if wanted not in {persona.key for persona in pack.personas}:
        raise FormRefused("persona", "没有这个人设")
    return pack.persona(wanted)


def _asked_tags(pack: Pack) -> frozenset[str]:
    return frozenset(tag for welcome in pack.welcomes for tag in welcome.tags)


def _rendered(deps: Deps, persona: PersonaSpec, text: str, name: str, state: str | None) -> str:
    doctor = deps.pack.doctor_of(persona, state)
    return deps.renderer.render(text, **deps.pack.variables(persona, patient_name=name, doctor=doctor))


def _card(pack: Pack, key: str) -> Attachment:
    asset = pack.asset(key)
    return Attachment(
        kind=asset.kind,
        title=asset.title,
        desc=asset.desc,
        url=asset.url,
        picture=key if asset.kind == "image" or asset.picture else None,
        asset=key,
    )
