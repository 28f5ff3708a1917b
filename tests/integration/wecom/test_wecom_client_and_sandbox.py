"""Our client and our events against our sandbox: both were written from the same documents by different hands."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from PIL import Image as Picture

from wecom.api.mass import MassSend
from wecom.api.moments import MomentTask
from wecom.attachments import Image, Link
from wecom.cards import Button, ButtonInteraction, Menu, MenuEntry, Row, Selection, Source, TextNotice
from wecom.cards import Option as CardOption
from wecom.client import Credentials, WeComClient, open_session
from wecom.crypto import CallbackCrypto
from wecom.errors import Busy, NeedsAdmin, OutcomeUnknown, RateLimited, Refused, WelcomeSpent
from wecom.events import CardTapped, ContactAdded, Event, UnknownEvent, is_urgent, lane_of, parse_event
from wecom.messages import Markdown, Message, Text, TextCard
from wecom.sandbox import Rules, Sandbox, running_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

QUICK = {"dispatch_s": 0.0, "moment_job_s": 0.0}


class Inbox:
    """Receives the sandbox's encrypted callbacks as a program would."""

    def __init__(self) -> None:
        self.crypto: CallbackCrypto | None = None
        self.received: list[bytes] = []
        self.app = web.Application()
        self.app.router.add_post("/wecom/callback", self._receive)

    @property
    def events(self) -> list[Event]:
        return [parse_event(plaintext) for plaintext in self.received]

    async def _receive(self, request: web.Request) -> web.Response:
        assert self.crypto is not None
        body = (await request.read()).decode()
        encrypted = body.partition("<Encrypt><![CDATA[")[2].partition("]]>")[0]
        query = request.query
        self.received.append(
            self.crypto.decrypt(
                encrypted,
                signature=query["msg_signature"],
                timestamp=query["timestamp"],
                nonce=query["nonce"],
            )
        )
        return web.Response()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def sandbox(inbox: Inbox, aiohttp_server: Any) -> AsyncIterator[Sandbox]:
    server = await aiohttp_server(inbox.app)
    url = str(server.make_url("/wecom/callback"))
    async with running_sandbox(callback_url=url, retry_after_s=0.05, rules=Rules(**QUICK)) as sandbox:
        connection = sandbox.connection
        inbox.crypto = CallbackCrypto(
            token=connection["token"], aes_key=connection["aes_key"], corp_id=connection["corp_id"]
        )
        yield sandbox


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[WeComClient]:
    connection = sandbox.connection
    async with open_session() as session:
        yield WeComClient(
            session,
            api_base=sandbox.api_base,
            credentials=Credentials(
                corp_id=connection["corp_id"],
                secret=connection["secret"],
                agent_id=int(connection["agent_id"]),
            ),
        )


def png(width: int = 600, height: int = 400) -> bytes:
    out = io.BytesIO()
    Picture.new("RGB", (width, height), "#7cc").save(out, "PNG")
    return out.getvalue()


async def scan(sandbox: Sandbox, inbox: Inbox, **kwargs: Any) -> ContactAdded:
    sandbox.tenant.patient_scans("xiaohu", **kwargs)
    await sandbox.callbacks.idle()
    (event,) = [event for event in inbox.events if isinstance(event, ContactAdded)][-1:]
    return event


async def test_a_scan_becomes_an_urgent_event_whose_patient_can_be_read_greeted_and_tagged(
    sandbox: Sandbox, inbox: Inbox, client: WeComClient
) -> None:
    event = await scan(sandbox, inbox, state="front-desk")
    assert (event.userid, event.state) == ("xiaohu", "front-desk")
    assert event.welcome_code is not None
    assert is_urgent(inbox.received[-1])
    assert lane_of(inbox.received[-1]) == "p:" + event.external_userid

    media = await client.media.upload("image", "欢迎.png", png(), "image/png")
    await client.contacts.send_welcome(event.welcome_code, "您好，我是小护", [Image(media_id=media.media_id)])
    with pytest.raises(WelcomeSpent):
        await client.contacts.send_welcome(event.welcome_code, "您好，我是小护")

    group = await client.tags.add("测试来源", ["前台"])
    await client.tags.mark("xiaohu", event.external_userid, add=[group.tag[0].id])
    await client.contacts.remark("xiaohu", event.external_userid, remark="小周", mobiles=["13900000000"])
    detail = await client.contacts.get(event.external_userid)
    (follow,) = detail.follow_user
    assert (follow.tag_ids, follow.remark, follow.state) == ((group.tag[0].id,), "小周", "front-desk")
    assert group.group_id in {one.group_id for one in await client.tags.list()}
    assert event.external_userid in await client.contacts.list_of("xiaohu")


async def test_an_old_welcome_code_is_spent(sandbox: Sandbox, inbox: Inbox, client: WeComClient) -> None:
    event = await scan(sandbox, inbox)
    sandbox.tenant.advance(21)
    assert event.welcome_code is not None
    with pytest.raises(WelcomeSpent):
        await client.contacts.send_welcome(event.welcome_code, "您好")


async def test_members_contacts_and_groups_can_be_walked(client: WeComClient) -> None:
    userids = await client.contacts.follow_users()
    assert {"xiaohu", "zhang.wei"} <= set(userids)
    assert (await client.members.get("zhang.wei")).name == "张伟"
    batch = [contact async for contact in client.contacts.batch_by_user(userids)]
    listed = {external for userid in userids for external in await client.contacts.list_of(userid)}
    assert {contact.external_contact.external_userid for contact in batch} == listed
    groups = [await client.groups.get(ref.chat_id) async for ref in client.groups.list()]
    assert "微笑口腔·护牙福利社" in {group.name for group in groups}
    assert all(group.member_list and group.member_version for group in groups)
    owned = [ref.chat_id async for ref in client.groups.list(["zhang.wei"])]
    assert owned == [group.chat_id for group in groups if group.owner == "zhang.wei"]
    with pytest.raises(Refused):
        await client.members.get("nobody.here")


async def test_a_group_send_is_tapped_and_counted(sandbox: Sandbox, client: WeComClient) -> None:
    (chat_id, *_) = [ref.chat_id async for ref in client.groups.list(["xiaohu"])]
    link = Link(title="护牙小贴士", url="https://h5.example/tips", desc="每天两分钟")
    send = MassSend(chat_type="group", sender="xiaohu", chat_ids=(chat_id,), text="早安", attachments=(link,))
    created = await client.mass.create(send)
    assert created.fail_list == ()
    assert [task.is_sent async for task in client.mass.tasks(created.msgid)] == [False]
    for _ in range(3):
        await client.mass.remind(created.msgid)
    sandbox.tenant.mass.tap("xiaohu", created.msgid)
    assert [task.is_sent async for task in client.mass.tasks(created.msgid)] == [True]
    results = [result async for result in client.mass.results(created.msgid, "xiaohu")]
    assert [(result.chat_id, result.status) for result in results] == [(chat_id, 1)]
    now = sandbox.tenant.clock.now()
    listed = [one async for one in client.mass.list("group", now - timedelta(hours=1), now)]
    assert [(one.msgid, one.content, one.attachment_kinds) for one in listed] == [
        (created.msgid, "早安", ("link",))
    ]
    await client.mass.cancel((await client.mass.create(send)).msgid)


async def test_a_moment_is_published_and_seen(sandbox: Sandbox, client: WeComClient) -> None:
    media = await client.media.upload_attachment("image", "新品.png", png(), "image/png")
    task = MomentTask(text="秋季护牙", attachments=(Image(media_id=media.media_id),), userids=("zhang.wei",))
    job = await client.moments.job_result(await client.moments.create(task))
    assert job.is_finished
    assert job.result is not None
    moment_id = job.result.moment_id
    assert [member.is_published async for member in client.moments.tasks(moment_id)] == [False]
    sandbox.tenant.moments.publish("zhang.wei", moment_id)
    assert [member.is_published async for member in client.moments.tasks(moment_id)] == [True]
    seen = [one.external_userid async for one in client.moments.send_result(moment_id, "zhang.wei")]
    chosen = [one.external_userid async for one in client.moments.customers(moment_id, "zhang.wei")]
    assert seen
    assert set(seen) <= set(chosen)
    assert (await client.moments.comments(moment_id, "zhang.wei")).like_list == ()
    now = sandbox.tenant.clock.now()
    (listed,) = [one async for one in client.moments.list(now - timedelta(hours=1), now)]
    assert (listed.moment_id, listed.content, listed.attachment_kinds) == (moment_id, "秋季护牙", ("image",))
    await client.moments.cancel(moment_id)


@pytest.mark.parametrize("made", [True, False], ids=["after the change was made", "before it was made"])
async def test_a_creation_whose_answer_was_lost_is_unknown_and_the_list_tells(
    sandbox: Sandbox, client: WeComClient, made: bool
) -> None:
    sandbox.tenant.faults.add("reset_after" if made else "reset_before", "externalcontact/add_msg_template")
    with pytest.raises(OutcomeUnknown):
        await client.mass.create(MassSend(chat_type="single", sender="xiaohu", text="早安"))
    now = sandbox.tenant.clock.now()
    listed = [one async for one in client.mass.list("single", now - timedelta(hours=1), now)]
    assert [one.content for one in listed] == ["早安"] * made


async def test_faults_become_their_remedies(sandbox: Sandbox, client: WeComClient) -> None:
    expected = {
        -1: Busy,
        6000: Busy,
        45033: RateLimited,
        48002: NeedsAdmin,
        41048: Refused,
    }
    for errcode, error in expected.items():
        sandbox.tenant.faults.add("errcode", "externalcontact/get_corp_tag_list", errcode=errcode)
        with pytest.raises(error):
            await client.tags.list()
    assert await client.tags.list() is not None


async def test_a_blocked_api_is_left_alone_until_its_block_ends_and_the_others_go_on(
    sandbox: Sandbox, client: WeComClient
) -> None:
    sandbox.tenant.faults.add("errcode", "externalcontact/get_corp_tag_list", errcode=45009)
    for _ in range(3):
        with pytest.raises(RateLimited) as caught:
            await client.tags.list()
        assert caught.value.retry_after_s == pytest.approx(60, abs=5)
    assert len([*sandbox.tenant.journal.calls("externalcontact/get_corp_tag_list")]) == 1
    assert await client.contacts.follow_users()


async def test_a_revoked_token_goes_unnoticed_by_many_callers(sandbox: Sandbox, client: WeComClient) -> None:
    await client.check_token()
    sandbox.tenant.tokens.revoke()
    await asyncio.gather(*(client.tags.list() for _ in range(20)))


async def test_a_card_is_tapped_and_updated(sandbox: Sandbox, inbox: Inbox, client: WeComClient) -> None:
    card = ButtonInteraction(
        title="朋友圈待审批",
        desc="提交人 小护",
        text="文案：秋季护牙……",
        source=Source(desc="内容审批", colour=2),
        rows=(Row(key="执行人", value="张伟"), Row(key="预览", value="查看", url="https://h5.example/p/1")),
        menu=Menu(desc="更多", entries=(MenuEntry(text="静音", key="mute"),)),
        selection=Selection(question_key="reason", title="原因", options=(CardOption(id="r1", text="错字"),)),
        task_id="post-1@1",
        buttons=(Button(text="通过", key="approve"), Button(text="驳回", key="reject", style=2)),
    )
    sent = await client.messages.send(Message(content=card, to_users=("chen.jing", "gone.user")))
    assert sent.response_code
    assert sent.invaliduser == ("gone.user",)
    sandbox.tenant.messages.tap("chen.jing", "post-1@1", "approve", selected={"reason": ["r1"]})
    await sandbox.callbacks.idle()
    (tap,) = [event for event in inbox.events if isinstance(event, CardTapped)]
    assert (tap.userid, tap.event_key, tap.task_id, tap.selected) == (
        "chen.jing",
        "approve",
        "post-1@1",
        {"reason": ("r1",)},
    )
    assert lane_of(inbox.received[-1]) == "m:chen.jing"
    assert tap.response_code is not None
    assert (
        await client.messages.update_card(tap.response_code, userids=["chen.jing"], replace_name="已通过")
        == []
    )
    with pytest.raises(Refused) as caught:
        await client.messages.update_card(tap.response_code, userids=["chen.jing"], replace_name="已通过")
    assert caught.value.errcode == 60140
    await client.messages.update_card(sent.response_code, userids=["chen.jing"], card=card)


@pytest.mark.parametrize(
    "content",
    [
        Text(content="今日待发 3 条"),
        Markdown(content="**今日待发**"),
        TextCard(title="今日待发", description="共 3 条", url="https://h5.example/todo", button="去看看"),
        TextNotice(url="https://h5.example/todo", title="今日待发", emphasis_title="3"),
    ],
    ids=lambda content: type(content).__name__,
)
async def test_every_kind_of_message_is_accepted(client: WeComClient, content: Any) -> None:
    assert (await client.messages.send(Message(content=content, to_users=("chen.jing",)))).msgid


async def test_everything_the_sandbox_calls_back_is_a_known_event(sandbox: Sandbox, inbox: Inbox) -> None:
    tenant = sandbox.tenant
    patient, _ = tenant.patient_scans("xiaohu", half=True)
    tenant.people.member_confirms_patient("xiaohu", patient.external_userid)
    tenant.people.patient_deletes_member(patient.external_userid, "xiaohu")
    await sandbox.callbacks.idle()
    assert inbox.events
    assert not [event for event in inbox.events if type(event) is UnknownEvent]
