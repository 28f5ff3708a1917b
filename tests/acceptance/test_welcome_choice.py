"""Greetings by the hour, by repetition, by tag, in two wordings; half contacts too; and what becomes of a missed one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from clinic.care_tables import Greeting, Todo
from clinic.tables import AuditEntry
from content.loader import load_pack
from tests.support.clinic import Clinic, running_clinic
from tests.support.pack_factory import PackFolder
from tests.support.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from content.pack import Pack

WELCOME = "externalcontact/send_welcome_msg"
NOTICE = "message/send"
MARK = "externalcontact/mark_tag"
CARDS = ", ".join(f"card-{number}" for number in range(9))
WELCOMES = f"""\
welcomes:
  - key: w.day
    kind: assistant
    text: "{{{{ patient.name }}}}你好，白天见。"
    variants:
      - {{key: warm, text: "{{{{ patient.name }}}}你好呀，白天见。"}}
  - {{key: w.night, kind: assistant, when: closed, text: 夜里好}}
  - {{key: w.again, kind: assistant, contact: again, text: 又见面了}}
  - {{key: w.booked, kind: assistant, tags: [阶段/已预约], text: 约好的朋友}}
  - {{key: w.card, persona: assistant, channels: [card], text: "{{{{ doctor.name }}}}托我招呼你", attachments: [{CARDS}]}}
  - {{key: w.doctor, kind: doctor, text: 医生你好}}
"""
CHANNELS = """\
channels:
  - {state: card, title: 名片, persona: doctor-zhang}
"""
RULES = """\
rules:
  - {key: by-card, reason: 收到名片欢迎语, on: added, welcome: w.card, add: 来源/抖音}
"""
ASSETS = "assets:\n" + "".join(
    f"  - {{key: card-{number}, kind: link, title: 卡片{number}, url: 'https://clinic.example/{number}'}}\n"
    for number in range(9)
)


@pytest.fixture
def pack(tmp_path) -> Pack:
    folder = PackFolder(tmp_path / "pack")
    folder.change(
        "pack.yaml",
        "  booking_url: https://clinic.example/booking\n",
        '  booking_url: https://clinic.example/booking\nopening: [{from: "08:00", until: "18:00"}]\n',
    )
    folder.write("channels.yaml", CHANNELS).write("welcomes.yaml", WELCOMES)
    folder.write("rules.yaml", RULES)
    folder.write("moments/daily.yaml", "items: []\n").write("groups/community.yaml", "items: []\n")
    return load_pack(folder.write("assets/assets.yaml", ASSETS).root)


@pytest.fixture
async def clinic(database_url: str, pack: Pack) -> AsyncIterator[Clinic]:
    async with running_clinic(database_url, pack) as clinic:
        yield clinic


async def rows(clinic: Clinic, table: type[Any], *conditions: Any) -> list[Any]:
    async with clinic.runtime.database.read() as session:
        return list(await session.scalars(select(table).where(*conditions).order_by(table.id)))


async def settled(clinic: Clinic, count: int) -> list[Greeting]:
    async def there() -> Any:
        found = await rows(clinic, Greeting)
        return found if len(found) >= count else None

    found: list[Greeting] = await clinic.until(there, what=f"{count} greetings")
    return found


async def leave(clinic: Clinic, external_userid: str) -> None:
    await clinic.runtime.worker.drain()
    clinic.clock.advance(timedelta(minutes=5))
    await clinic.act("patient-deletes-member", userid="xiaohu", external_userid=external_userid)
    await clinic.runtime.worker.drain()
    clinic.clock.advance(timedelta(minutes=5))


async def test_the_hour_a_return_and_the_channel_choose_the_greeting_and_it_says_why(clinic: Clinic) -> None:
    first = await clinic.act("patient-adds-member", userid="xiaohu", name="晓晴")
    (day,) = await settled(clinic, 1)
    await leave(clinic, first["external_userid"])
    await clinic.act("patient-adds-member", userid="xiaohu", external_userid=first["external_userid"])
    await settled(clinic, 2)
    await clinic.act("patient-adds-member", userid="xiaohu", state="card", name="名片")
    await settled(clinic, 3)
    await quiet(clinic)  # a leap of hours would take what is under way for a dead process's
    clinic.clock.advance(timedelta(hours=12))
    await clinic.act("patient-adds-member", userid="xiaohu", name="夜里", half=True)
    found = await settled(clinic, 4)

    assert day.welcome == "w.day"
    assert day.variant in ("main", "warm")
    assert day.why == f"渠道不明，用小助理类角色的通用欢迎语（{day.variant}）"
    assert [(g.welcome, g.why, g.state, g.userid, g.channel) for g in found[1:]] == [
        ("w.again", "渠道不明，用小助理类角色的再次添加欢迎语", "sent", "xiaohu", ""),
        ("w.card", "用「小护」自己的渠道「名片」欢迎语", "sent", "xiaohu", "card"),
        ("w.night", "渠道不明，用小助理类角色的营业时间外欢迎语", "sent", "xiaohu", ""),
    ]
    sent = [call.body for call in clinic.journal(WELCOME)]
    hello = {"main": "晓晴你好，白天见。", "warm": "晓晴你好呀，白天见。"}[day.variant]
    assert [body["text"]["content"] for body in sent] == [hello, "又见面了", "张医生托我招呼你", "夜里好"]
    assert [len(body.get("attachments", ())) for body in sent] == [0, 0, 9, 0]
    assert await rows(clinic, Todo, Todo.kind == "welcome_missed") == []
    # A rule may wait for a greeting: one of the four got that one.
    marked = await clinic.until(lambda: clinic.journal(MARK), what="the tag of the rule")
    assert len(marked) == 1


async def test_a_missed_greeting_is_kept_with_its_cause_and_asked_of_the_member(clinic: Clinic) -> None:
    fault = {"kind": "errcode", "target": WELCOME, "errcode": 41050, "times": 1}
    async with clinic.http.post(f"{clinic.sandbox.api_base}/sandbox/api/faults", json=fault) as answer:
        assert answer.status == 200

    added = await clinic.act("patient-adds-member", userid="xiaohu", name="阿远")
    (missed,) = await settled(clinic, 1)

    assert (missed.state, "41050" in missed.cause) == ("missed", True)
    (todo,) = await rows(clinic, Todo, Todo.kind == "welcome_missed")
    assert (todo.assignee, todo.state, todo.patient_id) == ("xiaohu", "open", missed.patient_id)
    assert "没有收到欢迎语" in todo.body
    subject = f"patient:{added['external_userid']}"
    told = await rows(clinic, AuditEntry, AuditEntry.action == "welcome.missed")
    assert [entry.subject for entry in told] == [subject]
    await clinic.until(
        lambda: [call for call in clinic.journal(NOTICE) if call.body["touser"] == "xiaohu"],
        what="a card for the member",
    )


async def test_a_greeting_whose_repeat_is_refused_may_have_arrived_the_first_time(clinic: Clinic) -> None:
    for fault in (
        {"kind": "reset_after", "target": WELCOME, "times": 1},
        {"kind": "errcode", "target": WELCOME, "errcode": 41050, "times": 1},
    ):
        async with clinic.http.post(f"{clinic.sandbox.api_base}/sandbox/api/faults", json=fault) as answer:
            assert answer.status == 200

    added = await clinic.act("patient-adds-member", userid="xiaohu", name="小雨")
    (unsure,) = await settled(clinic, 1)

    phone = await clinic.phone("patients", added["external_userid"])
    assert [one["origin"] for chat in phone["chats"] for one in chat["messages"]].count("welcome") == 1
    assert (unsure.state, "41050" in unsure.cause) == ("unsure", True)
    (todo,) = await rows(clinic, Todo, Todo.kind == "welcome_missed")
    assert "可能没有收到欢迎语，请看一眼聊天" in todo.body
    (told,) = await rows(clinic, AuditEntry, AuditEntry.action == "welcome.missed")
    assert told.reason.startswith("欢迎语不一定送到了：")


async def test_a_greeting_nobody_can_be_sure_of_says_so(clinic: Clinic) -> None:
    fault = {"kind": "reset_after", "target": WELCOME, "times": 1}
    async with clinic.http.post(f"{clinic.sandbox.api_base}/sandbox/api/faults", json=fault) as answer:
        assert answer.status == 200

    await clinic.act("patient-adds-member", userid="xiaohu", name="小白")
    await clinic.until(lambda: clinic.journal(WELCOME), what="the call without an answer")
    clinic.clock.advance(timedelta(seconds=30))
    (unsure,) = await settled(clinic, 1)

    assert (unsure.state, unsure.cause) == ("unsure", "没有收到回答，可能已经发出，请在企业微信里看一眼")
    (todo,) = await rows(clinic, Todo, Todo.kind == "welcome_missed")
    assert "请看一眼聊天" in todo.body
