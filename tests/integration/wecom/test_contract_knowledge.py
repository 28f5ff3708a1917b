"""The knowledge of WeCom's own bot: what is taught is listed as it was, and goes with its group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.wecom.test_contract_lost_answers import lose
from tests.support.sandbox_driver import mp4, picture
from wecom.api import kf_knowledge
from wecom.api.kf_knowledge import Knowledge, Reply
from wecom.attachments import Image, Link, Video
from wecom.finders import Finders
from wecom.kf_messages import KfMiniProgram

if TYPE_CHECKING:
    import pytest

    from wecom.client import WeComClient
    from wecom.sandbox import Sandbox


async def taught(client: WeComClient, **which: str) -> list[Knowledge]:
    return [entry async for entry in client.kf_knowledge.list(**which)]


async def test_a_question_is_taught_changed_and_forgotten_with_its_group(client: WeComClient) -> None:
    image = (await client.media.upload("image", "brush.png", picture(), "image/png")).media_id
    video = (await client.media.upload("video", "brush.mp4", mp4(), "video/mp4")).media_id
    link = Link(title="护牙", url="https://h5.example/tips")
    program = KfMiniProgram(
        appid="wx0000000000example", title="预约", thumb_media_id=image, pagepath="book.html"
    )
    attachments = (Image(media_id=image), Video(media_id=video), link, program)
    group_id = await client.kf_knowledge.add_group("洗牙")

    intent_id = await client.kf_knowledge.add(
        group_id, "洗牙疼吗", Reply(text="一般不疼。", attachments=attachments), similar=["洗牙会不会疼"]
    )
    [entry] = await taught(client, group_id=group_id)
    assert (entry.intent_id, entry.asked, entry.also_asked) == (intent_id, "洗牙疼吗", ("洗牙会不会疼",))
    assert entry.answered == "一般不疼。"
    assert entry.attachment_kinds == ("image", "video", "link", "miniprogram")

    await client.kf_knowledge.update(intent_id, question="洗牙痛吗", reply=Reply(text="会有些酸。"))
    [entry] = await taught(client, intent_id=intent_id)
    assert (entry.asked, entry.also_asked, entry.answered) == ("洗牙痛吗", ("洗牙会不会疼",), "会有些酸。")
    await client.kf_knowledge.update(intent_id, similar=())
    assert (await taught(client))[0].also_asked == ()

    await client.kf_knowledge.rename_group(group_id, "洁牙")
    groups = [(group.name, group.is_default) async for group in client.kf_knowledge.groups()]
    assert groups == [("默认分组", True), ("洁牙", False)]
    await client.kf_knowledge.delete_group(group_id)
    assert await taught(client) == []
    assert [group.name async for group in client.kf_knowledge.groups(group_id=group_id)] == []


async def test_everything_is_listed_page_by_page(
    client: WeComClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kf_knowledge, "PAGE", 2)
    names = [f"第{number}组" for number in range(5)]
    for name in names:
        group_id = await client.kf_knowledge.add_group(name)
        await client.kf_knowledge.add(group_id, f"{name}的问题", Reply(text="好"))

    assert [group.name async for group in client.kf_knowledge.groups()] == ["默认分组", *names]
    assert [entry.asked for entry in await taught(client)] == [f"{name}的问题" for name in names]
    assert len(list(sandbox.tenant.journal.calls("kf/knowledge/list_intent"))) == 3


async def test_lost_knowledge_is_found_by_its_group_and_its_question(
    client: WeComClient, sandbox: Sandbox
) -> None:
    finders = Finders(client)
    await lose(sandbox, "kf/knowledge/add_group", client.kf_knowledge.add_group("洗牙"))
    group_id = str(await finders.knowledge_group("洗牙"))
    reply = Reply(text="不疼")
    await lose(sandbox, "kf/knowledge/add_intent", client.kf_knowledge.add(group_id, "洗牙疼吗", reply))

    [taught] = [entry async for entry in client.kf_knowledge.list()]

    assert await finders.knowledge(group_id, "洗牙疼吗") == taught.intent_id
    assert await finders.knowledge_group("种植") is await finders.knowledge(group_id, "多久一次") is None
