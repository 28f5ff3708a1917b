"""An empty clinic to which its own system tells visits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from store.database import Database
from store.schema import upgrade
from store.vault import Vault
from tests.support.visits import Desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from content.pack import Pack


@pytest.fixture
async def desk(database_url: str, pack: Pack) -> AsyncIterator[Desk]:
    """On SQLite and on PostgreSQL."""
    database = Database(database_url)
    await upgrade(database)
    yield Desk(database=database, pack=pack, vault=Vault("a secret of the tests"))
    await database.close()
