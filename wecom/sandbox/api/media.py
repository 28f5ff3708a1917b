"""Uploads and downloads (messages-and-cards.md §3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wecom.sandbox.refusal import USUAL, Refusal

from .downloads import check_whole
from .endpoint import get, post, upload

if TYPE_CHECKING:
    from wecom.sandbox.state import Json, Media

    from .endpoint import Call, Upload


_MD5 = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)


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


def upload_by_url(call: Call) -> Json:
    body = call.body
    if body.integer("scene", default=-1) != 1:
        raise Refusal(40058, "invalid Request Parameter: scene")
    kind = body.text("type")
    if kind not in {"video", "file"}:
        raise Refusal(40004)
    filename = body.text("filename", required=True, max_bytes=128)
    md5 = body.text("md5", required=True)
    if not _MD5.fullmatch(md5):
        raise Refusal(301019, "invalid md5")
    url = body.text("url", required=True, missing=830001, max_bytes=2048)
    return {"jobid": call.tenant.remote.start(kind=kind, filename=filename, url=url, md5=md5).jobid}


def get_upload_by_url_result(call: Call) -> Json:
    job = call.tenant.remote.get(call.body.text("jobid", required=True))
    answer: Json = {"status": job.status}
    if job.status != 1:
        ended = job.ended_at or job.started_at
        answer["detail"] = {
            "errcode": job.errcode,
            "errmsg": USUAL.get(job.errcode, "refused") if job.errcode else "ok",
            "media_id": job.media_id,
            "created_at": str(int(ended.timestamp())),
        }
    return answer


ENDPOINTS = (
    upload("media/upload", media_upload),
    upload("media/upload_attachment", upload_attachment),
    upload("media/uploadimg", uploadimg),
    get("media/get", media_get),
    post("media/upload_by_url", upload_by_url),
    post("media/get_upload_by_url_result", get_upload_by_url_result),
)
