"""Uploads: three APIs whose ids are not interchangeable (messages-and-cards.md §3; doc 90253, 90256,
95098).
"""

import re
from typing import Literal, TypeAlias

from aiohttp import MultipartWriter
from aiohttp.payload import BytesPayload
from pydantic import Field

from wecom.answers import Answer, Instant
from wecom.exchange import UPLOAD_TIMEOUT_S, Endpoint, File
from wecom.limits import check_bytes, check_present, check_url
from wecom.transport import Transport

MediaKind: TypeAlias = Literal["image", "voice", "video", "file"]
AttachmentKind: TypeAlias = Literal["image", "video", "file"]

MB = 1024 * 1024
LEAST_BYTES = 5
UPLOAD_LIMITS = {"image": 10 * MB, "voice": 2 * MB, "video": 10 * MB, "file": 20 * MB}
ATTACHMENT_LIMIT = 10 * MB
IMAGE_URL_LIMIT = 2 * MB
FILENAME_BYTES = 128
MOMENTS, ALBUMS = 1, 2
GROUP_WELCOMES = 1
DONE, FAILED = 2, 3
_MD5 = re.compile(r"[0-9A-Fa-f]{32}")

# None of them creates: a second upload is a second id, and nobody sees the first.
UPLOAD = Endpoint(path="media/upload", timeout_s=UPLOAD_TIMEOUT_S)
UPLOAD_ATTACHMENT = Endpoint(path="media/upload_attachment", timeout_s=UPLOAD_TIMEOUT_S)
UPLOAD_IMAGE = Endpoint(path="media/uploadimg", timeout_s=UPLOAD_TIMEOUT_S)

START_BY_URL = Endpoint(path="media/upload_by_url")
RESULT_BY_URL = Endpoint(path="media/get_upload_by_url_result")
GET = Endpoint(path="media/get", method="GET", timeout_s=UPLOAD_TIMEOUT_S)


class Media(Answer):
    """An uploaded file; the id lives three days from ``created_at``, for all apps of the corp."""

    media_id: str
    type: str = ""
    created_at: Instant = None


class UploadResult(Answer):
    """What a finished upload by URL says."""

    errcode: int = 0
    errmsg: str = ""
    media_id: str = ""
    created_at: Instant = None


class UploadJob(Answer):
    """An upload by URL: ``status`` 1 running, 2 done, 3 failed (``detail.errcode`` says why)."""

    status: int
    detail: UploadResult = UploadResult()

    @property
    def is_done(self) -> bool:
        return self.status == DONE

    @property
    def is_failed(self) -> bool:
        return self.status == FAILED


class _Job(Answer):
    jobid: str = Field(min_length=1)


class _ImageUrl(Answer):
    url: str = Field(min_length=1)


class MediaApi:
    """Uploads of small files from memory; sizes are checked before anything is sent."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def upload(
        self,
        kind: MediaKind,
        filename: str,
        data: bytes,
        content_type: str,
        *,
        timeout_s: float | None = None,
    ) -> Media:
        """Upload for messages, mass sends and welcomes (doc 90253).

        More than 5 bytes and at most: image 10 MB JPG/PNG, voice 2 MB AMR, video 10 MB MP4, file 20 MB.
        People see ``filename``.

        Raises:
            ValueError: the kind, the size or the filename.
            Refused: 40005 no AMR or no MP4; 40123 damaged picture; 45007 a voice longer than 60 s; 40004,
                40006, 40009, 40011, 45001 a kind or size that WeCom sees otherwise.
        """
        if kind not in UPLOAD_LIMITS:
            raise ValueError(f"kind: {kind}, WeCom takes {', '.join(UPLOAD_LIMITS)}")
        form = _Form(filename, data, content_type, most=UPLOAD_LIMITS[kind])
        return await self._transport.ask(UPLOAD, Media, params={"type": kind}, form=form, timeout_s=timeout_s)

    async def upload_attachment(
        self,
        kind: AttachmentKind,
        filename: str,
        data: bytes,
        content_type: str,
        *,
        attachment_type: int = MOMENTS,
        timeout_s: float | None = None,
    ) -> Media:
        """Upload for moments, or with ``attachment_type`` 2 for product albums (doc 95098). At most 10 MB.

        Moments take JPG/PNG with a long side ≤ 10 800 px and a short side ≤ 1 080 px, and MP4 up to 30 s;
        albums only pictures.

        Raises:
            ValueError: the kind, the size or the filename.
            Refused: 41080, 41081, 41082 size, resolution or length; 41090 no MP4; 40123 damaged picture.
        """
        allowed = {MOMENTS: ("image", "video"), ALBUMS: ("image",)}
        if kind not in allowed.get(attachment_type, ()):
            raise ValueError(f"kind: {kind} is not possible with attachment_type {attachment_type}")
        form = _Form(filename, data, content_type, most=ATTACHMENT_LIMIT)
        params = {"media_type": kind, "attachment_type": str(attachment_type)}
        return await self._transport.ask(
            UPLOAD_ATTACHMENT, Media, params=params, form=form, timeout_s=timeout_s
        )

    async def upload_image(
        self, filename: str, data: bytes, content_type: str, *, timeout_s: float | None = None
    ) -> str:
        """Upload a picture for good and return its URL, for ``pic_url`` (doc 90256).

        At most 2 MB; 1 000 a day and 3 000 a month per corp.

        Raises:
            ValueError: the size or the filename.
            RateLimited: 45009 the day's or the month's uploads are used.
            Refused: 40123 damaged picture.
        """
        form = _Form(filename, data, content_type, most=IMAGE_URL_LIMIT)
        return (await self._transport.ask(UPLOAD_IMAGE, _ImageUrl, form=form, timeout_s=timeout_s)).url

    async def upload_by_url(self, kind: Literal["video", "file"], filename: str, url: str, md5: str) -> str:
        """Let WeCom fetch a large file for group welcomes, and return the job's id, good for 60 min (doc
        96219).

        At most 200 MB; the server at ``url`` must take Range requests; ``md5`` is that of the bytes, in hex.
        An upload_media_job_finish callback tells the end, or ask ``upload_result``.

        Raises:
            Refused: 830001 bad url; 301019 bad md5; 40004 bad kind.
        """
        check_present("filename", filename)
        check_bytes("filename", filename, FILENAME_BYTES)
        check_url("url", url)
        if not _MD5.fullmatch(md5):
            raise ValueError("md5: 32 hex digits")
        body = {"scene": GROUP_WELCOMES, "type": kind, "filename": filename, "url": url, "md5": md5}
        return (await self._transport.ask(START_BY_URL, _Job, body=body)).jobid

    async def upload_result(self, jobid: str) -> UploadJob:
        """Return how far an upload by URL is (doc 96219): 830003 inside it means the download failed.

        Also inside: 830002 the server knows no ranges; 301019 another md5; 45001, 40006 size; 40005 no MP4.

        Raises:
            Refused: 40058 no such job, or it is older than 60 min.
        """
        check_present("jobid", jobid)
        return await self._transport.ask(RESULT_BY_URL, UploadJob, body={"jobid": jobid})

    async def get(self, media_id: str, *, most_bytes: int = 20 * MB) -> File:
        """Download a file (doc 90254); also what customers sent to 微信客服, within three days.

        At most 20 MB: WeCom gives larger ones only in ranges, which this does not ask for.

        Raises:
            Refused: 40007 bad or old id; 45001 the file is larger than ``most_bytes``; 830002 than 20 MB.
        """
        check_present("media_id", media_id)
        return await self._transport.fetch(GET, params={"media_id": media_id}, most_bytes=most_bytes)


class _Form:
    """A multipart body with one file, built anew for each try."""

    def __init__(self, filename: str, data: bytes, content_type: str, *, most: int) -> None:
        check_present("filename", filename)
        check_bytes("filename", filename, FILENAME_BYTES)
        if not filename.isprintable():
            raise ValueError("filename: holds a character that does not print")
        if not LEAST_BYTES < len(data) <= most:
            raise ValueError(
                f"data: {len(data)} bytes, WeCom takes more than {LEAST_BYTES} and at most {most}"
            )
        self._filename, self._data, self._content_type = filename, data, content_type

    def __call__(self) -> MultipartWriter:
        writer = MultipartWriter("form-data")
        part = BytesPayload(self._data, content_type=self._content_type)
        # Plain UTF-8 in filename="…": WeCom ignores the RFC 5987 form (filename*=), and shows the RFC 7578
        # percent-encoding to people as it stands.
        part.set_content_disposition(
            "form-data",
            quote_fields=False,
            name="media",
            filename=self._filename,
            filelength=str(len(self._data)),
        )
        writer.append_payload(part)
        return writer
