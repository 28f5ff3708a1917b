"""A clinic whose API runs on a real socket; every answer is held to the OpenAPI document."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web
from sqlalchemy import update

from clinic.tables import CustomerGroup, Member
from console.api import setup_api
from console.deps import DEPS, Deps, WeekNotPlannable
from content.compliance import Checker
from content.library.view import Library
from content.render import Renderer
from sop.roster import load_roster
from sop.tables import Post
from sop.weeks import Planned, draft_week
from store.database import Database
from store.schema import upgrade
from store.vault import Vault
from tests.support.api_pack import tiny_pack
from tests.support.checking import packaged_checker
from tests.support.schema_check import faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import date
    from pathlib import Path

    from content.pack import Pack

KEY = "key-of-the-tests"
ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = datetime(2025, 6, 2, 8, 30, tzinfo=ZONE)


class StandingClock:
    """A clock that moves when it is told to."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment.astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer that conforms to the OpenAPI document."""

    status: int
    headers: Any
    json: Any

    @property
    def fields(self) -> list[str]:
        """The places that a problem names."""
        return [error["field"] for error in self.json["errors"]]


def path_of(post: dict[str, Any]) -> str:
    return f"/api/v1/posts/{post['id']}"


@dataclass(slots=True, kw_only=True)
class ApiClinic:
    """Speaks HTTP to the API as another program does."""

    database: Database
    clock: StandingClock
    vault: Vault
    pack: Pack
    http: aiohttp.ClientSession
    url: str
    document: dict[str, Any] = field(default_factory=dict)
    wakes: list[datetime] = field(default_factory=list)
    unplannable: str = ""

    async def ask(self, method: str, path: str, **options: Any) -> Reply:
        """Make one request with the key, unless ``headers`` say otherwise, and check the answer."""
        headers = {"Authorization": f"Bearer {KEY}"} | options.pop("headers", {})
        headers = {name: value for name, value in headers.items() if value is not None}
        url = options.pop("raw_url", None) or self.url + path
        async with self.http.request(method, url, headers=headers, **options) as response:
            body = await response.read()
            reply = Reply(status=response.status, headers=response.headers, json=json.loads(body))
            self._check(method, path, reply, response.content_type)
        return reply

    async def get(self, path: str, **options: Any) -> Reply:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Reply:
        return await self.ask("POST", path, **({"json": body} if body is not None else {}), **options)

    async def edit(self, post: dict[str, Any], body: Any) -> Reply:
        return await self.ask("PATCH", path_of(post), json=body)

    async def decide(self, post: dict[str, Any], verb: str, **more: Any) -> Reply:
        """Decide on the post as it was read."""
        return await self.post(f"{path_of(post)}/{verb}", {"digest": post["digest"]} | more)

    async def set_state(self, post: dict[str, Any], state: str) -> None:
        """Put a post where only WeCom could bring it."""
        async with self.database.write() as session:
            await session.execute(update(Post).where(Post.id == post["id"]).values(state=state))

    async def posts(self, **query: str) -> list[dict[str, Any]]:
        return list((await self.get("/api/v1/posts", params=query)).json["items"])

    async def planned(self) -> list[dict[str, Any]]:
        """Plan the week and return its posts."""
        return list((await self.post("/api/v1/plans/week")).json["items"])

    def _check(self, method: str, path: str, reply: Reply, content_type: str) -> None:
        problem = reply.status >= 400
        assert content_type == ("application/problem+json" if problem else "application/json")
        if not self.document:
            return
        described = self._described(method, path.partition("?")[0])
        if described is None:
            assert problem
            schema: dict[str, Any] = {"$ref": "#/components/schemas/ProblemDocument"}
        else:
            assert str(reply.status) in described["responses"], (method, path, reply.status)
            schema = described["responses"][str(reply.status)]["content"][content_type]["schema"]
        assert faults(reply.json, schema, self.document) == []
        if problem:
            assert reply.json["status"] == reply.status
            assert re.search(r"[\u4e00-\u9fff]", reply.json["detail"])

    def _described(self, method: str, path: str) -> dict[str, Any] | None:
        for template, methods in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\{[a-z_]+\}", "[^/]+", template), path):
                found: dict[str, Any] | None = methods.get(method.lower())
                return found
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What every clinic of a test run begins with; made once, because making it takes longest."""

    pack: Pack
    checker: Checker
    database: Path


async def make_scene(folder: Path) -> Scene:
    """Write a tiny pack and a database to copy."""
    scene = Scene(pack=tiny_pack(folder / "pack"), checker=packaged_checker(), database=folder / "scene.db")
    url = f"sqlite+aiosqlite:///{scene.database}"
    database = Database(url)
    await upgrade(database)
    await database.close()
    await settle_in(url)
    return scene


async def settle_in(database_url: str) -> None:
    """Put two members and one group into a migrated database."""
    database = Database(database_url)
    async with database.write() as session:
        for userid, name in (("xiaohu", "小护"), ("zhang.wei", "张伟")):
            session.add(Member(userid=userid, name=name, serves=True, seen_at=MONDAY))
        session.add(
            CustomerGroup(
                chat_id="wr-1", name="微笑口腔·护牙福利社", owner="xiaohu", members=9, changed_at=MONDAY
            )
        )
    await database.close()


def copied(scene: Scene, folder: Path) -> str:
    """Return the URL of a copy of the scene's database in ``folder``."""
    return f"sqlite+aiosqlite:///{shutil.copy(scene.database, folder / 'api.db')}"


@asynccontextmanager
async def api_clinic(
    scene: Scene, database_url: str, *, api_key: str | None = KEY
) -> AsyncIterator[ApiClinic]:
    """Run the API of a small clinic on a prepared database."""
    database = Database(database_url)
    clock = StandingClock(MONDAY)
    pack, renderer, checker = scene.pack, Renderer(), scene.checker
    library = Library(database, pack)

    async def plan_week(week: date, actor: str) -> Planned:
        if clinic.unplannable:
            raise WeekNotPlannable(clinic.unplannable)
        async with database.write() as session:
            return await draft_week(
                session,
                week,
                roster=await load_roster(session, await library.pack(session)),
                renderer=renderer,
                checker=checker,
                now=clock.now(),
                zone=ZONE,
                actor=actor,
                lead=timedelta(hours=1),
            )

    vault = Vault("a secret of the tests")
    app = web.Application()
    app[DEPS] = Deps(
        database=database,
        clock=clock,
        zone=ZONE,
        pack=pack,
        library=library,
        renderer=renderer,
        checker=checker,
        vault=vault,
        public_url="https://clinic.example",
        secret_key="a secret of the tests",
        admin_password=None,
        api_key=api_key,
        demo_login=False,
        plan_week=plan_week,
        wake=lambda: clinic.wakes.append(clock.now()),
    )
    setup_api(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
            clinic = ApiClinic(
                database=database, clock=clock, vault=vault, pack=pack, http=http, url=f"http://{host}:{port}"
            )
            clinic.document = (await clinic.get("/api/openapi.json")).json
            yield clinic
    finally:
        await runner.cleanup()
        await database.close()
