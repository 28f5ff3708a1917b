"""One database, one working process, unless Redis coordinates several."""

from __future__ import annotations

import pytest

from store import solitude
from store.database import Database
from store.schema import upgrade
from store.solitude import NotAlone, alone


async def test_a_second_process_is_refused_until_the_first_lets_go(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solitude, "PATIENCE_S", 0.0)
    first, second = Database(database_url), Database(database_url)
    await upgrade(first)
    try:
        async with alone(first):
            with pytest.raises(NotAlone, match="REDIS_URL"):
                async with alone(second):
                    pytest.fail("two processes hold one database")
        async with alone(second):
            pass
    finally:
        await first.close()
        await second.close()
