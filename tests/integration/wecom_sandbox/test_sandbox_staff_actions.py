"""An administrator hires, renames and warns: the tenant follows, and the app is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.sandbox_driver import CallbackServer, Program


async def told(program: Program, callbacks: CallbackServer) -> list[dict[str, Any]]:
    await program.sandbox.callbacks.idle()
    return callbacks.events


async def test_who_joins_is_announced_and_can_be_read(program: Program, callbacks: CallbackServer) -> None:
    await program.act("member-joins", userid="he.yan", name="何燕", position="护士")

    (event,) = await told(program, callbacks)
    assert (event["Event"], event["ChangeType"]) == ("change_contact", "create_user")
    assert (event["UserID"], event["Name"], event["Position"]) == ("he.yan", "何燕", "护士")
    assert (await program.get("user/get", userid="he.yan"))["name"] == "何燕"


async def test_a_new_userid_takes_customers_and_groups_along(
    program: Program, callbacks: CallbackServer
) -> None:
    patient = (await program.act("patient-adds-member", userid="xiaohu", name="小李"))["external_userid"]
    chat_id = (await program.act("create-group", name="群", owner="xiaohu", people=[patient]))["chat_id"]
    await program.act("member-changes", userid="xiaohu", new_userid="xiaohu2", name="小护二号")

    event = (await told(program, callbacks))[-1]
    assert (event["UserID"], event["NewUserID"], event["Name"]) == ("xiaohu", "xiaohu2", "小护二号")
    assert patient in (await program.get("externalcontact/list", userid="xiaohu2"))["external_userid"]
    detail = await program.get("externalcontact/get", external_userid=patient)
    assert [follow["userid"] for follow in detail["follow_user"]] == ["xiaohu2"]
    group = await program.post("externalcontact/groupchat/get", {"chat_id": chat_id})
    assert group["group_chat"]["owner"] == "xiaohu2"
    assert (await program.get("externalcontact/list", userid="xiaohu"))["errcode"] == 40003


@pytest.mark.parametrize(
    ("action", "body"),
    [
        pytest.param("member-joins", {"userid": "xiaohu", "name": "又一个"}, id="a userid that is taken"),
        pytest.param("member-changes", {"userid": "nobody", "name": "谁"}, id="a stranger"),
        pytest.param("member-changes", {"userid": "xiaohu", "new_userid": "li.na"}, id="onto a colleague"),
        pytest.param("emit-callback", {"fields": {"a b": "1"}}, id="an element that is no name"),
        pytest.param("emit-callback", {"fields": {"A": None}}, id="a value that is none"),
    ],
)
async def test_what_cannot_be_is_refused_and_nobody_is_told(
    program: Program, callbacks: CallbackServer, action: str, body: dict[str, Any]
) -> None:
    assert (await program.act(action, status=400, **body))["error"]
    assert await told(program, callbacks) == []


async def test_any_callback_can_be_sent_with_what_it_nests(
    program: Program, callbacks: CallbackServer
) -> None:
    fields = {
        "MsgType": "event",
        "Event": "sys_approval_change",
        "AgentID": 3010040,
        "ApprovalInfo": {"SpNo": "1", "Notifyer": [{"UserId": "a"}, {"UserId": "b"}]},
    }
    await program.act("emit-callback", fields=fields)

    (event,) = await told(program, callbacks)
    assert event["ToUserName"] == program.sandbox.connection["corp_id"]
    assert [one["UserId"] for one in event["ApprovalInfo"]["Notifyer"]] == ["a", "b"]
