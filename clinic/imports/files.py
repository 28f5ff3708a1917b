"""A file as rows of cells, whatever program wrote it; what cannot be one is refused with a remedy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_ROWS: Final = 200_000
MAX_COLUMNS: Final = 100
MAX_CELL_CHARS: Final = 5000
HEADER_WITHIN: Final = 20  # rows above the headings: titles, dates of the export

Cell = str | int | float | datetime | date | time | timedelta | None
ZIP: Final = b"PK\x03\x04"
OLE: Final = b"\xd0\xcf\x11\xe0"


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


def read_rows(data: bytes, *, headings: Callable[[tuple[Cell, ...]], int]) -> Iterator[Row]:
    """Yield the rows of a CSV or Excel file, those above the headings too.

    It blocks: let a thread draw from it.

    Args:
        headings: counts the headings it knows in a row; tells the sheet and the separator to read.

    Raises:
        FileRefused: not such a file, or too large, at the latest when the last row is drawn.
    """
    from clinic.imports import csv_files, excel_files  # noqa: PLC0415  (they need what is defined here)

    if len(data) > MAX_BYTES:
        raise FileRefused(f"文件超过 {MAX_BYTES // 1024 // 1024} MB：请分成几个文件")
    if not data.strip():
        raise FileRefused("文件是空的")
    if data.startswith(OLE):
        raise FileRefused("这是旧版 .xls，或者加了密码：请在 Excel 或 WPS 里去掉密码，另存为 .xlsx 再上传")
    rows = (
        excel_files.rows_of(data, headings=headings)
        if data.startswith(ZIP)
        else csv_files.rows_of(data, headings=headings)
    )
    for row in rows:
        # A sheet that is formatted to its end has a million rows with nothing in them.
        if row.number > MAX_ROWS and not row.is_empty:
            raise FileRefused(f"超过 {MAX_ROWS} 行：请分成几个文件")
        yield row


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
