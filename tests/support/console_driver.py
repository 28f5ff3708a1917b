"""A clinic whose console runs on a real socket; tests read its pages and send its forms as a browser does."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from sqlalchemy import select

from console.app import setup_console
from console.deps import DEPS, Deps, WeekNotPlannable
from content.library.view import Library
from content.render import Renderer
from sop.roster import load_roster
from sop.tables import Post
from sop.weeks import Planned, draft_week
from store.database import Database
from store.vault import Vault
from tests.support.api_driver import MONDAY, ZONE, Scene, StandingClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import date

    from content.pack import Pack

PASSWORD = "password of the tests"
HTMX = {"HX-Request": "true"}


class _Forms(HTMLParser):
    """Collects the fields of every form, as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.by_id: dict[str, dict[str, Any]] = {}
        self.loose: list[tuple[str, str, str]] = []
        self._open: dict[str, Any] | None = None
        self._textarea: str | None = None
        self._select: tuple[str, bool] | None = None  # its name, and whether several may be chosen
        self._options: list[list[Any]] = []  # value, or None for its text, and whether it is chosen
        self._text = ""

    def handle_starttag(  # noqa: C901  (one branch per kind of field)
        self, tag: str, attrs: Sequence[tuple[str, str | None]]
    ) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = {"action": at.get("action", ""), "fields": []}
            self.forms.append(self._open)
            if "id" in at:
                self.by_id[at["id"]] = self._open
        elif tag == "select":
            self._select, self._options = (at.get("name", ""), "multiple" in at), []
        elif tag == "option":
            self._options.append([at.get("value"), "selected" in at])
            self._text = ""
        elif tag == "textarea":
            self._textarea, self._text = at.get("name"), ""
        elif tag == "input" and "name" in at:
            if at.get("type") in ("checkbox", "radio") and "checked" not in at:
                return
            if at.get("type") == "file":
                return
            if "form" in at:
                self.loose.append((at["form"], at["name"], at.get("value", "")))
            elif self._open is not None:
                self._open["fields"].append((at["name"], at.get("value", "")))

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "option" and self._options and self._options[-1][0] is None:
            self._options[-1][0] = self._text.strip()
        elif tag == "select" and self._select is not None:
            name, several = self._select
            chosen = [value for value, on in self._options if on]
            chosen = chosen or [value for value, _ in self._options[:1] if not several]
            if self._open is not None and name:
                self._open["fields"] += [(name, value) for value in chosen]
            self._select = None
        elif tag == "textarea" and self._textarea and self._open is not None:
            self._open["fields"].append((self._textarea, self._text.removeprefix("\n")))
            self._textarea = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer of the console."""

    status: int
    headers: Any
    html: str

    @property
    def location(self) -> str:
        return str(self.headers.get("Location", ""))

    @property
    def text(self) -> str:
        """What a person reads, in one line."""
        without = re.sub(r"<(svg|script|head)\b.*?</\1>", "", self.html, flags=re.DOTALL)
        return " ".join(re.sub(r"<[^>]+>", "", without).split())

    def form(self, action: str) -> list[tuple[str, str]]:
        """Return the fields of the form with this action; fails when the page has none."""
        parsed = _Forms()
        parsed.feed(self.html)
        for form_id, name, value in parsed.loose:
            if form_id in parsed.by_id:
                parsed.by_id[form_id]["fields"].append((name, value))
        found = [form["fields"] for form in parsed.forms if form["action"] == action]
        assert found, f"no form for {action} among {[form['action'] for form in parsed.forms]}"
        return list(found[0])


@dataclass(slots=True, kw_only=True)
class Desk:
    """A member of staff at the console."""

    database: Database
    clock: StandingClock
    pack: Pack
    http: aiohttp.ClientSession
    url: str
    app: web.Application
    wakes: list[Any] = field(default_factory=list)
    unplannable: str = ""
    broken: Exception | None = None

    async def get(self, path: str, headers: dict[str, str] | None = None) -> Page:
        return await self._ask("GET", path, headers=headers)

    async def post(
        self,
        path: str,
        fields: Sequence[tuple[str, str]] = (),
        *,
        headers: dict[str, str] | None = None,
    ) -> Page:
        return await self._ask("POST", path, data=aiohttp.FormData(list(fields)), headers=headers)

    async def send(
        self, page: Page, action: str, headers: dict[str, str] | None = None, **changes: str
    ) -> Page:
        """Send a form of ``page``, with some fields filled in differently."""
        fields = [(name, value) for name, value in page.form(action) if name not in changes]
        return await self.post(action, [*fields, *changes.items()], headers=headers)

    async def follow(self, page: Page) -> Page:
        """Go where a form's answer points."""
        assert page.status == 303, page.status
        return await self.get(page.location)

    async def login(self, password: str = PASSWORD, then: str = "/console/") -> Page:
        form = await self.get(f"/console/login?next={then}")
        return await self.send(form, "/console/login", name="admin", password=password)

    async def plan(self) -> list[Post]:
        """Draft the week on the start page and return its posts."""
        await self.follow(await self.send(await self.get("/console/"), "/console/plan"))
        return await self.posts()

    async def posts(self) -> list[Post]:
        async with self.database.read() as session:
            found = await session.scalars(select(Post).order_by(Post.scheduled_at, Post.id))
            return list(found)

    async def one(self, post_id: int) -> Post:
        async with self.database.read() as session:
            return await session.get_one(Post, post_id)

    async def rows(self, table: type[Any]) -> list[Any]:
        async with self.database.read() as session:
            return list(await session.scalars(select(table)))

    async def _ask(self, method: str, path: str, **options: Any) -> Page:
        async with self.http.request(method, self.url + path, allow_redirects=False, **options) as response:
            return Page(status=response.status, headers=response.headers, html=await response.text())


@asynccontextmanager
async def console_desk(
    scene: Scene, database_url: str, *, password: str | None = PASSWORD, demo_login: bool = False
) -> AsyncIterator[Desk]:
    """Run the console of a small clinic on a prepared database, beside one route that is not its own."""
    database, clock = Database(database_url), StandingClock(MONDAY)
    library = Library(database, scene.pack)

    async def plan_week(week: date, actor: str) -> Planned:
        if desk.unplannable:
            raise WeekNotPlannable(desk.unplannable)
        if desk.broken:
            raise desk.broken
        async with database.write() as session:
            return await draft_week(
                session,
                week,
                roster=await load_roster(session, await library.pack(session)),
                renderer=renderer,
                checker=scene.checker,
                now=clock.now(),
                zone=ZONE,
                actor=actor,
                lead=lead,
            )

    async def elsewhere(_request: web.Request) -> web.Response:
        return web.Response(text="success")

    renderer, lead = Renderer(), timedelta(hours=1)
    app = web.Application()
    app.router.add_post("/wecom/callback", elsewhere)
    app[DEPS] = Deps(
        database=database,
        clock=clock,
        zone=ZONE,
        pack=scene.pack,
        library=library,
        renderer=renderer,
        checker=scene.checker,
        vault=Vault("a secret of the tests"),
        public_url="http://clinic.example",
        secret_key="a secret of the tests",
        admin_password=password,
        api_key=None,
        demo_login=demo_login,
        plan_week=plan_week,
        wake=lambda: desk.wakes.append(clock.now()),
    )
    setup_console(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    jar = aiohttp.CookieJar(unsafe=True)  # the host is an address, not a name
    try:
        async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=20)) as http:
            desk = Desk(
                database=database,
                clock=clock,
                pack=scene.pack,
                http=http,
                url=f"http://{host}:{port}",
                app=app,
            )
            yield desk
    finally:
        await runner.cleanup()
        await database.close()
