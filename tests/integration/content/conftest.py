"""An empty, migrated database, and a tiny pack in a folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from store.database import Database
from tests.support.pack_factory import PackFolder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.databases import Templates


@pytest.fixture
async def database(tmp_path: Path, templates: Templates) -> AsyncIterator[Database]:
    """On SQLite: what the two databases might do differently asks for ``database_anywhere``."""
    with templates.copy("sqlite", tmp_path) as url:
        database = Database(url)
        yield database
        await database.close()


@pytest.fixture
async def database_anywhere(migrated_url: str) -> AsyncIterator[Database]:
    """On SQLite and on PostgreSQL."""
    database = Database(migrated_url)
    yield database
    await database.close()


@pytest.fixture
def folder(tmp_path: Path) -> PackFolder:
    return PackFolder(tmp_path / "pack")
