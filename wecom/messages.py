"""What the app can write to staff, with the limits of doc 90236. Longer texts are refused: WeCom would cut
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from wecom.cards import Card
from wecom.limits import check_bytes, check_chars, check_count, check_present, check_url

TEXT_BYTES = 2048
STORY_BYTES = 666 * 1024
MAX_ARTICLES = 8
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One page of a news message: title at most 128 bytes, description 512, url 2048."""

    title: str
    url: str
    description: str = ""
    picurl: str = ""

    def __post_init__(self) -> None:
        check_present("article.title", self.title)
        check_bytes("article.title", self.title, 128)
        check_bytes("article.description", self.description, 512)
        check_url("article.url", self.url)
        if self.picurl:
            check_url("article.picurl", self.picurl)

    def to_wecom(self) -> dict[str, Any]:
        fields = {
            "title": self.title,
            "description": self.description,
            "url": self.url,
            "picurl": self.picurl,
        }
        return {name: text for name, text in fields.items() if text}


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One to eight pages, the first one large."""

    kind: ClassVar[str] = "news"
    articles: tuple[Article, ...]

    def __post_init__(self) -> None:
        check_count("news.articles", self.articles, MAX_ARTICLES, least=1)

    def to_wecom(self) -> dict[str, Any]:
        return {"articles": [article.to_wecom() for article in self.articles]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One page kept by WeCom: ``content`` is HTML of at most 666 KB, the cover an id of ``media.upload``."""

    title: str
    thumb_media_id: str
    content: str
    author: str = ""
    digest: str = ""
    source_url: str = ""

    def __post_init__(self) -> None:
        for name in ("title", "thumb_media_id", "content"):
            check_present(f"story.{name}", getattr(self, name))
        check_bytes("story.title", self.title, 128)
        check_bytes("story.content", self.content, STORY_BYTES)
        check_bytes("story.digest", self.digest, 512)
        if self.source_url:
            check_url("story.source_url", self.source_url)

    def to_wecom(self) -> dict[str, Any]:
        fields = {
            "title": self.title,
            "thumb_media_id": self.thumb_media_id,
            "author": self.author,
            "content_source_url": self.source_url,
            "content": self.content,
            "digest": self.digest,
        }
        return {name: text for name, text in fields.items() if text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stories:
    """One to eight pages kept by WeCom (``mpnews``)."""

    kind: ClassVar[str] = "mpnews"
    stories: tuple[Story, ...]

    def __post_init__(self) -> None:
        check_count("mpnews.stories", self.stories, MAX_ARTICLES, least=1)

    def to_wecom(self) -> dict[str, Any]:
        return {"articles": [story.to_wecom() for story in self.stories]}


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaMessage:
    """A picture, a voice, a video or a file: an id of ``media.upload``. Only a video has words."""

    kind: Literal["image", "voice", "video", "file"]
    media_id: str
    title: str = ""  # at most 128 bytes
    description: str = ""  # at most 512 bytes

    def __post_init__(self) -> None:
        check_present(f"{self.kind}.media_id", self.media_id)
        if self.kind != "video" and (self.title or self.description):
            raise ValueError(f"{self.kind}.title: only for a video")
        check_bytes("video.title", self.title, 128)
        check_bytes("video.description", self.description, 512)

    def to_wecom(self) -> dict[str, Any]:
        fields = {"media_id": self.media_id, "title": self.title, "description": self.description}
        return {name: text for name, text in fields.items() if text}


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniProgramNotice:
    """A notice of a mini-program's app, at most 10 "key: value" lines (10 and 30 characters)."""

    kind: ClassVar[str] = "miniprogram_notice"
    appid: str
    title: str  # 4 to 12 characters, says WeCom's page; not refused here
    description: str = ""
    page: str = ""
    emphasises_first: bool = False
    items: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_present("miniprogram_notice.appid", self.appid)
        check_present("miniprogram_notice.title", self.title)
        check_count("miniprogram_notice.items", self.items, 10)
        for key, value in self.items:
            check_present("miniprogram_notice.items.key", key)
            check_chars("miniprogram_notice.items.key", key, 10)
            check_chars("miniprogram_notice.items.value", value, 30)

    def to_wecom(self) -> dict[str, Any]:
        words = {"page": self.page, "description": self.description}
        body: dict[str, Any] = {"appid": self.appid, "title": self.title}
        body |= {name: text for name, text in words.items() if text}
        if self.emphasises_first:
            body["emphasis_first_item"] = True
        if self.items:
            body["content_item"] = [{"key": key, "value": value} for key, value in self.items]
        return body


Content: TypeAlias = Text | Markdown | TextCard | News | Stories | MediaMessage | MiniProgramNotice | Card
CONFIDENTIAL = frozenset({"text", "image", "video", "file", "mpnews"})


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
    confidential: bool = False  # watermark, not forwardable; texts, pictures, videos, files, mpnews

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
        if self.confidential and kind in CONFIDENTIAL:
            body["safe"] = 1
        if self.drop_repeats_for_s is not None:
            body |= {"enable_duplicate_check": 1, "duplicate_check_interval": self.drop_repeats_for_s}
        return body
