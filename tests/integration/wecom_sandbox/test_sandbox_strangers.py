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
