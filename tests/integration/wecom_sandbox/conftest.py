"""A running tenant whose time stands still, and a program that works for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.sandbox_driver import CallbackServer, FrozenClock, Program, callback_server, program_of
from wecom.sandbox import Sandbox, running_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
async def callbacks() -> AsyncIterator[CallbackServer]:
    async with callback_server() as server:
        yield server


@pytest.fixture
async def sandbox(clock: FrozenClock, callbacks: CallbackServer) -> AsyncIterator[Sandbox]:
    async with running_sandbox(now=clock, callback_url=callbacks.url, retry_after_s=0.02) as running:
        callbacks.trust(running)
        yield running


@pytest.fixture
async def program(sandbox: Sandbox) -> AsyncIterator[Program]:
    async with program_of(sandbox) as client:
        yield client
