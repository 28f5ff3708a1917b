"""Folds a text so that full width, spaces, emoji and 繁體 do not hide a word, and finds the way back.

What evaders do is undone character by character; each folded character remembers the original's index, so a
match in the folded text is an exact span of the original.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import chain, compress, repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Dropped wherever they stand: spaces, controls, zero-width and format characters, combining marks, emoji.
_INVISIBLE = frozenset({"Zs", "Zl", "Cc", "Cf", "Mn", "Me", "So", "Sk", "Co", "Cn", "Cs"})
# Characters that NFKD would turn into something a rule could not tell from an evader's dots or digits.
_KEPT = {"\n": "\n", "…": "…", "\t": ""}
# Between two Chinese characters these only hide a word: 最.好, 最*好, 保【证】. What stands before is looked
# at afterwards: a pattern that looks back is asked at every character.
_DECORATION = re.compile(
    r"(?:[.·・•‧∙*_\-|^=/\\'\"“”‘’「」『』【】\[\]()<>~+#`@&$]{1,4}|—)(?=[\u4e00-\u9fff])"
)
_MAX_TABLE = 20_000  # a text of every character there is must not fill the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """The folded text and, for each of its characters, the index of the original one."""

    text: str
    origin: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the original's half-open span of a non-empty match in the folded text."""
        return self.origin[start], self.origin[end - 1] + 1


class Folder:
    """Folds texts; ``alike`` maps a single character to the one it stands for (療 → 疗, 蕞 → 最)."""

    def __init__(self, alike: Mapping[str, str]) -> None:
        self._table = _Table(alike)

    def fold(self, text: str) -> Folded:
        letters = list(map(self._table.__getitem__, text))
        folded = "".join(letters)
        indices = range(len(text))
        if len(folded) == len(letters) - letters.count(""):  # nothing became several characters
            return _undecorated(folded, list(compress(indices, letters)))
        return _undecorated(folded, list(chain.from_iterable(map(repeat, indices, map(len, letters)))))


class _Table(dict[str, str]):
    """What each character folds to, worked out when it is first met."""

    def __init__(self, alike: Mapping[str, str]) -> None:
        super().__init__()
        self._alike = dict(alike)

    def __missing__(self, character: str) -> str:
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
        if len(self) < _MAX_TABLE:
            self[character] = folded
        return folded


def _undecorated(text: str, origin: list[int]) -> Folded:
    letters: list[str] = []
    places: list[int] = []
    done = 0
    for match in _DECORATION.finditer(text):
        start = match.start()
        if start and "\u4e00" <= text[start - 1] <= "\u9fff":
            letters.append(text[done:start])
            places.extend(origin[done:start])
            done = match.end()
    if not done:
        return Folded(text=text, origin=origin)
    letters.append(text[done:])
    places.extend(origin[done:])
    return Folded(text="".join(letters), origin=places)
