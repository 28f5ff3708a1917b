"""PostgreSQL restarts under the running program: it goes on where it was, and still ends in an orderly way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from tests.support.databases import fresh_database_url
from tests.support.process import served_program, until
from wecom.sandbox.rules import Rules
from wecom.sandbox.server import running_sandbox

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(240)


class Server:
    """The database's server, from its administrator's side."""

    def __init__(self, database_url: str) -> None:
        self._url = make_url(database_url)

    async def cut(self) -> None:
        """End every connection and take no new one."""
        await self._execute(f'ALTER DATABASE "{self._url.database}" ALLOW_CONNECTIONS false')
        await self._execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._url.database}'"
        )

    async def back(self) -> None:
        await self._execute(f'ALTER DATABASE "{self._url.database}" ALLOW_CONNECTIONS true')

    async def _execute(self, statement: str) -> None:
        url = self._url.set(drivername="postgresql", database="postgres")
        connection = await asyncpg.connect(url.render_as_string(hide_password=False))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def test_who_came_while_the_database_was_away_is_greeted_when_it_is_back(tmp_path: Path) -> None:
    with fresh_database_url("postgresql", tmp_path) as url:
        async with (
            running_sandbox(
                callback_url=None, retry_after_s=2, rules=Rules(dispatch_s=0, moment_job_s=0)
            ) as sandbox,
            served_program(sandbox, database_url=url, cwd=tmp_path) as program,
        ):
            server = Server(url)
            await server.cut()
            patient = sandbox.tenant.patient_scans("xiaohu", state="front-desk")[0].external_userid
            await until(lambda: sandbox.callbacks.log()[-1].attempts, what="the first try")

            async def unready() -> bool:
                async with program.http.get(f"{program.url}/readyz") as response:
                    return response.status == 503

            await until(unready, what="it says that it is not ready")
            await server.back()
            await sandbox.callbacks.idle()

            async def greeted() -> list[Any]:
                view = f"{sandbox.api_base}/sandbox/api/phones/patients/{patient}"
                async with program.http.get(view) as response:
                    chats = (await response.json())["chats"]
                return [m for chat in chats for m in chat["messages"] if m["origin"] == "welcome"]

            await until(greeted, what="the welcome")
            assert sandbox.callbacks.log()[-1].attempts[0].status == 503
            # The lock that says "I am alone" went with its connection.
            assert await program.sigterm(within_s=10) == 0
