"""An empty, migrated database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from store.database import Database
from store.schema import upgrade
from store.vault import Vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """On SQLite and on PostgreSQL."""
    database = Database(database_url)
    await upgrade(database)
    yield database
    await database.close()


@pytest.fixture
def vault() -> Vault:
    return Vault("a secret of the tests")
