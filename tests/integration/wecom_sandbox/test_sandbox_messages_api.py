"""Messages and template cards to staff: delivery, taps, updates, recall."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.sandbox_driver import CallbackServer, FrozenClock, Program

CARD: dict[str, Any] = {
    "card_type": "button_interaction",
    "source": {"desc": "内容审批", "desc_color": 2},
    "main_title": {"title": "朋友圈待审批", "desc": "小护"},
    "sub_title_text": "共 7 条",
    "horizontal_content_list": [
        {"type": 1, "keyname": "预览", "value": "查看", "url": "https://h5.example/p"}
    ],
    "task_id": "batch-7@1",
    "button_list": [
        {"text": "通过", "style": 1, "key": "approve"},
        {"text": "驳回", "style": 2, "key": "reject"},
    ],
}


def to(program: Program, touser: str, **message: Any) -> dict[str, Any]:
    return {"touser": touser, "agentid": program.sandbox.connection["agent_id"]} | message


async def send_card(program: Program, touser: str = "chen.jing", **change: Any) -> dict[str, Any]:
    body = to(program, touser, msgtype="template_card", template_card=copy.deepcopy(CARD) | change)
    return await program.post("message/send", body)


async def update(program: Program, code: str, *userids: str, **change: Any) -> dict[str, Any]:
    body = {
        "userids": list(userids),
        "agentid": program.sandbox.connection["agent_id"],
        "response_code": code,
    }
    return await program.post(
        "message/update_template_card", body | (change or {"button": {"replace_name": "已通过"}})
    )


async def card_on(program: Program, userid: str) -> dict[str, Any]:
    phone = await program.control("GET", f"/phones/members/{userid}")
    return phone["app_chat"]["messages"][-1]["card"]


async def test_a_text_reaches_known_members_and_names_the_others(program: Program) -> None:
    body = to(program, "XiaoHu|Gone.User", msgtype="text", text={"content": "七条待发"})
    answer = await program.post("message/send", body)
    assert (answer["errcode"], answer["invaliduser"]) == (0, "gone.user")
    phone = await program.control("GET", "/phones/members/xiaohu")
    assert [bubble["text"] for bubble in phone["app_chat"]["messages"]] == ["七条待发"]
    everybody = await program.post(
        "message/send", to(program, "@all", msgtype="text", text={"content": "好"})
    )
    assert everybody["invaliduser"] == ""
    phone = await program.control("GET", "/phones/members/li.na")
    assert len(phone["app_chat"]["messages"]) == 1


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        pytest.param({"touser": ""}, 82001, id="nobody"),
        pytest.param({"touser": "gone.user"}, 81013, id="only unknown"),
        pytest.param({"touser": "|".join(["a"] * 1001)}, 40032, id="1001 receivers"),
        pytest.param({"agentid": None}, 40056, id="no agent"),
        pytest.param({"agentid": 1}, 301002, id="another agent"),
        pytest.param({"msgtype": "voicemail"}, 40008, id="msgtype"),
        pytest.param({"text": {"content": ""}}, 44004, id="empty"),
        pytest.param({"safe": 2}, 40058, id="safe"),
        pytest.param({"enable_id_trans": "yes"}, 40058, id="enable_id_trans"),
        pytest.param({"msgtype": "markdown", "markdown": {"content": "长" * 683}}, 45002, id="markdown"),
        pytest.param({"msgtype": "news", "news": {"articles": [{"title": "a", "url": "https://a.b"}] * 9}}, 45008, id="nine articles"),
        pytest.param({"msgtype": "image", "image": {"media_id": "x"}}, 40007, id="media"),
        pytest.param({"msgtype": "textcard", "textcard": {"title": "a", "description": "b"}}, 40058, id="no url"),
    ],
)  # fmt: skip
async def test_a_bad_message_is_refused(program: Program, change: dict[str, Any], errcode: int) -> None:
    body = to(program, "xiaohu", msgtype="text", text={"content": "好"}) | change
    assert (await program.post("message/send", body))["errcode"] == errcode


async def test_a_card_is_tapped_and_updated_once_within_seventy_two_hours(
    program: Program, callbacks: CallbackServer, clock: FrozenClock
) -> None:
    sent = await send_card(program, "chen.jing|xiaohu")
    tapped = await program.act("tap-card", userid="chen.jing", task_id="batch-7@1", key="approve")
    await program.sandbox.callbacks.idle()

    (event,) = callbacks.events
    assert event["Event"] == "template_card_event"
    assert (event["FromUserName"], event["EventKey"], event["TaskId"]) == (
        "chen.jing",
        "approve",
        "batch-7@1",
    )
    assert (event["CardType"], event["ResponseCode"]) == ("button_interaction", tapped["response_code"])
    assert (await update(program, event["ResponseCode"], "chen.jing"))["errcode"] == 0
    shown = await card_on(program, "chen.jing")
    assert (shown["replaced"], shown["tappable"], shown["clicked_key"]) == ("已通过", False, "approve")
    assert (await card_on(program, "xiaohu"))["tappable"] is True
    assert (await update(program, event["ResponseCode"], "chen.jing"))["errcode"] == 60140
    replaced = CARD | {"main_title": {"title": "已由陈静通过"}, "replace_text": "已处理"}
    answer = await update(program, sent["response_code"], "xiaohu", template_card=replaced)
    assert (answer["errcode"], answer["invaliduser"]) == (0, [])
    assert (await card_on(program, "xiaohu"))["card"]["main_title"]["title"] == "已由陈静通过"
    late = await program.act("tap-card", userid="xiaohu", task_id="batch-7@1", key="approve")
    clock.forward(72 * 3600 + 1)
    await program.login()
    assert (await update(program, late["response_code"], "xiaohu"))["errcode"] == 60140


async def test_anybody_may_tap_anything_with_any_code(program: Program, callbacks: CallbackServer) -> None:
    await send_card(program)
    stranger = await program.act("tap-card", userid="sun.yue", task_id="batch-7@1", key="approve")
    assert (await card_on(program, "sun.yue"))["forwarded"] is True
    answer = await update(program, stranger["response_code"], "sun.yue", button={"replace_name": "无权审批"})
    assert answer["errcode"] == 0
    assert (await card_on(program, "sun.yue"))["replaced"] == "无权审批"
    tap = {"userid": "li.na", "task_id": "batch-7@1", "key": "x", "copy_for_stranger": False}
    no_copy = await program.act("tap-card", **tap)
    assert (await update(program, no_copy["response_code"], "li.na"))["errcode"] == 82102
    old = await program.act("tap-card", **tap, response_code=stranger["response_code"])
    assert old["response_code"] == stranger["response_code"]
    unknown = await program.act("tap-card", userid="li.na", task_id="batch-6@9", key="approve")
    assert (await update(program, unknown["response_code"], "li.na"))["errcode"] == 60140
    await program.sandbox.callbacks.idle()
    assert [event["TaskId"] for event in callbacks.events] == ["batch-7@1"] * 3 + ["batch-6@9"]


async def test_selections_travel_with_the_tap(program: Program, callbacks: CallbackServer) -> None:
    options = [{"id": "r1", "text": "用词"}, {"id": "r2", "text": "图片"}]
    card = {
        "card_type": "multiple_interaction",
        "main_title": {"title": "驳回原因"},
        "task_id": "why-1",
        "select_list": [{"question_key": "why", "option_list": options}],
        "submit_button": {"text": "提交", "key": "submit"},
    }
    body = to(program, "chen.jing", msgtype="template_card", template_card=card)
    assert (await program.post("message/send", body))["errcode"] == 0
    await program.act("tap-card", userid="chen.jing", task_id="why-1", key="submit", selected={"why": ["r2"]})
    await program.sandbox.callbacks.idle()
    item = callbacks.events[0]["SelectedItems"]["SelectedItem"]
    assert item == {"QuestionKey": "why", "OptionIds": {"OptionId": "r2"}}


@pytest.mark.parametrize(
    ("change", "errcodes"),
    [
        pytest.param({"card_type": "party"}, range(42027, 42052), id="card_type"),
        pytest.param({"main_title": {}}, range(42027, 42052), id="no title"),
        pytest.param({"task_id": "有空格 "}, range(42014, 42015), id="task_id"),
        pytest.param({"task_id": "a" * 129}, range(42014, 42015), id="task_id of 129"),
        pytest.param({"task_id": None}, range(42014, 42015), id="no task_id"),
        pytest.param({"button_list": []}, range(42027, 42052), id="no button"),
        pytest.param({"button_list": [{"text": "a", "key": str(n)} for n in range(7)]}, range(42027, 42052), id="seven"),
        pytest.param({"button_list": [{"text": "a"}]}, range(42027, 42052), id="no key"),
        pytest.param({"horizontal_content_list": [{"keyname": "a"}] * 7}, range(42027, 42052), id="seven rows"),
        pytest.param({"checkbox": {}}, range(42027, 42052), id="a part of another card"),
        pytest.param({"source": {"desc_color": 4}}, range(42027, 42052), id="colour"),
    ],
)  # fmt: skip
async def test_a_bad_card_is_refused(program: Program, change: dict[str, Any], errcodes: range) -> None:
    assert (await send_card(program, **change))["errcode"] in errcodes


async def test_a_card_shows_a_file_that_was_uploaded_and_leaves_out_what_is_null(program: Program) -> None:
    row = {"type": 2, "keyname": "附件", "value": "名单", "media_id": "made-up"}
    assert (await send_card(program, "xiaohu", horizontal_content_list=[row]))["errcode"] == 40007

    uploaded = await program.upload("media/upload", b"%PDF-1.7 ", filename="a.pdf", type="file")
    row["media_id"] = uploaded["media_id"]
    sent = await send_card(program, "xiaohu", horizontal_content_list=[row], source=None, quote_area=None)

    assert sent["errcode"] == 0
    phone = await program.control("GET", "/phones/members/xiaohu")
    shown = phone["app_chat"]["messages"][-1]["card"]["card"]
    assert "source" not in shown
    assert shown["horizontal_content_list"] == [row]


async def test_a_task_id_is_used_once(program: Program) -> None:
    assert (await send_card(program))["errcode"] == 0
    assert (await send_card(program))["errcode"] == 42014


async def test_without_a_callback_url_no_interactive_card_is_taken(program: Program) -> None:
    await program.control("PUT", "/callback", {"url": None})
    assert (await send_card(program))["errcode"] == 43012


async def test_an_update_needs_a_target_and_something_new(program: Program) -> None:
    code = (await send_card(program))["response_code"]
    assert (await update(program, code))["errcode"] == 82101
    assert (await update(program, code, "chen.jing", button={}))["errcode"] == 40058
    assert (await update(program, code, "chen.jing", template_card={}))["errcode"] == 42027
    assert (await update(program, code, "chen.jing"))["errcode"] == 0


async def test_a_repeat_is_accepted_and_not_delivered(program: Program, clock: FrozenClock) -> None:
    body = to(program, "xiaohu", msgtype="text", text={"content": "七条待发"}, enable_duplicate_check=1)
    for _ in range(2):
        assert (await program.post("message/send", body))["errcode"] == 0
    clock.forward(1800)
    await program.post("message/send", body)
    phone = await program.control("GET", "/phones/members/xiaohu")
    assert len(phone["app_chat"]["messages"]) == 2


async def test_more_than_thirty_a_minute_are_dropped_without_an_error(program: Program) -> None:
    for number in range(32):
        body = to(program, "xiaohu", msgtype="text", text={"content": str(number)})
        assert (await program.post("message/send", body))["errcode"] == 0
    phone = await program.control("GET", "/phones/members/xiaohu")
    assert len(phone["app_chat"]["messages"]) == 30


async def test_a_message_can_be_recalled_for_a_day(program: Program, clock: FrozenClock) -> None:
    body = to(program, "xiaohu", msgtype="text", text={"content": "写错了"})
    first = (await program.post("message/send", body))["msgid"]
    assert (await program.post("message/recall", {"msgid": first}))["errcode"] == 0
    phone = await program.control("GET", "/phones/members/xiaohu")
    assert phone["app_chat"]["messages"][0]["recalled"] is True
    assert (await program.post("message/recall", {"msgid": "x"}))["errcode"] == 40058
    second = (await program.post("message/send", body))["msgid"]
    clock.forward(86_401)
    await program.login()
    assert (await program.post("message/recall", {"msgid": second}))["errcode"] == 42052
