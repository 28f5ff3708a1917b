"""Temporary sessions, join ways, acquisition links, group welcomes and handovers over the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from wecom.sandbox.transfers import FULL

if TYPE_CHECKING:
    from tests.support.sandbox_driver import CallbackServer, FrozenClock, Program

BASE = "externalcontact/"
LINKS = f"{BASE}customer_acquisition/"
DAY = 86_400


async def a_patient(program: Program, userid: str = "xiaohu") -> str:
    return (await program.get("externalcontact/list", userid=userid))["external_userid"][0]


async def days_pass(program: Program, days: int) -> None:
    program.sandbox.tenant.advance(days * DAY)
    await program.login()  # the token died on the way


async def a_group(program: Program, userid: str = "xiaohu") -> str:
    body = {"owner_filter": {"userid_list": [userid]}, "limit": 10}
    return (await program.post("externalcontact/groupchat/list", body))["group_chat_list"][0]["chat_id"]


async def events(program: Program, callbacks: CallbackServer) -> list[dict[str, Any]]:
    await program.sandbox.callbacks.idle()
    return callbacks.events


async def test_a_temporary_way_takes_one_member_even_where_others_take_several(program: Program) -> None:
    way = {"type": 2, "scene": 2, "is_temp": True, "state": "temp"}
    two = ["li.na", "xiaohu"]
    assert (await program.post(f"{BASE}add_contact_way", way | {"user": two}))["errcode"] == 41043
    config_id = (await program.post(f"{BASE}add_contact_way", way | {"user": ["li.na"]}))["config_id"]
    wanted = {"config_id": config_id, "user": two}
    assert (await program.post(f"{BASE}update_contact_way", wanted))["errcode"] == 41043
    kept = await program.post(f"{BASE}get_contact_way", {"config_id": config_id})
    assert kept["contact_way"]["user"] == ["li.na"]


async def test_a_temporary_session_ends_with_its_closing_words(program: Program) -> None:
    way = {
        "type": 1, "scene": 2, "user": ["li.na"], "is_temp": True, "state": "temp", "expires_in": 60,
        "conclusions": {"text": {"content": "祝早日康复"}},
    }  # fmt: skip
    config_id = (await program.post(f"{BASE}add_contact_way", way))["config_id"]
    listed = await program.post(f"{BASE}list_contact_way", {})
    assert config_id not in {row["config_id"] for row in listed["contact_way"]}
    patient = (await program.act("patient-adds-member", config_id=config_id))["external_userid"]
    pair = {"userid": "li.na", "external_userid": patient}
    assert (await program.post(f"{BASE}close_temp_chat", pair))["errcode"] == 0
    assert (await program.post(f"{BASE}close_temp_chat", pair))["errcode"] == 84061
    assert program.sandbox.tenant.corp.chats["li.na", patient][-1].text == "祝早日康复"
    lasting = {"userid": "xiaohu", "external_userid": await a_patient(program)}
    assert (await program.post(f"{BASE}close_temp_chat", lasting))["errcode"] == 84061
    program.sandbox.tenant.advance(61)
    refused = await program.act("patient-adds-member", config_id=config_id, status=400)
    assert "expired" in refused["error"]


async def test_whoever_scans_a_join_way_is_in_the_group_with_its_state(
    program: Program, callbacks: CallbackServer
) -> None:
    chat_id = await a_group(program)
    body = {
        "scene": 2,
        "chat_id_list": [chat_id],
        "state": "grp-1",
        "room_base_name": "福利社",
        "remark": "门口",
    }
    config_id = (await program.post(f"{BASE}groupchat/add_join_way", body))["config_id"]
    shown = (await program.post(f"{BASE}groupchat/get_join_way", {"config_id": config_id}))["join_way"]
    assert shown["chat_id_list"] == [chat_id]
    assert shown["qr_code"].endswith(config_id)
    joined = await program.act("patient-scans-join-way", config_id=config_id, name="阿青")
    group = (await program.post(f"{BASE}groupchat/get", {"chat_id": chat_id, "need_name": 1}))["group_chat"]
    seat = next(m for m in group["member_list"] if m["userid"] == joined["external_userid"])
    assert (seat["join_scene"], seat["state"]) == (3, "grp-1")
    assert (await events(program, callbacks))[-1]["JoinScene"] == "3"


async def test_a_full_group_is_followed_by_a_new_one_where_wecom_may_open_it(program: Program) -> None:
    chat_id = await a_group(program)
    program.sandbox.tenant.rules.group_size = 5
    body: dict[str, Any] = {
        "scene": 2,
        "chat_id_list": [chat_id],
        "room_base_name": "福利社",
        "room_base_id": 7,
    }
    config_id = (await program.post(f"{BASE}groupchat/add_join_way", body))["config_id"]
    joined = await program.act("patient-scans-join-way", config_id=config_id)
    assert program.sandbox.tenant.corp.groups[joined["chat_id"]].name == "福利社7"
    fixed = body | {"config_id": config_id, "auto_create_room": 0}
    assert (await program.post(f"{BASE}groupchat/update_join_way", fixed))["errcode"] == 0
    await program.act("patient-scans-join-way", config_id=config_id, status=400)


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        pytest.param({"chat_id_list": ["wr"] * 6}, 41091, id="six groups"),
        pytest.param({"chat_id_list": ["wrNOBODY"]}, 86001, id="no such group"),
        pytest.param({"chat_id_list": []}, 40058, id="no group"),
        pytest.param({"scene": 3}, 41038, id="no such scene"),
        pytest.param({"state": "s" * 31}, 40058, id="a long state"),
        pytest.param({"remark": "注" * 31}, 40058, id="a long remark"),
        pytest.param({"room_base_name": "名" * 41}, 40058, id="a long name"),
        pytest.param({"auto_create_room": 2}, 40058, id="neither yes nor no"),
    ],
)
async def test_a_bad_join_way_is_refused(program: Program, change: dict[str, Any], errcode: int) -> None:
    body = {"scene": 2, "chat_id_list": [await a_group(program)]} | change
    assert (await program.post(f"{BASE}groupchat/add_join_way", body))["errcode"] == errcode


async def test_contact_ways_and_join_ways_share_a_quota(program: Program) -> None:
    program.sandbox.tenant.rules.contact_way_quota = 1
    body = {"scene": 2, "chat_id_list": [await a_group(program)]}
    config_id = (await program.post(f"{BASE}groupchat/add_join_way", body))["config_id"]
    way = {"type": 1, "scene": 2, "user": ["xiaohu"]}
    assert (await program.post(f"{BASE}add_contact_way", way))["errcode"] == 41045
    assert (await program.post(f"{BASE}groupchat/del_join_way", {"config_id": config_id}))["errcode"] == 0
    assert (await program.post(f"{BASE}groupchat/del_join_way", {"config_id": config_id}))["errcode"] == 41044
    assert (await program.post(f"{BASE}add_contact_way", way))["errcode"] == 0


async def a_link(program: Program, **more: Any) -> dict[str, Any]:
    body = {"link_name": "抖音一月", "range": {"user_list": ["xiaohu", "li.na"]}} | more
    return (await program.post(f"{LINKS}create_link", body))["link"]


async def test_an_acquisition_link_brings_patients_with_its_channel(
    program: Program, callbacks: CallbackServer
) -> None:
    link = await a_link(program)
    url = f"{link['url']}?customer_channel=douyin"
    first = await program.act("patient-opens-link", link=url, customer_channel="douyin", name="小雨")
    second = await program.act("patient-opens-link", link=link["link_id"])
    assert [first["userid"], second["userid"]] == ["xiaohu", "li.na"]
    heard = (await events(program, callbacks))[0]
    assert (heard["ChangeType"], heard["State"], heard["LinkId"]) == (
        "add_external_contact", "douyin", link["link_id"],
    )  # fmt: skip
    shown = await program.get("externalcontact/get", external_userid=first["external_userid"])
    assert (shown["follow_user"][0]["add_way"], shown["follow_user"][0]["state"]) == (16, "douyin")
    pair = {"userid": "xiaohu", "external_userid": first["external_userid"]}
    for _ in range(3):
        await program.act("patient-writes", **pair, text="在吗")
    told = [e for e in await events(program, callbacks) if e["Event"] == "customer_acquisition"]
    assert [e["ChangeType"] for e in told] == ["customer_start_chat", "message_from_customer"]
    info = await program.post(f"{LINKS}get_chat_info", {"chat_key": told[1]["ChatKey"]})
    assert info["chat_info"] == {"recv_msg_cnt": 3, "link_id": link["link_id"], "state": "douyin"}
    program.sandbox.tenant.advance(1801)
    stale = await program.post(f"{LINKS}get_chat_info", {"chat_key": told[1]["ChatKey"]})
    assert stale["errcode"] == 40058


async def test_a_link_is_listed_changed_counted_and_deleted(program: Program, clock: FrozenClock) -> None:
    link = await a_link(program)
    link_id = {"link_id": link["link_id"]}
    await program.act("patient-opens-link", link=link["url"], only_look=True)
    await program.act("patient-opens-link", link=link["url"])
    now = int(clock().timestamp())
    counted = await program.post(f"{LINKS}statistic", link_id | {"start_time": now - DAY, "end_time": now})
    assert (counted["click_link_customer_cnt"], counted["new_customer_cnt"]) == (2, 1)
    too_old = {"start_time": now - 200 * DAY, "end_time": now - 190 * DAY}
    assert (await program.post(f"{LINKS}statistic", link_id | too_old))["errcode"] == 40058
    rows = (await program.post(f"{LINKS}customer", link_id))["customer_list"]
    assert [row["chat_status"] for row in rows] == [0]
    changed = link_id | {"link_name": "新名", "range": {"department_list": [3]}}
    assert (await program.post(f"{LINKS}update_link", changed))["errcode"] == 0
    shown = await program.post(f"{LINKS}get", link_id)
    assert (shown["link"]["link_name"], shown["range"]["department_list"]) == ("新名", [3])
    assert (await program.post(f"{LINKS}list_link", {}))["link_id_list"] == [link["link_id"]]
    assert (await program.post(f"{LINKS}delete_link", link_id))["errcode"] == 0
    assert (await program.post(f"{LINKS}get", link_id))["errcode"] == 40058


async def test_a_used_up_quota_stops_the_links_and_tells_so(
    program: Program, callbacks: CallbackServer
) -> None:
    link = await a_link(program, skip_verify=False)
    program.sandbox.tenant.links.balance = 1
    await program.act("patient-opens-link", link=link["link_id"])
    refused = await program.act("patient-opens-link", link=link["link_id"], status=400)
    assert "quota" in refused["error"]
    bad = await program.post(f"{LINKS}create_link", {"link_name": "x", "range": {"user_list": ["xiaohu"]}})
    assert bad["errcode"] == 41095
    await program.act("buy-acquisition-quota", amount=50)
    assert (await program.get(f"{BASE}customer_acquisition_quota"))["balance"] == 50
    await program.act("delete-link", link_id=link["link_id"])
    changes = [e["ChangeType"] for e in await events(program, callbacks)]
    assert changes == [
        "friend_request", "add_external_contact", "balance_exhausted", "balance_increased", "delete_link",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        pytest.param({"link_name": "名" * 31}, 40058, id="a long name"),
        pytest.param({"link_name": ""}, 40058, id="no name"),
        pytest.param({"range": {}}, 40058, id="nobody"),
        pytest.param({"range": {"user_list": ["nobody"]}}, 40003, id="a stranger"),
        pytest.param({"range": {"department_list": [99]}}, 60123, id="no such department"),
        pytest.param({"priority_option": {"priority_type": 2}}, 40058, id="a priority for nobody"),
    ],
)
async def test_a_bad_link_is_refused(program: Program, change: dict[str, Any], errcode: int) -> None:
    body = {"link_name": "抖音", "range": {"user_list": ["xiaohu"]}} | change
    assert (await program.post(f"{LINKS}create_link", body))["errcode"] == errcode


async def test_newcomers_are_greeted_with_the_template_the_owner_applied(program: Program) -> None:
    chat_id, picture = await a_group(program), await program.image()
    body = {"text": {"content": "欢迎%NICKNAME%"}, "image": {"media_id": picture}, "notify": 1}
    template_id = (await program.post(f"{BASE}group_welcome_template/add", body))["template_id"]
    shown = await program.post(f"{BASE}group_welcome_template/get", {"template_id": template_id})
    assert (shown["text"]["content"], shown["image"]["media_id"]) == ("欢迎%NICKNAME%", picture)
    patient = (await program.act("create-patient", name="阿青"))["external_userid"]
    await program.act("apply-template", template_id=template_id, chat_id=chat_id)
    await program.act("join-group", chat_id=chat_id, people=[patient])
    said = program.sandbox.tenant.corp.group_chats[chat_id]
    assert [(bubble.kind, bubble.text) for bubble in said] == [("text", "欢迎阿青"), ("image", "")]
    edited = {"template_id": template_id, "text": {"content": "您好"}}
    assert (await program.post(f"{BASE}group_welcome_template/edit", edited))["errcode"] == 0
    other_app = edited | {"agentid": 1}
    assert (await program.post(f"{BASE}group_welcome_template/edit", other_app))["errcode"] == 41058
    gone = {"template_id": template_id}
    assert (await program.post(f"{BASE}group_welcome_template/del", gone))["errcode"] == 0
    assert (await program.post(f"{BASE}group_welcome_template/get", gone))["errcode"] == 40058


async def test_group_templates_have_their_limits(program: Program) -> None:
    add = f"{BASE}group_welcome_template/add"
    assert (await program.post(add, {"text": {"content": "长" * 1001}}))["errcode"] == 45002
    assert (await program.post(add, {"text": {"content": ""}}))["errcode"] == 40063
    for _ in range(100):
        assert (await program.post(add, {"text": {"content": "长" * 1000}, "notify": 0}))["errcode"] == 0
    assert (await program.post(add, {"text": {"content": "满"}}))["errcode"] == 41055


async def test_a_customer_moves_to_another_member_after_24_hours(
    program: Program, callbacks: CallbackServer
) -> None:
    patient = await a_patient(program, "zhang.wei")
    body = {"handover_userid": "zhang.wei", "takeover_userid": "chen.jing", "external_userid": [patient]}
    started = await program.post(f"{BASE}transfer_customer", body | {"transfer_success_msg": "以后找我"})
    assert started["customer"] == [{"external_userid": patient, "errcode": 0}]
    again = await program.post(f"{BASE}transfer_customer", body)
    assert again["customer"][0]["errcode"] == 40129
    pair = {"handover_userid": "zhang.wei", "takeover_userid": "chen.jing"}
    waiting = await program.post(f"{BASE}transfer_result", pair)
    assert waiting["customer"][0]["status"] == 2
    await days_pass(program, 1)
    done = await program.post(f"{BASE}transfer_result", pair)
    assert done["customer"][0]["status"] == 1
    heard = [(e["ChangeType"], e["UserID"], e.get("Source")) for e in await events(program, callbacks)]
    assert heard == [
        ("del_external_contact", "zhang.wei", "DELETE_BY_TRANSFER"),
        ("add_external_contact", "chen.jing", None),
    ]
    assert "WelcomeCode" not in callbacks.events[1]
    shown = await program.get("externalcontact/get", external_userid=patient)
    assert {f["userid"]: f["add_way"] for f in shown["follow_user"]}["chen.jing"] == 202
    assert program.sandbox.tenant.corp.chats["chen.jing", patient][-1].text == "以后找我"


async def test_a_customer_may_refuse_and_a_full_member_takes_nobody(
    program: Program, callbacks: CallbackServer
) -> None:
    follows = program.sandbox.tenant.corp.follows_of_member["li.na"]
    first, second = list(follows)[:2]
    pair = {"handover_userid": "li.na", "takeover_userid": "chen.jing"}
    await program.post(f"{BASE}transfer_customer", pair | {"external_userid": [first, second]})
    await program.act("patient-refuses-transfer", external_userid=first)
    program.sandbox.tenant.rules.customers_per_member = 0
    await days_pass(program, 1)
    rows = (await program.post(f"{BASE}transfer_result", pair))["customer"]
    assert [row["status"] for row in rows] == [3, FULL]
    heard = [(e["ChangeType"], e["FailReason"], e["UserID"]) for e in await events(program, callbacks)]
    assert heard == [
        ("transfer_fail", "customer_refused", "chen.jing"),
        ("transfer_fail", "customer_limit_exceed", "chen.jing"),
    ]
    refused = await program.post(f"{BASE}transfer_customer", pair | {"external_userid": [first]})
    assert refused["customer"][0]["errcode"] == 40099


async def test_a_customer_is_handed_over_twice_in_90_days_at_most(program: Program) -> None:
    patient = await a_patient(program, "zhang.wei")
    for handover, takeover in (("zhang.wei", "chen.jing"), ("chen.jing", "zhang.wei")):
        pair = {"handover_userid": handover, "takeover_userid": takeover, "external_userid": [patient]}
        assert (await program.post(f"{BASE}transfer_customer", pair))["customer"][0]["errcode"] == 0
        await days_pass(program, 1)
    pair = {"handover_userid": "zhang.wei", "takeover_userid": "chen.jing", "external_userid": [patient]}
    assert (await program.post(f"{BASE}transfer_customer", pair))["customer"][0]["errcode"] == 40128
    await days_pass(program, 90)
    assert (await program.post(f"{BASE}transfer_customer", pair))["customer"][0]["errcode"] == 0


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        pytest.param({"takeover_userid": "li.na"}, 40130, id="to oneself"),
        pytest.param({"takeover_userid": "nobody"}, 40003, id="to a stranger"),
        pytest.param({"external_userid": []}, 41035, id="nobody"),
        pytest.param({"external_userid": ["wm"] * 101}, 40058, id="too many"),
        pytest.param({"transfer_success_msg": "长" * 201}, 40058, id="long words"),
    ],
)
async def test_a_bad_handover_is_refused(program: Program, change: dict[str, Any], errcode: int) -> None:
    body = {"handover_userid": "li.na", "takeover_userid": "xiaohu", "external_userid": ["wm1"]} | change
    assert (await program.post(f"{BASE}transfer_customer", body))["errcode"] == errcode


async def test_what_a_leaver_leaves_is_listed_and_handed_over(
    program: Program, callbacks: CallbackServer
) -> None:
    resigned = f"{BASE}resigned/transfer_customer"
    patient, chat_id = await a_patient(program, "zhang.wei"), await a_group(program, "zhang.wei")
    pair = {"handover_userid": "zhang.wei", "takeover_userid": "chen.jing"}
    early = await program.post(resigned, pair | {"external_userid": [patient]})
    assert early["errcode"] == 40097
    move = {"chat_id_list": [chat_id], "new_owner": "chen.jing"}
    failed = (await program.post(f"{BASE}groupchat/transfer", move))["failed_chat_list"]
    assert failed[0]["errcode"] == 90500
    await program.act("member-leaves", userid="zhang.wei")
    assert (await program.get("user/get", userid="zhang.wei"))["errcode"] == 60111
    listed = await program.post(f"{BASE}get_unassigned_list", {"page_id": 0, "page_size": 5})
    assert {row["handover_userid"] for row in listed["info"]} == {"zhang.wei"}
    assert listed["is_last"] is False
    rest = await program.post(f"{BASE}get_unassigned_list", {"cursor": listed["next_cursor"]})
    assert rest["is_last"] is True
    left = await program.post(f"{BASE}groupchat/list", {"status_filter": 1, "limit": 10})
    assert left["group_chat_list"] == [{"chat_id": chat_id, "status": 1}]
    assert (await program.post(f"{BASE}groupchat/transfer", move))["failed_chat_list"] == []
    inherited = await program.post(f"{BASE}groupchat/list", {"status_filter": 3, "limit": 10})
    assert inherited["group_chat_list"] == [{"chat_id": chat_id, "status": 3}]
    await program.post(resigned, pair | {"external_userid": [patient]})
    await days_pass(program, 1)
    rows = (await program.post(f"{BASE}resigned/transfer_result", pair))["customer"]
    assert [row["status"] for row in rows] == [1]
    assert [(e["Event"], e["ChangeType"]) for e in await events(program, callbacks)] == [
        ("change_contact", "delete_user"),
        ("change_external_contact", "add_external_contact"),
    ]


async def test_nobody_meets_a_member_who_left(program: Program) -> None:
    way = {"type": 2, "scene": 2, "user": ["li.na", "xiaohu"]}
    config_id = (await program.post(f"{BASE}add_contact_way", way))["config_id"]
    await program.act("member-leaves", userid="li.na")
    await program.act("patient-adds-member", userid="li.na", status=400)
    for _ in range(2):
        patient = (await program.act("patient-adds-member", config_id=config_id))["external_userid"]
        shown = await program.get("externalcontact/get", external_userid=patient)
        assert [follow["userid"] for follow in shown["follow_user"]] == ["xiaohu"]
    assert "li.na" not in (await program.get(f"{BASE}get_follow_user_list"))["follow_user"]
    await program.act("member-leaves", userid="li.na", status=400)


async def test_a_group_gets_a_new_owner_on_the_job_twice_in_90_days(program: Program) -> None:
    chat_id, move = await a_group(program), f"{BASE}groupchat/onjob_transfer"

    async def errcodes(owner: str, *chats: str) -> list[int]:
        answer = await program.post(move, {"chat_id_list": list(chats), "new_owner": owner})
        return [row["errcode"] for row in answer["failed_chat_list"]]

    assert await errcodes("xiaohu", chat_id, "wrNOBODY") == [90504, 90501]
    assert await errcodes("li.na", chat_id) == []
    assert await errcodes("xiaohu", chat_id) == []
    assert await errcodes("li.na", chat_id) == [40128]
    group = (await program.post(f"{BASE}groupchat/get", {"chat_id": chat_id}))["group_chat"]
    assert group["owner"] == "xiaohu"


async def test_who_is_served_and_which_group_a_mini_program_is_in(program: Program) -> None:
    first = await program.post(f"{BASE}contact_list", {"limit": 30})
    rest = await program.post(f"{BASE}contact_list", {"limit": 30, "cursor": first["next_cursor"]})
    pairs = [(r["follow_userid"], r["external_userid"]) for r in first["info_list"] + rest["info_list"]]
    assert len(pairs) == len(set(pairs)) == 39
    assert rest["next_cursor"] == ""
    chat_id = await a_group(program)
    opengid = program.sandbox.tenant.corp.groups[chat_id].opengid
    assert (await program.post(f"{BASE}opengid_to_chatid", {"opengid": opengid}))["chat_id"] == chat_id
    assert (await program.post(f"{BASE}opengid_to_chatid", {"opengid": "x"}))["errcode"] == 90511


async def test_what_members_send_on_their_own_is_listed_with_its_creator(
    program: Program, clock: FrozenClock
) -> None:
    now = int(clock().timestamp())
    patient = await a_patient(program)
    sent = await program.act(
        "member-sends-mass", userid="xiaohu", text="复诊提醒", external_userids=[patient]
    )
    assert sent["results"] == {patient: 1}
    window = {"chat_type": "single", "start_time": now - DAY, "end_time": now + DAY}
    personal = await program.post(f"{BASE}get_groupmsg_list_v2", window | {"filter_type": 1})
    assert [(t["creator"], t["create_type"]) for t in personal["group_msg_list"]] == [("xiaohu", 1)]
    corps = await program.post(f"{BASE}get_groupmsg_list_v2", window | {"filter_type": 0})
    assert corps["group_msg_list"] == []
    posted = await program.act("member-posts-moment", userid="xiaohu", text="今天天气好")
    del window["chat_type"]
    moments = await program.post(f"{BASE}get_moment_list", window | {"creator": "xiaohu"})
    assert [m["creator"] for m in moments["moment_list"]] == ["xiaohu"]
    task = await program.post(f"{BASE}get_moment_task", {"moment_id": posted["moment_id"]})
    assert task["errcode"] == 41067
    seen = {"moment_id": posted["moment_id"], "userid": "xiaohu"}
    assert len((await program.post(f"{BASE}get_moment_send_result", seen))["customer_list"]) == 27
    await program.act("member-sends-mass", userid="xiaohu", text="x", external_userids=["wm"], status=400)
