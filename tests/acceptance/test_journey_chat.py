"""A journey's message in 微信客服: once, also when its answer is lost; by hand when her window has shut."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from clinic.care_tables import KfMessage, Todo
from content.plans.documents import plan_of
from sop.plan_tables import Touch
from tests.acceptance.test_kf_reading import account, enter, write
from tests.support.clinic import Clinic, running_clinic
from tests.support.databases import fresh_database_url
from tests.support.quiet import quiet, rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack

SEND = "kf/send_msg"
ASK = "洗牙后牙龈还好吗？"
CARE: dict[str, Any] = {
    "key": "care",
    "kind": "journey",
    "title": "洗牙回访",
    "persona": "follow",
    "trigger": [{"on": "manual"}],
    "steps": [
        {"key": "ask", "channel": "kf", "after": {"hours": 2}, "text": ASK, "fallback": "todo"},
        {"key": "again", "channel": "kf", "after": {"days": 4}, "text": "这几天呢？", "fallback": "todo"},
    ],
}


@pytest.fixture
async def clinic(tmp_path: Path, pack: Pack) -> AsyncIterator[Clinic]:
    with fresh_database_url("sqlite", tmp_path) as url:
        async with running_clinic(url, replace(pack, plans=(plan_of(CARE),)), journeys=True) as running:
            yield running


async def asked(clinic: Clinic) -> str:
    """Let somebody who has written in the chat begin; return her id."""
    open_kfid = await account(clinic)
    added = await clinic.act("patient-adds-member", userid="xiaohu", name="晓晴")
    who = await enter(clinic, open_kfid, external_userid=added["external_userid"])
    await write(clinic, open_kfid, who, "洗完牙有点酸")
    await quiet(clinic)
    await clinic.api("POST", f"/patients/{who}/journeys", {"plan": "care", "mark": "1"}, expect=201)
    return who


async def pass_time(clinic: Clinic, **span: float) -> None:
    clinic.clock.advance(timedelta(**span))
    await clinic.runtime.journey_care.tick()
    await quiet(clinic)


async def touches(clinic: Clinic) -> list[tuple[str, str, str]]:
    found = await rows(clinic, select(Touch).order_by(Touch.id))
    return [(one.step, one.channel, one.state) for one in found]


async def read(clinic: Clinic, who: str) -> list[str]:
    """Return what stands in the chat on her phone."""
    [chat] = (await clinic.phone("patients", f"{who}/kf"))["chats"]
    return [message["text"] for message in chat["messages"]]


async def test_a_step_in_the_chat_is_said_once_though_its_answer_was_lost(clinic: Clinic) -> None:
    who = await asked(clinic)
    clinic.tenant.faults.add("reset_after", SEND)

    await pass_time(clinic, hours=2, minutes=1)
    await clinic.until(lambda: len(clinic.journal(SEND)) == 2, what="the second try")
    await quiet(clinic)

    first, second = clinic.journal(SEND)
    assert first.body["msgid"] == second.body["msgid"]
    assert (await read(clinic, who)).count(ASK) == 1
    assert await touches(clinic) == [("ask", "kf", "sent")]
    ours = [one for one in await rows(clinic, select(KfMessage)) if one.msgid == first.body["msgid"]]
    assert len(ours) == 1, "the chat as we keep it has it, too"


async def test_after_her_window_has_shut_the_step_goes_by_hand(clinic: Clinic) -> None:
    who = await asked(clinic)
    await pass_time(clinic, hours=2, minutes=1)

    await pass_time(clinic, days=4)

    assert len(clinic.journal(SEND)) == 1
    assert await touches(clinic) == [("ask", "kf", "sent"), ("again", "todo", "queued")]
    [todo] = await rows(clinic, select(Todo).where(Todo.kind == "touch"))
    assert todo.assignee == "xiaohu"
    assert "这几天呢？" not in await read(clinic, who)


async def test_what_is_stopped_before_it_is_due_is_not_said(clinic: Clinic) -> None:
    who = await asked(clinic)
    [running] = (await clinic.api("GET", f"/patients/{who}/journeys"))["items"]
    await clinic.api("POST", f"/patients/{who}/journeys/{running['id']}/stop", {"reason": "她已经来过"})

    await pass_time(clinic, hours=3)

    assert clinic.journal(SEND) == []
