"""A clinic whose console runs on a real socket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.api_driver import Scene, copied, make_scene, settle_in
from tests.support.console_driver import Desk, console_desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return asyncio.run(make_scene(tmp_path_factory.mktemp("scene")))


@pytest.fixture
async def visitor(scene: Scene, tmp_path: Path) -> AsyncIterator[Desk]:
    """Somebody who has not logged in."""
    async with console_desk(scene, copied(scene, tmp_path)) as desk:
        yield desk


@pytest.fixture
async def desk(visitor: Desk) -> Desk:
    """The admin, logged in."""
    assert (await visitor.login()).status == 303
    return visitor


@pytest.fixture
async def desk_anywhere(scene: Scene, migrated_url: str) -> AsyncIterator[Desk]:
    """The admin, logged in, on SQLite and on PostgreSQL."""
    await settle_in(migrated_url)
    async with console_desk(scene, migrated_url) as desk:
        assert (await desk.login()).status == 303
        yield desk
