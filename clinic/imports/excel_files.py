"""Excel workbooks (.xlsx): values only. No formula and no macro is ever run; what Excel saved with it counts.

A workbook is a zip of XML, and both can be bombs: sizes are looked at before anything is unpacked, and no
part may declare entities.
"""

from __future__ import annotations

import io
import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from zipfile import ZipFile

from openpyxl import load_workbook

from clinic.imports.sheet import HEADER_WITHIN, MAX_COLUMNS, MAX_ROWS, Cell, FileRefused, Row, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openpyxl import Workbook

MAX_PARTS: Final = 2000
MAX_UNPACKED: Final = 300 * 1024 * 1024
MAX_SMALL_PART: Final = 100 * 1024 * 1024  # every part that is not a sheet is read into memory whole
MAX_RATIO: Final = 300  # of all parts together; real workbooks shrink to a tenth or a twentieth
MAX_SHEETS: Final = 30
_CHUNK: Final = 1 << 20
_DOCTYPE: Final = re.compile(rb"<\0?!\0?D\0?O\0?C\0?T\0?Y\0?P\0?E", re.IGNORECASE)
_BROKEN: Final = "这个 Excel 文件读不出来，可能没有保存完整：请用 Excel 或 WPS 打开，另存为 .xlsx 再上传"
_BOMB: Final = "这个 Excel 文件展开后大得不正常，没有读取：请只留下数据，另存为 .xlsx 再上传"


def rows_of(data: bytes, *, headings: Callable[[tuple[Cell, ...]], int]) -> Iterator[Row]:
    """Yield the rows of the first sheet with headings that are known, else of the first sheet.

    See :func:`clinic.imports.files.read_rows`.
    """
    _inspect(data)
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        yield from _sheet(book, headings)
    except (FileRefused, GeneratorExit):
        raise
    except Exception as exc:  # openpyxl meets a stranger's XML: anything may come of it, and means one thing
        raise FileRefused(_BROKEN) from exc


def _inspect(data: bytes) -> None:
    """Refuse bombs before anything is unpacked into memory."""
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            _check_sizes(archive, len(data))
            for name in archive.namelist():
                if name.endswith((".xml", ".rels")):
                    _refuse_entities(archive, name)
    except FileRefused:
        raise
    except Exception as exc:  # zipfile, zlib and their cousins have many classes for one thing
        raise FileRefused(_BROKEN) from exc


def _check_sizes(archive: ZipFile, packed: int) -> None:
    parts = archive.infolist()
    if any(part.flag_bits & 1 for part in parts):
        raise FileRefused("这个 Excel 文件加了密码：请去掉密码，另存为 .xlsx 再上传")
    unpacked = sum(part.file_size for part in parts)
    # Whatever is not a sheet is read into memory whole.
    whole = max((p.file_size for p in parts if not p.filename.startswith("xl/worksheets/")), default=0)
    suspicious = unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * max(packed, 10_000)
    if suspicious or whole > MAX_SMALL_PART or len(parts) > MAX_PARTS:
        raise FileRefused(_BOMB)


def _refuse_entities(archive: ZipFile, name: str) -> None:
    tail = b""
    with archive.open(name) as part:
        while chunk := part.read(_CHUNK):
            if _DOCTYPE.search(tail + chunk):
                raise FileRefused(_BROKEN)
            tail = chunk[-32:]


def _sheet(book: Workbook, headings: Callable[[tuple[Cell, ...]], int]) -> Iterator[Row]:
    best, chosen = -1, None
    for sheet in islice(book.worksheets, MAX_SHEETS):
        head = islice(_rows(sheet), HEADER_WITHIN)
        known = max((headings(row.cells) for row in head), default=0)
        if known > best:
            best, chosen = known, sheet
    if chosen is None:
        raise FileRefused("这个 Excel 文件里没有工作表")
    yield from _rows(chosen)


def _rows(sheet: Any) -> Iterator[Row]:
    # A sheet's own word about its size may be anything; rows are counted here.
    sheet.reset_dimensions()
    rows = sheet.iter_rows(max_row=MAX_ROWS + 1, max_col=MAX_COLUMNS, values_only=True)
    for number, values in enumerate(rows, 1):
        yield Row(number, tuple(clean(value) for value in values))
