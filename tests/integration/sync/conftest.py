"""A tenant, an empty database and a sync between them; no program runs, so no callback is ever handled."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from sqlalchemy import func, select

from bot.syncing.reconciliation import Reconciliation
from bot.syncing.runs import Watching
from clinic.tables import Follow, Patient
from store.clock import ShiftedClock
from store.database import Database
from store.vault import Vault
from tests.support.clinic import MONDAY
from wecom.client import Credentials, WeComClient
from wecom.sandbox.rules import Rules
from wecom.sandbox.server import Sandbox, running_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.syncing.reconciliation import Report
    from content.pack import Pack
    from tests.support.databases import Templates


@dataclass(kw_only=True)
class Desk:
    """What a test of the sync needs at hand."""

    sandbox: Sandbox
    clock: ShiftedClock
    database: Database
    client: WeComClient
    pack: Pack
    vault: Vault = field(default_factory=lambda: Vault("test-secret-key"))
    pauses: list[float] = field(default_factory=list)

    @property
    def tenant(self) -> Any:
        return self.sandbox.tenant

    def reconciliation(self, watching: Watching | None = None) -> Reconciliation:
        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        return Reconciliation(
            self.database,
            self.client,
            pack=self.pack,
            vault=self.vault,
            clock=self.clock,
            public_url="http://127.0.0.1:8080",
            watching=watching,
            sleep=pause,
        )

    async def sync(self, watching: Watching | None = None) -> Report:
        return await self.reconciliation(watching).run()

    async def rows(self, query: Any) -> list[Any]:
        async with self.database.read() as session:
            return list((await session.scalars(query)).all())

    async def count(self, table: Any) -> int:
        return int((await self.rows(select(func.count()).select_from(table)))[0])

    async def follow(self, external_userid: str, userid: str) -> Follow:
        query = select(Follow).join(Patient).where(Patient.external_userid == external_userid)
        found: Follow = (await self.rows(query.where(Follow.userid == userid)))[0]
        return found


@asynccontextmanager
async def desk_of(database_url: str, pack: Pack) -> AsyncIterator[Desk]:
    """Set everything up on a migrated database; the tenant is the scene ``small`` and calls nobody back."""
    clock = ShiftedClock(MONDAY)
    database = Database(database_url)
    try:
        async with (
            running_sandbox(
                now=clock.now, callback_url=None, rules=Rules(dispatch_s=0, moment_job_s=0)
            ) as sandbox,
            aiohttp.ClientSession() as http,
        ):
            facts = sandbox.connection
            client = WeComClient(
                http,
                api_base=facts["api_base"],
                credentials=Credentials(
                    corp_id=facts["corp_id"], secret=facts["secret"], agent_id=facts["agent_id"]
                ),
                now=lambda: clock.now().timestamp(),
            )
            yield Desk(sandbox=sandbox, clock=clock, database=database, client=client, pack=pack)
    finally:
        await database.close()


@pytest.fixture
async def desk(tmp_path: Path, templates: Templates, pack: Pack) -> AsyncIterator[Desk]:
    with templates.copy("sqlite", tmp_path) as url:
        async with desk_of(url, pack) as desk:
            yield desk


@pytest.fixture
async def any_desk(migrated_url: str, pack: Pack) -> AsyncIterator[Desk]:
    """The same on SQLite and on PostgreSQL, for what touches every statement."""
    async with desk_of(migrated_url, pack) as desk:
        yield desk
