"""Journeys on an empty, migrated database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from store.database import Database
from store.vault import Vault
from tests.conftest import DATABASES
from tests.support.databases import Templates
from tests.support.journeys import Journeys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from content.pack import Pack


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    """Databases are migrated once, and copied for each test."""
    templates = Templates(tmp_path_factory.mktemp("templates"))
    yield templates
    templates.close()


@pytest.fixture(params=DATABASES)
async def database(
    request: pytest.FixtureRequest, tmp_path: Path, templates: Templates
) -> AsyncIterator[Database]:
    """On SQLite and on PostgreSQL."""
    with templates.copy(request.param, tmp_path) as url:
        database = Database(url)
        yield database
        await database.close()


@pytest.fixture
def vault() -> Vault:
    return Vault("a secret of the tests")


@pytest.fixture
def journeys(database: Database, pack: Pack) -> Journeys:
    return Journeys(database, pack)
