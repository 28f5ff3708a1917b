"""Text and attachments of welcomes and mass sends (mass-send-and-moments.md §1, external-contact.md §7)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

if TYPE_CHECKING:
    from wecom.sandbox.state import Json
    from wecom.sandbox.tenant import Tenant

    from .fields import Fields

TEXT_BYTES = 4000
ATTACHMENTS = 9
_APPID = re.compile(r"wx[0-9A-Za-z]{10,30}", re.ASCII)
_URL = re.compile(r"https?://\S+")


def read_content(tenant: Tenant, body: Fields) -> tuple[str, list[Json]]:
    """Return the text and the checked attachments of a body.

    Raises:
        Refusal: 45002 text over 4000 bytes; 40063 nothing to send; 41064 more than 9 attachments; 41065
            an attachment of another kind; 40007, 41006 media; 40058 a field; 90206, 90207 appid;
            40201 a word the corp's rules block.
    """
    text = body.part("text").text("content", max_bytes=TEXT_BYTES, too_long=45002)
    parts = body.parts("attachments", at_most=ATTACHMENTS, too_many=41064)
    if not text and not parts:
        raise Refusal(40063, "some parameters are empty: text and attachments")
    refuse_blocked(tenant, text)
    return text, [_attachment(tenant, part) for part in parts]


def refuse_blocked(tenant: Tenant, text: str) -> None:
    """Refuse a text with a blocked word (40201)."""
    if any(word in text for word in tenant.rules.blocked_words):
        raise Refusal(40201)


def _attachment(tenant: Tenant, part: Fields) -> Json:
    kind = part.text("msgtype")
    reader = _READERS.get(kind)
    if reader is None:
        raise Refusal(41065)
    return {"msgtype": kind, kind: reader(tenant, part.part(kind, required=True))}


def read_attachment(tenant: Tenant, kind: str, part: Fields) -> Json:
    """Return one checked object: image, link, miniprogram, video or file (refusals as ``read_content``)."""
    return _READERS[kind](tenant, part)


def _image(tenant: Tenant, image: Fields) -> Json:
    media_id, pic_url = image.text("media_id"), image.text("pic_url", max_bytes=2048)
    if media_id or not pic_url:  # media_id wins when both are given
        return {"media_id": tenant.media.require(media_id, kind="image", scene="upload").media_id}
    if not tenant.media.is_picture_url(pic_url):
        raise Refusal(40058, "invalid Request Parameter: pic_url must come from media/uploadimg")
    return {"pic_url": pic_url}


def _link(_: Tenant, link: Fields) -> Json:
    return {
        "title": link.text("title", required=True, max_bytes=128),
        "picurl": link.text("picurl", max_bytes=2048),
        "desc": link.text("desc", max_bytes=512),
        "url": read_url(link),
    }


def read_url(part: Fields, key: str = "url") -> str:
    """Return a required http(s) URL of at most 2048 bytes."""
    url = part.text(key, required=True, max_bytes=2048)
    if not _URL.fullmatch(url):
        raise Refusal(40058, f"invalid Request Parameter: {key} must be an http(s) URL")
    return url


def _miniprogram(tenant: Tenant, program: Fields) -> Json:
    cover = tenant.media.require(program.text("pic_media_id"), kind="image", scene="upload")
    return {
        "title": program.text("title", required=True, max_bytes=64),
        "pic_media_id": cover.media_id,
        "appid": read_appid(tenant, program),
        "page": program.text("page", required=True, max_bytes=1024),
    }


def read_appid(tenant: Tenant, program: Fields) -> str:
    """Return a mini-program's appid; 90207 not one, 90206 not linked to the corp."""
    appid = program.text("appid")
    if not _APPID.fullmatch(appid):
        raise Refusal(90207, "invalid miniprogram appid")
    linked = tenant.rules.linked_appids
    if linked is not None and appid not in linked:
        raise Refusal(90206, "miniprogram not linked to this corp")
    return appid


def _video(tenant: Tenant, video: Fields) -> Json:
    return {"media_id": tenant.media.require(video.text("media_id"), kind="video", scene="upload").media_id}


def _file(tenant: Tenant, file: Fields) -> Json:
    return {"media_id": tenant.media.require(file.text("media_id"), kind="file", scene="upload").media_id}


_READERS = {"image": _image, "link": _link, "miniprogram": _miniprogram, "video": _video, "file": _file}
