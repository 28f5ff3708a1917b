"""An empty clinic to which its own system tells visits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from store.database import Database
from store.vault import Vault
from tests.support.visits import Desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack
    from tests.support.databases import Templates


@pytest.fixture
async def quick_desk(tmp_path: Path, templates: Templates, pack: Pack) -> AsyncIterator[Desk]:
    """On SQLite only: for what no database has a part in."""
    with templates.copy("sqlite", tmp_path) as url:
        database = Database(url)
        yield Desk(database=database, pack=pack, vault=Vault("a secret of the tests"))
        await database.close()


@pytest.fixture
async def desk(migrated_url: str, pack: Pack) -> AsyncIterator[Desk]:
    """On SQLite and on PostgreSQL."""
    database = Database(migrated_url)
    yield Desk(database=database, pack=pack, vault=Vault("a secret of the tests"))
    await database.close()
