"""What the console and the API are given; the composition root fills it in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import date
    from zoneinfo import ZoneInfo

    from content.compliance import Checker
    from content.library.view import Library
    from content.pack import Pack
    from content.render import Renderer
    from sop.weeks import Planned
    from store.clock import Clock
    from store.database import Database
    from store.vault import Vault


class WeekNotPlannable(Exception):
    """The week cannot be planned now; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """Everything a page or an API call may use.

    ``plan_week(week, actor)`` refreshes members and groups from WeCom, then drafts the week beginning on that
    Monday (raises :class:`WeekNotPlannable`). ``wake()`` tells the courier that effects were queued; call it
    after the transaction that queued them.
    """

    database: Database
    clock: Clock
    zone: ZoneInfo
    pack: Pack  # as its files say; texts and assets as they stand: ``library``
    library: Library
    renderer: Renderer
    checker: Checker
    vault: Vault
    public_url: str
    secret_key: str
    admin_password: str | None
    api_key: str | None
    demo_login: bool  # the login page shows the demo's name and password
    plan_week: Callable[[date, str], Awaitable[Planned]]
    wake: Callable[[], None]


DEPS = web.AppKey("deps", Deps)
