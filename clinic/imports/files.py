"""A file as rows of cells, whatever program wrote it; what cannot be one is refused with a remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clinic.imports import csv_files, excel_files
from clinic.imports.sheet import MAX_ROWS, FileRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clinic.imports.sheet import Cell, Row

MAX_BYTES: Final = 20 * 1024 * 1024
ZIP: Final = b"PK\x03\x04"
OLE: Final = b"\xd0\xcf\x11\xe0"


def read_rows(data: bytes, *, headings: Callable[[tuple[Cell, ...]], int]) -> Iterator[Row]:
    """Yield the rows of a CSV or Excel file, those above the headings too.

    It blocks: let a thread draw from it.

    Args:
        headings: counts the headings it knows in a row; tells the sheet and the separator to read.

    Raises:
        FileRefused: not such a file, or too large, at the latest when the last row is drawn.
    """
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
