"""A spot in a plan's document, so that a fault names its file, line, field and step."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from content.draft import Entry
    from content.problems import FieldPath, Level, Problem

_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place in a document; ``name`` is how staff call it, e.g. ``步骤 day-3``."""

    entry: Entry[Any]
    path: FieldPath = ()
    name: str = ""

    def at(self, *sub: str | int, name: str = "") -> Spot:
        """Return the spot below this one."""
        return replace(self, path=(*self.path, *sub), name=name or self.name)

    def fault(self, *sub: str | int, says: str, remedy: str, level: Level = "error") -> Problem:
        """Make a problem at this spot, or at a field below it."""
        told = f"{self.name}：{says}" if self.name else says
        return self.entry.problem(*self.path, *sub, says=told, remedy=remedy, level=level)

    def unknown(self, *sub: str | int, what: str, key: str, known: Iterable[str]) -> Problem:
        """Say that a reference leads nowhere, and what was probably meant."""
        names = sorted(known)
        close = difflib.get_close_matches(key, names, n=1)
        remedy = (
            f"是不是想写 {close[0]}？" if close else f"可以写：{'、'.join(names[:_SHOWN]) or '（还没有）'}"
        )
        return self.fault(*sub, says=f"没有{what} {key}", remedy=remedy)

    def missing(
        self, field: str, keys: Iterable[str], known: Collection[str] | None, what: str
    ) -> Iterator[Problem]:
        """Report the keys of a list field that are not known; None: nobody can tell."""
        if known is None:
            return
        for index, key in enumerate(keys):
            if key not in known:
                yield self.unknown(field, index, what=what, key=key, known=known)

    def twice(self, field: str, values: Iterable[str]) -> Iterator[Problem]:
        """Report what stands in a list field more than once."""
        seen: set[str] = set()
        for index, value in enumerate(values):
            if value in seen:
                yield self.fault(field, index, says=f"{value} 写了两次", remedy="删掉一处")
            seen.add(value)
