"""An empty clinic to which its own system tells visits."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from store.database import Database
from store.schema import upgrade
from store.vault import Vault
from tests.support.visits import Desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy: migrating takes longer than most of these tests."""
    file = tmp_path_factory.mktemp("visits") / "empty.db"

    async def make() -> None:
        database = Database(f"sqlite+aiosqlite:///{file}")
        await upgrade(database)
        await database.close()

    asyncio.run(make())
    return file


@pytest.fixture
async def quick_desk(empty_database: Path, tmp_path: Path, pack: Pack) -> AsyncIterator[Desk]:
    """On SQLite only: for what no database has a part in."""
    file = shutil.copy(empty_database, tmp_path / "quick.db")
    database = Database(f"sqlite+aiosqlite:///{file}")
    yield Desk(database=database, pack=pack, vault=Vault("a secret of the tests"))
    await database.close()


@pytest.fixture
async def desk(database_url: str, pack: Pack) -> AsyncIterator[Desk]:
    """On SQLite and on PostgreSQL."""
    database = Database(database_url)
    await upgrade(database)
    yield Desk(database=database, pack=pack, vault=Vault("a secret of the tests"))
    await database.close()
