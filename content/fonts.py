"""Finds a font with Chinese characters on this machine: the program ships none, they are 20 MB each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterable

REMEDY: Final = "请在服务器上安装一种中文字体（Debian、Ubuntu：apt-get install fonts-noto-cjk），不用重启"


class NoFont(RuntimeError):
    """No usable font is installed; the message says what to install."""

    def __init__(self) -> None:
        super().__init__(f"这台服务器上没有中文字体，画不了海报。{REMEDY}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A font file; ``index`` chooses the Simplified Chinese face of a collection."""

    regular: Path
    bold: Path
    index: int = 0

    def at(self, size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
        """Return the font at a size in pixels."""
        return ImageFont.truetype(str(self.bold if bold else self.regular), size, index=self.index)


_NOTO: Final = 2  # of the collection's faces: JP, KR, SC, TC, HK
_KNOWN: Final = (
    ("/usr/share/fonts/opentype/noto", "NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc", _NOTO),
    ("/usr/share/fonts/noto-cjk", "NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc", _NOTO),
    ("/usr/share/fonts/google-noto-cjk", "NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc", _NOTO),
    ("/usr/share/fonts/truetype/wqy", "wqy-zenhei.ttc", "wqy-zenhei.ttc", 0),
    ("/System/Library/Fonts", "Hiragino Sans GB.ttc", "Hiragino Sans GB.ttc", 0),
    ("C:/Windows/Fonts", "msyh.ttc", "msyhbd.ttc", 0),
)


def known_faces() -> tuple[Face, ...]:
    """Return the fonts looked for, the best first."""
    return tuple(
        Face(regular=Path(folder) / regular, bold=Path(folder) / bold, index=index)
        for folder, regular, bold, index in _KNOWN
    )


def find_face(faces: Iterable[Face] | None = None) -> Face:
    """Return the first font that is there; one without a bold cut is used for both.

    Raises:
        NoFont: none is installed.
    """
    for face in known_faces() if faces is None else faces:
        if face.regular.is_file():
            bold = face.bold if face.bold.is_file() else face.regular
            return Face(regular=face.regular, bold=bold, index=face.index)
    raise NoFont
