"""An empty, migrated database, and a patient with everything that a patient can have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from store.database import Database
from store.vault import Vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    """On SQLite and on PostgreSQL."""
    database = Database(migrated_url)
    yield database
    await database.close()


@pytest.fixture
def vault() -> Vault:
    return Vault("a secret of the tests")
