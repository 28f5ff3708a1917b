"""What is wrong with a content pack, told to the person who edits it: place, fault, remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

FieldPath = tuple[str | int, ...]
Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault of a pack. An ``error`` keeps the pack from being used, a ``warning`` does not."""

    file: str  # relative to the pack's folder, with forward slashes
    line: int  # 1-based
    field: str  # e.g. ``personas[1].week[0].at``; empty when the whole file is meant
    message: str
    remedy: str
    level: Level = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}"
        if self.field:
            place += f" {self.field}"
        return f"{place}: {self.message} → {self.remedy}"


class PackError(Exception):
    """A pack that cannot be used. ``problems`` holds every error found, not only the first one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def field_name(path: FieldPath) -> str:
    """Write a field's path as people read it: ``("personas", 1, "at")`` → ``personas[1].at``."""
    written = ""
    for part in path:
        if isinstance(part, int):
            written += f"[{part}]"
        else:
            written += f".{part}" if written else part
    return written
