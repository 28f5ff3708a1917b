"""Uploads and downloads (messages-and-cards.md §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

from .downloads import check_whole
from .endpoint import get, upload

if TYPE_CHECKING:
    from wecom.sandbox.state import Json, Media

    from .endpoint import Call, Upload


def _file(call: Call) -> Upload:
    assert call.upload is not None  # the frame reads it for endpoints that take a file
    return call.upload


def media_upload(call: Call) -> Json:
    file = _file(call)
    media = call.tenant.media.upload(
        call.query.get("type", ""), filename=file.filename, content_type=file.content_type, blob=file.blob
    )
    # A string here, a number in upload_attachment: so it is at WeCom.
    created_at = str(int(media.created_at.timestamp()))
    return {"type": media.kind, "media_id": media.media_id, "created_at": created_at}


def upload_attachment(call: Call) -> Json:
    file = _file(call)
    kind = call.query.get("attachment_type", "")
    if kind not in {"1", "2"}:
        raise Refusal(40058, "invalid attachment_type")
    media = call.tenant.media.upload_attachment(
        call.query.get("media_type", ""),
        int(kind),
        filename=file.filename,
        content_type=file.content_type,
        blob=file.blob,
    )
    return {"type": media.kind, "media_id": media.media_id, "created_at": int(media.created_at.timestamp())}


def uploadimg(call: Call) -> Json:
    file = _file(call)
    url = call.tenant.media.upload_picture(
        filename=file.filename, content_type=file.content_type, blob=file.blob, base_url=call.base_url
    )
    return {"url": url}


def media_get(call: Call) -> Media:
    media = call.tenant.media.live(call.query.get("media_id", ""))
    check_whole(media, ranged=call.ranged)
    return media


ENDPOINTS = (
    upload("media/upload", media_upload),
    upload("media/upload_attachment", upload_attachment),
    upload("media/uploadimg", uploadimg),
    get("media/get", media_get),
)
