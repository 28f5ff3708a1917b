"""Step 1 of the story: a new patient is greeted by the right persona, tagged, and nobody is greeted twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.support.clinic import Clinic

WELCOME = "externalcontact/send_welcome_msg"
MARK = "externalcontact/mark_tag"


async def chat(clinic: Clinic, patient: str, member: str) -> dict[str, Any]:
    """The patient's chat with a member, as her phone shows it."""
    phone = await clinic.phone("patients", patient)
    return next(one for one in phone["chats"] if one["userid"] == member)


async def welcome_of(clinic: Clinic, patient: str, member: str) -> list[dict[str, Any]]:
    """Wait for the welcome and return its messages."""

    async def greeted() -> Any:
        shown = await chat(clinic, patient, member)
        return [message for message in shown["messages"] if message["origin"] == "welcome"]

    found: list[dict[str, Any]] = await clinic.until(greeted, what="a welcome on the patient's phone")
    return found


async def test_the_front_desk_code_brings_her_name_a_card_and_the_channels_tags(clinic: Clinic) -> None:
    added = await clinic.act("patient-adds-member", userid="xiaohu", state="front-desk", name="晓晴")

    welcome = await welcome_of(clinic, added["external_userid"], "xiaohu")

    async def tags() -> Any:
        shown = await chat(clinic, added["external_userid"], "xiaohu")
        return {tag["name"] for tag in shown["follow"]["tags"]}

    assert "晓晴" in welcome[0]["text"]
    assert "小护" in welcome[0]["text"]
    assert {message["kind"] for message in welcome[1:]} & {"link", "miniprogram"}
    assert "前台扫码" in await clinic.until(tags, what="tags on her")

    async def recorded() -> Any:
        record = await clinic.api("GET", f"/patients/{added['external_userid']}")
        return record if record["tags"] else None

    patient = await clinic.until(recorded, what="the tags in our record")
    assert [tag["name"] for tag in patient["tags"]] == ["前台扫码"]
    assert any("前台" in entry["reason"] for entry in patient["timeline"])


async def test_the_doctors_welcome_speaks_in_the_doctors_voice(clinic: Clinic) -> None:
    assistant = await clinic.act("patient-adds-member", userid="xiaohu", state="dr-zhang-card", name="阿远")
    doctor = await clinic.act("patient-adds-member", userid="zhang.wei", state="dr-zhang-card", name="阿远")

    by_doctor = await welcome_of(clinic, doctor["external_userid"], "zhang.wei")
    by_assistant = await welcome_of(clinic, assistant["external_userid"], "xiaohu")

    assert "张医生" in by_doctor[0]["text"]
    assert by_doctor[0]["text"] != by_assistant[0]["text"]


async def test_a_redelivered_callback_greets_nobody_twice(clinic: Clinic) -> None:
    added = await clinic.act("patient-adds-member", userid="xiaohu", state="front-desk", name="晓晴")
    await welcome_of(clinic, added["external_userid"], "xiaohu")

    for _ in range(3):
        await clinic.sandbox.callbacks.redeliver()
    await clinic.runtime.worker.drain()
    await clinic.runtime.courier.drain()

    assert len(clinic.journal(WELCOME)) == 1
    assert len(clinic.journal(MARK)) == 1
    metrics = await (await clinic.http.get(f"{clinic.url}/metrics")).text()
    assert 'xiaohu_inbox_rows{state="done"}' in metrics or "xiaohu_inbox_handled_total" in metrics


async def test_a_member_bound_to_no_persona_greets_as_the_default_one(clinic: Clinic) -> None:
    added = await clinic.act("patient-adds-member", userid="chen.jing", name="小白")

    welcome = await welcome_of(clinic, added["external_userid"], "chen.jing")

    assert "小护" in welcome[0]["text"]


async def test_a_welcome_whose_answer_was_lost_is_tried_again_and_shown_once(clinic: Clinic) -> None:
    async with clinic.http.post(
        f"{clinic.sandbox.api_base}/sandbox/api/faults",
        json={"kind": "reset_after", "target": WELCOME, "times": 1},
    ) as response:
        assert response.status == 200

    added = await clinic.act("patient-adds-member", userid="xiaohu", state="front-desk", name="晓晴")
    await clinic.until(lambda: len(clinic.journal(WELCOME)) == 2, what="the second try")

    welcome = await welcome_of(clinic, added["external_userid"], "xiaohu")
    assert [message["kind"] for message in welcome].count("text") == 1


async def test_a_welcome_that_is_too_late_is_recorded_with_its_cause(clinic: Clinic) -> None:
    async with clinic.http.post(
        f"{clinic.sandbox.api_base}/sandbox/api/faults",
        json={"kind": "errcode", "target": WELCOME, "errcode": -1},
    ) as response:
        assert response.status == 200
    added = await clinic.act("patient-adds-member", userid="xiaohu", state="front-desk", name="晓晴")
    await clinic.until(lambda: clinic.journal(WELCOME), what="the first try")
    await clinic.runtime.worker.drain()  # the greeting hurries ahead of the record

    clinic.clock.advance(timedelta(seconds=30))

    async def told() -> Any:
        patient = await clinic.api("GET", f"/patients/{added['external_userid']}")
        return [
            entry for entry in patient["timeline"] if "20 秒" in entry["reason"] or "时限" in entry["reason"]
        ]

    assert await clinic.until(told, what="the missed welcome in her timeline")
