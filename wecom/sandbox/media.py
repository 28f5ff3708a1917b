"""Temporary media: three days, and bound to the upload call they came from (messages-and-cards.md §3)."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Literal

from PIL import Image, UnidentifiedImageError

from .refusal import Refusal
from .rules import MEDIA_LIFE
from .state import Media

if TYPE_CHECKING:
    from .corp import Corp

MB = 1024 * 1024
SMALLEST = 6  # "all files > 5 bytes"
UPLOAD_LIMITS = {
    "image": (10 * MB, 40009),
    "voice": (2 * MB, 45001),
    "video": (10 * MB, 40011),
    "file": (20 * MB, 45001),
}
MOMENT_LONG_SIDE = 10_800
MOMENT_SHORT_SIDE = 1_080
MOMENT_VIDEO_S = 30
VOICE_S = 60
AMR = b"#!AMR\n"
_AMR_FRAME = (13, 14, 16, 18, 20, 21, 27, 32, 6, 6, 6, 6, 1, 1, 1, 1)  # bytes by frame type, RFC 4867 §5


def picture_size(blob: bytes) -> tuple[int, int]:
    """Return width and height of a JPG or PNG; 40123 for anything else, or a damaged one."""
    try:
        with Image.open(io.BytesIO(blob), formats=("JPEG", "PNG")) as picture:
            size = picture.size
            picture.verify()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise Refusal(40123, "invalid picture") from None
    return size


def is_mp4(blob: bytes) -> bool:
    return blob[4:8] == b"ftyp"


def video_seconds(blob: bytes) -> float | None:
    """Return the length an MP4 states in its movie header, or None when it states none."""
    at = blob.find(b"mvhd")
    if at < 0 or len(blob) < at + 36:
        return None
    wide = blob[at + 4] == 1
    scale, length = struct.unpack_from(">IQ" if wide else ">II", blob, at + (24 if wide else 16))
    return length / scale if scale else None


def amr_seconds(blob: bytes) -> float:
    """Return the length of a narrow-band AMR file: its frames are 20 ms each."""
    at, frames = len(AMR), 0
    while at < len(blob):
        at += _AMR_FRAME[blob[at] >> 3 & 15]
        frames += 1
    return frames / 50


class MediaStore:
    """Media by id. A file's bytes outlive its id: what a task used is stored by WeCom with the task."""

    def __init__(self, corp: Corp) -> None:
        self._corp = corp
        self._media: dict[str, Media] = {}
        self._picture_urls: dict[str, str] = {}  # url -> media_id

    def upload(self, kind: str, *, filename: str, content_type: str, blob: bytes) -> Media:
        """Store a file for app messages, mass sends and welcomes (media/upload).

        Raises:
            Refusal: 40004 unknown kind; 40006 too small; 40009, 40011, 45001 too large; 40123 no
                picture; 40005 no AMR or MP4; 45007 voice over 60 s.
        """
        if kind not in UPLOAD_LIMITS:
            raise Refusal(40004)
        most, too_large = UPLOAD_LIMITS[kind]
        if len(blob) < SMALLEST:
            raise Refusal(40006, "invalid file size: more than 5 bytes are needed")
        if len(blob) > most:
            raise Refusal(too_large, f"{kind} larger than {most} bytes")
        if kind == "image":
            picture_size(blob)
        if kind == "voice":
            if not blob.startswith(b"#!AMR"):
                raise Refusal(40005, "invalid file type: voice must be AMR")
            if blob.startswith(AMR) and amr_seconds(blob) > VOICE_S:
                raise Refusal(45007)
        if kind == "video" and not is_mp4(blob):
            raise Refusal(40005, "invalid file type: video must be MP4")
        return self._keep(kind, "upload", filename, content_type, blob)

    def keep_remote(self, kind: str, *, filename: str, blob: bytes) -> Media:
        """Store a video or file that WeCom fetched itself: up to 200 MB; 40006, 40005 as ``upload``."""
        if len(blob) < SMALLEST:
            raise Refusal(40006, "invalid file size: more than 5 bytes are needed")
        if kind == "video" and not is_mp4(blob):
            raise Refusal(40005, "invalid file type: video must be MP4")
        content_type = "video/mp4" if kind == "video" else "application/octet-stream"
        return self._keep(kind, "upload", filename, content_type, blob)

    def upload_attachment(
        self, kind: str, attachment_type: int, *, filename: str, content_type: str, blob: bytes
    ) -> Media:
        """Store a file for moments (``attachment_type`` 1) or product albums (2).

        Raises:
            Refusal: 40004 the kind does not exist there; 40006, 41080 size; 41081 picture larger than
                10800 × 1080; 41082 video over 30 s; 41090 no MP4; 40123 no picture.
        """
        allowed = {1: {"image", "video"}, 2: {"image"}}.get(attachment_type)
        if allowed is None:
            raise Refusal(40058, "invalid attachment_type")
        if kind not in allowed:
            raise Refusal(40004)
        if len(blob) < SMALLEST:
            raise Refusal(40006, "invalid file size: more than 5 bytes are needed")
        if len(blob) > 10 * MB:
            raise Refusal(41080)
        if kind == "image":
            long_side, short_side = sorted(picture_size(blob), reverse=True)
            if attachment_type == 1 and (long_side > MOMENT_LONG_SIDE or short_side > MOMENT_SHORT_SIDE):
                raise Refusal(41081)
        elif not is_mp4(blob):
            raise Refusal(41090)
        elif (seconds := video_seconds(blob)) is not None and seconds > MOMENT_VIDEO_S:
            raise Refusal(41082, "video longer than 30 seconds")
        scene: Literal["moment", "album"] = "moment" if attachment_type == 1 else "album"
        return self._keep(kind, scene, filename, content_type, blob)

    def upload_picture(self, *, filename: str, content_type: str, blob: bytes, base_url: str) -> str:
        """Store a picture for good and return its URL (media/uploadimg, 5 B to 2 MB)."""
        if not SMALLEST <= len(blob) <= 2 * MB:
            raise Refusal(40009, "picture must have 5 bytes to 2 MB")
        picture_size(blob)
        media = self._keep("image", "image_url", filename, content_type, blob)
        url = f"{base_url}/sandbox/media/{media.media_id}"
        self._picture_urls[url] = media.media_id
        return url

    def _keep(
        self,
        kind: str,
        scene: Literal["upload", "moment", "album", "image_url"],
        filename: str,
        content_type: str,
        blob: bytes,
    ) -> Media:
        media = Media(
            media_id=self._corp.ids.media(),
            kind=kind,
            scene=scene,
            filename=filename,
            content_type=content_type,
            blob=blob,
            created_at=self._corp.now,
        )
        self._media[media.media_id] = media
        return media

    def find(self, media_id: str) -> Media | None:
        """Return a file whether its id still lives or not: phones show what was sent."""
        return self._media.get(media_id)

    def live(self, media_id: str) -> Media:
        """Return a file whose id is younger than three days; 41006 none given, 40007 unknown or expired."""
        if not media_id:
            raise Refusal(41006)
        media = self._media.get(media_id)
        if media is None or media.scene == "image_url" or self._corp.now - media.created_at > MEDIA_LIFE:
            raise Refusal(40007)
        return media

    def require(self, media_id: str, *, kind: str, scene: Literal["upload", "moment"]) -> Media:
        """Return a live file fit for its use.

        Raises:
            Refusal: 40007 unknown, expired, another kind, or from the other upload call; 41072 a
                product album's file.
        """
        media = self.live(media_id)
        if media.scene == "album":
            raise Refusal(41072)
        if media.scene != scene or media.kind != kind:
            raise Refusal(40007, f"invalid media_id: not a {kind} of this upload api")
        return media

    def is_picture_url(self, url: str) -> bool:
        """Tell whether a URL came from media/uploadimg."""
        return url in self._picture_urls
