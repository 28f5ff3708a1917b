"""The kill switches of the whole program: nothing reaches WeCom after one is thrown, and nothing is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sop import push
from tests.support.clinic import Clinic, running_clinic
from tests.support.databases import Templates
from tests.support.direct import befriend, draft_for, due, queue_drafts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack

SEND = "externalcontact/add_msg_template"
WELCOME = "externalcontact/send_welcome_msg"
REMIND = "externalcontact/remind_groupmsg_send"


@pytest.fixture
async def clinic(tmp_path: Path, started: Templates, pack: Pack) -> AsyncIterator[Clinic]:
    """On SQLite only; what the switches hold is tested on both databases without sockets."""
    with started.copy("sqlite", tmp_path) as url:
        async with running_clinic(url, pack) as running:
            yield running


async def pause(clinic: Clinic, scope: str = "all") -> None:
    await clinic.api("POST", "/pauses", {"scope": scope, "reason": "先核对一下"}, expect=201)


async def resume(clinic: Clinic, scope: str = "all") -> None:
    await clinic.api("DELETE", f"/pauses/{scope}")
    await clinic.runtime.clockwork.push_due()
    await clinic.runtime.courier.drain()


async def test_a_switch_thrown_between_approval_and_push_holds_the_post(clinic: Clinic) -> None:
    [post] = await queue_drafts(clinic, draft_for(clinic, await befriend(clinic, "晓晴")))
    await pause(clinic, "persona:assistant")

    await due(clinic, post)

    assert clinic.journal(SEND) == []
    assert (await clinic.api("GET", f"/posts/{post['id']}"))["state"] == "approved"
    await resume(clinic, "persona:assistant")
    await clinic.state_of(post["id"], "awaiting_sender")
    assert len(clinic.journal(SEND)) == 1


async def test_a_switch_thrown_between_lease_and_call_holds_the_call(clinic: Clinic) -> None:
    [post] = await queue_drafts(clinic, draft_for(clinic, await befriend(clinic, "晓晴")))
    await clinic.api("POST", f"/posts/{post['id']}/approve", {"digest": post["digest"]})
    courier = clinic.runtime.courier
    async with clinic.runtime.database.write() as session:
        clinic.clock.advance(timedelta(hours=1, seconds=1))  # nobody else can write now
        await push.start_due(session, now=clinic.clock.now())
        leased = await courier.lease(session, urgent=False)
    assert "create_task" in {effect.kind for effect in leased}

    await pause(clinic)
    courier.start(leased, urgent=False)
    await courier.drain()

    assert clinic.journal(SEND) == []
    assert (await clinic.api("GET", f"/posts/{post['id']}"))["state"] == "creating"
    clinic.clock.advance(timedelta(hours=1))
    await courier.drain()
    assert clinic.journal(SEND) == []
    await resume(clinic)
    await clinic.state_of(post["id"], "awaiting_sender")
    assert len(clinic.journal(SEND)) == 1


async def test_while_everything_stands_still_nobody_is_greeted_and_nobody_is_told_to_send(
    clinic: Clinic,
) -> None:
    [post] = await queue_drafts(clinic, draft_for(clinic, await befriend(clinic, "晓晴")))
    await due(clinic, post)
    greeted = len(clinic.journal(WELCOME))
    await pause(clinic)

    clinic.clock.advance(timedelta(hours=1, minutes=1))
    await clinic.runtime.clockwork.remind()
    await clinic.runtime.courier.drain()
    await clinic.act("patient-adds-member", userid="xiaohu", state="front-desk", name="阿远")
    await clinic.sandbox.callbacks.idle()
    await clinic.runtime.worker.drain()
    clinic.clock.advance(timedelta(seconds=25))
    await clinic.runtime.courier.drain()

    assert clinic.journal(REMIND) == []
    assert len(clinic.journal(WELCOME)) == greeted
    shown = await clinic.phone("members", "xiaohu")
    assert "有新客户没收到欢迎语" in str(shown), "a person greets instead"
