"""What a pack says about customer groups and about words that patients use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from content.places import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupWelcomeSpec:
    """What newcomers of a group read. ``text`` is a template; WeCom itself fills in ``%NICKNAME%``."""

    text: str
    attachment: str | None
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordSpec:
    """Words that tell what a patient is about, e.g. 种牙."""

    key: str
    title: str
    words: tuple[str, ...]
    without: tuple[str, ...]
    place: Place

    def found_in(self, text: str) -> bool:
        """Tell whether somebody who wrote ``text`` used one of the words; capitals do not matter."""
        said = text.casefold()
        if any(word.casefold() in said for word in self.without):
            return False
        return any(word.casefold() in said for word in self.words)
