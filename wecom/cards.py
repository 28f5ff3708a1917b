"""Template cards for staff: the parts, and which card needs which (doc 90236 §template_card,
messages-and-cards.md §2).

Counts, byte lengths and required fields are refused here; lengths that WeCom only recommends (a title of ~36
characters and so on) are left to the client, which shows a longer text cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from wecom.limits import check_bytes, check_count, check_present, check_url

TASK_ID = re.compile(r"[0-9A-Za-z_\-@]{1,128}")
KEY_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The small line on top. ``colour``: 0 grey, 1 black, 2 red, 3 green."""

    desc: str
    colour: int = 0
    icon_url: str = ""

    def to_wecom(self) -> dict[str, Any]:
        return _present(desc=self.desc, desc_color=self.colour, icon_url=self.icon_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One "key: value" line; with ``url`` the value is a link, with ``userid`` it opens that member."""

    key: str
    value: str = ""
    url: str = ""
    userid: str = ""

    def __post_init__(self) -> None:
        check_present("row.key", self.key)
        if self.url:
            check_url("row.url", self.url)

    def to_wecom(self) -> dict[str, Any]:
        kind = 1 if self.url else 3 if self.userid else 0
        return _present(type=kind, keyname=self.key, value=self.value, url=self.url, userid=self.userid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """A link below the card."""

    title: str
    url: str

    def __post_init__(self) -> None:
        check_present("jump.title", self.title)
        check_url("jump.url", self.url)

    def to_wecom(self) -> dict[str, Any]:
        return {"type": 1, "title": self.title, "url": self.url}


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button that calls back with ``key``, or opens ``url``. ``style`` 1 blue … 4 grey."""

    text: str
    key: str = ""
    url: str = ""
    style: int = 1

    def __post_init__(self) -> None:
        check_present("button.text", self.text)
        if bool(self.key) == bool(self.url):
            raise ValueError("button.key: give either a key or a url")
        check_bytes("button.key", self.key, KEY_BYTES)
        if self.url:
            check_url("button.url", self.url)
        if self.style not in range(1, 5):
            raise ValueError(f"button.style: {self.style}, WeCom knows 1 to 4")

    def to_wecom(self) -> dict[str, Any]:
        if self.url:
            return {"type": 1, "text": self.text, "style": self.style, "url": self.url}
        return {"type": 0, "text": self.text, "style": self.style, "key": self.key}


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuEntry:
    """An entry of the menu in the card's corner, which calls back with ``key``."""

    text: str
    key: str

    def to_wecom(self) -> dict[str, Any]:
        return {"text": self.text, "key": self.key}


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """The menu in the card's corner: one to three entries with distinct keys."""

    desc: str
    entries: tuple[MenuEntry, ...]

    def __post_init__(self) -> None:
        check_count("menu.entries", self.entries, 3, least=1)
        _check_keys("menu.entries", [entry.key for entry in self.entries])

    def to_wecom(self) -> dict[str, Any]:
        return {"desc": self.desc, "action_list": [entry.to_wecom() for entry in self.entries]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One choice of a drop-down; ``id`` is at most 128 bytes."""

    id: str
    text: str

    def to_wecom(self) -> dict[str, Any]:
        return {"id": self.id, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A drop-down above the buttons: one to ten options."""

    question_key: str
    title: str
    options: tuple[Option, ...]
    selected_id: str = ""

    def __post_init__(self) -> None:
        check_present("selection.question_key", self.question_key)
        check_count("selection.options", self.options, 10, least=1)
        for option in self.options:
            check_present("selection.options.id", option.id)
            check_bytes("selection.options.id", option.id, 128)

    def to_wecom(self) -> dict[str, Any]:
        options = [option.to_wecom() for option in self.options]
        return _present(
            question_key=self.question_key,
            title=self.title,
            option_list=options,
            selected_id=self.selected_id,
        )


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
    rows: tuple[Row, ...] = ()
    selection: Selection | None = None
    url: str = ""  # where a tap on the card itself leads
    replace_text: str = ""

    def __post_init__(self) -> None:
        check_present("card.title", self.title)
        _check_task_id(self.task_id)
        check_count("card.buttons", self.buttons, 6, least=1)
        _check_keys("card.buttons", [button.key for button in self.buttons if button.key])
        check_count("card.rows", self.rows, 6)
        if self.url:
            check_url("card.url", self.url)

    def to_wecom(self) -> dict[str, Any]:
        return _present(
            card_type="button_interaction",
            source=self.source and self.source.to_wecom(),
            action_menu=self.menu and self.menu.to_wecom(),
            main_title=_present(title=self.title, desc=self.desc),
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
    rows: tuple[Row, ...] = ()
    jumps: tuple[Jump, ...] = field(default=())
    task_id: str = ""

    def __post_init__(self) -> None:
        check_url("card.url", self.url)
        if not self.title.strip() and not self.text.strip():
            raise ValueError("card.title: is required, unless there is a text")
        check_count("card.rows", self.rows, 6)
        check_count("card.jumps", self.jumps, 3)
        if self.task_id or self.menu:
            _check_task_id(self.task_id)

    def to_wecom(self) -> dict[str, Any]:
        return _present(
            card_type="text_notice",
            source=self.source and self.source.to_wecom(),
            action_menu=self.menu and self.menu.to_wecom(),
            main_title=_present(title=self.title, desc=self.desc),
            emphasis_content=_present(title=self.emphasis_title, desc=self.emphasis_desc),
            sub_title_text=self.text,
            horizontal_content_list=[row.to_wecom() for row in self.rows],
            jump_list=[jump.to_wecom() for jump in self.jumps],
            card_action={"type": 1, "url": self.url},
            task_id=self.task_id,
        )


Card: TypeAlias = ButtonInteraction | TextNotice


def _check_task_id(task_id: str) -> None:
    if not TASK_ID.fullmatch(task_id):
        raise ValueError("card.task_id: 1 to 128 of digits, letters, _ - @")


def _check_keys(where: str, keys: list[str]) -> None:
    for key in keys:
        check_present(f"{where}.key", key)
        check_bytes(f"{where}.key", key, KEY_BYTES)
    if len(set(keys)) != len(keys):
        raise ValueError(f"{where}: two have the same key")


def _present(**fields: Any) -> dict[str, Any]:
    """Only what says something: WeCom refuses some empty blocks. The number 0 does say something."""
    return {name: value for name, value in fields.items() if value or type(value) is int}
