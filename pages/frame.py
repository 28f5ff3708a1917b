"""The frame of the patients' pages: careful headers, plain words, nothing kept in the browser."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from store.trouble import will_pass

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler

    from content.pack import Pack
    from store.clock import Clock
    from store.database import Database
    from store.vault import Vault

log = structlog.get_logger(__name__)

HERE: Final = Path(__file__).parent
STATIC: Final = "/s/static/"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # The address is the key to the form: no other site, and no search engine, may learn it.
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Furniture:
    """What the pages need; ``wake``: tell the courier that something was queued."""

    database: Database
    clock: Clock
    pack: Pack
    vault: Vault
    public_url: str
    wake: Callable[[], None]
    templates: Environment


FURNITURE: Final = web.AppKey("furniture", Furniture)


@lru_cache(maxsize=1)
def make_templates() -> Environment:
    """Compile every template now: a mistake in one stops the start, and no request reads a file.

    Once in a process: the templates come with the program, and nobody changes the environment.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for name in environment.list_templates():
        environment.get_template(name)
    return environment


def page(request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """Answer with a template."""
    furniture = request.config_dict[FURNITURE]
    clinic = furniture.pack.clinic
    body = furniture.templates.get_template(template).render(
        clinic=clinic.get("name", furniture.pack.title), phone=clinic.get("phone", ""), **values
    )
    return web.Response(text=body, content_type="text/html", charset="utf-8", status=status)


@web.middleware
async def careful(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Send the headers, and turn what went wrong into a page that says what to do."""
    try:
        response = await handler(request)
    except web.HTTPException as exc:
        if exc.status < 400:
            raise
        response = _sorry(request, exc.status)
    except Exception as exc:  # the request's boundary: the class is told, her words are not
        log.error("pages.failed", error=type(exc).__name__)
        response = _sorry(request, 503 if will_pass(exc) else 500)
    for name, value in HEADERS.items():
        response.headers[name] = value
    if not request.path.startswith(STATIC):
        response.headers["Cache-Control"] = "no-store"
    return response


def _sorry(request: web.Request, status: int) -> web.Response:
    words = {
        404: ("没有这个页面", "地址可能没有复制完整。请从收到的消息里重新点开。"),
        413: ("写得太长了", "请返回，缩短以后再交。"),
    }
    title, message = words.get(status, ("现在打不开", "不是你的问题。请过几分钟再点一次，填的内容还没有交。"))
    return page(request, "notice.html", status=status, title=title, message=message)
