"""Cards that are refused, by WeCom or by the client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    pass

URL = "https://h5.example/todo"
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
