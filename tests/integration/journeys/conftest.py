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
from tests.support.journeys import Journeys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from content.pack import Pack


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    """On SQLite and on PostgreSQL."""
    database = Database(migrated_url)
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
