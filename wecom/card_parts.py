"""The parts of template cards (doc 90236 §template_card, messages-and-cards.md §2.1).

Counts, byte lengths and required fields are refused here; lengths that WeCom only recommends (a title of ~36
characters and so on) are left to the client, which shows a longer text cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

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
        return present(desc=self.desc, desc_color=self.colour, icon_url=self.icon_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One "key: value" line; the value may be a link, open a member, or be a file of ``media.upload``."""

    key: str
    value: str = ""
    url: str = ""
    userid: str = ""
    media_id: str = ""

    def __post_init__(self) -> None:
        check_present("row.key", self.key)
        if self.url:
            check_url("row.url", self.url)

    def to_wecom(self) -> dict[str, Any]:
        kind = 1 if self.url else 2 if self.media_id else 3 if self.userid else 0
        return present(
            type=kind,
            keyname=self.key,
            value=self.value,
            url=self.url,
            media_id=self.media_id,
            userid=self.userid,
        )


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
        check_keys("menu.entries", [entry.key for entry in self.entries])

    def to_wecom(self) -> dict[str, Any]:
        return {"desc": self.desc, "action_list": [entry.to_wecom() for entry in self.entries]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One choice of a drop-down or of a vote; ``id`` is at most 128 bytes. Only votes show a checked one."""

    id: str
    text: str
    checked: bool = False

    def __post_init__(self) -> None:
        check_present("options.id", self.id)
        check_bytes("options.id", self.id, 128)

    def to_wecom(self) -> dict[str, Any]:
        return {"id": self.id, "text": self.text}

    def to_vote(self) -> dict[str, Any]:
        return {"id": self.id, "text": self.text, "is_checked": self.checked}


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

    def to_wecom(self) -> dict[str, Any]:
        options = [option.to_wecom() for option in self.options]
        return present(
            question_key=self.question_key,
            title=self.title,
            option_list=options,
            selected_id=self.selected_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A quoted text, with ``url`` a link."""

    text: str
    title: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        if self.url:
            check_url("quote.url", self.url)

    def to_wecom(self) -> dict[str, Any]:
        kind = 1 if self.url else 0
        return present(type=kind, url=self.url, title=self.title, quote_text=self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardImage:
    """The picture of a card; ``aspect_ratio`` 1.3 to 2.25."""

    url: str
    aspect_ratio: float = 1.3

    def __post_init__(self) -> None:
        check_url("card_image.url", self.url)
        if not 1.3 <= self.aspect_ratio <= 2.25:
            raise ValueError(f"card_image.aspect_ratio: {self.aspect_ratio}, WeCom takes 1.3 to 2.25")

    def to_wecom(self) -> dict[str, Any]:
        return {"url": self.url, "aspect_ratio": self.aspect_ratio}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A title with text below a card's picture."""

    title: str
    desc: str = ""

    def __post_init__(self) -> None:
        check_present("paragraph.title", self.title)

    def to_wecom(self) -> dict[str, Any]:
        return present(title=self.title, desc=self.desc)


def check_task_id(task_id: str) -> None:
    if not TASK_ID.fullmatch(task_id):
        raise ValueError("card.task_id: 1 to 128 of digits, letters, _ - @")


def check_keys(where: str, keys: list[str]) -> None:
    for key in keys:
        check_present(f"{where}.key", key)
        check_bytes(f"{where}.key", key, KEY_BYTES)
    if len(set(keys)) != len(keys):
        raise ValueError(f"{where}: two have the same key")


def present(**fields: Any) -> dict[str, Any]:
    """Only what says something: WeCom refuses some empty blocks. The number 0 does say something."""
    return {name: value for name, value in fields.items() if value or type(value) is int}
