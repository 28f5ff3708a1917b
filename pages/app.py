"""Puts the patients' pages into the web server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from pages import surveys
from pages.frame import FURNITURE, HERE, careful

if TYPE_CHECKING:
    from pages.frame import Furniture


def setup_pages(app: web.Application, furniture: Furniture) -> None:
    """Register the pages under ``/s/``: an application of its own, whose middlewares see no other path."""
    inner = web.Application(middlewares=[careful])
    inner[FURNITURE] = furniture
    inner.router.add_static("/static/", HERE / "static")
    inner.router.add_routes(surveys.routes())
    inner.router.add_route("*", "/{rest:.*}", _missing)
    app.add_subapp("/s/", inner)


async def _missing(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound
