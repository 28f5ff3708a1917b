"""Somebody else's program: wechatpy's own WeCom client against the sandbox, unchanged but for the host."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from wechatpy.exceptions import WeChatClientException
from wechatpy.work import WeChatClient

from tests.support.sandbox_driver import picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sandbox_driver import Program
    from wecom.sandbox import Sandbox


def client_of(sandbox: Sandbox) -> WeChatClient:
    base = f"{sandbox.api_base}/cgi-bin/"

    class Client(WeChatClient):
        API_BASE_URL = base

        def fetch_access_token(self) -> Any:
            query = {"corpid": self.corp_id, "corpsecret": self.secret}
            return self._fetch_access_token(url=f"{base}gettoken", params=query)

    return Client(sandbox.connection["corp_id"], sandbox.connection["secret"], timeout=5)


async def by_wechatpy(sandbox: Sandbox, work: Callable[[WeChatClient], Any]) -> Any:
    def run() -> Any:
        client = client_of(sandbox)
        with closing(client._http):
            return work(client)

    return await asyncio.to_thread(run)


async def test_wechatpy_reads_tags_and_greets(program: Program) -> None:
    added = await program.act("patient-adds-member", userid="xiaohu", name="小李")

    def work(client: WeChatClient) -> dict[str, Any]:
        contacts = client.external_contact
        assert "xiaohu" in contacts.get_follow_user_list()["follow_user"]
        assert added["external_userid"] in contacts.list("xiaohu")["external_userid"]
        tags = contacts.add_corp_tag(None, "来源", 1, [{"name": "前台扫码", "order": 1}])["tag_group"]["tag"]
        contacts.mark_tag("xiaohu", added["external_userid"], [tags[0]["id"]])
        contacts.send_welcome_msg({"welcome_code": added["welcome_code"], "text": {"content": "你好"}})
        return contacts.get(added["external_userid"])

    shown = await by_wechatpy(program.sandbox, work)
    assert [tag["tag_name"] for tag in shown["follow_user"][0]["tags"]] == ["前台扫码"]


async def test_wechatpy_sends_groups_messages_and_media(program: Program) -> None:
    agent_id = program.sandbox.connection["agent_id"]

    def work(client: WeChatClient) -> tuple[Any, ...]:
        uploaded = client.media.upload("image", ("tooth.png", picture(), "image/png"))
        groups = client.external_contact_group_chat.list(limit=10)["group_chat_list"]
        group = client.external_contact_group_chat.get(groups[0]["chat_id"])
        sent = client.message.send_text(agent_id, ["xiaohu", "gone"], "七条待发")
        template = {"chat_type": "single", "sender": "xiaohu", "text": {"content": "记得复查"}}
        task = client.external_contact.add_msg_template(template)
        return uploaded, group, sent, task

    uploaded, group, sent, task = await by_wechatpy(program.sandbox, work)
    assert uploaded["type"] == "image"
    assert group["group_chat"]["name"] == "微笑口腔·护牙福利社"
    assert sent["invaliduser"] == "gone"
    assert task["msgid"] in program.sandbox.tenant.mass.tasks


async def test_wechatpy_replays_once_after_a_revoked_token_and_sees_refusals(program: Program) -> None:
    def work(client: WeChatClient) -> int:
        assert client.user.get("zhang.wei")["name"] == "张伟"
        program.sandbox.tenant.tokens.revoke()
        assert client.user.get("zhang.wei")["name"] == "张伟"
        with pytest.raises(WeChatClientException) as refused:
            client.user.get("nobody")
        return int(refused.value.errcode)

    assert await by_wechatpy(program.sandbox, work) == 60111


async def test_wechatpy_serves_customers_in_a_customer_service_chat(program: Program) -> None:
    kfid = (await program.act("create-kf-account", name="客服"))["open_kfid"]
    entered = await program.act("kf-enter", open_kfid=kfid, name="阿青")
    patient = entered["external_userid"]
    await program.act("kf-write", open_kfid=kfid, external_userid=patient, text="在吗")

    def work(client: WeChatClient) -> dict[str, Any]:
        assert client.kf.add_servicer(kfid, ["xiaohu"])["result_list"][0]["errcode"] == 0
        assert client.kf.get_servicer_list(kfid)["servicer_list"][0]["userid"] == "xiaohu"
        # wechatpy's sync_msg is older than the day on which open_kfid became required.
        pulled = client.post("kf/sync_msg", data={"open_kfid": kfid, "limit": 10})
        assert [entry["msgtype"] for entry in pulled["msg_list"]] == ["event", "text"]
        client.kf.trans_service_state(kfid, patient, 1)
        client.kf_message.send_text(patient, kfid, "您好")
        client.kf.trans_service_state(kfid, patient, 3, "xiaohu")
        with pytest.raises(WeChatClientException) as refused:
            client.kf_message.send_text(patient, kfid, "还是我")
        assert refused.value.errcode == 95018
        assert client.kf.batchget_customer([patient])["customer_list"][0]["nickname"] == "阿青"
        return client.kf.get_service_state(kfid, patient)

    state = await by_wechatpy(program.sandbox, work)
    assert (state["service_state"], state["servicer_userid"]) == (3, "xiaohu")


async def test_wechatpy_welcomes_groups_and_reads_numbers(program: Program) -> None:
    now = program.sandbox.tenant.clock.timestamp()

    def work(client: WeChatClient) -> dict[str, Any]:
        contacts = client.external_contact
        template_id = contacts.add_group_welcome_template({"text": {"content": "欢迎%NICKNAME%"}})[
            "template_id"
        ]
        assert contacts.get_group_welcome_template(template_id)["text"]["content"] == "欢迎%NICKNAME%"
        contacts.del_group_welcome_template(template_id)
        assert contacts.get_unassigned_list()["is_last"] is True
        day = now - 86_400
        return contacts.get_user_behavior_data(["xiaohu"], day, day)

    numbers = await by_wechatpy(program.sandbox, work)
    assert len(numbers["behavior_data"]) == 1
