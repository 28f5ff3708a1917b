"""Messages, cards and files: every kind against the sandbox, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from tests.support.sandbox_driver import mp4, picture
from tests.support.scripted_wecom import ScriptedWeCom, failing, ok
from wecom.cards import (
    Button,
    ButtonInteraction,
    CardImage,
    Jump,
    Menu,
    MenuEntry,
    MultipleInteraction,
    NewsNotice,
    Option,
    Paragraph,
    Quote,
    Row,
    Selection,
    Source,
    TextNotice,
    VoteInteraction,
)
from wecom.client import Credentials, WeComClient, open_session
from wecom.errors import Busy, Refused
from wecom.messages import (
    Article,
    Markdown,
    MediaMessage,
    Message,
    MiniProgramNotice,
    News,
    Stories,
    Story,
    Text,
    TextCard,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wecom.sandbox import Sandbox

URL = "https://h5.example/todo"
MENU = Menu(desc="更多", entries=(MenuEntry(text="静音", key="mute"),))
CHOICE = Selection(question_key="when", title="何时", options=(Option(id="am", text="上午"),))
CARDS = [
    TextNotice(
        url=URL,
        title="今日待发",
        emphasis_title="3",
        quote=Quote(text="昨天全部发出", title="昨天", url=URL),
        rows=(Row(key="执行人", value="张伟", userid="zhang.wei"),),
        jumps=(Jump(title="去看看", url=URL),),
        menu=MENU,
        task_id="text-1",
    ),
    NewsNotice(
        url=URL,
        title="秋季护牙",
        image=CardImage(url="https://img.example/a.png", aspect_ratio=2.0),
        source=Source(desc="小护"),
        paragraphs=(Paragraph(title="每天两分钟", desc="早晚各一次"),),
        rows=(Row(key="预览", value="点击", url=URL),),
    ),
    ButtonInteraction(title="待审批", task_id="btn-1", buttons=(Button(text="通过", key="ok"),)),
    VoteInteraction(
        title="值班",
        task_id="vote-1",
        question_key="day",
        options=(Option(id="sat", text="周六", checked=True), Option(id="sun", text="周日")),
        several=True,
        submit_text="提交",
        submit_key="submit",
    ),
    MultipleInteraction(
        title="排班", task_id="multi-1", selections=(CHOICE,), submit_text="提交", submit_key="submit"
    ),
]
CONTENTS = [
    Text(content="今日待发 3 条"),
    Markdown(content="**今日待发**"),
    TextCard(title="今日待发", description="共 3 条", url=URL),
    News(articles=(Article(title="护牙", url=URL, description="两分钟"), Article(title="二", url=URL))),
    *CARDS,
]


@pytest.fixture
async def interactive(client: WeComClient, sandbox: Sandbox) -> WeComClient:
    """The sandbox's app has a callback URL, as cards that call back need."""
    sandbox.tenant.rules.callbacks_configured = True
    return client


@pytest.mark.parametrize(
    "content", CONTENTS, ids=lambda one: getattr(one, "task_id", "") or type(one).__name__
)
async def test_every_kind_of_content_is_taken(interactive: WeComClient, content: Any) -> None:
    sent = await interactive.messages.send(Message(content=content, to_users=("chen.jing",)))
    assert sent.msgid
    assert sent.invaliduser == ()


@pytest.mark.parametrize(
    ("kind", "filename", "data", "content_type"),
    [
        ("image", "a.png", picture(), "image/png"),
        ("voice", "a.amr", b"#!AMR\n" + bytes(64), "voice/amr"),
        ("video", "a.mp4", mp4(), "video/mp4"),
        ("file", "a.pdf", b"%PDF-1.7 x", "application/pdf"),
    ],
    ids=["image", "voice", "video", "file"],
)
async def test_every_kind_of_file_is_uploaded_sent_and_downloaded(
    client: WeComClient, kind: Any, filename: str, data: bytes, content_type: str
) -> None:
    media = await client.media.upload(kind, filename, data, content_type)
    content = MediaMessage(kind=kind, media_id=media.media_id)
    message = Message(content=content, to_users=("chen.jing",), confidential=kind != "voice")
    assert (await client.messages.send(message)).msgid
    file = await client.media.get(media.media_id)
    assert (file.data, file.filename) == (data, filename)


async def test_stories_and_mini_program_notices_are_taken(client: WeComClient) -> None:
    cover = (await client.media.upload("image", "a.png", picture(), "image/png")).media_id
    story = Story(title="秋季护牙", thumb_media_id=cover, content="<p>每天两分钟</p>", author="小护")
    notice = MiniProgramNotice(appid="wx0000000000example", title="预约提醒", items=(("时间", "周六"),))
    for content in (Stories(stories=(story,)), notice):
        assert (await client.messages.send(Message(content=content, to_users=("chen.jing",)))).msgid


async def test_a_message_is_recalled_within_a_day_and_not_later(
    sandbox: Sandbox, client: WeComClient
) -> None:
    text = Message(content=Text(content="发错了"), to_users=("chen.jing",))
    await client.messages.recall((await client.messages.send(text)).msgid)
    old = await client.messages.send(text)
    sandbox.tenant.advance(24 * 3600 + 1)
    with pytest.raises(Refused) as caught:
        await client.messages.recall(old.msgid)
    assert caught.value.errcode == 42052


@pytest.mark.parametrize("card", CARDS[2:], ids=lambda card: card.task_id)
async def test_a_card_that_calls_back_can_be_replaced_once(interactive: WeComClient, card: Any) -> None:
    sent = await interactive.messages.send(Message(content=card, to_users=("chen.jing",)))
    assert await interactive.messages.update_card(sent.response_code, userids=["chen.jing"], card=card) == []
    with pytest.raises(Refused) as caught:
        await interactive.messages.update_card(sent.response_code, userids=["chen.jing"], card=card)
    assert caught.value.errcode == 60140


async def test_a_media_id_dies_after_three_days(sandbox: Sandbox, client: WeComClient) -> None:
    media = await client.media.upload("image", "a.png", picture(), "image/png")
    sandbox.tenant.advance(3 * 86_400 + 1)
    with pytest.raises(Refused) as caught:
        await client.media.get(media.media_id)
    assert caught.value.errcode == 40007


async def test_a_file_larger_than_the_cap_is_not_read(client: WeComClient) -> None:
    media = await client.media.upload("file", "a.bin", bytes(200_000), "application/octet-stream")
    with pytest.raises(Refused) as caught:
        await client.media.get(media.media_id, most_bytes=100_000)
    assert caught.value.errcode == 45001


async def test_a_download_survives_a_revoked_token(sandbox: Sandbox, client: WeComClient) -> None:
    media = await client.media.upload("file", "病历.json", b'{"errcode": 40014}', "application/json")
    sandbox.tenant.tokens.revoke()
    file = await client.media.get(media.media_id)
    assert (file.data, file.filename) == (b'{"errcode": 40014}', "病历.json")
    assert "errcode" not in repr(file)


# --- what a scripted WeCom shows ------------------------------------------------------------------------------


@pytest.fixture
def wecom() -> ScriptedWeCom:
    return ScriptedWeCom()


@pytest.fixture
async def scripted(wecom: ScriptedWeCom, aiohttp_server: Any) -> AsyncIterator[WeComClient]:
    server = await aiohttp_server(wecom.app)
    async with open_session() as session:
        app = Credentials(corp_id="ww0exampleCorp01", secret="s", agent_id=1000007)
        yield WeComClient(session, api_base=str(server.make_url("")), credentials=app)


async def test_a_download_without_a_file_is_no_download(wecom: ScriptedWeCom, scripted: WeComClient) -> None:
    wecom.script("media/get", ok())
    with pytest.raises(Busy):
        await scripted.media.get("M")


async def test_a_download_that_breaks_off_can_be_tried_again(
    wecom: ScriptedWeCom, scripted: WeComClient
) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Disposition": 'attachment; filename="a.png"', "Content-Length": "100"}
        )
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    wecom.script("media/get", broken)
    with pytest.raises(Busy):
        await scripted.media.get("M")


async def test_a_large_file_is_fetched_by_wecom_itself(wecom: ScriptedWeCom, scripted: WeComClient) -> None:
    wecom.script("media/upload_by_url", ok(jobid="job-1"))
    wecom.script(
        "media/get_upload_by_url_result",
        ok(status=1),
        ok(status=2, detail={"errcode": 0, "media_id": "M1", "created_at": "1795230000"}),
        ok(status=3, detail={"errcode": 830003, "errmsg": "download failed"}),
        failing(40058),
    )
    jobid = await scripted.media.upload_by_url("video", "a.mp4", "https://cdn.example/a.mp4", "0" * 32)
    assert wecom.calls["media/upload_by_url"][0].body["scene"] == 1
    assert not (await scripted.media.upload_result(jobid)).is_done
    done = await scripted.media.upload_result(jobid)
    assert (done.is_done, done.detail.media_id) == (True, "M1")
    failed = await scripted.media.upload_result(jobid)
    assert (failed.is_failed, failed.detail.errcode) == (True, 830003)
    with pytest.raises(Refused):
        await scripted.media.upload_result(jobid)
    with pytest.raises(ValueError, match="md5"):
        await scripted.media.upload_by_url("video", "a.mp4", "https://cdn.example/a.mp4", "short")
