"""Folds a text so that full width, spaces, emoji and 繁體 do not hide a word, and finds the way back.

What evaders do is undone character by character; each folded character remembers the original's index, so a
match in the folded text is an exact span of the original.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Dropped wherever they stand: spaces, controls, zero-width and format characters, combining marks, emoji.
_INVISIBLE = frozenset({"Zs", "Zl", "Cc", "Cf", "Mn", "Me", "So", "Sk", "Co", "Cn", "Cs"})
# Characters that NFKD would turn into something a rule could not tell from an evader's dots or digits.
_KEPT = {"\n": "\n", "…": "…", "\t": ""}
# Between two Chinese characters these only hide a word: 最.好, 最*好, 保【证】.
_DECORATION = re.compile(
    r"(?<=[\u4e00-\u9fff])(?:[.·・•‧∙*_\-|^=/\\'\"“”‘’「」『』【】\[\]()<>~+#`@&$]{1,4}|—)(?=[\u4e00-\u9fff])"
)
_MAX_TABLE = 20_000  # a text of every character there is must not fill the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """The folded text and, for each of its characters, the index of the original one."""

    text: str
    origin: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the original's half-open span of a non-empty match in the folded text."""
        return self.origin[start], self.origin[end - 1] + 1


class Folder:
    """Folds texts; ``alike`` maps a single character to the one it stands for (療 → 疗, 蕞 → 最)."""

    def __init__(self, alike: Mapping[str, str]) -> None:
        self._alike = dict(alike)
        self._table: dict[str, str] = {}

    def fold(self, text: str) -> Folded:
        table = self._table
        letters: list[str] = []
        origin: list[int] = []
        for index, character in enumerate(text):
            folded = table.get(character)
            if folded is None:
                folded = self._character(character)
            if len(folded) == 1:
                letters.append(folded)
                origin.append(index)
            else:
                letters.extend(folded)
                origin.extend([index] * len(folded))
        return _undecorated("".join(letters), origin)

    def _character(self, character: str) -> str:
        if character in _KEPT:
            folded = _KEPT[character]
        elif character in self._alike:
            folded = self._alike[character]
        elif unicodedata.category(character) in _INVISIBLE:
            folded = ""
        else:
            wide = unicodedata.normalize("NFKD", character).lower()
            plain = (self._alike.get(part, part) for part in wide)
            folded = "".join(p for p in plain if unicodedata.category(p) not in _INVISIBLE)
        if len(self._table) < _MAX_TABLE:
            self._table[character] = folded
        return folded


def _undecorated(text: str, origin: list[int]) -> Folded:
    if _DECORATION.search(text) is None:
        return Folded(text=text, origin=tuple(origin))
    letters: list[str] = []
    places: list[int] = []
    done = 0
    for match in _DECORATION.finditer(text):
        letters.append(text[done : match.start()])
        places.extend(origin[done : match.start()])
        done = match.end()
    letters.append(text[done:])
    places.extend(origin[done:])
    return Folded(text="".join(letters), origin=tuple(places))
