"""Puts the staff's console into the web server."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from console.deps import DEPS
from console.frame import FRAME, STATIC, Frame, make_templates
from console.guard import MIDDLEWARES
from console.pages import (
    accounts,
    assets,
    campaigns,
    channels,
    edit,
    groups,
    imports,
    library,
    library_acts,
    library_item,
    library_sent,
    login,
    patient_acts,
    patient_journeys,
    patients,
    pauses,
    plans,
    posters,
    posts,
    review,
    staff,
    standing,
    today,
    todos,
    week,
    year,
)
from console.sessions import Sessions
from console.throttle import LoginThrottle

PREFIX: Final = "/console"
PAGES: Final = (
    login,
    today,
    review,
    patients,
    patient_acts,
    patient_journeys,
    todos,
    week,
    year,
    posts,
    standing,
    edit,
    plans,
    campaigns,
    channels,
    groups,
    staff,
    accounts,
    pauses,
    assets,
    imports,
    library,
    library_item,
    library_acts,
    library_sent,
    posters,
)


def setup_console(app: web.Application) -> None:
    """Register the console under ``/console/``; ``app[DEPS]`` must be set when the app has started.

    It is an application of its own inside ``app``: its middlewares see no other path.
    """
    console = web.Application(middlewares=MIDDLEWARES)
    templates = make_templates()

    async def furnish(console: web.Application) -> None:
        deps = app[DEPS]
        secure = deps.public_url.startswith("https:")
        console[FRAME] = Frame(
            templates=templates,
            sessions=Sessions(deps.secret_key, password=deps.admin_password, secure=secure),
            throttle=LoginThrottle(),
        )

    console.on_startup.append(furnish)
    for module in PAGES:
        console.router.add_routes(module.routes())
    console.router.add_static("/static/", STATIC)
    app.router.add_get("/", _to_console)
    app.router.add_get(PREFIX, _to_console)
    app.add_subapp(PREFIX + "/", console)


async def _to_console(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPSeeOther(PREFIX + "/")
