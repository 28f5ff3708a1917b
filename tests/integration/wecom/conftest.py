"""The client and the sandbox together, without callbacks: what contract tests stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.sandbox_driver import FrozenClock
from wecom.client import Credentials, WeComClient, open_session
from wecom.sandbox import Rules, Sandbox, running_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    rules = Rules(dispatch_s=0.0, moment_job_s=0.0)
    async with running_sandbox(now=FrozenClock(), callback_url=None, rules=rules) as running:
        yield running


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[WeComClient]:
    connection = sandbox.connection
    async with open_session() as session:
        yield WeComClient(
            session,
            api_base=sandbox.api_base,
            credentials=Credentials(
                corp_id=connection["corp_id"],
                secret=connection["secret"],
                agent_id=int(connection["agent_id"]),
            ),
        )
