"""What becomes of a file's entry in the library: pure decisions.

The pack's files and the staff's edits meet here. What staff edited stays; what they did not touch follows the
pack; where both changed, the pack's wording is offered and staff decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from content.written import Written

Shelved = tuple[str, str]  # shelf and key


class Fate(StrEnum):
    """What happens to an entry."""

    NEW = "new"
    SAME = "same"
    FOLLOWS = "follows"  # a new version with the pack's wording
    AGREES = "agrees"  # staff had written the same words before the pack did
    OFFERED = "offered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """How an item of the library stands; see `content.library.tables.LibraryItem`."""

    digest: str
    pack_digest: str
    state: str = "active"

    @property
    def edited(self) -> bool:
        return self.digest != self.pack_digest


def fate(entry: Written, known: Known | None) -> Fate:
    """Decide about an entry of the pack that the program runs with."""
    if known is None:
        return Fate.NEW
    if entry.digest == known.pack_digest:
        return Fate.SAME
    if entry.digest == known.digest:
        return Fate.AGREES
    return Fate.OFFERED if known.edited else Fate.FOLLOWS


def fate_of_file(entry: Written, known: Known | None) -> Fate:
    """Decide about an entry of a folder that somebody asked to bring in: what it says counts."""
    if known is None:
        return Fate.NEW
    return Fate.SAME if entry.digest == known.digest else Fate.FOLLOWS


def gone(entries: Iterable[Written], known: Mapping[Shelved, Known]) -> tuple[Shelved, ...]:
    """Return what stood in the pack before, does not now, and nobody edited: it is put away."""
    there = {(entry.shelf, entry.key) for entry in entries}
    return tuple(
        place
        for place, one in known.items()
        if place not in there and one.pack_digest and not one.edited and one.state == "active"
    )
