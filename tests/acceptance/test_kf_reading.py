"""微信客服: the bell rings, the news are read from the bookmark, kept sealed, and reach the rules."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from clinic.care_tables import KfAccount, KfMessage
from store.outbox import OutboxEffect
from tests.support.quiet import quiet, rows

if TYPE_CHECKING:
    from tests.support.clinic import Clinic

SYNC = "kf/sync_msg"


async def account(clinic: Clinic) -> str:
    made = await clinic.act("create-kf-account", name="微笑口腔客服")
    await quiet(clinic)
    return str(made["open_kfid"])


async def enter(clinic: Clinic, open_kfid: str, **who: Any) -> str:
    entered = await clinic.act("kf-enter", open_kfid=open_kfid, scene="h5", **who)
    return str(entered["external_userid"])


async def write(clinic: Clinic, open_kfid: str, patient: str, text: str) -> str:
    written = await clinic.act("kf-write", open_kfid=open_kfid, external_userid=patient, text=text)
    return str(written["msgid"])


async def heard(clinic: Clinic, patient: str) -> list[KfMessage]:
    return await rows(
        clinic, select(KfMessage).where(KfMessage.external_userid == patient).order_by(KfMessage.id)
    )


async def test_what_a_patient_writes_is_kept_sealed_and_stands_in_her_timeline(clinic: Clinic) -> None:
    open_kfid = await account(clinic)
    added = await clinic.act("patient-adds-member", userid="xiaohu", name="晓晴")
    patient = await enter(clinic, open_kfid, external_userid=added["external_userid"])
    await write(clinic, open_kfid, patient, "我想种牙，多少钱")
    await quiet(clinic)

    found = await heard(clinic, patient)
    assert [(message.kind, message.origin) for message in found] == [("enter_session", 4), ("text", 3)]
    assert found[1].text_sealed is not None
    assert "种牙".encode() not in found[1].text_sealed
    record = await clinic.api("GET", f"/patients/{patient}")
    assert any("我想种牙" in entry["reason"] for entry in record["timeline"])
    named = await rows(clinic, select(KfAccount))
    assert [(one.name, one.authorised) for one in named] == [("微笑口腔客服", True)]


async def test_a_keyword_reaches_the_rules_of_a_patient_we_know_with_its_reason(clinic: Clinic) -> None:
    open_kfid = await account(clinic)
    added = await clinic.act("patient-adds-member", userid="xiaohu", name="晓晴")
    patient = await enter(clinic, open_kfid, external_userid=added["external_userid"])
    await write(clinic, open_kfid, patient, "我想种牙")
    await quiet(clinic)

    record = await clinic.api("GET", f"/patients/{patient}")
    assert {tag["name"] for tag in record["tags"]} & {"种植"}
    assert any("implant" in entry["reason"] for entry in record["timeline"])


async def test_a_stranger_in_the_chat_becomes_no_patient(clinic: Clinic) -> None:
    open_kfid = await account(clinic)
    stranger = await enter(clinic, open_kfid, name="路过的人")
    await write(clinic, open_kfid, stranger, "我想种牙")
    await quiet(clinic)

    assert len(await heard(clinic, stranger)) == 2
    await clinic.api("GET", f"/patients/{stranger}", expect=404)


async def test_what_she_asked_before_she_added_anybody_counts_when_she_does(clinic: Clinic) -> None:
    open_kfid = await account(clinic)
    stranger = await enter(clinic, open_kfid, name="路过的人")
    await write(clinic, open_kfid, stranger, "我想种牙")
    await quiet(clinic)

    await clinic.act("patient-adds-member", userid="xiaohu", external_userid=stranger)
    await quiet(clinic)

    record = await clinic.api("GET", f"/patients/{stranger}")
    assert {tag["name"] for tag in record["tags"]} & {"种植"}


async def test_many_bells_and_twins_keep_each_message_once_and_the_bookmark_moves_on(clinic: Clinic) -> None:
    open_kfid = await account(clinic)
    patient = await enter(clinic, open_kfid, name="阿青")
    await asyncio.gather(*(write(clinic, open_kfid, patient, f"第 {n} 句") for n in range(12)))
    for _ in range(3):
        await clinic.sandbox.callbacks.redeliver()
    await quiet(clinic)

    found = await heard(clinic, patient)
    assert len(found) == 13
    assert len({message.msgid for message in found}) == 13
    await write(clinic, open_kfid, patient, "还在吗")
    await quiet(clinic)
    assert clinic.journal(SYNC)[-1].body["cursor"]
    assert len(await heard(clinic, patient)) == 14


async def test_an_old_token_is_left_out_and_a_lost_answer_is_read_again(clinic: Clinic) -> None:
    open_kfid = await account(clinic)
    patient = await enter(clinic, open_kfid, name="阿青")
    await quiet(clinic)
    async with clinic.http.post(
        f"{clinic.sandbox.api_base}/sandbox/api/faults",
        json={"kind": "reset_after", "target": SYNC, "times": 1},
    ) as response:
        assert response.status == 200
    await write(clinic, open_kfid, patient, "在吗")

    async def read() -> bool:
        clinic.clock.advance(timedelta(minutes=2))
        return len(await heard(clinic, patient)) == 2

    await clinic.until(read, what="the message after a lost answer")

    effect = (await rows(clinic, select(OutboxEffect).where(OutboxEffect.kind == "fetch_kf")))[-1]
    assert effect.state == "sent"


async def test_what_was_recalled_is_wiped(clinic: Clinic) -> None:
    open_kfid = await account(clinic)
    patient = await enter(clinic, open_kfid, name="阿青")
    msgid = await write(clinic, open_kfid, patient, "发错了")
    await quiet(clinic)
    await clinic.act("kf-recall", open_kfid=open_kfid, external_userid=patient, msgid=msgid)
    await quiet(clinic)

    wiped = next(message for message in await heard(clinic, patient) if message.msgid == msgid)
    assert (wiped.kind, wiped.text_sealed) == ("recalled", None)


async def test_an_account_taken_from_the_app_is_read_no_more_until_it_is_given_back(clinic: Clinic) -> None:
    open_kfid = await account(clinic)
    clinic.clock.advance(timedelta(seconds=2))
    await clinic.act("grant-kf-account", open_kfid=open_kfid, granted=False)
    await quiet(clinic)
    assert [one.authorised for one in await rows(clinic, select(KfAccount))] == [False]
    calls = len(clinic.journal(SYNC))

    clinic.clock.advance(timedelta(seconds=2))
    await clinic.act("grant-kf-account", open_kfid=open_kfid, granted=True)
    await quiet(clinic)

    assert [one.authorised for one in await rows(clinic, select(KfAccount))] == [True]
    assert len(clinic.journal(SYNC)) > calls
