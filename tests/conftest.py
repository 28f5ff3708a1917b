"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from content.loader import load_pack
from tests.support.clinic import Clinic, running_clinic
from tests.support.databases import fresh_database_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from content.pack import Pack

# XIAOHU_TEST_DATABASE=sqlite narrows a quick run to one of them.
DATABASES = os.environ.get("XIAOHU_TEST_DATABASE", "sqlite,postgresql").split(",")


@pytest.fixture(scope="session")
def pack() -> Pack:
    """The packaged dental pack."""
    return load_pack("dental")


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database: each test that needs one runs on SQLite and on PostgreSQL."""
    with fresh_database_url(request.param, tmp_path) as url:
        yield url


@pytest.fixture
async def clinic(database_url: str, pack: Pack) -> AsyncIterator[Clinic]:
    """The whole program on a clock that can be advanced, beside a sandbox tenant, over real sockets."""
    async with running_clinic(database_url, pack) as clinic:
        yield clinic
