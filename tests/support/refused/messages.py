"""What messages and sent cards refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import GONE, HIDDEN, Case, Stage, a_card, forbids, refuses
from wecom.cards import TextNotice
from wecom.errors import NeedsAdmin
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
    from tests.support.refusal_stage import Act

from tests.support.refused.cards import BAD_CARDS, CARD_LIMITS, MENU, URL

APPID = "wx0000000000example"
TEXT = Text(content="今日待发 3 条")


def say(content: Any = TEXT, **wanted: Any) -> Act:
    """Return an act that sends to chen.jing unless somebody else is wanted."""
    fields = {"to_users": ("chen.jing",)} | wanted
    return lambda s, _: s.client.messages.send(Message(content=content, **fields))


def made(make: Any) -> Act:
    """Return an act that only builds what would be sent."""
    return lambda s, _: make()


def cannot_call_back(s: Stage) -> None:
    s.rules.callbacks_configured = False


def unlinked(s: Stage) -> None:
    s.rules.linked_appids = frozenset()


def picture_message(s: Stage, media_id: str) -> Any:
    content = MediaMessage(kind="image", media_id=media_id)
    return s.client.messages.send(Message(content=content, to_users=("chen.jing",)))


def story(s: Stage, media_id: str) -> Any:
    stories = Stories(stories=(Story(title="护牙", thumb_media_id=media_id, content="<p>两分钟</p>"),))
    return s.client.messages.send(Message(content=stories, to_users=("chen.jing",)))


def as_agent(agent_id: int, act: Any) -> Act:
    """Return an act of a program with the secret of one app and the agent id of another."""

    def other(s: Stage, there: Any) -> Any:
        s.client = s.other_client(agent_id=agent_id)
        return act(s, there)

    return other


async def old_image(s: Stage) -> str:
    media_id = await s.image()
    s.later(days=3, seconds=1)
    return media_id


STORY = {"title": "护牙", "thumb_media_id": "m", "content": "<p>x</p>"}
LIMITS: dict[tuple[str, str], Any] = {
    ("text.content", "2049 bytes"): lambda: Text(content="x" * 2049),
    ("text.content", "empty"): lambda: Text(content=" "),
    ("text.content", "half a character"): lambda: Text(content="\ud800"),
    ("markdown.content", "2049 bytes"): lambda: Markdown(content="x" * 2049),
    ("markdown.content", "empty"): lambda: Markdown(content=""),
    ("textcard.title", "129 characters"): lambda: TextCard(title="x" * 129, description="d", url=URL),
    ("textcard.title", "missing"): lambda: TextCard(title="", description="d", url=URL),
    ("textcard.description", "513 characters"): lambda: TextCard(title="t", description="x" * 513, url=URL),
    ("textcard.description", "missing"): lambda: TextCard(title="t", description="", url=URL),
    ("textcard.button", "5 characters"): lambda: TextCard(
        title="t", description="d", url=URL, button="x" * 5
    ),
    ("textcard.url", "no address"): lambda: TextCard(title="t", description="d", url="x"),
    ("news.articles", "none"): lambda: News(articles=()),
    ("news.articles", "nine"): lambda: News(articles=(Article(title="t", url=URL),) * 9),
    ("article.title", "129 bytes"): lambda: Article(title="x" * 129, url=URL),
    ("article.title", "missing"): lambda: Article(title="", url=URL),
    ("article.description", "513 bytes"): lambda: Article(title="t", url=URL, description="x" * 513),
    ("article.url", "2049 bytes"): lambda: Article(title="t", url="https://" + "x" * 2041),
    ("article.picurl", "no address"): lambda: Article(title="t", url=URL, picurl="x"),
    ("mpnews.stories", "none"): lambda: Stories(stories=()),
    ("mpnews.stories", "nine"): lambda: Stories(stories=(Story(**STORY),) * 9),
    ("story.title", "missing"): lambda: Story(**(STORY | {"title": ""})),
    ("story.title", "129 bytes"): lambda: Story(**(STORY | {"title": "x" * 129})),
    ("story.thumb_media_id", "missing"): lambda: Story(**(STORY | {"thumb_media_id": ""})),
    ("story.content", "missing"): lambda: Story(**(STORY | {"content": ""})),
    ("story.content", "over 666 KB"): lambda: Story(**(STORY | {"content": "x" * (666 * 1024 + 1)})),
    ("story.digest", "513 bytes"): lambda: Story(**STORY, digest="x" * 513),
    ("story.source_url", "no address"): lambda: Story(**STORY, source_url="x"),
    ("image.media_id", "missing"): lambda: MediaMessage(kind="image", media_id=""),
    ("voice.title", "only a video has one"): lambda: MediaMessage(kind="voice", media_id="m", title="t"),
    ("video.title", "129 bytes"): lambda: MediaMessage(kind="video", media_id="m", title="x" * 129),
    ("video.description", "513 bytes"): lambda: MediaMessage(
        kind="video", media_id="m", description="x" * 513
    ),
    ("notice.appid", "missing"): lambda: MiniProgramNotice(appid="", title="t"),
    ("notice.title", "missing"): lambda: MiniProgramNotice(appid=APPID, title=""),
    ("notice.items", "eleven"): lambda: MiniProgramNotice(appid=APPID, title="t", items=(("k", "v"),) * 11),
    ("items.key", "missing"): lambda: MiniProgramNotice(appid=APPID, title="t", items=(("", "v"),)),
    ("items.key", "11 characters"): lambda: MiniProgramNotice(
        appid=APPID, title="t", items=(("k" * 11, "v"),)
    ),
    ("items.value", "31 characters"): lambda: MiniProgramNotice(
        appid=APPID, title="t", items=(("k", "v" * 31),)
    ),
    ("to_users", "1001 members"): lambda: Message(content=TEXT, to_users=("u",) * 1001),
    ("to_parties", "101 departments"): lambda: Message(content=TEXT, to_parties=("1",) * 101),
    ("to_tags", "101 tags"): lambda: Message(content=TEXT, to_tags=("1",) * 101),
    ("to_users", "nobody"): lambda: Message(content=TEXT),
    ("to_users", "everybody and somebody"): lambda: Message(content=TEXT, to_users=("u",), to_everybody=True),
    ("to_users", "two ids in one"): lambda: Message(content=TEXT, to_users=("a|b",)),
    ("to_users", "an empty id"): lambda: Message(content=TEXT, to_users=("",)),
    ("drop_repeats_for_s", "none"): lambda: Message(content=TEXT, to_users=("u",), drop_repeats_for_s=0),
    ("drop_repeats_for_s", "over 4 h"): lambda: Message(
        content=TEXT, to_users=("u",), drop_repeats_for_s=14_401
    ),
}


async def day_old_message(s: Stage) -> str:
    msgid = await s.message()
    s.later(hours=24, seconds=1)
    return msgid


# --- cards that were sent -------------------------------------------------------------------------------------


def update(code: str = "", **wanted: Any) -> Act:
    """Return an act that updates chen.jing's card by the code that is there."""
    fields = {"userids": ["chen.jing"], "replace_name": "已通过"} | wanted
    return lambda s, there: s.client.messages.update_card(code or there, **fields)


async def used_code(s: Stage) -> str:
    code = await s.card()
    await s.client.messages.update_card(code, userids=["chen.jing"], replace_name="已通过")
    return code


async def old_code(s: Stage) -> str:
    code = await s.card()
    s.later(hours=72, seconds=1)
    return code


async def tapped_and_used(s: Stage) -> str:
    await s.card()
    code = s.tenant.messages.tap("chen.jing", "t-1", "ok")
    await s.client.messages.update_card(code, userids=["chen.jing"], replace_name="已通过")
    return code


MESSAGES = [
    refuses("messages.send", 81013, "nobody of them exists", say(to_users=("nobody",))),
    refuses("messages.send", 81013, "all are out of sight or have left", say(to_users=(HIDDEN, GONE))),
    refuses("messages.send", 81013, "the department is none", say(to_users=(), to_parties=("99",))),
    refuses("messages.send", 81013, "the tag is none", say(to_users=(), to_tags=("7",))),
    refuses("messages.send", 301002, "the agent id is another app's", as_agent(999, say())),
    refuses("messages.send", 40007, "the picture is three days old", picture_message, given=old_image),
    refuses("messages.send", 40007, "the picture is a video", picture_message, given=Stage.video),
    refuses("messages.send", 40007, "the picture is a moment's", picture_message, given=Stage.moment_image),
    refuses(
        "messages.send",
        41072,
        "an album's picture",
        picture_message,
        given=lambda s: s.moment_image(album=True),
    ),
    refuses("messages.send", 40007, "the story's cover is three days old", story, given=old_image),
    refuses(
        "messages.send",
        90207,
        "the notice's appid is none",
        say(MiniProgramNotice(appid="nothing", title="预约")),
        error=NeedsAdmin,
    ),
    refuses(
        "messages.send",
        90206,
        "the notice's app is not linked",
        say(MiniProgramNotice(appid=APPID, title="预约")),
        given=unlinked,
        error=NeedsAdmin,
    ),
    refuses("messages.send", 42014, "the task id was used", say(a_card()), given=Stage.card),
    refuses(
        "messages.send", 43012, "no callback URL", say(a_card()), given=cannot_call_back, error=NeedsAdmin
    ),
    refuses(
        "messages.send",
        43012,
        "no callback URL for a menu",
        say(TextNotice(url=URL, title="t", task_id="t-1", menu=MENU)),
        given=cannot_call_back,
        error=NeedsAdmin,
    ),
    *(refuses("messages.send", code, when, say(card)) for code, (when, card) in BAD_CARDS.items()),
    *(forbids("messages.send", field, when, made(make)) for (field, when), make in LIMITS.items()),
    *(forbids("messages.send", field, when, made(make)) for (field, when), make in CARD_LIMITS.items()),
    refuses(
        "messages.recall", 40058, "an unknown message", lambda s, _: s.client.messages.recall("MSGnobody")
    ),
    refuses(
        "messages.recall",
        42052,
        "after a day",
        lambda s, msgid: s.client.messages.recall(msgid),
        given=day_old_message,
    ),
    forbids("messages.recall", "msgid", "no message", lambda s, _: s.client.messages.recall("")),
    refuses("messages.update_card", 60140, "a code twice", update(), given=used_code),
    refuses("messages.update_card", 60140, "the code of a tap twice", update(), given=tapped_and_used),
    refuses("messages.update_card", 60140, "a code after 72 hours", update(), given=old_code),
    refuses("messages.update_card", 60140, "an unknown code", update("CODE")),
    refuses("messages.update_card", 82102, "who got no card", update(userids=["xiaohu"]), given=Stage.card),
    refuses("messages.update_card", 82102, "who has left", update(userids=[GONE]), given=Stage.card),
    refuses(
        "messages.update_card", 82102, "a tag of nobody", update(userids=[], tag_ids=[7]), given=Stage.card
    ),
    refuses(
        "messages.update_card", 301002, "another app's agent id", as_agent(999, update()), given=Stage.card
    ),
    refuses(
        "messages.update_card",
        42036,
        "the new card is wrong",
        update(replace_name=None, card=BAD_CARDS[42036][1]),
        given=Stage.card,
    ),
    forbids("messages.update_card", "response_code", "no code", update(" ")),
    forbids("messages.update_card", "replace_name", "neither name nor card", update("C", replace_name=None)),
    forbids("messages.update_card", "replace_name", "name and card", update("C", card=a_card())),
    forbids("messages.update_card", "userids", "nobody", update("C", userids=[])),
    forbids("messages.update_card", "userids", "1001 members", update("C", userids=["u"] * 1001)),
    forbids("messages.update_card", "party_ids", "101 departments", update("C", party_ids=[1] * 101)),
    forbids("messages.update_card", "tag_ids", "101 tags", update("C", tag_ids=[1] * 101)),
]


CASES: list[Case] = MESSAGES
