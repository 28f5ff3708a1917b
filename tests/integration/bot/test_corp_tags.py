"""Corp tags by name: made once, whoever else makes them and whatever answer is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.corp_tags import CorpTags
from tests.support.sandbox_driver import FrozenClock
from wecom.client import Credentials, WeComClient, open_session
from wecom.errors import OutcomeUnknown
from wecom.sandbox import Sandbox, running_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ADD = "externalcontact/add_corp_tag"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox(now=FrozenClock(), callback_url=None) as running:
        yield running


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[WeComClient]:
    facts = sandbox.connection
    credentials = Credentials(
        corp_id=facts["corp_id"], secret=facts["secret"], agent_id=int(facts["agent_id"])
    )
    async with open_session() as session:
        yield WeComClient(session, api_base=sandbox.api_base, credentials=credentials)


async def listed(client: WeComClient, group_name: str) -> dict[str, str]:
    groups = [group for group in await client.tags.list() if group.group_name == group_name]
    return {f"{group_name}/{tag.name}": tag.id for group in groups for tag in group.tag}


async def test_tags_whose_creation_was_not_answered_are_read_and_not_made_again(
    client: WeComClient, sandbox: Sandbox
) -> None:
    tags = CorpTags(client)
    sandbox.tenant.faults.add("reset_after", ADD)
    with pytest.raises(OutcomeUnknown):
        await tags.ids_for(["意向/种植", "意向/正畸"])

    ids = await tags.ids_for(["意向/种植", "意向/正畸"])

    assert ids == await listed(client, "意向")
    assert len(list(sandbox.tenant.journal.calls(ADD))) == 1


async def test_two_programs_that_want_some_of_the_same_tags_at_once_both_get_theirs(
    client: WeComClient,
) -> None:
    wanted = (["意向/种植"], ["意向/种植", "意向/美白"], ["意向/美白", "意向/洁牙"])

    found = await asyncio.gather(*(CorpTags(client).ids_for(paths) for paths in wanted))

    everything = await listed(client, "意向")
    assert set(everything) == {"意向/种植", "意向/美白", "意向/洁牙"}
    assert [set(ids) for ids in found] == [set(paths) for paths in wanted]
    for ids in found:
        assert ids.items() <= everything.items()
