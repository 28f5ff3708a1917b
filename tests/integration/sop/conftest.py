"""An empty, migrated database with a few members and patients: what the queue's services need, no sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from store.database import Database
from tests.support.queue import Queue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from content.pack import Pack


@pytest.fixture
async def queue(migrated_url: str, pack: Pack) -> AsyncIterator[Queue]:
    """On SQLite and on PostgreSQL."""
    database = Database(migrated_url)
    queue = Queue(database=database, pack=pack)
    await queue.settle_in()
    yield queue
    await database.close()
