"""What WeCom would refuse is refused before anything is sent, and says which field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from wecom.api.acquisition import AcquisitionLink, with_channel
from wecom.api.contact_ways import Closing, ContactWay
from wecom.api.group_welcomes import GroupWelcome
from wecom.api.intercepts import InterceptRule
from wecom.api.join_ways import JoinWay
from wecom.api.kf import KfMessage
from wecom.api.kf_accounts import with_scene_param
from wecom.attachments import Image
from wecom.card_parts import CardImage, Option, Paragraph, Selection
from wecom.cards import MultipleInteraction, NewsNotice, VoteInteraction
from wecom.identity import authorize_url, sign_page
from wecom.kf_messages import Click, KfLink, KfLocation, KfMedia, KfMenu, KfText, MenuText, View
from wecom.messages import Article, MediaMessage, Message, MiniProgramNotice, News, Stories, Story, Text

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "https://h5.example/x"
CLICK = Click(id="a", content="一")
OPTION = Option(id="1", text="一")
SELECTION = Selection(question_key="q", title="问", options=(OPTION,))
SUBMIT = {"submit_text": "提交", "submit_key": "s"}
MULTIPLE = {"title": "t", "task_id": "t-1", **SUBMIT}
NEWS = {"url": URL, "title": "t", "image": CardImage(url=URL)}
ARTICLE = Article(title="t", url=URL)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        pytest.param(lambda: KfText(content="字" * 683), "text.content", id="kf text of 2049 bytes"),
        pytest.param(lambda: KfText(content=" "), "text.content", id="kf text of blanks"),
        pytest.param(lambda: KfMedia(kind="image", media_id=""), "media.media_id", id="kf media without id"),
        pytest.param(
            lambda: KfLink(title="字" * 43, url=URL, thumb_media_id="m"), "link.title", id="kf link title"
        ),
        pytest.param(lambda: KfLink(title="t", url="x", thumb_media_id="m"), "link.url", id="kf link url"),
        pytest.param(lambda: KfLink(title="t", url=URL, thumb_media_id=""), "thumb", id="kf link cover"),
        pytest.param(lambda: KfMenu(items=()), "menu.items", id="empty menu"),
        pytest.param(lambda: KfMenu(items=(CLICK,) * 11), "menu.items", id="eleven lines that do something"),
        pytest.param(
            lambda: KfMenu(items=(MenuText(content="x"),) * 51), "menu.items", id="fifty-one menu items"
        ),
        pytest.param(lambda: KfMenu(items=(CLICK,), head="字" * 342), "menu.head", id="menu head"),
        pytest.param(lambda: Click(id="a#b", content="x"), "click.id", id="click id with #"),
        pytest.param(lambda: Click(id="a", content="x" * 129), "click.content", id="click content"),
        pytest.param(lambda: View(url="ftp://x", content="x"), "view.url", id="view url"),
        pytest.param(lambda: MenuText(content="x" * 257), "menu text.content", id="menu text"),
        pytest.param(lambda: KfLocation(latitude=91, longitude=0), "location", id="no place"),
        pytest.param(lambda: with_scene_param(URL, "字" * 43), "scene_param", id="scene_param of 129 bytes"),
        pytest.param(lambda: News(articles=()), "news.articles", id="no article"),
        pytest.param(lambda: News(articles=(ARTICLE,) * 9), "news.articles", id="nine articles"),
        pytest.param(lambda: Article(title="字" * 43, url=URL), "article.title", id="article title"),
        pytest.param(lambda: Stories(stories=()), "mpnews.stories", id="no story"),
        pytest.param(
            lambda: Story(title="t", thumb_media_id="m", content="x" * 681_985), "story.content", id="666 KB"
        ),
        pytest.param(
            lambda: MediaMessage(kind="image", media_id="m", title="t"), "image.title", id="titled image"
        ),
        pytest.param(
            lambda: MiniProgramNotice(appid="a", title="t", items=(("k" * 11, "v"),)), "key", id="notice key"
        ),
        pytest.param(
            lambda: MiniProgramNotice(appid="a", title="t", items=(("k", "v"),) * 11),
            "items",
            id="notice items",
        ),
        pytest.param(lambda: NewsNotice(**{**NEWS, "title": ""}), "card.title", id="news card title"),
        pytest.param(lambda: CardImage(url=URL, aspect_ratio=3), "aspect_ratio", id="picture too wide"),
        pytest.param(
            lambda: NewsNotice(**NEWS, paragraphs=(Paragraph(title="t"),) * 5), "paragraphs", id="paragraphs"
        ),
        pytest.param(
            lambda: VoteInteraction(title="t", task_id="t-1", question_key="q", options=(), **SUBMIT),
            "card.options",
            id="vote without options",
        ),
        pytest.param(
            lambda: VoteInteraction(
                title="t", task_id="t-1", question_key="q", options=(OPTION,) * 21, **SUBMIT
            ),
            "card.options",
            id="vote of 21 options",
        ),
        pytest.param(lambda: MultipleInteraction(selections=(), **MULTIPLE), "selections", id="no drop-down"),
        pytest.param(
            lambda: MultipleInteraction(selections=(SELECTION,) * 2, **MULTIPLE),
            "same key",
            id="one key twice",
        ),
        pytest.param(ContactWay, "userids", id="way to nobody"),
        pytest.param(lambda: ContactWay(userids=("u",) * 101), "userids", id="way to 101"),
        pytest.param(lambda: ContactWay(userids=("u",), state="s" * 31), "state", id="way state"),
        pytest.param(lambda: ContactWay(userids=("u",), unionid="o"), "is_temp", id="way for one unionid"),
        pytest.param(lambda: ContactWay(userids=("a", "b"), is_temp=True), "userids", id="temporary for two"),
        pytest.param(
            lambda: ContactWay(userids=("a",), is_temp=True, expires_in_s=1_209_601), "expires", id="15 days"
        ),
        pytest.param(Closing, "closing.text", id="nothing to say at the end"),
        pytest.param(lambda: JoinWay(chat_ids=("c",) * 6), "chat_ids", id="six groups"),
        pytest.param(lambda: JoinWay(chat_ids=("c",), new_group_name="n" * 41), "new_group_name", id="name"),
        pytest.param(lambda: AcquisitionLink(name="n" * 31, userids=("u",)), "name", id="link name"),
        pytest.param(lambda: AcquisitionLink(name="n"), "userids", id="link to nobody"),
        pytest.param(lambda: with_channel(URL, "x" * 65), "channel", id="channel of 65 bytes"),
        pytest.param(GroupWelcome, "text", id="empty group welcome"),
        pytest.param(lambda: GroupWelcome(text="字" * 1001), "text", id="group welcome of 3003 bytes"),
        pytest.param(lambda: InterceptRule(name="n", userids=("u",)), "words", id="rule without words"),
        pytest.param(
            lambda: InterceptRule(name="n", words=("w" * 33,), userids=("u",)), "words", id="word of 33"
        ),
        pytest.param(lambda: InterceptRule(name="n", words=("w",)), "userids", id="rule for nobody"),
        pytest.param(
            lambda: authorize_url(corp_id="", agent_id=1, redirect_uri=URL, state="s"), "corp_id", id="corp"
        ),
        pytest.param(
            lambda: authorize_url(corp_id="w", agent_id=1, redirect_uri="x", state="s"), "redirect", id="back"
        ),
        pytest.param(
            lambda: sign_page(ticket="", nonce="n", timestamp=1, url=URL),
            "ticket",
            id="no ticket to sign with",
        ),
    ],
)
def test_what_wecom_would_refuse_names_its_field(make: Callable[[], Any], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        make()


def test_only_what_can_be_marked_is_sent_as_confidential() -> None:
    def body(content: Any) -> dict[str, Any]:
        return Message(content=content, to_users=("u",), confidential=True).to_wecom(1)

    assert body(MediaMessage(kind="file", media_id="m"))["safe"] == 1
    assert body(Text(content="x"))["safe"] == 1
    assert "safe" not in body(MediaMessage(kind="voice", media_id="m"))


def test_a_contact_way_for_one_member_is_single_and_for_a_department_is_not() -> None:
    assert ContactWay(userids=("a",)).to_wecom()["type"] == 1
    assert ContactWay(department_ids=(5,)).to_wecom()["type"] == 2
    assert "type" not in ContactWay(userids=("a",)).to_update()


def test_a_group_welcome_spells_its_attachment_as_a_field() -> None:
    body = GroupWelcome(text="欢迎", attachment=Image(media_id="m")).to_wecom()
    assert body == {"text": {"content": "欢迎"}, "image": {"media_id": "m"}}


def test_a_kf_event_takes_its_ids_from_inside_and_unknown_kinds_stay_raw() -> None:
    inside = {
        "event_type": "enter_session",
        "open_kfid": "wk1",
        "external_userid": "wm1",
        "scene_param": "order%3D88",
    }
    event = KfMessage.model_validate(
        {"msgid": "e1", "send_time": 1795230599, "origin": 4, "msgtype": "event", "event": inside}
    )
    assert (event.open_kfid, event.external_userid, event.scene_param) == ("wk1", "wm1", "order=88")
    assert event.send_time == datetime.fromtimestamp(1795230599, UTC)
    new = {"msgid": "m1", "open_kfid": "wk1", "external_userid": None, "msgtype": "note"}
    note = KfMessage.model_validate(new)
    assert (note.msgtype, note.content, note.text, note.event_type) == ("note", {}, "", "")
