"""Checks the pictures and videos of a pack, so that WeCom does not refuse them on the day they are needed."""

from __future__ import annotations

import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Any

from PIL import Image

from content import limits, videos
from content.crosscheck import unknown
from content.sources import leaves
from content.written import FILED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from content.draft import Draft, Entry
    from content.problems import Problem

ASSETS_FOLDER = "assets"

# What Pillow raises for a file that is not the picture it claims to be.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


def check_pictures(draft: Draft) -> Iterator[Problem]:
    """Check image and video files and the covers that links and mini-programs name."""
    images = {entry.model.key for entry in draft.assets if entry.model.kind == "image"}
    valid = {entry.model.key for entry in draft.assets}
    for entry in draft.assets:
        model = entry.model
        if model.kind in FILED:
            yield from _file(draft.root, entry)
        elif model.picture is not None and model.picture not in images:
            if model.picture in valid:
                remedy = "封面要写一张 kind: image 的素材"
                yield entry.problem("picture", says=f"素材 {model.picture} 不是图片", remedy=remedy)
            elif model.picture not in draft.written.get("assets", set()):
                yield unknown(entry, "picture", what="图片素材", key=model.picture, known=images)


def _file(root: Path, entry: Entry[Any]) -> Iterator[Problem]:
    film = entry.model.kind == "video"
    what = "视频" if film else "图片"

    def problem(says: str, remedy: str) -> Problem:
        return entry.problem("file", says=says, remedy=remedy)

    folder = root / ASSETS_FOLDER
    try:
        path = folder / entry.model.file
        if leaves(path, folder):
            yield problem("文件在内容包的 assets/ 外面", f"把{what}放进 assets/，只写文件名")
            return
        if not path.is_file():
            yield problem(
                f"找不到{what} assets/{entry.model.file}", f"把{what}放进 assets/，检查文件名的大小写"
            )
            return
        length = path.stat().st_size
        data = path.read_bytes() if film and length <= limits.VIDEO_BYTES else b""
    except (OSError, ValueError):  # too long a name, a NUL in it, no permission
        yield problem(f"{what}读不了", "检查文件名和权限")
        return
    most = limits.VIDEO_BYTES if film else limits.PICTURE_BYTES
    if not limits.MIN_MEDIA_BYTES <= length <= most:
        remedy = "剪短一些，或降低清晰度再导出" if film else "压缩图片"
        yield problem(f"{what} {length} 字节，企业微信最多 10 MB", remedy)
        return
    yield from _video(data, problem) if film else _image(path, problem)


def _video(data: bytes, problem: Callable[[str, str], Problem]) -> Iterator[Problem]:
    try:
        videos.seconds_of(data)
    except videos.VideoRefused as exc:
        yield problem(exc.says, exc.remedy)


def _image(path: Path, problem: Callable[[str, str], Problem]) -> Iterator[Problem]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=["PNG", "JPEG"]) as image:
                short, long = sorted(image.size)
                image.verify()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        yield problem("图片的像素太多", f"缩小到短边 {limits.PICTURE_SHORT_SIDE} px 以内")
        return
    except _DAMAGED:
        yield problem("不是完好的 PNG 或 JPEG 图片", "用看图软件另存为 PNG 或 JPEG")
        return
    if short > limits.PICTURE_SHORT_SIDE or long > limits.PICTURE_LONG_SIDE:
        remedy = f"缩小到短边 {limits.PICTURE_SHORT_SIDE} px、长边 {limits.PICTURE_LONG_SIDE} px 以内"
        yield problem(f"图片 {long}×{short} px，太大", remedy)
