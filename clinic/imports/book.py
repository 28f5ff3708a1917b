"""A file opened for reading: its layout found, its rows drawn in slices. It blocks: use it in a thread."""

from __future__ import annotations

import csv
import io
import warnings
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from openpyxl import Workbook
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter

from clinic.imports.columns import COLUMNS, KIND_TITLES, count_known, find_layout
from clinic.imports.files import read_rows
from clinic.imports.rows import data_rows
from clinic.imports.sheet import HEADER_WITHIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from clinic.imports.columns import ImportKind
    from clinic.imports.sheet import Cell, Row

_FORMULA: Final = tuple("=+-@＝＋－＠\t\r\n")
TEXT_FORMAT: Final = "@"


class OpenFile:
    """The rows of one file.

    Raises:
        FileRefused: it cannot be read, or has no headings that are known.
    """

    def __init__(self, data: bytes, kind: ImportKind) -> None:
        rows = read_rows(data, headings=lambda cells: count_known(kind, cells))
        head = _draw(rows, HEADER_WITHIN)
        self.layout = find_layout(kind, head)
        self._rows: Iterator[Row] = data_rows(chain(head, rows), self.layout)

    def draw(self, count: int) -> list[Row]:
        """Return up to ``count`` further rows that say something; fewer only at the end of the file."""
        return _draw(self._rows, count)

    def skip(self, count: int) -> None:
        """Leave out ``count`` rows: they were read before an interruption."""
        while count > 0 and (some := self.draw(min(count, 5000))):
            count -= len(some)

    def count(self) -> int:
        """Return how many rows are left, and read them all."""
        total = 0
        while some := self.draw(5000):
            total += len(some)
        return total


def _draw(rows: Iterator[Row], count: int) -> list[Row]:
    with warnings.catch_warnings():
        # It remarks on styles and validations that it leaves out; we want values only.
        warnings.filterwarnings("ignore", module="openpyxl")
        return list(islice(rows, count))


def template(kind: ImportKind) -> bytes:
    """Return an Excel file to fill in: our headings, one example, and columns that keep long numbers."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = KIND_TITLES[kind]
    columns = COLUMNS[kind]
    sheet.append([column.title for column in columns])
    sheet.append([column.example for column in columns])
    for index, column in enumerate(columns, 1):
        heading = sheet.cell(row=1, column=index)
        heading.font = Font(bold=True)
        heading.fill = PatternFill("solid", fgColor="C5EBDC" if column.needed else "E3F5EE")
        letter = get_column_letter(index)
        sheet.column_dimensions[letter].width = 16
        for row in range(2, 500):
            sheet.cell(row=row, column=index).number_format = TEXT_FORMAT
    sheet.freeze_panes = "A2"
    notes = book.create_sheet("说明")
    notes.append(["列", "也可以叫", "要不要填"])
    for column in columns:
        need = "必填" if column.needed else "病历号、电话至少填一个" if column.field in _WHO else "可以空着"
        notes.append([column.title, "、".join(column.aliases.split()[:6]), need])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


_WHO: Final = ("clinic_number", "phone", "external_userid")


def faulty_rows(data: bytes, kind: ImportKind, faults: Mapping[int, Sequence[tuple[str, str]]]) -> bytes:
    """Return the rows with these faults as CSV for Excel: as they were, and behind them what to mend.

    Cells that a spreadsheet would take for a formula are written as text.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    opened = OpenFile(data, kind)
    writer.writerow([*map(_safe, opened.layout.titles), "原来的行号", "要改的地方"])
    while some := opened.draw(5000):
        for row in some:
            if row.number in faults:
                mend = "；".join(
                    f"{column}：{what}" if column else what for column, what in faults[row.number]
                )
                padded = [*row.cells, *[None] * (len(opened.layout.titles) - len(row.cells))]
                writer.writerow([*map(_safe, padded), row.number, _safe(mend)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _safe(cell: Cell) -> Cell:
    if cell is None:
        return ""
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return "'" + cell
    return cell
