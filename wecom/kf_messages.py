"""What 微信客服 can write to a customer, with the limits of doc 94677 (customer-service-kf.md §4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from wecom.limits import check_bytes, check_chars, check_count, check_present, check_url

TEXT_BYTES = 2048
MENU_ITEMS, MENU_ACTIONS = 50, 10
_CLICK_ID = re.compile(r"[0-9A-Za-z_]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KfText:
    """Plain text; at most 2048 bytes of UTF-8, about 680 Chinese characters."""

    kind: ClassVar[str] = "text"
    content: str

    def __post_init__(self) -> None:
        check_present("text.content", self.content)
        check_bytes("text.content", self.content, TEXT_BYTES)

    def to_wecom(self) -> dict[str, Any]:
        return {"content": self.content}


@dataclass(frozen=True, slots=True, kw_only=True)
class KfMedia:
    """A picture, a voice, a video or a file: an id of ``media.upload``."""

    kind: Literal["image", "voice", "video", "file"]
    media_id: str

    def __post_init__(self) -> None:
        check_present("media.media_id", self.media_id)

    def to_wecom(self) -> dict[str, Any]:
        return {"media_id": self.media_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class KfLink:
    """A page with its picture: title at most 128 bytes, desc 512, url 2048."""

    kind: ClassVar[str] = "link"
    title: str
    url: str
    thumb_media_id: str
    desc: str = ""

    def __post_init__(self) -> None:
        check_present("link.title", self.title)
        check_bytes("link.title", self.title, 128)
        check_bytes("link.desc", self.desc, 512)
        check_url("link.url", self.url)
        check_present("link.thumb_media_id", self.thumb_media_id)

    def to_wecom(self) -> dict[str, Any]:
        fields = {"title": self.title, "url": self.url, "thumb_media_id": self.thumb_media_id}
        return fields | ({"desc": self.desc} if self.desc else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class KfMiniProgram:
    """A mini-program page (``pagepath`` ends with .html); title at most 64 bytes."""

    kind: ClassVar[str] = "miniprogram"
    appid: str
    title: str
    thumb_media_id: str
    pagepath: str

    def __post_init__(self) -> None:
        for name in ("appid", "title", "thumb_media_id", "pagepath"):
            check_present(f"miniprogram.{name}", getattr(self, name))
        check_bytes("miniprogram.title", self.title, 64)

    def to_wecom(self) -> dict[str, Any]:
        return {
            "appid": self.appid,
            "title": self.title,
            "thumb_media_id": self.thumb_media_id,
            "pagepath": self.pagepath,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """A menu line; tapping it makes the customer write it, with ``id`` as the message's ``menu_id``."""

    id: str  # 1 to 128 letters, digits, _
    content: str  # at most 128 characters

    def __post_init__(self) -> None:
        if not _CLICK_ID.fullmatch(self.id):
            raise ValueError("click.id: 1 to 128 of letters, digits, _")
        check_present("click.content", self.content)
        check_chars("click.content", self.content, 128)

    def to_wecom(self) -> dict[str, Any]:
        return {"type": "click", "click": {"id": self.id, "content": self.content}}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A menu line that opens a page."""

    url: str
    content: str

    def __post_init__(self) -> None:
        check_url("view.url", self.url)
        check_present("view.content", self.content)
        check_chars("view.content", self.content, 1024)

    def to_wecom(self) -> dict[str, Any]:
        return {"type": "view", "view": {"url": self.url, "content": self.content}}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMiniProgram:
    """A menu line that opens a mini-program page."""

    appid: str
    pagepath: str
    content: str

    def __post_init__(self) -> None:
        for name, most in (("appid", 32), ("pagepath", 1024), ("content", 1024)):
            check_present(f"miniprogram.{name}", getattr(self, name))
            check_chars(f"miniprogram.{name}", getattr(self, name), most)

    def to_wecom(self) -> dict[str, Any]:
        fields = {"appid": self.appid, "pagepath": self.pagepath, "content": self.content}
        return {"type": "miniprogram", "miniprogram": fields}


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuText:
    """Words between the menu's lines; at most 256 characters."""

    content: str
    same_line: bool = False

    def __post_init__(self) -> None:
        check_present("menu text.content", self.content)
        check_chars("menu text.content", self.content, 256)

    def to_wecom(self) -> dict[str, Any]:
        return {"type": "text", "text": {"content": self.content, "no_newline": 1 if self.same_line else 0}}


MenuItem: TypeAlias = Click | View | OpenMiniProgram | MenuText


@dataclass(frozen=True, slots=True, kw_only=True)
class KfMenu:
    """A menu: at most 50 items, 10 of which do something; head and tail at most 1024 bytes each."""

    kind: ClassVar[str] = "msgmenu"
    items: tuple[MenuItem, ...]
    head: str = ""
    tail: str = ""

    def __post_init__(self) -> None:
        check_count("menu.items", self.items, MENU_ITEMS, least=1)
        actions = [item for item in self.items if not isinstance(item, MenuText)]
        check_count("menu.items that do something", actions, MENU_ACTIONS)
        check_bytes("menu.head", self.head, 1024)
        check_bytes("menu.tail", self.tail, 1024)

    def to_wecom(self) -> dict[str, Any]:
        body: dict[str, Any] = {"list": [item.to_wecom() for item in self.items]}
        if self.head:
            body["head_content"] = self.head
        if self.tail:
            body["tail_content"] = self.tail
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class KfLocation:
    """A place on the map, in degrees."""

    kind: ClassVar[str] = "location"
    latitude: float
    longitude: float
    name: str = ""
    address: str = ""

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            raise ValueError("location.latitude: not a place on earth")

    def to_wecom(self) -> dict[str, Any]:
        words = {"name": self.name, "address": self.address}
        place: dict[str, Any] = {"latitude": self.latitude, "longitude": self.longitude}
        return place | {name: text for name, text in words.items() if text}


@dataclass(frozen=True, slots=True, kw_only=True)
class KfBusinessCard:
    """A member's card. WeCom's page does not list it; an SDK does."""

    kind: ClassVar[str] = "business_card"
    userid: str

    def to_wecom(self) -> dict[str, Any]:
        return {"userid": self.userid}


@dataclass(frozen=True, slots=True, kw_only=True)
class KfAcquisitionLink:
    """An acquisition link, shown as a card to add a member."""

    kind: ClassVar[str] = "ca_link"
    url: str

    def __post_init__(self) -> None:
        check_url("ca_link.url", self.url)

    def to_wecom(self) -> dict[str, Any]:
        return {"link_url": self.url}


KfContent: TypeAlias = (
    KfText | KfMedia | KfLink | KfMiniProgram | KfMenu | KfLocation | KfBusinessCard | KfAcquisitionLink
)
