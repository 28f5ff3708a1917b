"""Contents beyond WeCom's limits are refused before a call, with the field's name; those inside go out as documented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wecom.api.mass import MassSend
from wecom.api.moments import MomentTask
from wecom.api.posted import window
from wecom.attachments import File, Image, Link, MiniProgram, Video, message_content, moment_content
from wecom.cards import (
    Button,
    ButtonInteraction,
    Jump,
    Menu,
    MenuEntry,
    Option,
    Row,
    Selection,
    Source,
    TextNotice,
)
from wecom.messages import Markdown, Message, Text, TextCard

URL = "https://h5.example/m?s=12"
PROGRAM = MiniProgram(title="预约", pic_media_id="M2", appid="wx0000000000example", page="/pages/book.html")
APPROVE = Button(text="通过", key="approve")


def test_attachments_go_out_as_documented() -> None:
    link = Link(title="会员权益", url=URL, desc="首单立减", picurl="https://img.example/l.png", media_id="M9")
    content = message_content(
        "你好", [Image(media_id="M1"), link, PROGRAM, Video(media_id="M3"), File(media_id="M4")]
    )
    assert content == {
        "text": {"content": "你好"},
        "attachments": [
            {"msgtype": "image", "image": {"media_id": "M1"}},
            {
                "msgtype": "link",
                "link": {
                    "title": "会员权益",
                    "picurl": "https://img.example/l.png",
                    "desc": "首单立减",
                    "url": URL,
                },
            },
            {
                "msgtype": "miniprogram",
                "miniprogram": {
                    "title": "预约",
                    "pic_media_id": "M2",
                    "appid": "wx0000000000example",
                    "page": "/pages/book.html",
                },
            },
            {"msgtype": "video", "video": {"media_id": "M3"}},
            {"msgtype": "file", "file": {"media_id": "M4"}},
        ],
    }


def test_a_moment_takes_the_cover_of_a_link_as_media() -> None:
    link = Link(title="会员权益", url=URL, desc="首单立减", picurl="https://img.example/l.png", media_id="M9")
    assert moment_content("", [link]) == {
        "attachments": [{"msgtype": "link", "link": {"title": "会员权益", "url": URL, "media_id": "M9"}}]
    }


@pytest.mark.parametrize(
    ("build", "field"),
    [
        pytest.param(Image, "image.media_id", id="image without source"),
        pytest.param(
            lambda: Image(pic_url="img.example/a.png"), "image.pic_url", id="image URL without scheme"
        ),
        pytest.param(lambda: Link(title="", url=URL), "link.title", id="link without title"),
        pytest.param(lambda: Link(title="牙" * 43, url=URL), "link.title", id="129 bytes of link title"),
        pytest.param(lambda: Link(title="牙", url=URL, desc="牙" * 171), "link.desc", id="513 bytes of desc"),
        pytest.param(
            lambda: Link(title="牙", url="https://" + "x" * 2041), "link.url", id="2049 bytes of URL"
        ),
        pytest.param(lambda: Link(title="牙", url="javascript:x"), "link.url", id="no web address"),
        pytest.param(
            lambda: MiniProgram(title="牙" * 22, pic_media_id="M", appid="wx", page="/p"),
            "miniprogram.title",
            id="66 bytes of mini-program title",
        ),
        pytest.param(
            lambda: MiniProgram(title="牙", pic_media_id="M", appid="", page="/p"),
            "miniprogram.appid",
            id="mini-program without appid",
        ),
        pytest.param(lambda: Video(media_id=" "), "video.media_id", id="video without id"),
        pytest.param(lambda: File(media_id=""), "file.media_id", id="file without id"),
        pytest.param(lambda: message_content("牙" * 1334, []), "text", id="4002 bytes of text"),
        pytest.param(lambda: message_content("\ud83e", []), "text", id="half a character"),
        pytest.param(lambda: message_content(" ", []), "text", id="nothing at all"),
        pytest.param(
            lambda: message_content("", [Image(media_id="M")] * 10), "attachments", id="ten attachments"
        ),
        pytest.param(lambda: moment_content("a" * 2001, []), "text", id="2001 characters in a moment"),
        pytest.param(lambda: moment_content("", [PROGRAM]), "attachments", id="mini-program in a moment"),
        pytest.param(lambda: moment_content("", [File(media_id="M")]), "attachments", id="file in a moment"),
        pytest.param(
            lambda: moment_content("", [Image(media_id="M"), Video(media_id="M")]),
            "attachments",
            id="two kinds",
        ),
        pytest.param(lambda: moment_content("", [Video(media_id="M")] * 2), "attachments", id="two videos"),
        pytest.param(
            lambda: moment_content("", [Image(pic_url=URL)]), "image.media_id", id="moment image by URL"
        ),
        pytest.param(
            lambda: moment_content("", [Link(title="牙", url=URL)]),
            "link.media_id",
            id="moment link, no cover",
        ),
        pytest.param(
            lambda: moment_content("", [Link(title="a" * 65, url=URL, media_id="M")]),
            "link.title",
            id="65 characters of moment link title",
        ),
        pytest.param(
            lambda: MomentTask(text="早安", userids=("u",) * 100_001), "userids", id="too many senders"
        ),
        pytest.param(
            lambda: MassSend(chat_type="group", text="早安"), "sender", id="group send without sender"
        ),
        pytest.param(lambda: MassSend(chat_type="single", text="早安"), "sender", id="single send to nobody"),
        pytest.param(
            lambda: MassSend(chat_type="group", text="早安", sender="u", external_userids=("wm",)),
            "external_userids",
            id="patients in a group send",
        ),
        pytest.param(
            lambda: MassSend(chat_type="single", text="早安", sender="u", chat_ids=("wr",)),
            "chat_ids",
            id="groups in a single send",
        ),
        pytest.param(
            lambda: MassSend(chat_type="single", text="早安", external_userids=("wm",) * 10_001),
            "external_userids",
            id="10 001 patients",
        ),
        pytest.param(
            lambda: MassSend(chat_type="group", text="早安", sender="u", chat_ids=("wr",) * 2001),
            "chat_ids",
            id="2001 groups",
        ),
        pytest.param(
            lambda: MassSend(chat_type="single", text="早安", tags=(("t",) * 101,)), "tags", id="101 tags"
        ),
        pytest.param(lambda: Text(content="牙" * 683), "text.content", id="2049 bytes to staff"),
        pytest.param(lambda: Text(content=" "), "text.content", id="empty text"),
        pytest.param(lambda: Markdown(content="牙" * 683), "markdown.content", id="2049 bytes of Markdown"),
        pytest.param(
            lambda: TextCard(title="t" * 129, description="d", url=URL), "textcard.title", id="card title"
        ),
        pytest.param(
            lambda: TextCard(title="t", description="d", url=URL, button="点击查看吧"),
            "textcard.button",
            id="five characters on a button",
        ),
        pytest.param(lambda: Message(content=Text(content="x")), "message.to_users", id="nobody named"),
        pytest.param(
            lambda: Message(content=Text(content="x"), to_users=("u",), to_everybody=True),
            "message.to_users",
            id="somebody and everybody",
        ),
        pytest.param(
            lambda: Message(content=Text(content="x"), to_users=("a|b",)),
            "message.to_users",
            id="separator in id",
        ),
        pytest.param(
            lambda: Message(content=Text(content="x"), to_users=("u",) * 1001),
            "message.to_users",
            id="1001 users",
        ),
        pytest.param(
            lambda: Message(content=Text(content="x"), to_users=("u",), drop_repeats_for_s=14_401),
            "message.drop_repeats_for_s",
            id="repeat window",
        ),
        pytest.param(
            lambda: ButtonInteraction(title="t", task_id="a b", buttons=(APPROVE,)),
            "card.task_id",
            id="task id",
        ),
        pytest.param(
            lambda: ButtonInteraction(title="t", task_id="x" * 129, buttons=(APPROVE,)),
            "card.task_id",
            id="task id too long",
        ),
        pytest.param(
            lambda: ButtonInteraction(title=" ", task_id="t", buttons=(APPROVE,)),
            "card.title",
            id="card title",
        ),
        pytest.param(
            lambda: ButtonInteraction(title="t", task_id="t", buttons=()), "card.buttons", id="no button"
        ),
        pytest.param(
            lambda: ButtonInteraction(
                title="t", task_id="t", buttons=tuple(Button(text="b", key=str(n)) for n in range(7))
            ),
            "card.buttons",
            id="seven buttons",
        ),
        pytest.param(
            lambda: ButtonInteraction(title="t", task_id="t", buttons=(APPROVE, APPROVE)),
            "card.buttons",
            id="two buttons, one key",
        ),
        pytest.param(
            lambda: ButtonInteraction(title="t", task_id="t", buttons=(APPROVE,), rows=(Row(key="k"),) * 7),
            "card.rows",
            id="seven rows",
        ),
        pytest.param(lambda: Button(text="b"), "button.key", id="button without effect"),
        pytest.param(lambda: Button(text="b", key="k" * 1025), "button.key", id="button key too long"),
        pytest.param(lambda: Button(text="b", key="k", style=5), "button.style", id="button style"),
        pytest.param(
            lambda: Selection(question_key="q", title="t", options=(Option(id="1", text="x"),) * 11),
            "selection.options",
            id="eleven options",
        ),
        pytest.param(lambda: Menu(desc="d", entries=()), "menu.entries", id="empty menu"),
        pytest.param(lambda: TextNotice(url="", title="t"), "card.url", id="notice leads nowhere"),
        pytest.param(lambda: TextNotice(url=URL), "card.title", id="notice says nothing"),
        pytest.param(
            lambda: TextNotice(url=URL, title="t", jumps=(Jump(title="j", url=URL),) * 4),
            "card.jumps",
            id="four jumps",
        ),
        pytest.param(
            lambda: TextNotice(
                url=URL, title="t", menu=Menu(desc="d", entries=(MenuEntry(text="x", key="k"),))
            ),
            "card.task_id",
            id="menu without task id",
        ),
        pytest.param(
            lambda: window(datetime(2026, 11, 1), datetime(2026, 11, 2, tzinfo=UTC), longest=timedelta(30)),  # noqa: DTZ001
            "start",
            id="an instant without offset",
        ),
        pytest.param(
            lambda: window(
                datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), longest=timedelta(30)
            ),
            "end",
            id="end before start",
        ),
        pytest.param(
            lambda: window(
                datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC), longest=timedelta(30)
            ),
            "end",
            id="31 days",
        ),
    ],
)
def test_what_wecom_would_refuse_names_its_field(build: Any, field: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field}\b"):
        build()


def test_limits_count_bytes_and_include_the_last_one() -> None:
    assert message_content("牙" * 1333 + "a", [])
    assert moment_content("牙" * 1333, [Image(media_id="M")] * 9)
    assert Link(title="a" * 128, url="https://" + "x" * 2040, desc="b" * 512)
    assert Text(content="a" * 2048)


def test_a_group_send_names_its_sender_and_groups() -> None:
    send = MassSend(chat_type="group", sender="xiaohu", chat_ids=("wr1",), text="早安")
    assert send.to_wecom() == {
        "chat_type": "group",
        "sender": "xiaohu",
        "chat_id_list": ["wr1"],
        "text": {"content": "早安"},
    }


def test_tags_of_a_single_send_are_any_of_each_and_all_of_them() -> None:
    send = MassSend(chat_type="single", tags=(("et1", "et2"), ("et3",)), text="早安", allow_select=True)
    assert send.to_wecom() == {
        "chat_type": "single",
        "tag_filter": {"group_list": [{"tag_list": ["et1", "et2"]}, {"tag_list": ["et3"]}]},
        "allow_select": True,
        "text": {"content": "早安"},
    }


def test_a_moment_is_for_its_senders_and_tags_only() -> None:
    task = MomentTask(text="早安", userids=("zhang.wei",), tag_ids=("et1",))
    assert task.to_wecom() == {
        "text": {"content": "早安"},
        "visible_range": {
            "sender_list": {"user_list": ["zhang.wei"]},
            "external_contact_list": {"tag_list": ["et1"]},
        },
    }
    assert MomentTask(text="早安").to_wecom() == {"text": {"content": "早安"}}


def test_an_approval_card_goes_out_as_documented() -> None:
    card = ButtonInteraction(
        source=Source(desc="内容审批", colour=2),
        title="朋友圈待审批：秋季新品",
        desc="提交人 林梅",
        text="文案：秋季新品到店……",
        rows=(
            Row(key="执行人", value="12人"),
            Row(key="预览", value="点击查看", url="https://h5.example/p/77"),
        ),
        task_id="moment-77@1",
        buttons=(APPROVE, Button(text="驳回", key="reject", style=2)),
    )
    message = Message(content=card, to_users=("wang.lei", "lin.mei"), drop_repeats_for_s=600)
    assert message.to_wecom(1000007) == {
        "touser": "wang.lei|lin.mei",
        "agentid": 1000007,
        "msgtype": "template_card",
        "template_card": {
            "card_type": "button_interaction",
            "source": {"desc": "内容审批", "desc_color": 2},
            "main_title": {"title": "朋友圈待审批：秋季新品", "desc": "提交人 林梅"},
            "sub_title_text": "文案：秋季新品到店……",
            "horizontal_content_list": [
                {"type": 0, "keyname": "执行人", "value": "12人"},
                {"type": 1, "keyname": "预览", "value": "点击查看", "url": "https://h5.example/p/77"},
            ],
            "task_id": "moment-77@1",
            "button_list": [
                {"type": 0, "text": "通过", "style": 1, "key": "approve"},
                {"type": 0, "text": "驳回", "style": 2, "key": "reject"},
            ],
        },
        "enable_duplicate_check": 1,
        "duplicate_check_interval": 600,
    }


def test_a_full_button_card_keeps_every_part() -> None:
    card = ButtonInteraction(
        title="t",
        task_id="t",
        url=URL,
        menu=Menu(desc="更多", entries=(MenuEntry(text="静音", key="mute"),)),
        selection=Selection(
            question_key="q", title="原因", options=(Option(id="1", text="改"),), selected_id="1"
        ),
        buttons=(Button(text="打开", url=URL, style=4),),
        rows=(Row(key="负责人", userid="lin.mei"),),
        replace_text="已通过",
    ).to_wecom()
    assert card["card_action"] == {"type": 1, "url": URL}
    assert card["action_menu"] == {"desc": "更多", "action_list": [{"text": "静音", "key": "mute"}]}
    assert card["button_selection"]["option_list"] == [{"id": "1", "text": "改"}]
    assert card["button_list"] == [{"type": 1, "text": "打开", "style": 4, "url": URL}]
    assert card["horizontal_content_list"] == [{"type": 3, "keyname": "负责人", "userid": "lin.mei"}]
    assert card["replace_text"] == "已通过"


def test_a_text_notice_goes_out_as_documented() -> None:
    notice = TextNotice(
        url=URL,
        title="今日任务",
        emphasis_title="3",
        emphasis_desc="条待发",
        jumps=(Jump(title="去看看", url=URL),),
    )
    assert notice.to_wecom() == {
        "card_type": "text_notice",
        "main_title": {"title": "今日任务"},
        "emphasis_content": {"title": "3", "desc": "条待发"},
        "jump_list": [{"type": 1, "title": "去看看", "url": URL}],
        "card_action": {"type": 1, "url": URL},
    }


def test_a_message_to_everybody_and_a_confidential_text() -> None:
    body = Message(content=Text(content="开会"), to_everybody=True, confidential=True).to_wecom(7)
    assert body == {"agentid": 7, "msgtype": "text", "text": {"content": "开会"}, "touser": "@all", "safe": 1}
    body = Message(
        content=TextCard(title="t", description="d", url=URL, button="看"), to_tags=("1",)
    ).to_wecom(7)
    assert body["textcard"] == {"title": "t", "description": "d", "url": URL, "btntxt": "看"}
    assert body["totag"] == "1"
