"""Somebody else's bot: wechatpy reads the sandbox's callbacks and answers them through its own client.

Calls by themselves are tested in wecom_sandbox/test_sandbox_strangers.py; here they belong to a story.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from wechatpy.exceptions import InvalidSignatureException, WeChatClientException
from wechatpy.work import WeChatClient, parse_message
from wechatpy.work.crypto import WeChatCrypto
from wechatpy.work.exceptions import InvalidCorpIdException

from tests.support.sandbox_driver import CallbackServer, FrozenClock, Program, callback_server, program_of
from wecom.sandbox.server import running_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from wecom.sandbox.server import Sandbox

FRONT_DESK = "前台扫码"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """A program written against wechatpy alone."""

    program: Program
    callbacks: CallbackServer

    @property
    def sandbox(self) -> Sandbox:
        return self.program.sandbox

    async def does(self, work: Callable[[WeChatClient], Any]) -> Any:
        """Run ``work`` in a thread, as a program on ``requests`` does."""
        connection, base = self.sandbox.connection, f"{self.sandbox.api_base}/cgi-bin/"

        class Client(WeChatClient):
            API_BASE_URL = base

            def fetch_access_token(self) -> Any:
                query = {"corpid": self.corp_id, "corpsecret": self.secret}
                return self._fetch_access_token(url=f"{base}gettoken", params=query)

        def run() -> Any:
            client = Client(connection["corp_id"], connection["secret"], timeout=5)
            with closing(client._http):
                return work(client)

        return await asyncio.to_thread(run)

    async def hears(self) -> Any:
        """Return the last callback as wechatpy parses it."""
        await self.sandbox.callbacks.idle()
        query, body = self.callbacks.requests[-1]
        assert self.callbacks.crypto is not None
        return parse_message(
            self.callbacks.crypto.decrypt_message(
                body, query["msg_signature"], query["timestamp"], query["nonce"]
            )
        )


@asynccontextmanager
async def running_bot() -> AsyncIterator[Bot]:
    async with (
        callback_server() as callbacks,
        running_sandbox(now=FrozenClock(), callback_url=callbacks.url, retry_after_s=0.02) as sandbox,
        program_of(sandbox) as program,
    ):
        callbacks.trust(sandbox)
        yield Bot(program=program, callbacks=callbacks)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with running_bot() as running:
        yield running


async def test_a_scan_is_heard_greeted_and_tagged(bot: Bot) -> None:
    def prepare(client: WeChatClient) -> tuple[str, str]:
        contacts = client.external_contact
        way = contacts.add_contact_way(
            type=2, scene=2, state="stall", remark="义诊", user=["xiaohu", "li.na"]
        )
        tag = contacts.add_corp_tag(None, "来源", 1, [{"name": FRONT_DESK, "order": 1}])["tag_group"]["tag"][
            0
        ]
        assert contacts.get_contact_way(way["config_id"])["contact_way"]["state"] == "stall"
        contacts.update_contact_way(way["config_id"], remark="周末义诊", state="free-clinic")
        return way["config_id"], tag["id"]

    config_id, tag_id = await bot.does(prepare)
    await bot.program.act("patient-adds-member", userid="xiaohu", config_id=config_id, name="小李")
    event = await bot.hears()

    assert (event.event, event.change_type) == ("change_external_contact", "add_external_contact")
    assert (event.user_id, event.state) == ("xiaohu", "free-clinic")

    def answer(client: WeChatClient) -> dict[str, Any]:
        contacts = client.external_contact
        welcome = {"welcome_code": event.welcome_code, "text": {"content": "你好，我是小护"}}
        contacts.send_welcome_msg(welcome)
        with pytest.raises(WeChatClientException) as spent:
            contacts.send_welcome_msg(welcome)
        assert spent.value.errcode == 41051
        contacts.mark_tag("xiaohu", event.external_user_id, [tag_id])
        # wechatpy's own batch_get_by_user still names one userid, as the API did before it took a list.
        batch = {"userid_list": ["xiaohu"], "limit": 100}
        found = client.post("externalcontact/batch/get_by_user", data=batch)["external_contact_list"]
        return next(
            one for one in found if one["external_contact"]["external_userid"] == event.external_user_id
        )

    shown = await bot.does(answer)
    assert shown["follow_info"]["tag_id"] == [tag_id]
    assert shown["follow_info"]["state"] == "free-clinic"


async def test_a_deletion_a_group_and_a_tag_change_are_heard(bot: Bot) -> None:
    added = await bot.program.act("patient-adds-member", userid="xiaohu", name="小李")
    patient = added["external_userid"]
    await bot.program.act("patient-deletes-member", userid="xiaohu", external_userid=patient)
    event = await bot.hears()
    assert (event.change_type, event.external_user_id) == ("del_follow_user", patient)

    [group, *_] = (await bot.does(lambda client: client.external_contact_group_chat.list(limit=10)))[
        "group_chat_list"
    ]
    await bot.program.act("join-group", chat_id=group["chat_id"], people=[patient])
    event = await bot.hears()
    assert (event.event, event.change_type) == ("change_external_chat", "update")
    members = await bot.does(lambda client: client.external_contact_group_chat.get(group["chat_id"]))
    assert patient in {one["userid"] for one in members["group_chat"]["member_list"]}

    await bot.program.act("edit-tags", change="create", group_name="来源", names=[FRONT_DESK])
    event = await bot.hears()
    assert event.event == "change_external_tag"


async def test_a_mass_message_is_created_tapped_and_counted(bot: Bot) -> None:
    def create(client: WeChatClient) -> tuple[str, list[str]]:
        groups = client.external_contact_group_chat.list(limit=100)["group_chat_list"]
        mine = [
            group["chat_id"]
            for group in groups
            if client.external_contact_group_chat.get(group["chat_id"])["group_chat"]["owner"] == "xiaohu"
        ]
        template = {
            "chat_type": "group",
            "sender": "xiaohu",
            "chat_id_list": mine,
            "text": {"content": "今天大家刷牙了吗？"},
        }
        return client.external_contact.add_msg_template(template)["msgid"], mine

    msgid, chat_ids = await bot.does(create)
    await bot.program.control("POST", "/clock/advance", {"seconds": 60})
    await bot.program.act("tap-mass", userid="xiaohu", msgid=msgid)

    def count(client: WeChatClient) -> tuple[Any, Any]:
        tasks = client.post("externalcontact/get_groupmsg_task", data={"msgid": msgid})
        results = client.post(
            "externalcontact/get_groupmsg_send_result", data={"msgid": msgid, "userid": "xiaohu"}
        )
        return tasks["task_list"], results["send_list"]

    tasks, results = await bot.does(count)
    assert [(task["userid"], task["status"]) for task in tasks] == [("xiaohu", 2)]
    assert {row["chat_id"]: row["status"] for row in results} == dict.fromkeys(chat_ids, 1)


async def test_staff_get_messages_and_what_they_write_is_heard(bot: Bot) -> None:
    agent_id = bot.sandbox.connection["agent_id"]

    def tell(client: WeChatClient) -> None:
        client.message.send_text_card(
            agent_id, ["chen.jing"], "七条待审", "本周内容", "https://clinic.example/"
        )
        client.message.send_markdown(agent_id, ["chen.jing"], "**七条**待审")

    await bot.does(tell)
    phone = await bot.program.control("GET", "/phones/members/chen.jing")
    assert [message["kind"] for message in phone["app_chat"]["messages"]] == ["textcard", "markdown"]

    await bot.program.act("member-writes-app", userid="chen.jing", text="晚点看")
    message = await bot.hears()
    assert (message.type, message.source, message.content) == ("text", "chen.jing", "晚点看")


async def test_a_customer_service_chat_is_heard_answered_and_handed_to_a_person(bot: Bot) -> None:
    opened = await bot.program.act("create-kf-account", name="小护客服")
    kf = opened["open_kfid"]
    await bot.does(lambda client: client.kf.add_servicer(kf, ["xiaohu"]))
    link = await bot.does(lambda client: client.kf.add_contact_way(kf, "oa-menu"))
    entered = await bot.program.act("kf-enter", url=link["url"], name="小李")
    patient = entered["external_userid"]
    await bot.program.act("kf-write", open_kfid=kf, external_userid=patient, text="洗牙多少钱？")
    event = await bot.hears()
    assert event.event == "kf_msg_or_event"

    def answer(client: WeChatClient) -> tuple[Any, ...]:
        # wechatpy's own sync_msg leaves open_kfid out, which WeCom has required since 2023.
        told = client.post("kf/sync_msg", data={"open_kfid": kf, "token": event.token, "limit": 100})
        client.kf_message.send_text(patient, kf, "您好，我帮您问一下前台。")
        customer = client.kf.batchget_customer(patient)["customer_list"][0]
        client.kf.trans_service_state(kf, patient, 3, "xiaohu")
        state = client.kf.get_service_state(kf, patient)
        servicers = client.kf.get_servicer_list(kf)["servicer_list"]
        with pytest.raises(WeChatClientException) as too_late:
            client.kf_message.send_text(patient, kf, "还在吗？")
        return told["msg_list"], customer["nickname"], state, servicers, too_late.value.errcode

    messages, nickname, state, servicers, too_late = await bot.does(answer)
    assert "洗牙多少钱？" in [m["text"]["content"] for m in messages if m["msgtype"] == "text"]
    assert nickname == "小李"
    assert (state["service_state"], state["servicer_userid"]) == (3, "xiaohu")
    assert [one["userid"] for one in servicers] == ["xiaohu"]
    assert too_late in {95016, 95018}


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        pytest.param({"token": "anotherToken"}, InvalidSignatureException, id="another token"),
        pytest.param({"corp_id": "wwsomebodyelse"}, InvalidCorpIdException, id="another corp"),
    ],
)
async def test_wechatpy_refuses_callbacks_that_are_not_its_own(
    bot: Bot, changed: dict[str, str], refusal: type[Exception]
) -> None:
    await bot.program.act("patient-adds-member", userid="xiaohu", name="小李")
    await bot.sandbox.callbacks.idle()
    query, body = bot.callbacks.requests[-1]
    facts = bot.sandbox.connection | changed
    crypto = WeChatCrypto(facts["token"], facts["aes_key"], facts["corp_id"])

    with pytest.raises(refusal):
        crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
