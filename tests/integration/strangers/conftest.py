"""The door of the program, for callbacks sealed by others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.databases import Templates
from tests.support.webhook import Endpoint, running_endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack


@pytest.fixture
async def endpoint(tmp_path: Path, started: Templates, pack: Pack) -> AsyncIterator[Endpoint]:
    with started.copy("sqlite", tmp_path) as url:
        async with running_endpoint(url, pack) as running:
            yield running
