"""A table as any program may have written it: rows of cells, and what refuses it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

MAX_ROWS: Final = 200_000
MAX_COLUMNS: Final = 100
MAX_CELL_CHARS: Final = 5000
HEADER_WITHIN: Final = 20  # rows above the headings: titles, dates of the export

Cell = str | int | float | datetime | date | time | timedelta | None


class FileRefused(ValueError):
    """A file cannot be read; the message says what to do instead."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row; ``number`` is what Excel shows beside it, from 1."""

    number: int
    cells: tuple[Cell, ...]

    @property
    def is_empty(self) -> bool:
        return all(cell is None or cell == "" for cell in self.cells)


def clean(value: object) -> Cell:
    """Return a cell's value; a text without what cannot be seen, cut where nobody would write on."""
    if isinstance(value, str):
        if not value.isprintable():
            value = "".join(c for c in value if c.isprintable() or c in "\n\t")
        return value.strip()[:MAX_CELL_CHARS]
    if isinstance(value, bool):
        return "是" if value else "否"
    if value is None or isinstance(value, int | float | datetime | date | time | timedelta):
        return value
    return clean(str(value))
