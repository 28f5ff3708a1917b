"""What the app can write to staff, with the limits of doc 90236. Longer texts are refused: WeCom would cut
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from wecom.cards import Card
from wecom.limits import check_bytes, check_chars, check_count, check_present, check_url

TEXT_BYTES = 2048
MAX_DUPLICATE_INTERVAL_S = 14_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    r"""Plain text with ``\n`` and ``<a href>``; at most 2048 bytes."""

    kind: ClassVar[str] = "text"
    content: str

    def __post_init__(self) -> None:
        check_present("text.content", self.content)
        check_bytes("text.content", self.content, TEXT_BYTES)

    def to_wecom(self) -> dict[str, Any]:
        return {"content": self.content}


@dataclass(frozen=True, slots=True, kw_only=True)
class Markdown:
    """WeCom's small Markdown; at most 2048 bytes; only the WeCom client shows it."""

    kind: ClassVar[str] = "markdown"
    content: str

    def __post_init__(self) -> None:
        check_present("markdown.content", self.content)
        check_bytes("markdown.content", self.content, TEXT_BYTES)

    def to_wecom(self) -> dict[str, Any]:
        return {"content": self.content}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCard:
    """A titled text that leads to ``url``: title at most 128 characters, description 512, button 4."""

    kind: ClassVar[str] = "textcard"
    title: str
    description: str
    url: str
    button: str = ""

    def __post_init__(self) -> None:
        check_present("textcard.title", self.title)
        check_chars("textcard.title", self.title, 128)
        check_present("textcard.description", self.description)
        check_chars("textcard.description", self.description, 512)
        check_chars("textcard.button", self.button, 4)
        check_url("textcard.url", self.url)

    def to_wecom(self) -> dict[str, Any]:
        fields = {"title": self.title, "description": self.description, "url": self.url}
        return fields | ({"btntxt": self.button} if self.button else {})


Content: TypeAlias = Text | Markdown | TextCard | Card


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something for members of the app's visible range.

    ``drop_repeats_for_s``: WeCom drops the same content to the same receivers within so many seconds (at most
    14 400), which makes a second try after a lost answer harmless.
    """

    content: Content
    to_users: tuple[str, ...] = ()  # at most 1000
    to_parties: tuple[str, ...] = ()  # at most 100
    to_tags: tuple[str, ...] = ()  # at most 100
    to_everybody: bool = False
    drop_repeats_for_s: int | None = None
    confidential: bool = False  # watermark, not forwardable; only texts can be

    def __post_init__(self) -> None:
        check_count("message.to_users", self.to_users, 1000)
        check_count("message.to_parties", self.to_parties, 100)
        check_count("message.to_tags", self.to_tags, 100)
        named = self.to_users or self.to_parties or self.to_tags
        if bool(named) == self.to_everybody:
            raise ValueError("message.to_users: name receivers, or say to_everybody, not both")
        for ids in (self.to_users, self.to_parties, self.to_tags):
            if any(not one or "|" in one for one in ids):
                raise ValueError("message.to_users: an id is empty or holds the separator |")
        if (
            self.drop_repeats_for_s is not None
            and not 0 < self.drop_repeats_for_s <= MAX_DUPLICATE_INTERVAL_S
        ):
            raise ValueError(f"message.drop_repeats_for_s: 1 to {MAX_DUPLICATE_INTERVAL_S}")

    def to_wecom(self, agent_id: int) -> dict[str, Any]:
        """Return the request body of message/send."""
        kind = self.content.kind
        body: dict[str, Any] = {"agentid": agent_id, "msgtype": kind, kind: self.content.to_wecom()}
        receivers = {"touser": self.to_users, "toparty": self.to_parties, "totag": self.to_tags}
        body |= {name: "|".join(ids) for name, ids in receivers.items() if ids}
        if self.to_everybody:
            body["touser"] = "@all"
        if self.confidential and isinstance(self.content, Text):
            body["safe"] = 1
        if self.drop_repeats_for_s is not None:
            body |= {"enable_duplicate_check": 1, "duplicate_check_interval": self.drop_repeats_for_s}
        return body
