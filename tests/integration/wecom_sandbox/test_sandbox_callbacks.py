"""Callbacks over real HTTP, decrypted by wechatpy; the control API's own manners."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.support.sandbox_driver import FrozenClock, program_of
from wecom.sandbox import running_sandbox

if TYPE_CHECKING:
    from tests.support.sandbox_driver import CallbackServer, Program
    from wecom.sandbox import Sandbox


async def told(sandbox: Sandbox, callbacks: CallbackServer) -> list[dict[str, Any]]:
    await sandbox.callbacks.idle()
    return callbacks.events


async def test_a_new_patient_is_announced_with_state_and_welcome_code(
    program: Program, callbacks: CallbackServer
) -> None:
    added = await program.act("patient-adds-member", userid="xiaohu", state="douyin", name="小李")
    (event,) = await told(program.sandbox, callbacks)
    assert event["ToUserName"] == program.sandbox.connection["corp_id"]
    assert (event["FromUserName"], event["ChangeType"]) == ("sys", "add_external_contact")
    assert (event["UserID"], event["State"]) == ("xiaohu", "douyin")
    assert event["ExternalUserID"] == added["external_userid"]
    assert event["WelcomeCode"] == added["welcome_code"]
    assert "<AgentID>" in callbacks.requests[0][1]


async def test_no_code_is_delivered_where_the_console_greets(
    program: Program, callbacks: CallbackServer
) -> None:
    program.sandbox.tenant.corp.members["li.na"].console_welcome = True
    added = await program.act("patient-adds-member", userid="li.na")
    (event,) = await told(program.sandbox, callbacks)
    assert added["welcome_code"] is None
    assert "WelcomeCode" not in event
    assert "State" not in event


async def test_a_half_added_patient_is_announced_twice_and_greeted_once(
    program: Program, callbacks: CallbackServer
) -> None:
    added = await program.act("patient-adds-member", userid="xiaohu", half=True)
    pair = {"userid": "xiaohu", "external_userid": added["external_userid"]}
    refused = await program.post("externalcontact/remark", pair | {"remark": "好"})
    assert refused["errcode"] == 84061
    body = {"welcome_code": added["welcome_code"], "text": {"content": "你好"}}
    assert (await program.post("externalcontact/send_welcome_msg", body))["errcode"] == 0
    await program.act("member-confirms-patient", **pair)
    half, full = await told(program.sandbox, callbacks)
    assert [half["ChangeType"], full["ChangeType"]] == ["add_half_external_contact", "add_external_contact"]
    assert "WelcomeCode" not in full


async def test_every_change_made_by_people_is_told(program: Program, callbacks: CallbackServer) -> None:
    tenant = program.sandbox.tenant
    group = next(iter(tenant.corp.groups.values()))
    added = await program.act("patient-adds-member", userid="xiaohu")
    pair = {"userid": "xiaohu", "external_userid": added["external_userid"]}
    await program.act("member-edits-patient", **pair, remark="周一来", mobiles=["13900000000"])
    await program.act("join-group", chat_id=group.chat_id, people=[added["external_userid"]])
    await program.act("leave-group", chat_id=group.chat_id, people=[added["external_userid"]], removed=True)
    await program.act("change-group", chat_id=group.chat_id, name="新名字")
    await program.act("dismiss-group", chat_id=group.chat_id)
    await program.act("edit-tags", change="create", group_name="来源", names=["抖音"])
    await program.act("patient-deletes-member", **pair)
    await program.act("member-deletes-patient", **pair)
    await program.act("member-writes-app", userid="xiaohu", text="待办 ]]> 呢")
    await program.act("member-enters-app", userid="xiaohu")

    events = await told(program.sandbox, callbacks)

    names = [(e.get("Event", e["MsgType"]), e.get("ChangeType"), e.get("UpdateDetail")) for e in events]
    assert names == [
        ("change_external_contact", "add_external_contact", None),
        ("change_external_contact", "edit_external_contact", None),
        ("change_external_chat", "update", "add_member"),
        ("change_external_chat", "update", "del_member"),
        ("change_external_chat", "update", "change_name"),
        ("change_external_chat", "dismiss", None),
        ("change_external_tag", "create", None),
        ("change_external_tag", "create", None),
        ("change_external_contact", "del_follow_user", None),
        ("change_external_contact", "del_external_contact", None),
        ("text", None, None),
        ("enter_agent", None, None),
    ]
    joined, left = events[2], events[3]
    assert joined["MemChangeList"] == {"Item": added["external_userid"]}
    assert (joined["JoinScene"], left["QuitScene"]) == ("3", "1")
    assert joined["CurMemVer"] == left["LastMemVer"]
    assert events[10]["Content"] == "待办 ]]> 呢"
    assert events[10]["MsgId"].isdecimal()


async def test_a_patient_who_left_is_one_way_and_one_deleted_is_gone(program: Program) -> None:
    one, two = (await program.get("externalcontact/list", userid="xiaohu"))["external_userid"][:2]
    await program.act("patient-deletes-member", userid="xiaohu", external_userid=one)
    await program.act("member-deletes-patient", userid="xiaohu", external_userid=two)
    remark = {"userid": "xiaohu", "remark": "好"}
    assert (await program.post("externalcontact/remark", remark | {"external_userid": one}))["errcode"] == 0
    assert (await program.post("externalcontact/remark", remark | {"external_userid": two}))[
        "errcode"
    ] == 84061


async def test_a_failed_delivery_is_tried_three_times(program: Program, callbacks: CallbackServer) -> None:
    callbacks.statuses = [500, 404]
    await program.act("patient-adds-member", userid="xiaohu")
    assert len(await told(program.sandbox, callbacks)) == 3
    (delivery,) = (await program.control("GET", "/callbacks"))["items"]
    assert delivery["state"] == "delivered"
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 404, 200]
    assert len({query["msg_signature"] for query, _ in callbacks.requests}) == 3
    callbacks.statuses = [500, 500, 500, 500]
    await program.act("patient-adds-member", userid="xiaohu")
    assert len(await told(program.sandbox, callbacks)) == 6
    assert (await program.control("GET", "/callbacks"))["items"][1]["state"] == "lost"


async def test_an_unreachable_url_is_tried_and_given_up(program: Program) -> None:
    await program.control("PUT", "/callback", {"url": "http://127.0.0.1:9/wecom/callback"})
    await program.act("patient-adds-member", userid="xiaohu")
    await program.sandbox.callbacks.idle()
    (delivery,) = (await program.control("GET", "/callbacks"))["items"]
    assert delivery["state"] == "lost"
    assert [attempt["error"] for attempt in delivery["attempts"]] == ["ClientConnectorError"] * 3


async def test_a_redelivery_is_the_same_bytes(program: Program, callbacks: CallbackServer) -> None:
    await program.act("patient-adds-member", userid="xiaohu")
    await told(program.sandbox, callbacks)
    answer = await program.control("POST", "/callbacks/redeliver", {})
    assert answer["status"] == 200
    assert callbacks.requests[0] == callbacks.requests[1]


async def test_callbacks_can_be_dropped_doubled_and_held_back(
    program: Program, callbacks: CallbackServer
) -> None:
    async def tell(kind: str) -> None:
        await program.control("POST", "/faults", {"kind": kind, "target": "enter_agent"})
        await program.act("member-enters-app", userid="xiaohu")
        await program.sandbox.callbacks.idle()

    await tell("drop_callback")
    assert callbacks.events == []
    await tell("duplicate_callback")
    assert [event["Event"] for event in callbacks.events] == ["enter_agent"] * 2
    callbacks.events.clear()
    await tell("hold_callback")
    assert callbacks.events == []
    await program.act("member-writes-app", userid="xiaohu", text="在吗")
    await program.sandbox.callbacks.idle()
    assert sorted(event["MsgType"] for event in callbacks.events) == ["event", "text"]


async def test_a_fault_named_by_the_beginning_of_an_event_strikes_every_change_of_it(
    program: Program, callbacks: CallbackServer
) -> None:
    (group, *_) = program.sandbox.tenant.corp.groups_owned_by("xiaohu")
    fault = {"kind": "drop_callback", "target": "change_external_chat.update", "times": None}
    await program.control("POST", "/faults", fault)
    await program.act("change-group", chat_id=group.chat_id, name="护牙")
    patient = (await program.act("create-patient", name="晓晴"))["external_userid"]
    await program.act("join-group", chat_id=group.chat_id, people=[patient])
    await program.act("dismiss-group", chat_id=group.chat_id)
    await program.sandbox.callbacks.idle()
    assert [event["ChangeType"] for event in callbacks.events] == ["dismiss"]


async def test_the_console_verifies_a_callback_url(program: Program, callbacks: CallbackServer) -> None:
    good = await program.control("PUT", "/callback", {"url": callbacks.url, "verify": True})
    assert good["verified"] is True
    bad = await program.control("PUT", "/callback", {"url": callbacks.url + "/nowhere", "verify": True})
    assert bad["verified"] is False
    assert "404" in bad["message"]
    await program.control("PUT", "/callback", {"url": "ftp://x"}, status=400)


async def test_mistakes_are_answered_with_a_reason(program: Program) -> None:
    assert (
        "extra" in str(await program.act("patient-adds-member", status=400, userid="xiaohu", nam="x")).lower()
    )
    assert "nobody" in (await program.act("patient-adds-member", status=400, userid="nobody"))["error"]
    assert "no action" in (await program.act("fly", status=400))["error"]
    await program.control("GET", "/phones/members/nobody", status=404)
    await program.control("GET", "/phones/patients/wmX", status=404)
    await program.control("GET", "/phones/groups/wrX", status=404)
    await program.control("POST", "/clock/advance", {"seconds": -1}, status=400)
    await program.control("POST", "/clock/advance", {"seconds": 1e300}, status=400)
    await program.control("POST", "/reset", {"scene": "moon"}, status=400)
    await program.control("PUT", "/rules", {"dispatch_s": None}, status=400)


async def test_the_tenants_time_runs_ahead_while_callbacks_keep_the_outside_stamp(
    program: Program, callbacks: CallbackServer, clock: FrozenClock
) -> None:
    await program.control("POST", "/clock/advance", {"seconds": 86_400})
    await program.act("member-enters-app", userid="xiaohu")
    (event,) = await told(program.sandbox, callbacks)
    outside = int(clock.at.timestamp())
    assert int(event["CreateTime"]) == outside + 86_400
    assert int(callbacks.requests[0][0]["timestamp"]) == outside


async def test_phones_hear_of_changes_as_they_happen(program: Program, clock: FrozenClock) -> None:
    url = f"{program.sandbox.api_base}/sandbox/api/events"
    async with program.http.get(url) as stream:
        assert await stream.content.readuntil(b"\n\n") == b"retry: 1000\nevent: hello\ndata: {}\n\n"
        await program.post("externalcontact/add_moment_task", {"text": {"content": "好"}})
        clock.forward(1)
        heard = []
        while not heard or heard[-1]["what"] != "moment.created":
            line = (await asyncio.wait_for(stream.content.readuntil(b"\n\n"), 5)).decode()
            heard.append(json.loads(line.split("data: ")[1]))
        assert "xiaohu" in heard[-1]["who"]["members"]


async def test_a_sandbox_stops_while_a_page_listens() -> None:
    async with aiohttp.ClientSession() as http:
        async with asyncio.timeout(5), running_sandbox(callback_url=None) as sandbox:
            stream = await http.get(f"{sandbox.api_base}/sandbox/api/events")
            await stream.content.readuntil(b"\n\n")
        assert await stream.content.read() == b""


async def test_reset_begins_again_with_the_same_people(program: Program) -> None:
    before = await program.control("GET", "/state")
    await program.act("patient-adds-member", userid="xiaohu")
    after = await program.control("POST", "/reset", {})
    assert after["patients"] == before["patients"]
    assert (await program.get("getcallbackip"))["errcode"] == 40014


async def test_the_same_seed_gives_the_same_ids_and_another_does_not() -> None:
    async def ids(seed: int) -> list[str]:
        clock = FrozenClock()
        async with (
            running_sandbox(seed=seed, now=clock, callback_url=None) as sandbox,
            program_of(sandbox) as program,
        ):
            added = await program.act("patient-adds-member", userid="xiaohu")
            return [sandbox.connection["secret"], *sandbox.tenant.corp.customers, added["welcome_code"]]

    assert await ids(7) == await ids(7)
    assert not set(await ids(7)) & set(await ids(8))


async def test_pages_come_from_the_phones_folder_or_a_hint_says_so(program: Program) -> None:
    base = program.sandbox.api_base
    async with program.http.get(f"{base}/") as answer:
        assert answer.status == 200
        assert answer.url.path == "/sandbox/"
    for path in ("../server.py", "..%2fserver.py", "nothing.js"):
        async with program.http.get(f"{base}/sandbox/static/{path}") as answer:
            assert answer.status == 404
