"""A clinic whose API runs on a real socket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.api_driver import ApiClinic, Scene, api_clinic, copied, make_scene, settle_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return asyncio.run(make_scene(tmp_path_factory.mktemp("scene")))


@pytest.fixture
async def clinic(scene: Scene, tmp_path: Path) -> AsyncIterator[ApiClinic]:
    async with api_clinic(scene, copied(scene, tmp_path)) as running:
        yield running


@pytest.fixture
async def clinic_anywhere(scene: Scene, migrated_url: str) -> AsyncIterator[ApiClinic]:
    """On SQLite and on PostgreSQL, where requests really run at the same time."""
    await settle_in(migrated_url)
    async with api_clinic(scene, migrated_url) as running:
        yield running
