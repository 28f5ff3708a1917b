"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web_app

from content.loader import load_pack
from tests.support.clinic import Clinic, running_clinic, without_journeys
from tests.support.databases import Templates, fresh_database_url, stop_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from content.pack import Pack

# XIAOHU_TEST_DATABASE=sqlite narrows a quick run to one of them.
DATABASES = os.environ.get("XIAOHU_TEST_DATABASE", "sqlite,postgresql").split(",")


def pytest_collection_finish() -> None:
    """Keep modules and tests out of the collector's sight: a quarter of a run went into looking at them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)  # every test builds a program and lets it go again


def pytest_runtest_logfinish() -> None:
    """Let go of the test's programs: aiohttp remembers the middlewares of a thousand applications' handlers, and
    with each its application, database and event loop. A worker grew by five megabytes a test.
    """
    web_app._cached_build_middleware.cache_clear()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    stop_server()


@pytest.fixture(scope="session")
def pack() -> Pack:
    """The packaged dental pack."""
    loaded = load_pack("dental")
    gc.collect()
    gc.freeze()
    return loaded


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database: each test that needs one runs on SQLite and on PostgreSQL."""
    with fresh_database_url(request.param, tmp_path) as url:
        yield url


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    """Databases with the schema and nothing in it: migrated once, and copied for each test."""
    templates = Templates(tmp_path_factory.mktemp("templates"))
    yield templates
    templates.close()


@pytest.fixture(params=DATABASES)
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path, templates: Templates) -> Iterator[str]:
    """A migrated database with nothing in it: each test that needs one runs on SQLite and on PostgreSQL."""
    with templates.copy(request.param, tmp_path) as url:
        yield url


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory, pack: Pack) -> Iterator[Templates]:
    """Databases as after a first start, which takes the pack in (but its journeys) once: copied per clinic."""
    templates = Templates(tmp_path_factory.mktemp("started"), without_journeys(pack))
    yield templates
    templates.close()


@pytest.fixture(params=DATABASES)
def started_url(request: pytest.FixtureRequest, tmp_path: Path, started: Templates) -> Iterator[str]:
    """A database on which the program has been started before; on SQLite and on PostgreSQL."""
    with started.copy(request.param, tmp_path) as url:
        yield url


@pytest.fixture(params=DATABASES)
async def clinic(
    request: pytest.FixtureRequest, tmp_path: Path, started: Templates, pack: Pack
) -> AsyncIterator[Clinic]:
    """The whole program on a clock that can be advanced, beside a sandbox tenant, over real sockets."""
    with started.copy(request.param, tmp_path) as url:
        async with running_clinic(url, pack) as clinic:
            yield clinic
