"""What messages, cards and files refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import GONE, HIDDEN, Case, Stage, a_card, forbids, refuses
from tests.support.sandbox_driver import mp4, picture
from wecom.card_parts import (
    Button,
    CardImage,
    Jump,
    Menu,
    MenuEntry,
    Option,
    Paragraph,
    Quote,
    Row,
    Selection,
    Source,
)
from wecom.cards import ButtonInteraction, MultipleInteraction, NewsNotice, TextNotice, VoteInteraction
from wecom.errors import NeedsAdmin, RateLimited
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

URL = "https://h5.example/todo"
APPID = "wx0000000000example"
TEXT = Text(content="今日待发 3 条")
MB = 1024 * 1024
AMR_MINUTE = b"#!AMR\n" + bytes(13 * 3001)  # frames of 20 ms, 13 bytes each


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


OPTION = Option(id="am", text="上午")
SELECTION = Selection(question_key="when", title="何时", options=(OPTION,))
MENU = Menu(desc="更多", entries=(MenuEntry(text="静音", key="mute"),))
SUBMIT = {"submit_text": "提交", "submit_key": "s"}
VOTE = {"title": "值班", "task_id": "v-1", "question_key": "day", "options": (OPTION,), **SUBMIT}
MULTIPLE = {"title": "排班", "task_id": "m-1", "selections": (SELECTION,), **SUBMIT}
BUTTONS = {"title": "待审批", "task_id": "t-1", "buttons": (Button(text="通过", key="ok"),)}
NEWS = {"url": URL, "title": "护牙", "image": CardImage(url=URL)}


def card_of(make: Any, fields: dict[str, Any], **wanted: Any) -> Any:
    """Return a way to build a card with some of its fields changed."""
    return lambda: make(**(fields | wanted))


# What the client lets pass, because WeCom's page gives no length, or because only WeCom can know.
BAD_CARDS = {
    42036: (
        "the colour of the source is none",
        TextNotice(url=URL, title="t", source=Source(desc="小护", colour=9)),
    ),
    42037: (
        "a menu entry has no text",
        TextNotice(
            url=URL, title="t", task_id="t-1", menu=Menu(desc="更多", entries=(MenuEntry(text="", key="k"),))
        ),
    ),
    42045: (
        "an option of a drop-down has no text",
        ButtonInteraction(
            **BUTTONS, selection=Selection(question_key="q", title="何时", options=(Option(id="a", text=""),))
        ),
    ),
    42046: ("two options have one id", VoteInteraction(**(VOTE | {"options": (OPTION, OPTION)}))),
    42033: ("the question's key is 1025 bytes", VoteInteraction(**(VOTE | {"question_key": "q" * 1025}))),
    42035: (
        "an option of a card's drop-down has no text",
        MultipleInteraction(
            **(
                MULTIPLE
                | {
                    "selections": (
                        Selection(question_key="q", title="t", options=(Option(id="a", text=""),)),
                    )
                }
            )
        ),
    ),
}

CARD_LIMITS: dict[tuple[str, str], Any] = {
    ("card.title", "a button card without"): card_of(ButtonInteraction, BUTTONS, title=" "),
    ("card.task_id", "129 characters"): card_of(ButtonInteraction, BUTTONS, task_id="t" * 129),
    ("card.task_id", "a character that is not allowed"): card_of(ButtonInteraction, BUTTONS, task_id="t#1"),
    ("card.task_id", "a button card without"): card_of(ButtonInteraction, BUTTONS, task_id=""),
    ("card.task_id", "a vote without"): card_of(VoteInteraction, VOTE, task_id=""),
    ("card.task_id", "drop-downs without"): card_of(MultipleInteraction, MULTIPLE, task_id=""),
    ("card.task_id", "a notice with a menu without"): lambda: TextNotice(url=URL, title="t", menu=MENU),
    ("card.task_id", "a news card with a menu without"): card_of(NewsNotice, NEWS, menu=MENU),
    ("card.buttons", "none"): card_of(ButtonInteraction, BUTTONS, buttons=()),
    ("card.buttons", "seven"): card_of(
        ButtonInteraction, BUTTONS, buttons=tuple(Button(text="是", key=str(n)) for n in range(7))
    ),
    ("same key", "two buttons"): card_of(
        ButtonInteraction, BUTTONS, buttons=(Button(text="是", key="k"), Button(text="否", key="k"))
    ),
    ("button.text", "missing"): lambda: Button(text="", key="k"),
    ("button.key", "neither key nor url"): lambda: Button(text="是"),
    ("button.key", "key and url"): lambda: Button(text="是", key="k", url=URL),
    ("button.key", "1025 bytes"): lambda: Button(text="是", key="k" * 1025),
    ("button.style", "five"): lambda: Button(text="是", key="k", style=5),
    ("button.url", "no address"): lambda: Button(text="是", url="x"),
    ("card.rows", "seven"): card_of(ButtonInteraction, BUTTONS, rows=(Row(key="k"),) * 7),
    ("row.key", "missing"): lambda: Row(key=""),
    ("row.url", "no address"): lambda: Row(key="k", url="x"),
    ("card.jumps", "four"): card_of(NewsNotice, NEWS, jumps=(Jump(title="去", url=URL),) * 4),
    ("jump.title", "missing"): lambda: Jump(title="", url=URL),
    ("jump.url", "no address"): lambda: Jump(title="去", url="x"),
    ("card.url", "a notice that leads nowhere"): lambda: TextNotice(url="", title="t"),
    ("card.url", "a news card that leads nowhere"): card_of(NewsNotice, NEWS, url=""),
    ("card.title", "a notice without title and text"): lambda: TextNotice(url=URL),
    ("card.title", "a news card without"): card_of(NewsNotice, NEWS, title=""),
    ("card.paragraphs", "five"): card_of(NewsNotice, NEWS, paragraphs=(Paragraph(title="t"),) * 5),
    ("paragraph.title", "missing"): lambda: Paragraph(title=""),
    ("aspect_ratio", "too wide"): lambda: CardImage(url=URL, aspect_ratio=2.26),
    ("aspect_ratio", "too narrow"): lambda: CardImage(url=URL, aspect_ratio=1.29),
    ("quote.url", "no address"): lambda: Quote(text="t", url="x"),
    ("menu.entries", "none"): lambda: Menu(desc="更多", entries=()),
    ("menu.entries", "four"): lambda: Menu(
        desc="更多", entries=tuple(MenuEntry(text="t", key=str(n)) for n in range(4))
    ),
    ("same key", "two menu entries"): lambda: Menu(desc="更多", entries=(MenuEntry(text="t", key="k"),) * 2),
    ("menu.entries.key", "1025 bytes"): lambda: Menu(
        desc="更多", entries=(MenuEntry(text="t", key="k" * 1025),)
    ),
    ("options.id", "129 bytes"): lambda: Option(id="x" * 129, text="t"),
    ("options.id", "missing"): lambda: Option(id="", text="t"),
    ("selection.options", "none"): lambda: Selection(question_key="q", title="t", options=()),
    ("selection.options", "eleven"): lambda: Selection(question_key="q", title="t", options=(OPTION,) * 11),
    ("selection.question_key", "missing"): lambda: Selection(question_key="", title="t", options=(OPTION,)),
    ("card.options", "a vote of none"): card_of(VoteInteraction, VOTE, options=()),
    ("card.options", "a vote of 21"): card_of(VoteInteraction, VOTE, options=(OPTION,) * 21),
    ("card.question_key", "missing"): card_of(VoteInteraction, VOTE, question_key=""),
    ("card.submit_text", "missing"): card_of(VoteInteraction, VOTE, submit_text=""),
    ("card.submit_key", "1025 bytes"): card_of(MultipleInteraction, MULTIPLE, submit_key="k" * 1025),
    ("card.selections", "none"): card_of(MultipleInteraction, MULTIPLE, selections=()),
    ("card.selections", "four"): card_of(MultipleInteraction, MULTIPLE, selections=(SELECTION,) * 4),
    ("card.selections.key", "1025 bytes"): card_of(
        MultipleInteraction,
        MULTIPLE,
        selections=(Selection(question_key="q" * 1025, title="t", options=(OPTION,)),),
    ),
    ("same key", "two drop-downs"): card_of(MultipleInteraction, MULTIPLE, selections=(SELECTION,) * 2),
}

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


# --- files ----------------------------------------------------------------------------------------------------


def file(kind: str, data: bytes, name: str = "a.bin") -> Act:
    return lambda s, _: s.client.media.upload(kind, name, data, "application/octet-stream")  # type: ignore[arg-type]


def attachment(kind: str, data: bytes, name: str = "a.bin", **wanted: Any) -> Act:
    return lambda s, _: s.client.media.upload_attachment(kind, name, data, "image/png", **wanted)  # type: ignore[arg-type]


def picture_url(data: bytes, name: str = "a.png") -> Act:
    return lambda s, _: s.client.media.upload_image(name, data, "image/png")


def by_url(**wanted: Any) -> Act:
    fields = {
        "kind": "file",
        "filename": "a.pdf",
        "url": "http://127.0.0.1:9/a.pdf",
        "md5": "0" * 32,
    } | wanted
    return lambda s, _: s.client.media.upload_by_url(**fields)


def thousand_pictures(s: Stage) -> None:
    for _ in range(1_000):
        s.tenant.limits.count("media/uploadimg")


def three_thousand_pictures(s: Stage) -> None:
    for _ in range(3):
        thousand_pictures(s)
        s.later(days=1)


async def hour_old_job(s: Stage) -> str:
    jobid = s.tenant.remote.start(kind="file", filename="a", url="http://127.0.0.1:9/a", md5="0").jobid
    await s.tenant.remote.fetch_waiting()
    s.later(minutes=60, seconds=1)
    return jobid


def large_file(s: Stage) -> str:
    return s.tenant.media.keep_remote("file", filename="a.bin", blob=bytes(20 * MB + 1)).media_id


def fetched(s: Stage, media_id: str) -> Any:
    return s.client.media.get(media_id)


NAMES = {"missing": " ", "129 bytes": "x" * 129, "a line break": "a\n.png"}
MEDIA = [
    refuses("media.upload", 40123, "a damaged picture", file("image", picture()[:40])),
    refuses("media.upload", 40123, "a picture that is a text", file("image", b"not a picture")),
    refuses("media.upload", 40005, "a voice that is no AMR", file("voice", b"ID3 not an AMR")),
    refuses("media.upload", 40005, "a video that is no MP4", file("video", b"not a video")),
    refuses("media.upload", 45007, "a voice of more than a minute", file("voice", AMR_MINUTE)),
    forbids("media.upload", "data", "five bytes", file("file", bytes(5))),
    *(
        forbids("media.upload", "data", f"{kind} over {most} MB", file(kind, bytes(most * MB + 1)))
        for kind, most in {"image": 10, "voice": 2, "video": 10, "file": 20}.items()
    ),
    *(
        forbids("media.upload", "filename", when, file("file", bytes(9), name))
        for when, name in NAMES.items()
    ),
    refuses("media.upload_attachment", 40123, "a damaged picture", attachment("image", picture()[:40])),
    refuses(
        "media.upload_attachment",
        41081,
        "a picture of 1081 by 1081",
        attachment("image", picture(1081, 1081)),
    ),
    refuses(
        "media.upload_attachment", 41081, "a picture 10801 long", attachment("image", picture(10_801, 9))
    ),
    refuses("media.upload_attachment", 41082, "a video of 31 seconds", attachment("video", mp4(31))),
    refuses("media.upload_attachment", 41090, "a video that is no MP4", attachment("video", b"not a video")),
    forbids("media.upload_attachment", "kind", "a file for moments", attachment("file", bytes(9))),
    forbids(
        "media.upload_attachment", "kind", "a video for albums", attachment("video", mp4(), attachment_type=2)
    ),
    forbids(
        "media.upload_attachment",
        "kind",
        "for what is none",
        attachment("image", bytes(9), attachment_type=3),
    ),
    forbids("media.upload_attachment", "data", "over 10 MB", attachment("image", bytes(10 * MB + 1))),
    forbids("media.upload_attachment", "data", "five bytes", attachment("image", bytes(5))),
    *(
        forbids("media.upload_attachment", "filename", when, attachment("image", bytes(9), name))
        for when, name in NAMES.items()
    ),
    refuses("media.upload_image", 40123, "a damaged picture", picture_url(picture()[:40])),
    refuses(
        "media.upload_image",
        45009,
        "the day's thousand are used",
        picture_url(picture()),
        given=thousand_pictures,
        error=RateLimited,
    ),
    refuses(
        "media.upload_image",
        45009,
        "the month's three thousand are used",
        picture_url(picture()),
        given=three_thousand_pictures,
        error=RateLimited,
    ),
    forbids("media.upload_image", "data", "over 2 MB", picture_url(bytes(2 * MB + 1))),
    forbids("media.upload_image", "data", "five bytes", picture_url(bytes(5))),
    *(
        forbids("media.upload_image", "filename", when, picture_url(bytes(9), name))
        for when, name in NAMES.items()
    ),
    refuses(
        "media.upload_by_url", 830001, "an address it cannot fetch", by_url(url="https://h5.example/a.pdf")
    ),
    refuses("media.upload_by_url", 40004, "a picture", by_url(kind="image")),
    forbids("media.upload_by_url", "url", "no address", by_url(url="ftp://x")),
    forbids("media.upload_by_url", "url", "2049 bytes", by_url(url="http://127.0.0.1/" + "x" * 2048)),
    forbids("media.upload_by_url", "md5", "31 digits", by_url(md5="0" * 31)),
    forbids("media.upload_by_url", "filename", "129 bytes", by_url(filename="x" * 129)),
    forbids("media.upload_by_url", "filename", "missing", by_url(filename="")),
    refuses(
        "media.upload_result", 40058, "an unknown job", lambda s, _: s.client.media.upload_result("jobNobody")
    ),
    refuses(
        "media.upload_result",
        40058,
        "after an hour",
        lambda s, jobid: s.client.media.upload_result(jobid),
        given=hour_old_job,
    ),
    forbids("media.upload_result", "jobid", "no job", lambda s, _: s.client.media.upload_result("")),
    refuses("media.get", 40007, "after three days", fetched, given=old_image),
    refuses("media.get", 40007, "an unknown id", lambda s, _: fetched(s, "MEDIA")),
    refuses("media.get", 830002, "more than 20 MB", fetched, given=large_file),
    refuses(
        "media.get",
        45001,
        "more than the caller wants",
        lambda s, media_id: s.client.media.get(media_id, most_bytes=9),
        given=Stage.image,
        answered=0,
    ),
    forbids("media.get", "media_id", "no id", lambda s, _: fetched(s, "")),
]

CASES: list[Case] = [*MESSAGES, *MEDIA]
