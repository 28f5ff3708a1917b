"""What can hang on a welcome, a mass message or a moment, with the platform's limits (docs 92135, 92137,
95094).

Media ids are not interchangeable: welcome and mass send take ids of ``media.upload``, moments take ids of
``media.upload_attachment``. Both live three days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from wecom.limits import (
    ATTACHMENTS,
    MASS_TEXT_BYTES,
    check_bytes,
    check_chars,
    check_count,
    check_present,
    check_url,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

MOMENT_TEXT_CHARS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture: ``media_id``, or ``pic_url`` of ``media.upload_image``; WeCom prefers the id when both are
    given.
    """

    kind: ClassVar[str] = "image"
    media_id: str = ""
    pic_url: str = ""

    def __post_init__(self) -> None:
        if not self.media_id and not self.pic_url:
            raise ValueError("image.media_id: is required, unless there is a pic_url")
        if self.pic_url:
            check_url("image.pic_url", self.pic_url)

    def to_wecom(self) -> dict[str, Any]:
        return _wrapped(self.kind, media_id=self.media_id, pic_url=self.pic_url)

    def to_moment(self) -> dict[str, Any]:
        if not self.media_id:
            raise ValueError("image.media_id: is required in a moment")
        return _wrapped(self.kind, media_id=self.media_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A page: its cover is a ``picurl`` in messages, a ``media_id`` (required) in moments."""

    kind: ClassVar[str] = "link"
    title: str  # at most 128 bytes; in moments also at most 64 characters
    url: str  # at most 2048 bytes
    desc: str = ""  # at most 512 bytes; not shown in moments
    picurl: str = ""  # at most 2048 bytes
    media_id: str = ""

    def __post_init__(self) -> None:
        check_present("link.title", self.title)
        check_bytes("link.title", self.title, 128)
        check_url("link.url", self.url)
        check_bytes("link.desc", self.desc, 512)
        if self.picurl:
            check_url("link.picurl", self.picurl)

    def to_wecom(self) -> dict[str, Any]:
        return _wrapped(self.kind, title=self.title, picurl=self.picurl, desc=self.desc, url=self.url)

    def to_moment(self) -> dict[str, Any]:
        check_chars("link.title", self.title, 64)
        if not self.media_id:
            raise ValueError("link.media_id: is required in a moment")
        return _wrapped(self.kind, title=self.title, url=self.url, media_id=self.media_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniProgram:
    """A mini-program page; the app must be linked to the corp. Not possible in moments."""

    kind: ClassVar[str] = "miniprogram"
    title: str  # at most 64 bytes
    pic_media_id: str  # cover, 520*416
    appid: str
    page: str

    def __post_init__(self) -> None:
        for field in ("title", "pic_media_id", "appid", "page"):
            check_present(f"miniprogram.{field}", getattr(self, field))
        check_bytes("miniprogram.title", self.title, 64)

    def to_wecom(self) -> dict[str, Any]:
        return _wrapped(
            self.kind, title=self.title, pic_media_id=self.pic_media_id, appid=self.appid, page=self.page
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """An MP4: at most 10 MB, in moments at most 30 s."""

    kind: ClassVar[str] = "video"
    media_id: str

    def __post_init__(self) -> None:
        check_present("video.media_id", self.media_id)

    def to_wecom(self) -> dict[str, Any]:
        return _wrapped(self.kind, media_id=self.media_id)

    def to_moment(self) -> dict[str, Any]:
        return self.to_wecom()


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of at most 20 MB. Not possible in moments."""

    kind: ClassVar[str] = "file"
    media_id: str

    def __post_init__(self) -> None:
        check_present("file.media_id", self.media_id)

    def to_wecom(self) -> dict[str, Any]:
        return _wrapped(self.kind, media_id=self.media_id)


Attachment: TypeAlias = Image | Link | MiniProgram | Video | File


def check_message(text: str, attachments: Sequence[Attachment]) -> None:
    """Refuse a welcome or mass message that WeCom would: too long, too many, or empty (docs 92135, 92137)."""
    check_bytes("text", text, MASS_TEXT_BYTES)
    check_count("attachments", attachments, ATTACHMENTS)
    if not text.strip() and not attachments:
        raise ValueError("text: is required when there is no attachment")


def message_content(text: str, attachments: Sequence[Attachment]) -> dict[str, Any]:
    """Return the ``text`` and ``attachments`` fields of a welcome or a mass message."""
    check_message(text, attachments)
    content: dict[str, Any] = {"text": {"content": text}} if text.strip() else {}
    if attachments:
        content["attachments"] = [attachment.to_wecom() for attachment in attachments]
    return content


def moment_content(text: str, attachments: Sequence[Attachment]) -> dict[str, Any]:
    """Return the ``text`` and ``attachments`` fields of a moment (doc 95094).

    At most 2000 characters and 4000 bytes; attachments of one kind only: up to nine pictures, one video or
    one link.

    Raises:
        ValueError: WeCom would refuse it.
    """
    check_message(text, attachments)
    check_chars("text", text, MOMENT_TEXT_CHARS)
    kinds = {attachment.kind for attachment in attachments}
    if len(kinds) > 1:
        raise ValueError(f"attachments: a moment takes one kind, not {' and '.join(sorted(kinds))}")
    if kinds and kinds != {Image.kind}:
        check_count("attachments", attachments, 1)
    content: dict[str, Any] = {"text": {"content": text}} if text.strip() else {}
    if attachments:
        content["attachments"] = [_in_moment(attachment) for attachment in attachments]
    return content


def _in_moment(attachment: Attachment) -> dict[str, Any]:
    if isinstance(attachment, MiniProgram | File):
        raise ValueError(f"attachments: a moment takes no {attachment.kind}")  # noqa: TRY004 - a limit, not a type error
    return attachment.to_moment()


def _wrapped(kind: str, **fields: str) -> dict[str, Any]:
    return {"msgtype": kind, kind: {name: value for name, value in fields.items() if value}}
