"""Journeys on an empty, migrated database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from content.render import Renderer
from sop.journeys.channels.card import CardChannel
from sop.journeys.channels.invite_group import InviteGroupChannel
from sop.journeys.channels.kf import KfChannel
from sop.journeys.channels.records import StageChannel, TagChannel
from sop.journeys.channels.survey import SurveyChannel, SurveyInvites
from sop.journeys.channels.todo import TodoChannel
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


@pytest.fixture
def care(database: Database, pack: Pack, vault: Vault) -> Journeys:
    """The engine with its real channels."""
    journeys = Journeys(database, pack)
    tools: dict[str, Any] = {"pack": pack, "renderer": Renderer(), "vault": vault}
    url = "https://clinic.example"
    todo = TodoChannel(**tools, public_url=url)
    kf = KfChannel(**tools, hours=journeys.hours, todo=todo)
    invites = SurveyInvites(pack=pack, vault=vault, public_url=url)
    journeys.engine._channels |= {  # type: ignore[operator]
        "todo": todo,
        "kf": kf,
        "card": CardChannel(**tools, public_url=url),
        "tag": TagChannel(),
        "stage": StageChannel(),
        "survey": SurveyChannel(pack=pack, renderer=tools["renderer"], invites=invites, todo=todo, kf=kf),
        "invite_group": InviteGroupChannel(**tools, public_url=url),
    }
    journeys.messages._invites = invites
    return journeys
