"""The frame of every page: templates, static files with their digests, whole pages and fragments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from clinic.stages import Stage
from console import wording
from console.deps import DEPS
from console.navigation import NAVIGATION
from console.sessions import Note, Session, Sessions
from sop.pauses import NOTHING, Paused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.deps import Deps
    from console.throttle import LoginThrottle

HERE: Final = Path(__file__).parent
TEMPLATES: Final = HERE / "templates"
STATIC: Final = HERE / "static"
HTMX: Final = "HX-Request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What all pages share: one per app."""

    templates: Environment
    sessions: Sessions
    throttle: LoginThrottle


FRAME: Final = web.AppKey("frame", Frame)
SESSION: Final = web.RequestKey("session", Session)
PAUSED: Final = web.RequestKey("paused", Paused)


@lru_cache(maxsize=1)
def make_templates() -> Environment:
    """Compile every template now: a mistake in one stops the start, and no request reads a file.

    Once in a process: templates and static files come with the program, and nobody changes the environment.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    digests = static_digests(STATIC)

    def static(name: str) -> str:
        """Return the address of a static file; it changes with the file, so caches never show an old one."""
        digest = digests.get(name)
        return f"/console/static/{name}" + (f"?v={digest}" if digest else "")

    environment.globals |= {
        "static": static,
        "NAVIGATION": NAVIGATION,
        "day_label": wording.day_label,
        "weekday": wording.weekday,
        "sign": wording.sign,
        "LEVELS": wording.LEVELS,
        "KINDS": wording.KINDS,
        "PEOPLE": wording.PEOPLE,
        "ROLES": wording.ROLES,
        "VIA": wording.VIA,
        "ACTIONS": wording.ACTIONS,
        "RECEIPTS": wording.RECEIPTS,
        "STAGES": {stage.value: stage.title for stage in Stage},
    }
    for name in environment.list_templates():
        environment.get_template(name)
    return environment


def static_digests(folder: Path) -> dict[str, str]:
    """Return a short digest of every static file, by its path below ``folder``."""
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()[:12]
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def deps_of(request: web.Request) -> Deps:
    """Return what the composition root gave the console."""
    return request.config_dict[DEPS]


def actor_of(request: web.Request) -> str:
    """Return the name under which decisions of this visitor are written down."""
    user = request[SESSION].user
    if user is None:
        raise web.HTTPForbidden(reason="login required")
    return user


def hours_of(request: web.Request) -> wording.Hours:
    deps = deps_of(request)
    return wording.Hours(zone=deps.zone, now=deps.clock.now())


def wants_fragment(request: web.Request) -> bool:
    """Tell whether htmx asks, which puts a piece into the page, or the browser, which wants a whole one."""
    return request.headers.get(HTMX) == "true"


def render(request: web.Request, template: str, values: Mapping[str, Any]) -> str:
    """Return a template filled in, with what every template may use."""
    deps = deps_of(request)
    session = request[SESSION]
    return (
        request.config_dict[FRAME]
        .templates.get_template(template)
        .render(
            csrf=session.token,
            user=session.user,
            hours=hours_of(request),
            clinic=deps.pack.clinic.get("name", deps.pack.title),
            here=request.path_qs,
            path=request.path,
            paused=request.get(PAUSED, NOTHING),
            **values,
        )
    )


def page(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> web.Response:
    """Answer with a template; sentences left for this page are shown on it, once."""
    session = request[SESSION]
    notes: tuple[Note, ...] = ()
    if session.notes and not wants_fragment(request):
        notes = session.notes
    body = render(request, template, {"notes": notes, "waiting": 0, **values})
    response = web.Response(
        text=body, content_type="text/html", charset="utf-8", status=status, headers=headers
    )
    if notes:
        keep(request, response, replace(session, notes=()))
    return response


def go(request: web.Request, path: str, *, note: str = "", tone: str = "good") -> web.Response:
    """Answer a form: go to ``path`` (303) and say there what was done."""
    response = web.Response(status=303, headers={"Location": path})
    if note:
        keep(request, response, request[SESSION].with_note(Note(tone=tone, text=note)))
    return response


def keep(request: web.Request, response: web.StreamResponse, session: Session) -> None:
    """Let the visitor's cookie hold ``session`` from now on."""
    request[SESSION] = session
    request.config_dict[FRAME].sessions.write(response, session)
