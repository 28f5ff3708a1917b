"""The client's budgets against the sandbox's limits: what would be refused is never sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from wecom.api.moments import MomentTask
from wecom.budget import Budgets
from wecom.client import Credentials, WeComClient, open_session
from wecom.errors import RateLimited

if TYPE_CHECKING:
    from wecom.sandbox import Sandbox

MARK = "externalcontact/mark_tag"
MOMENT = "externalcontact/add_moment_task"


def errcodes(sandbox: Sandbox, api: str) -> list[int | None]:
    return [call.errcode for call in sandbox.tenant.journal.calls(api)]


async def test_forty_marks_at_once_wait_for_each_other_and_none_is_refused(sandbox: Sandbox) -> None:
    sandbox.tenant.rules.latency_s = 0.005  # calls overlap, so a sixth at once would be 45033
    waits: list[tuple[str, int]] = []
    budgets = Budgets(on_wait=lambda api, waiting, _seconds: waits.append((api, waiting)))
    connection = sandbox.connection
    async with open_session() as session:
        client = WeComClient(
            session,
            api_base=sandbox.api_base,
            credentials=Credentials(
                corp_id=connection["corp_id"],
                secret=connection["secret"],
                agent_id=int(connection["agent_id"]),
            ),
            budgets=budgets,
        )
        (patient, *_) = await client.contacts.list_of("xiaohu")
        group = await client.tags.add("来源", ["前台"])
        marks = [client.tags.mark("xiaohu", patient, add=[group.tag[0].id]) for _ in range(40)]
        await asyncio.gather(*marks)
    assert errcodes(sandbox, MARK) == [0] * 40
    assert max(waiting for api, waiting in waits if api == MARK) == 35
    assert waits[-1] == (MARK, 0)


async def test_an_eleventh_moment_in_a_minute_is_not_sent(sandbox: Sandbox, client: WeComClient) -> None:
    task = MomentTask(text="秋季护牙", userids=("xiaohu",))
    for _ in range(10):
        await client.moments.create(task)
    with pytest.raises(RateLimited) as caught:
        await client.moments.create(task)
    assert caught.value.retry_after_s == pytest.approx(60, abs=3)
    assert errcodes(sandbox, MOMENT) == [0] * 10


async def test_fewer_at_once_after_45033(sandbox: Sandbox, client: WeComClient) -> None:
    budget = client.transport.budget_of(MARK)
    assert budget.at_once == 5
    sandbox.tenant.faults.add("errcode", MARK, errcode=45033)
    (patient, *_) = await client.contacts.list_of("xiaohu")
    group = await client.tags.add("来源", ["前台"])
    with pytest.raises(RateLimited):
        await client.tags.mark("xiaohu", patient, add=[group.tag[0].id])
    assert budget.at_once == 2
