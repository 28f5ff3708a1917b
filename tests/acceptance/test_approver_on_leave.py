"""An approver is on leave: somebody else is asked, reminded and decides, and nothing expires in silence."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sop import absences
from sop.roster import load_roster
from tests.acceptance.test_week import card_of
from tests.support.clinic import Clinic, running_clinic
from tests.support.databases import fresh_database_url
from tests.support.direct import befriend, draft_for, queue_drafts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack

APPROVER, STAND_IN = "chen.jing", "zhao.min"


@pytest.fixture
async def clinic(tmp_path: Path, pack: Pack) -> AsyncIterator[Clinic]:
    """On SQLite only; who stands in is tested on both databases without sockets."""
    with fresh_database_url("sqlite", tmp_path) as url:
        async with running_clinic(url, pack) as running:
            yield running


async def send_off(clinic: Clinic) -> None:
    await clinic.runtime.clockwork.read_tenant()
    async with clinic.runtime.database.write() as session:
        now = clinic.clock.now()
        await absences.note(
            session,
            APPROVER,
            since=now,
            until=now + timedelta(days=7),
            substitute=STAND_IN,
            roster=await load_roster(session, clinic.pack),
            actor="admin",
            now=now,
        )


async def watch(clinic: Clinic) -> None:
    await clinic.runtime.queue_care.watch()
    await clinic.runtime.courier.drain()


async def test_who_stands_in_gets_the_card_and_approves_what_then_goes_out(clinic: Clinic) -> None:
    [post] = await queue_drafts(clinic, draft_for(clinic, await befriend(clinic, "晓晴")))
    await send_off(clinic)
    await watch(clinic)

    card = await card_of(clinic, STAND_IN, "小护")
    await clinic.act("tap-card", userid=STAND_IN, task_id=card["task_id"], key="approve")

    approved = await clinic.state_of(post["id"], "approved")
    assert [(one["actor"], one["via"], one["digest"]) for one in approved["approvals"]] == [
        (STAND_IN, "card", post["digest"])
    ]
    clinic.clock.advance(timedelta(hours=1, seconds=1))
    await clinic.runtime.clockwork.push_due()
    await clinic.runtime.courier.drain()
    await clinic.state_of(post["id"], "awaiting_sender")


async def test_nobody_decides_so_who_stands_in_is_reminded_and_told_that_it_expired(clinic: Clinic) -> None:
    at = clinic.clock.now() + timedelta(hours=6)
    [post] = await queue_drafts(clinic, draft_for(clinic, await befriend(clinic, "晓晴"), scheduled_at=at))
    await send_off(clinic)
    for hours in (2, 5):
        clinic.clock.advance_to(at - timedelta(hours=6 - hours))
        await watch(clinic)
    clinic.clock.advance_to(at)
    await clinic.runtime.clockwork.push_due()
    await clinic.runtime.courier.drain()

    ended = await clinic.api("GET", f"/posts/{post['id']}")
    assert (ended["state"], ended["reason"]) == ("expired", "到发送时间仍未审核，没有发送")
    told = str(await clinic.phone("members", STAND_IN))
    assert told.count("内容还在等你审核") == 2
    assert "有内容没有审核，已过期" in told
    assert "内容还在等你审核" not in str(await clinic.phone("members", APPROVER))
