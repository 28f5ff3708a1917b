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


@pytest.fixture(scope="session")
def pack() -> Pack:
    """The packaged dental pack."""
    return load_pack("dental")


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """An empty database: SQLite, or PostgreSQL with XIAOHU_TEST_DATABASE=postgresql."""
    with fresh_database_url(os.environ.get("XIAOHU_TEST_DATABASE", "sqlite"), tmp_path) as url:
        yield url


@pytest.fixture
async def clinic(database_url: str, pack: Pack) -> AsyncIterator[Clinic]:
    """The whole program on a clock that can be advanced, beside a sandbox tenant, over real sockets."""
    async with running_clinic(database_url, pack) as clinic:
        yield clinic
