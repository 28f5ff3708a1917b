"""CSV as clinics have it: UTF-8 or GB18030, with or without a BOM, split by commas, semicolons or tabs."""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import TYPE_CHECKING, Final

from clinic.imports.sheet import HEADER_WITHIN, MAX_COLUMNS, Cell, FileRefused, Row, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEPARATORS: Final = (",", "\t", ";", "，")
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def rows_of(data: bytes, *, headings: Callable[[tuple[Cell, ...]], int]) -> Iterator[Row]:
    """Yield the rows of a CSV file; see :func:`clinic.imports.files.read_rows`."""
    text = decode(data)
    separator = max(SEPARATORS, key=lambda one: _known(text, one, headings))
    rows = _rows(text, separator)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as exc:
            raise FileRefused(
                "文件里有一处引号没有配对，或一格太长：请用 Excel 或 WPS 打开，另存为 .xlsx 再上传"
            ) from exc
        yield row


def decode(data: bytes) -> str:
    """Return the text of a file.

    Raises:
        FileRefused: no text, or in an encoding that Chinese programs do not write.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            candidates: tuple[str, ...] = (encoding,)
            break
    else:
        candidates = ("utf-8", "gb18030")
    for encoding in candidates:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise FileRefused("看不懂文件的编码，或者它不是表格：请用 Excel 或 WPS 打开，另存为 .xlsx 再上传")


def _rows(text: str, separator: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    for number, values in enumerate(reader, 1):
        yield Row(number, tuple(clean(value) for value in values[:MAX_COLUMNS]))


def _known(text: str, separator: str, headings: Callable[[tuple[Cell, ...]], int]) -> int:
    """Return how many headings are known when the text is split so; a broken quote further down may wait."""
    best = 0
    try:
        for row in islice(_rows(text, separator), HEADER_WITHIN):
            best = max(best, headings(row.cells))
    except csv.Error:
        return best
    return best
