"""微信客服 over the API: accounts, history, states, windows, and what people do in a chat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.sandbox_driver import CallbackServer, FrozenClock, Program

HOUR = 3600


@dataclass
class Desk:
    """One account, one patient who entered, and short words for both."""

    program: Program
    kfid: str
    patient: str = ""

    @property
    def pair(self) -> dict[str, str]:
        return {"open_kfid": self.kfid, "external_userid": self.patient}

    async def enter(self, **more: Any) -> str | None:
        body = {"open_kfid": self.kfid} | ({"external_userid": self.patient} if self.patient else {})
        answer = await self.program.act("kf-enter", **(body | more))
        self.patient = answer["external_userid"]
        return answer["welcome_code"]

    async def write(self, text: str = "在吗") -> None:
        await self.program.act("kf-write", **self.pair, text=text)

    async def send(self, words: str = "您好", **more: Any) -> int:
        body = {"touser": self.patient, "open_kfid": self.kfid, "msgtype": "text", "text": {"content": words}}
        return (await self.program.post("kf/send_msg", body | more))["errcode"]

    async def trans(self, state: int, **more: Any) -> dict[str, Any]:
        return await self.program.post("kf/service_state/trans", self.pair | {"service_state": state} | more)

    async def state(self) -> int:
        return (await self.program.post("kf/service_state/get", self.pair))["service_state"]

    async def sync(self, cursor: str = "", **more: Any) -> dict[str, Any]:
        return await self.program.post("kf/sync_msg", {"open_kfid": self.kfid, "cursor": cursor} | more)

    async def on_event(self, code: str, **more: Any) -> int:
        body = {"code": code, "msgtype": "text", "text": {"content": "您好"}} | more
        return (await self.program.post("kf/send_msg_on_event", body))["errcode"]


@pytest.fixture
async def desk(program: Program) -> Desk:
    body = {"name": "微笑口腔客服", "media_id": await program.image()}
    kfid = (await program.post("kf/account/add", body))["open_kfid"]
    await program.post("kf/servicer/add", {"open_kfid": kfid, "userid_list": ["xiaohu", "sun.yue"]})
    return Desk(program, kfid)


async def test_accounts_are_opened_named_listed_and_closed(program: Program, desk: Desk) -> None:
    renamed = await program.post("kf/account/update", {"open_kfid": desk.kfid, "name": "客服"})
    assert renamed["errcode"] == 0
    rows = (await program.post("kf/account/list", {"offset": 0, "limit": 100}))["account_list"]
    assert [(row["name"], row["manage_privilege"]) for row in rows] == [("客服", True)]
    long_name = {"name": "长" * 17, "media_id": await program.image()}
    assert (await program.post("kf/account/add", long_name))["errcode"] == 95006
    assert (await program.post("kf/account/add", {"name": "客服"}))["errcode"] == 41006
    assert (await program.post("kf/account/del", {"open_kfid": desk.kfid}))["errcode"] == 0
    assert (await program.post("kf/account/del", {"open_kfid": desk.kfid}))["errcode"] == 95004
    assert (await program.post("kf/account/del", {"open_kfid": "x"}))["errcode"] == 95000
    assert (await program.post("kf/account/del", {}))["errcode"] == 60251


async def test_servicers_are_seated_one_by_one(program: Program, desk: Desk) -> None:
    program.sandbox.tenant.corp.members["li.na"].visible = False
    wanted = {"open_kfid": desk.kfid, "userid_list": ["xiaohu", "chen.jing", "li.na", "nobody"]}
    rows = (await program.post("kf/servicer/add", wanted | {"department_id_list": [3, 99]}))["result_list"]
    assert [(row["errcode"], row["errmsg"]) for row in rows][:2] == [(0, "ignored"), (0, "success")]
    assert [row["errcode"] for row in rows][2:] == [60030, 40003, 0, 60123]
    listed = (await program.get("kf/servicer/list", open_kfid=desk.kfid))["servicer_list"]
    assert [row.get("userid", row.get("department_id")) for row in listed] == [
        "xiaohu", "sun.yue", "chen.jing", 3,
    ]  # fmt: skip
    gone = {"open_kfid": desk.kfid, "userid_list": ["chen.jing", "zhao.min"], "department_id_list": [3]}
    rows = (await program.post("kf/servicer/del", gone))["result_list"]
    assert [row["errmsg"] for row in rows] == ["success", "ignored", "success"]


async def test_a_link_brings_its_scene_and_a_welcome_code_that_works_once_for_20_seconds(
    program: Program, desk: Desk, callbacks: CallbackServer, clock: FrozenClock
) -> None:
    url = (await program.post("kf/add_contact_way", {"open_kfid": desk.kfid, "scene": "h5"}))["url"]
    entered = await program.act("kf-enter", url=f"{url}&scene_param=order%3D88")
    desk.patient = entered["external_userid"]
    await program.sandbox.callbacks.idle()
    bell = callbacks.events[-1]
    assert (bell["Event"], bell["OpenKfId"], "FromUserName" in bell) == ("kf_msg_or_event", desk.kfid, False)
    event = (await desk.sync(token=bell["Token"]))["msg_list"][0]["event"]
    assert (event["event_type"], event["scene"], event["scene_param"]) == (
        "enter_session",
        "h5",
        "order%3D88",
    )
    assert await desk.on_event(event["welcome_code"]) == 0
    assert await desk.on_event(event["welcome_code"]) == 95007
    assert await desk.enter() is None  # greeted within 48 hours
    other = await program.act("kf-enter", open_kfid=desk.kfid)
    program.sandbox.tenant.advance(21)
    assert await desk.on_event(other["welcome_code"]) == 95007
    moved = url.replace("enc_scene=", "enc_scene=X")
    assert "moved" in (await program.act("kf-enter", url=moved, status=400))["error"]
    bad = await program.post("kf/add_contact_way", {"open_kfid": desk.kfid, "scene": "扫码"})
    assert bad["errcode"] == 40058


async def test_the_program_may_answer_five_times_within_48_hours(program: Program, desk: Desk) -> None:
    await desk.enter()
    assert await desk.send() == 95002  # entering opens no window
    await desk.write()
    assert [await desk.send() for _ in range(6)] == [0, 0, 0, 0, 0, 95001]
    await desk.write("还在吗")
    assert await desk.send() == 0
    program.sandbox.tenant.advance(48 * HOUR + 1)
    await program.login()
    assert await desk.send() == 95002
    assert await desk.state() == 4


async def test_a_message_id_is_used_once(desk: Desk) -> None:
    await desk.enter()
    await desk.write()
    assert await desk.send(msgid="bot-1") == 0
    assert await desk.send(msgid="bot-1") == 40058
    assert await desk.send(msgid="中") == 40058
    assert await desk.send(msgid="x" * 33) == 40058


async def test_states_move_as_wecom_allows(program: Program, desk: Desk) -> None:
    await desk.enter()
    assert (await desk.trans(1))["errcode"] == 95016  # not begun
    await desk.write()
    assert await desk.state() == 0
    assert (await desk.trans(1))["errcode"] == 0
    assert (await desk.trans(1))["errcode"] == 95016
    queued = await desk.trans(2)
    assert await desk.send() == 95018
    assert await desk.on_event(queued["msg_code"]) == 0
    assert (await desk.trans(3, servicer_userid="chen.jing"))["errcode"] == 60253
    await program.act("kf-receive", open_kfid=desk.kfid, userid="xiaohu", receiving=False)
    assert (await desk.trans(3, servicer_userid="xiaohu"))["errcode"] == 95019
    taken = await desk.trans(3, servicer_userid="sun.yue")
    assert await desk.on_event(taken["msg_code"], msgtype="msgmenu", msgmenu={"list": []}) == 40008
    assert (await desk.trans(1))["errcode"] == 95016
    ended = await desk.trans(4)
    assert await desk.on_event(taken["msg_code"]) == 95013
    menu = {"head_content": "请评价", "list": [{"type": "click", "click": {"id": "good", "content": "满意"}}]}
    assert await desk.on_event(ended["msg_code"], msgtype="msgmenu", msgmenu=menu) == 0
    await program.act("kf-click", **desk.pair, menu_id="good")
    assert (await desk.sync())["msg_list"][-1]["text"] == {"content": "满意", "menu_id": "good"}
    assert await desk.state() == 0


async def test_ending_early_can_be_forbidden(program: Program, desk: Desk) -> None:
    await program.control("PUT", "/rules", {"kf_end_from_any": False})
    await desk.enter()
    await desk.write()
    assert (await desk.trans(4))["errcode"] == 95016


async def test_history_is_pulled_by_cursor_and_reaches_three_days_back(
    program: Program, desk: Desk, callbacks: CallbackServer
) -> None:
    await desk.enter()
    for number in range(4):
        await desk.write(f"第 {number} 句")
    await desk.send("程序自己的话不在里面")
    first = await desk.sync(limit=3)
    assert (first["has_more"], len(first["msg_list"])) == (1, 3)
    rest = await desk.sync(first["next_cursor"])
    assert [m["text"]["content"] for m in rest["msg_list"]] == ["第 2 句", "第 3 句"]
    assert (rest["has_more"], (await desk.sync(rest["next_cursor"]))["msg_list"]) == (0, [])
    await program.sandbox.callbacks.idle()
    token = callbacks.events[-1]["Token"]
    program.sandbox.tenant.advance(601)
    assert (await desk.sync(token=token))["errcode"] == 95007
    program.sandbox.tenant.advance(72 * HOUR)
    await program.login()
    await desk.write("新的")
    assert [m["text"]["content"] for m in (await desk.sync())["msg_list"]] == ["新的"]
    assert (await desk.sync("nonsense"))["errcode"] == 50100
    program.sandbox.tenant.rules.kf_untokened_per_minute = 0
    assert (await desk.sync())["errcode"] == 45009


async def test_servicers_take_hand_on_answer_and_end(program: Program, desk: Desk) -> None:
    await desk.enter()
    await desk.write()
    await desk.trans(2)
    await program.act("kf-take", **desk.pair, userid="sun.yue")
    await program.act("kf-hand-on", **desk.pair, userid="sun.yue", to="xiaohu")
    await program.act("kf-answer", **desk.pair, userid="xiaohu", text="我来处理")
    code = (await program.act("kf-end", **desk.pair, userid="xiaohu"))["msg_code"]
    assert await desk.on_event(code) == 0
    await program.act("kf-answer", **desk.pair, userid="xiaohu", text="补充一句")
    entries = (await desk.sync())["msg_list"]
    told = [e["event"] for e in entries if e["msgtype"] == "event"]
    changes = [e["change_type"] for e in told if e["event_type"] == "session_status_change"]
    assert changes == [1, 2, 3, 4]
    said = [(e["origin"], e["servicer_userid"]) for e in entries if e.get("origin") == 5]
    assert said == [(5, "xiaohu"), (5, "xiaohu")]
    await program.act("kf-take", **desk.pair, userid="sun.yue", status=400)
    phone = await program.control("GET", "/phones/members/xiaohu/kf")
    assert (phone["chats"][0]["state"], phone["chats"][0]["servicer"]) == (3, "xiaohu")
    assert phone["chats"][0]["messages"][-1]["text"] == "补充一句"


async def test_failures_rejections_and_recalls_are_reported(program: Program, desk: Desk) -> None:
    await desk.enter()
    await desk.write("写错了")
    msgid = (await desk.sync())["msg_list"][-1]["msgid"]
    await program.act("kf-recall", **desk.pair, msgid=msgid)
    await program.act("kf-reject", **desk.pair, userid="xiaohu")
    assert await desk.send(msgid="bot-9") == 0
    events = [entry["event"] for entry in (await desk.sync())["msg_list"] if entry["msgtype"] == "event"]
    assert [event["event_type"] for event in events] == [
        "enter_session", "user_recall_msg", "reject_customer_msg_switch_change", "msg_send_fail",
    ]  # fmt: skip
    assert (events[-1]["fail_msgid"], events[-1]["fail_type"]) == ("bot-9", 10)
    await program.act("kf-fail", **desk.pair, msgid="bot-9", fail_type=4)
    assert (await desk.sync())["msg_list"][-1]["event"]["fail_type"] == 4


async def test_every_kind_of_message_arrives(program: Program, desk: Desk) -> None:
    await desk.enter()
    await desk.write()
    picture = await program.image()
    link = await program.post(
        "externalcontact/customer_acquisition/create_link",
        {"link_name": "加我", "range": {"user_list": ["xiaohu"]}},
    )
    bodies: dict[str, Any] = {
        "image": {"media_id": picture},
        "link": {"title": "指南", "url": "https://a.example/", "thumb_media_id": picture},
        "miniprogram": {
            "appid": "wx0000000000example", "title": "预约", "thumb_media_id": picture, "pagepath": "a.html",
        },
        "location": {"name": "诊所", "address": "路 1 号", "latitude": 31.2, "longitude": 121.5},
        "business_card": {"userid": "xiaohu"},
        "ca_link": {"link_url": link["link"]["url"]},
        "msgmenu": {"head_content": "选", "list": [{"type": "text", "text": {"content": "也可直接输入"}}]},
    }  # fmt: skip
    for kind, payload in bodies.items():
        await desk.write()
        assert await desk.send(msgtype=kind, **{kind: payload}) == 0
    phone = await program.control("GET", f"/phones/patients/{desk.patient}/kf")
    shown = [m["kind"] for m in phone["chats"][0]["messages"] if m["from"]["kind"] == "app"]
    assert shown == list(bodies)


@pytest.mark.parametrize(
    ("kind", "payload", "errcode"),
    [
        pytest.param("poem", {}, 40008, id="no such kind"),
        pytest.param("text", {"content": ""}, 44004, id="nothing to say"),
        pytest.param("image", {"media_id": "3x"}, 40007, id="no such file"),
        pytest.param("location", {"latitude": 91, "longitude": 0}, 95022, id="nowhere"),
        pytest.param("ca_link", {"link_url": "https://a.example/b"}, 40058, id="another link"),
        pytest.param("msgmenu", {"list": [{"type": "dance"}]}, 95009, id="no such item"),
        pytest.param(
            "msgmenu",
            {"list": [{"type": "click", "click": {"id": "a", "content": "b"}}] * 11},
            95008,
            id="eleven items to tap",
        ),
        pytest.param(
            "msgmenu",
            {"list": [{"type": "click", "click": {"id": "#", "content": "b"}}]},
            40058,
            id="a bad item id",
        ),
    ],
)
async def test_a_bad_message_is_refused(desk: Desk, kind: str, payload: dict[str, Any], errcode: int) -> None:
    await desk.enter()
    await desk.write()
    assert await desk.send(msgtype=kind, **{kind: payload}) == errcode


async def test_customers_of_the_last_48_hours_are_known(program: Program, desk: Desk) -> None:
    await desk.enter(scene="h5", name="小雨")
    wanted = {"external_userid_list": [desk.patient, "wmNOBODY"], "need_enter_session_context": 1}
    answer = await program.post("kf/customer/batchget", wanted)
    assert [(c["nickname"], c["enter_session_context"]["scene"]) for c in answer["customer_list"]] == [
        ("小雨", "h5")
    ]
    assert answer["invalid_external_userid"] == ["wmNOBODY"]
    program.sandbox.tenant.advance(49 * HOUR)
    await program.login()
    assert (await program.post("kf/customer/batchget", wanted))["customer_list"] == []


async def test_days_are_counted_from_what_happened(program: Program, desk: Desk, clock: FrozenClock) -> None:
    await desk.enter()
    await desk.write()
    await desk.trans(3, servicer_userid="xiaohu")
    await program.act("kf-answer", **desk.pair, userid="xiaohu", text="您好")
    midnight = int(clock.at.timestamp()) // 86_400 * 86_400
    day = {"open_kfid": desk.kfid, "start_time": midnight, "end_time": midnight + 86_399}
    assert (await program.post("kf/get_corp_statistic", day))["errcode"] == 40058  # today is not over
    program.sandbox.tenant.advance(24 * HOUR)
    await program.login()
    rows = (await program.post("kf/get_corp_statistic", day))["statistic_list"]
    assert [row["statistic"]["customer_msg_cnt"] for row in rows] == [1]
    one = await program.post("kf/get_servicer_statistic", day | {"servicer_userid": "xiaohu"})
    assert [row["statistic"]["session_cnt"] for row in one["statistic_list"]] == [1]


async def test_a_customer_is_offered_a_member_of_her_own(program: Program, desk: Desk) -> None:
    await desk.enter()
    offer = desk.pair | {"type": 1, "member": {"userid": "xiaohu", "wording": "加我为好友"}}
    assert (await program.post("kf/customer/upgrade_service", offer))["errcode"] == 95031
    await desk.write()
    assert (await program.post("kf/customer/upgrade_service", offer))["errcode"] == 0
    config = await program.get("kf/customer/get_upgrade_service_config")
    assert "xiaohu" in config["member_range"]["userid_list"]
    assert (await program.post("kf/customer/cancel_upgrade_service", desk.pair))["errcode"] == 0


async def test_an_account_that_is_not_granted_is_out_of_reach(
    program: Program, desk: Desk, callbacks: CallbackServer
) -> None:
    await program.act("grant-kf-account", open_kfid=desk.kfid, granted=False)
    assert (await desk.sync())["errcode"] == 48007
    kfid = (await program.act("create-kf-account", name="二号客服"))["open_kfid"]
    await program.sandbox.callbacks.idle()
    grants = [e for e in callbacks.events if e["Event"] == "kf_account_auth_change"]
    assert [e.get("AuthDelOpenKfId") or e.get("AuthAddOpenKfId") for e in grants] == [desk.kfid, kfid]
    names = [row["name"] for row in (await program.control("GET", "/kf"))["accounts"]]
    assert names == ["微笑口腔客服", "二号客服"]
    chats = (await program.control("GET", f"/kf/{desk.kfid}"))["chats"]
    assert chats == []
