"""Videos that staff bring: judged by their container, freed from what phones write into them.

Nothing is decoded or drawn anew. An MP4 is a row of boxes; its ``moov`` says how long it is and that there is
a picture track. Where it was taken and by which phone stands in ``udta``, ``meta`` and ``uuid`` boxes:
they are blanked in place, so that no offset of the film changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from content import limits

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIX: Final = "mp4"
_MB: Final = 1024 * 1024
_HEAD: Final = 8  # bytes of a box: its length, its name
# Which box holds which that we look into; no deeper, however a file nests them.
_INSIDE: Final = {b"": b"moov", b"moov": b"trak", b"trak": b"mdia"}
_TELLTALE: Final = (b"udta", b"meta", b"uuid")
_QUICKTIME: Final = b"qt  "  # .mov: WeCom answers 41090
_EXPORT: Final = "用剪映等软件导出 1080p 的 MP4 再传"


class VideoRefused(ValueError):
    """A file cannot be kept as a video: ``says`` why, ``remedy`` what to do."""

    def __init__(self, says: str, remedy: str) -> None:
        super().__init__(f"{says}；{remedy}")
        self.says = says
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A video as it is kept: an MP4 within WeCom's limits for messages and moments."""

    data: bytes
    seconds: float
    suffix: str = SUFFIX

    @property
    def digest(self) -> str:
        return sha256(self.data).hexdigest()


def is_mp4(data: bytes) -> bool:
    """Tell a kept video from a kept picture by its first bytes."""
    return data[4:8] == b"ftyp"


def clean(data: bytes) -> Video:
    """Return a video without what it tells about people; done again it changes nothing.

    Raises:
        VideoRefused: see :func:`seconds_of`.
    """
    seconds = seconds_of(data)
    kept = bytearray(data)
    for name, start, inner, end in _everywhere(data, 0, len(data)):
        if name in _TELLTALE:
            kept[start + 4 : start + _HEAD] = b"free"
            kept[inner:end] = bytes(end - inner)
    return Video(data=bytes(kept), seconds=seconds)


def seconds_of(data: bytes) -> float:
    """Return how long a usable video is.

    Raises:
        VideoRefused: too large, too long, broken off, without picture, or no MP4.
    """
    if len(data) < limits.MIN_MEDIA_BYTES:
        raise VideoRefused("没有选视频，或文件是空的", "选一个 MP4 视频")
    if len(data) > limits.VIDEO_BYTES:
        says = f"视频有 {len(data) / _MB:.1f} MB，企业微信最多 {limits.VIDEO_BYTES // _MB} MB"
        raise VideoRefused(says, "剪短一些，或降低清晰度再导出")
    if not is_mp4(data):
        raise VideoRefused("不是 MP4 视频", _EXPORT)
    if data[8:12] == _QUICKTIME:
        raise VideoRefused("是 iPhone 的 MOV 视频，企业微信只收 MP4", _EXPORT)
    try:
        boxes = list(_everywhere(data, 0, len(data)))
    except _BrokenError:
        raise VideoRefused("视频不完整，可能没有传完", "重新导出，再传一次") from None
    length = next((_length(data[inner:end]) for name, _, inner, end in boxes if name == b"mvhd"), None)
    films = [data[inner + 8 : inner + 12] for name, _, inner, _ in boxes if name == b"hdlr"]
    if length is None or b"vide" not in films:
        raise VideoRefused("视频不完整，或里面没有画面", "重新导出，再传一次")
    if length > limits.VIDEO_SECONDS:
        says = f"视频有 {length:.0f} 秒，朋友圈最多 {limits.VIDEO_SECONDS} 秒"
        raise VideoRefused(says, "剪短到 30 秒以内；长视频放在网页上，用链接卡发")
    return length


class _BrokenError(Exception):
    """A box says that it is longer than what is there."""


def _everywhere(
    data: bytes, at: int, end: int, *, within: bytes = b""
) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield name, start, start of the content and end of every box, with those inside a movie's boxes."""
    while at < end:
        if end - at < _HEAD:
            raise _BrokenError
        size, name, inner = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8], at + _HEAD
        if size == 1:  # the length stands in eight bytes more
            size, inner = int.from_bytes(data[inner : inner + 8]), inner + 8
        stop = end if size == 0 else at + size
        if stop > end or stop < inner:
            raise _BrokenError
        yield name, at, inner, stop
        if name == _INSIDE.get(within):
            yield from _everywhere(data, inner, stop, within=name)
        at = stop


def _length(header: bytes) -> float | None:
    """Return the seconds that a movie's header (``mvhd``) states."""
    wide = header[:1] == b"\1"
    scale = int.from_bytes(header[20:24] if wide else header[12:16])
    length = int.from_bytes(header[24:32] if wide else header[16:20])
    return length / scale if scale and len(header) >= 32 else None
