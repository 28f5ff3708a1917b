"""Journeys through the whole program: two weeks of a new patient, one who leaves us, one who is unhappy."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from sqlalchemy import select

from clinic.care_tables import Todo
from content.plans.documents import plan_of
from sop.plan_tables import Enrolment, Touch
from sop.tables import Post
from store.outbox import OutboxEffect
from tests.support.clinic import PASSWORD, running_clinic
from tests.support.databases import fresh_database_url
from tests.support.quiet import quiet, rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack
    from tests.support.clinic import Clinic

HELLO = "认识第三天，给你留一个三十秒的小检查。"
WELCOME_TO_ASK = "一周了，有什么惦记着的小事吗？"
FORTNIGHT: dict[str, Any] = {
    "key": "new-patient",
    "kind": "journey",
    "title": "新朋友头两周",
    "persona": "follow",
    "trigger": [{"on": "added"}],
    "stops": ["visited"],
    "steps": [
        {
            "key": "day-2",
            "channel": "todo",
            "after": {"days": 2},
            "at": "11:00",
            "text": "{{ patient.name }}，你好，我是{{ member.alias }}。",
        },
        {"key": "day-3", "channel": "mass", "after": {"days": 3}, "at": "12:00", "text": HELLO},
        {"key": "day-7", "channel": "mass", "after": {"days": 7}, "at": "12:00", "text": WELCOME_TO_ASK},
        {"key": "mark", "channel": "tag", "after": {"days": 14}, "at": "12:00", "add": "满意度/待回访"},
    ],
}
AFTER_VISIT: dict[str, Any] = {
    "key": "after-visit",
    "kind": "journey",
    "title": "就诊感受",
    "persona": "follow",
    "trigger": [{"on": "visit"}],
    "steps": [
        {
            "key": "ask",
            "channel": "survey",
            "via": "todo",
            "survey": "after-visit",
            "after": {"hours": 2},
            "text": "想听听你今天的感受",
        },
        {
            "key": "recommend",
            "channel": "todo",
            "after": {"days": 7},
            "at": "10:00",
            "text": "如果觉得还不错，也可以介绍朋友来",
            "when": {"none_of": [{"answers": {"after-visit": {"mood": "unhappy"}}}]},
        },
    ],
}
SEND = "externalcontact/add_msg_template"


@pytest.fixture
async def clinic(tmp_path: Path, pack: Pack) -> AsyncIterator[Clinic]:
    """On SQLite: that both databases decide alike is shown by tests/integration/journeys."""
    plans = tuple(plan_of(one) for one in (FORTNIGHT, AFTER_VISIT))
    with fresh_database_url("sqlite", tmp_path) as url:
        async with running_clinic(url, replace(pack, plans=plans), journeys=True) as running:
            yield running


async def pass_time(clinic: Clinic, **span: float) -> None:
    """Let time pass, and the program do what has come due."""
    clinic.clock.advance(timedelta(**span))
    await clinic.runtime.journey_care.tick()
    await clinic.runtime.clockwork.push_due()
    await quiet(clinic)


@dataclass(slots=True)
class Staff:
    """The manager at the console."""

    http: aiohttp.ClientSession
    url: str

    async def read(self, path: str) -> str:
        async with self.http.get(self.url + path) as response:
            assert response.status == 200, response.status
            return await response.text()

    async def send(self, path: str, page: str, **fields: str) -> str:
        token = re.search(r'name="csrf" value="([^"]+)"', page)
        assert token is not None
        async with self.http.post(self.url + path, data={"csrf": token[1], **fields}) as response:
            assert response.status == 200, response.status
            return await response.text()


@asynccontextmanager
async def staff(clinic: Clinic) -> AsyncIterator[Staff]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        admin = Staff(http, clinic.url)
        page = await admin.read("/console/login")
        await admin.send("/console/login", page, name="admin", password=PASSWORD)
        yield admin


async def adds(clinic: Clinic, name: str = "晓晴") -> str:
    added = await clinic.act("patient-adds-member", userid="xiaohu", state="front-desk", name=name)
    await quiet(clinic)
    return str(added["external_userid"])


async def touches(clinic: Clinic) -> list[tuple[str, str]]:
    found = await rows(clinic, select(Touch).order_by(Touch.id))
    return [(one.step, one.state) for one in found]


async def told(clinic: Clinic, who: str) -> list[str]:
    return [one["reason"] for one in (await clinic.api("GET", f"/patients/{who}"))["timeline"]]


async def approve_all(clinic: Clinic) -> None:
    for post in await clinic.posts(state="in_review"):
        if post["kind"] == "direct":
            await clinic.api("POST", f"/posts/{post['id']}/approve", {"digest": post["digest"]})


async def tap(clinic: Clinic) -> None:
    """Let the member send what waits for a tap."""
    task = list(clinic.tenant.mass.tasks.values())[-1]
    await clinic.act("tap-mass", userid="xiaohu", msgid=task.msgid)
    for minutes in (1, 16):
        clinic.clock.advance(timedelta(minutes=minutes))
        await clinic.runtime.watcher.look()


async def heard(clinic: Clinic, who: str) -> list[str]:
    chats = (await clinic.phone("patients", who))["chats"]
    return [message["text"] for chat in chats for message in chat["messages"]]


async def test_a_new_patient_through_fourteen_days(clinic: Clinic) -> None:
    who = await adds(clinic)
    assert await touches(clinic) == [], "the day of the greeting belongs to the greeting"

    # Wednesday, 11:00: the member gets the words; from noon on, Thursday's message waits for approval.
    await pass_time(clinic, days=2, hours=2, minutes=30)
    [todo] = await rows(clinic, select(Todo).where(Todo.kind == "touch"))
    assert (todo.assignee, todo.title) == ("xiaohu", "发给顾客：新朋友头两周")
    async with staff(clinic) as admin:
        page = await admin.read("/console/todos?whose=all")
        assert "晓晴，你好，我是小护。" in page
        assert f'data-copy="text-{todo.id}"' in page
        await admin.send(f"/console/todos/{todo.id}/done", page)
    assert await touches(clinic) == [("day-2", "done"), ("day-3", "queued")]

    await pass_time(clinic, hours=20)
    await approve_all(clinic)
    await pass_time(clinic, hours=6)
    await tap(clinic)
    assert HELLO in await heard(clinic, who)
    assert await touches(clinic) == [("day-2", "done"), ("day-3", "sent")]

    await pass_time(clinic, days=3, hours=16)
    await approve_all(clinic)
    await pass_time(clinic, hours=10)
    await tap(clinic)
    assert WELCOME_TO_ASK in await heard(clinic, who)
    assert len(clinic.journal(SEND)) == 2

    await pass_time(clinic, days=7)
    await pass_time(clinic, minutes=1)
    [enrolment] = await rows(clinic, select(Enrolment).where(Enrolment.plan_key == "new-patient"))
    assert (enrolment.state, enrolment.contacts) == ("done", 3)
    record = await clinic.api("GET", f"/patients/{who}")
    assert "待回访" in {tag["name"] for tag in record["tags"]}


async def test_who_deletes_us_in_the_middle_hears_nothing_more(clinic: Clinic) -> None:
    who, other = await adds(clinic), await adds(clinic, "阿远")
    await pass_time(clinic, days=2, hours=4)
    await pass_time(clinic, hours=18)
    await approve_all(clinic)
    assert await touches(clinic) == [("day-2", "queued"), ("day-2", "queued")] + [("day-3", "queued")] * 2

    await clinic.act("patient-deletes-member", userid="xiaohu", external_userid=who)
    await quiet(clinic)
    await pass_time(clinic, hours=8)

    [call] = clinic.journal(SEND)
    assert call.body["external_userid"] == [other], "approved for both, created for whoever is left"
    gone = [(t.state, t.reason) for t in await rows(clinic, select(Touch)) if t.state == "skipped"]
    assert gone == [("skipped", "与我们都断开了联系")] * 2
    assert any("停掉所有旅程" in reason for reason in await told(clinic, who))

    await clinic.act("patient-adds-member", userid="xiaohu", external_userid=who)
    await quiet(clinic)
    await pass_time(clinic, days=9)
    states = [one.state for one in await rows(clinic, select(Enrolment).order_by(Enrolment.id))]
    assert states[0] == "stopped"
    assert len(states) == 2, "a return revives nothing, and she had this once"


async def test_who_is_unhappy_is_called_at_once_and_never_asked_to_recommend(clinic: Clinic) -> None:
    who = await adds(clinic)
    await pass_time(clinic, hours=1)
    visit = {"number": "V1", "patient": {"external_userid": who}, "status": "done", "treatment": "洁牙"}
    await clinic.api("POST", "/visits", visit | {"at": clinic.clock.now().isoformat()}, expect=201)
    await quiet(clinic)
    await pass_time(clinic, hours=2, minutes=5)

    async with staff(clinic) as admin:
        page = await admin.read("/console/todos?whose=all")
    token = re.search(r"/s/([A-Za-z0-9_-]{20,})", page)
    assert token is not None
    async with clinic.http.post(f"{clinic.url}/s/{token[1]}", data={"q0": "非常不满意"}) as response:
        assert response.status == 200
    await quiet(clinic)

    [todo] = await rows(clinic, select(Todo).where(Todo.kind == "unhappy"))
    assert (todo.assignee, todo.state) == ("manager", "open")
    cards = await rows(clinic, select(OutboxEffect).where(OutboxEffect.kind == "notify_staff"))
    assert any(card.payload["title"] == "有顾客不满意，请当天联系" for card in cards)

    await pass_time(clinic, days=8)
    found = await rows(clinic, select(Touch).where(Touch.plan_key == "after-visit").order_by(Touch.id))
    assert [(one.step, one.state) for one in found] == [("ask", "queued"), ("recommend", "skipped")]
    assert "不能是" in found[1].reason
    assert await rows(clinic, select(Post).where(Post.kind == "direct")) == []
