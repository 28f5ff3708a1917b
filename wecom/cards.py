"""Template cards for staff: which card needs which parts (doc 90236 §template_card, messages-and-cards.md
§2.2). The parts are those of ``wecom.card_parts``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from wecom.card_parts import (
    KEY_BYTES,
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
    check_keys,
    check_task_id,
    present,
)
from wecom.limits import check_bytes, check_count, check_present, check_url

__all__ = [
    "Button",
    "ButtonInteraction",
    "Card",
    "CardImage",
    "Jump",
    "Menu",
    "MenuEntry",
    "MultipleInteraction",
    "NewsNotice",
    "Option",
    "Paragraph",
    "Quote",
    "Row",
    "Selection",
    "Source",
    "TextNotice",
    "VoteInteraction",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonInteraction:
    """A card with buttons that call back (``button_interaction``).

    ``task_id`` must be unique per app. ``replace_text`` is only for ``messages.update_card``: the card then
    shows that text in place of its buttons' action.
    """

    kind: ClassVar[str] = "template_card"
    title: str
    task_id: str
    buttons: tuple[Button, ...]
    desc: str = ""
    text: str = ""  # the paragraph below the title, ~160 characters
    source: Source | None = None
    menu: Menu | None = None
    quote: Quote | None = None
    rows: tuple[Row, ...] = ()
    selection: Selection | None = None
    url: str = ""  # where a tap on the card itself leads
    replace_text: str = ""

    def __post_init__(self) -> None:
        check_present("card.title", self.title)
        check_task_id(self.task_id)
        check_count("card.buttons", self.buttons, 6, least=1)
        check_keys("card.buttons", [button.key for button in self.buttons if button.key])
        check_count("card.rows", self.rows, 6)
        if self.url:
            check_url("card.url", self.url)

    def to_wecom(self) -> dict[str, Any]:
        return present(
            card_type="button_interaction",
            source=self.source and self.source.to_wecom(),
            action_menu=self.menu and self.menu.to_wecom(),
            main_title=present(title=self.title, desc=self.desc),
            quote_area=self.quote and self.quote.to_wecom(),
            sub_title_text=self.text,
            horizontal_content_list=[row.to_wecom() for row in self.rows],
            card_action={"type": 1, "url": self.url} if self.url else None,
            task_id=self.task_id,
            button_selection=self.selection and self.selection.to_wecom(),
            button_list=[button.to_wecom() for button in self.buttons],
            replace_text=self.replace_text,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TextNotice:
    """A notice that leads to ``url`` (``text_notice``). Needs a ``task_id`` only with a ``menu``."""

    kind: ClassVar[str] = "template_card"
    url: str
    title: str = ""
    desc: str = ""
    text: str = ""
    emphasis_title: str = ""
    emphasis_desc: str = ""
    source: Source | None = None
    menu: Menu | None = None
    quote: Quote | None = None
    rows: tuple[Row, ...] = ()
    jumps: tuple[Jump, ...] = ()
    task_id: str = ""

    def __post_init__(self) -> None:
        check_url("card.url", self.url)
        if not self.title.strip() and not self.text.strip():
            raise ValueError("card.title: is required, unless there is a text")
        check_count("card.rows", self.rows, 6)
        check_count("card.jumps", self.jumps, 3)
        if self.task_id or self.menu:
            check_task_id(self.task_id)

    def to_wecom(self) -> dict[str, Any]:
        return present(
            card_type="text_notice",
            source=self.source and self.source.to_wecom(),
            action_menu=self.menu and self.menu.to_wecom(),
            main_title=present(title=self.title, desc=self.desc),
            quote_area=self.quote and self.quote.to_wecom(),
            emphasis_content=present(title=self.emphasis_title, desc=self.emphasis_desc),
            sub_title_text=self.text,
            horizontal_content_list=[row.to_wecom() for row in self.rows],
            jump_list=[jump.to_wecom() for jump in self.jumps],
            card_action={"type": 1, "url": self.url},
            task_id=self.task_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsNotice:
    """A notice with a picture that leads to ``url`` (``news_notice``). Needs a ``task_id`` only with a
    ``menu``.
    """

    kind: ClassVar[str] = "template_card"
    url: str
    title: str
    image: CardImage
    desc: str = ""
    source: Source | None = None
    menu: Menu | None = None
    quote: Quote | None = None
    paragraphs: tuple[Paragraph, ...] = ()
    rows: tuple[Row, ...] = ()
    jumps: tuple[Jump, ...] = ()
    task_id: str = ""

    def __post_init__(self) -> None:
        check_url("card.url", self.url)
        check_present("card.title", self.title)
        check_count("card.paragraphs", self.paragraphs, 4)
        check_count("card.rows", self.rows, 6)
        check_count("card.jumps", self.jumps, 3)
        if self.task_id or self.menu:
            check_task_id(self.task_id)

    def to_wecom(self) -> dict[str, Any]:
        return present(
            card_type="news_notice",
            source=self.source and self.source.to_wecom(),
            action_menu=self.menu and self.menu.to_wecom(),
            main_title=present(title=self.title, desc=self.desc),
            quote_area=self.quote and self.quote.to_wecom(),
            card_image=self.image.to_wecom(),
            vertical_content_list=[paragraph.to_wecom() for paragraph in self.paragraphs],
            horizontal_content_list=[row.to_wecom() for row in self.rows],
            jump_list=[jump.to_wecom() for jump in self.jumps],
            card_action={"type": 1, "url": self.url},
            task_id=self.task_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteInteraction:
    """A card to choose from a list and submit (``vote_interaction``); one of them, or ``several``.

    ``disabled`` and ``replace_text`` are only for ``messages.update_card``.
    """

    kind: ClassVar[str] = "template_card"
    title: str
    task_id: str
    question_key: str
    options: tuple[Option, ...]  # 1 to 20
    submit_text: str
    submit_key: str  # comes back in the event
    several: bool = False
    desc: str = ""
    source: Source | None = None
    disabled: bool = False
    replace_text: str = ""

    def __post_init__(self) -> None:
        check_present("card.title", self.title)
        check_task_id(self.task_id)
        check_present("card.question_key", self.question_key)
        check_count("card.options", self.options, 20, least=1)
        _check_submit(self.submit_text, self.submit_key)

    def to_wecom(self) -> dict[str, Any]:
        checkbox = {
            "question_key": self.question_key,
            "mode": 1 if self.several else 0,
            "option_list": [option.to_vote() for option in self.options],
        }
        return present(
            card_type="vote_interaction",
            source=self.source and self.source.to_wecom(),
            main_title=present(title=self.title, desc=self.desc),
            task_id=self.task_id,
            checkbox=checkbox | ({"disable": True} if self.disabled else {}),
            submit_button={"text": self.submit_text, "key": self.submit_key},
            replace_text=self.replace_text,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MultipleInteraction:
    """A card with one to three drop-downs to submit (``multiple_interaction``).

    ``disabled`` and ``replace_text`` are only for ``messages.update_card``.
    """

    kind: ClassVar[str] = "template_card"
    title: str
    task_id: str
    selections: tuple[Selection, ...]
    submit_text: str
    submit_key: str  # comes back in the event
    desc: str = ""
    source: Source | None = None
    disabled: bool = False
    replace_text: str = ""

    def __post_init__(self) -> None:
        check_present("card.title", self.title)
        check_task_id(self.task_id)
        check_count("card.selections", self.selections, 3, least=1)
        check_keys("card.selections", [selection.question_key for selection in self.selections])
        _check_submit(self.submit_text, self.submit_key)

    def to_wecom(self) -> dict[str, Any]:
        disabled = {"disable": True} if self.disabled else {}
        return present(
            card_type="multiple_interaction",
            source=self.source and self.source.to_wecom(),
            main_title=present(title=self.title, desc=self.desc),
            task_id=self.task_id,
            select_list=[selection.to_wecom() | disabled for selection in self.selections],
            submit_button={"text": self.submit_text, "key": self.submit_key},
            replace_text=self.replace_text,
        )


Card: TypeAlias = ButtonInteraction | TextNotice | NewsNotice | VoteInteraction | MultipleInteraction


def _check_submit(text: str, key: str) -> None:
    check_present("card.submit_text", text)
    check_present("card.submit_key", key)
    check_bytes("card.submit_key", key, KEY_BYTES)
