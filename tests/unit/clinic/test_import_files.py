"""Files as clinics have them, and files that nobody should have to read."""

from __future__ import annotations

import io
import tracemalloc
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from clinic.imports import files
from clinic.imports.book import OpenFile, faulty_rows, template
from clinic.imports.columns import KINDS
from clinic.imports.rows import RowReader, Told
from clinic.imports.sheet import FileRefused
from clinic.visits import VisitStatus

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
HEAD = "就诊号,病历号,姓名,电话,就诊日期,治疗项目,状态,金额（元）"
HALF_TEN = datetime(2026, 11, 20, 9, 30)  # noqa: DTZ001 - Excel knows no zones
LINE = "J1,B001,王小雨,13800138000,2026-11-20 09:30,洗牙,已完成,128.5"
TEXT = f"{HEAD}\r\n{LINE}\r\n"


def workbook(*rows: list[Any], merge: str = "") -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    if merge:
        book.active.merge_cells(merge)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read(data: bytes, kind: Any = "visits") -> list[Any]:
    opened = OpenFile(data, kind)
    reader = RowReader(
        kind=kind,
        layout=opened.layout,
        zone=ZoneInfo("Asia/Shanghai"),
        heard_at=NOW,
        numbers=lambda words: f"auto:{len(words)}",
    )
    return reader.read_all(opened.draw(10_000))


def repacked(data: bytes, parts: dict[str, bytes]) -> bytes:
    """Return a workbook with some of its parts replaced, or added."""
    out = io.BytesIO()
    with ZipFile(io.BytesIO(data)) as old, ZipFile(out, "w", ZIP_DEFLATED) as new:
        for name in dict.fromkeys([*old.namelist(), *parts]):
            new.writestr(name, parts[name] if name in parts else old.read(name))
    return out.getvalue()


# ── what clinics have ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(TEXT.encode(), id="UTF-8"),
        pytest.param(TEXT.encode("utf-8-sig"), id="UTF-8 with a BOM"),
        pytest.param(TEXT.encode("gb18030"), id="GB18030"),
        pytest.param(TEXT.encode("utf-16"), id="UTF-16"),
        pytest.param(TEXT.replace(",", ";").encode(), id="semicolons"),
        pytest.param(TEXT.replace(",", "\t").encode(), id="tabs"),
        pytest.param(TEXT.replace("\r\n", "\r").encode(), id="old line ends"),
        pytest.param(TEXT.replace("王小雨", '"王小雨"').encode(), id="quotes"),
        pytest.param(f"2026 年 11 月就诊明细\n\n{TEXT}\n\n合计,,,,,,,128.5\n".encode(), id="a title and a sum"),
        pytest.param(TEXT.replace("就诊号", " *就 诊 号 ").replace("（元）", "(元)").encode(), id="signs in headings"),
        pytest.param(workbook(HEAD.split(","), LINE.split(",")), id="Excel"),
        pytest.param(
            workbook(["就诊明细"], HEAD.split(","), ["J1", "B001", "王小雨", 13800138000, HALF_TEN, "洗牙", "已完成", 128.5], merge="A1:H1"),
            id="Excel with a merged title, a date and numbers",
        ),
    ],
)  # fmt: skip
def test_a_file_is_read_whatever_program_wrote_it(data):
    [told] = read(data)

    assert isinstance(told, Told), told
    assert (told.person.clinic_number, told.person.phone, told.person.name) == (
        "B001",
        "13800138000",
        "王小雨",
    )
    assert (told.visit.number, told.visit.status, told.visit.amount_fen) == ("J1", VisitStatus.DONE, 12850)
    assert told.visit.at.isoformat() == "2026-11-20T09:30:00+08:00"


def test_the_sheet_with_known_headings_is_read_though_it_is_not_the_first():
    book = Workbook()
    book.active.append(["目录"])
    sheet = book.create_sheet("明细")
    sheet.append(HEAD.split(","))
    sheet.append(LINE.split(","))
    out = io.BytesIO()
    book.save(out)

    assert len(read(out.getvalue())) == 1


def test_every_fault_of_a_row_is_told_with_its_column_and_remedy():
    [faults] = read(f"{HEAD}\nJ1,,王小雨,12345,某天,洗牙,好了,很多\n".encode())

    assert {fault.column for fault in faults} == {"电话", "就诊日期", "状态", "金额（元）"}
    assert {fault.row for fault in faults} == {2}


def test_a_row_of_a_merged_block_says_that_the_cells_must_be_unmerged():
    data = workbook(HEAD.split(","), LINE.split(","), ["J2", None, None, None, "2026-11-21", "补牙", "已完成", 200], merge="B2:B3")  # fmt: skip

    _, [fault] = read(data)

    assert "取消合并" in fault.message


def test_a_row_without_status_is_done_when_past_and_booked_when_ahead():
    past, ahead = read("病历号,日期\nB001,2026-11-20\nB001,2026-12-24\n".encode())

    assert (past.visit.status, ahead.visit.status) == (VisitStatus.DONE, VisitStatus.BOOKED)
    assert past.visit.number.startswith("auto:")


def test_a_visit_that_is_done_before_it_was_is_a_fault():
    [[fault]] = read("病历号,日期,状态\nB001,2026-12-24,已完成\n".encode())

    assert "还没有到" in fault.message


def test_a_date_beside_a_time_is_one_hour():
    [told] = read("病历号,就诊日期,就诊时间\nB001,2026-11-20,09:30\n".encode())

    assert told.visit.at.isoformat() == "2026-11-20T09:30:00+08:00"


def test_answers_are_the_columns_that_have_no_other_meaning():
    [told] = read(
        "问卷,答卷编号,电话,提交时间,满意度,还想了解\nafter-visit,S1,13800138000,2026-11-20,满意,\n".encode(),
        "answers",
    )

    assert told.sheet.answers == {"满意度": "满意"}


@pytest.mark.parametrize("kind", KINDS)
def test_our_own_template_is_read_without_a_fault(kind):
    data = template(kind)
    if kind == "answers":
        book = load_workbook(io.BytesIO(data))
        book.active.cell(row=1, column=20, value="满意度")
        book.active.cell(row=2, column=20, value="满意")
        out = io.BytesIO()
        book.save(out)
        data = out.getvalue()

    [told] = read(data, kind)

    assert isinstance(told, Told), told


# ── what nobody should have to read ──────────────────────────────────────────────────────────────────

GOOD = workbook(HEAD.split(","), LINE.split(","))
BILLION = b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><sst>&b;</sst>'


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"", "空的", id="nothing"),
        pytest.param(b" \n\n", "空的", id="blanks"),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "xls", id="an old workbook"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "编码", id="a picture"),
        pytest.param(b"\xff\xff\xff\x00\x81", "编码", id="no encoding at all"),
        pytest.param("王小雨,13800138000\n".encode(), "表头", id="no headings"),
        pytest.param(TEXT.encode("shift_jis", "replace"), "表头", id="another country's encoding"),
        pytest.param(f"{HEAD},实收\n".encode(), "只留一列", id="two columns of one meaning"),
        pytest.param("姓名,电话,状态\n".encode(), "就诊日期", id="no date"),
        pytest.param("姓名,就诊日期\n".encode(), "认不出是谁", id="nobody to be found"),
        pytest.param(f'{HEAD}\n"J1,B001\n'.encode() * 3, "引号", id="an open quote"),
        pytest.param(b"PK\x03\x04 broken", "读不出来", id="a broken zip"),
        pytest.param(GOOD[: len(GOOD) // 2], "读不出来", id="half a workbook"),
        pytest.param(repacked(GOOD, {"xl/workbook.xml": b"<not xml"}), "读不出来", id="broken XML"),
        pytest.param(repacked(GOOD, {"xl/styles.xml": BILLION}), "读不出来", id="a billion laughs"),
        pytest.param(repacked(GOOD, {"xl/styles.xml": BILLION.decode().encode("utf-16")}), "读不出来", id="laughs in UTF-16"),
        pytest.param(repacked(GOOD, {"xl/worksheets/sheet9.xml": b" " * 90_000_000}), "大得不正常", id="a zip bomb"),
        pytest.param(repacked(GOOD, {f"x/{i}": b"" for i in range(2100)}), "大得不正常", id="thousands of parts"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_with_a_remedy(data, says):
    with pytest.raises(FileRefused, match=says):
        read(data)


def test_a_file_that_is_too_large_is_refused_before_it_is_read():
    with pytest.raises(FileRefused, match="20 MB"):
        read(b"x" * (files.MAX_BYTES + 1))


def test_too_many_rows_are_refused(monkeypatch):
    monkeypatch.setattr(files, "MAX_ROWS", 10)

    with pytest.raises(FileRefused, match="超过 10 行"):
        read((f"{HEAD}\n" + f"{LINE}\n" * 12).encode())


def test_a_sheet_that_claims_to_be_huge_is_read_as_far_as_it_goes():
    sheet = ZipFile(io.BytesIO(GOOD)).read("xl/worksheets/sheet1.xml").decode()
    claims = sheet.replace('ref="A1:H2"', 'ref="A1:XFD1048576"').replace('<row r="2"', '<row r="190000"')
    assert claims.count("XFD1048576") == claims.count('"190000"') == 1

    tracemalloc.start()
    [told] = read(
        repacked(GOOD, {"xl/worksheets/sheet1.xml": claims.replace('r="A2"', 'r="A190000"').encode()})
    )
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert isinstance(told, Told)
    assert most < 50_000_000


def test_a_formula_is_never_run_what_was_saved_with_it_counts():
    data = workbook(HEAD.split(","), [*LINE.split(",")[:-1], "=100+28"])

    [told] = read(data)  # nothing was saved with it: openpyxl does not calculate, nor do we

    assert told.visit.amount_fen is None


def test_rows_with_faults_come_back_as_they_were_and_no_spreadsheet_takes_them_for_a_formula():
    data = f'{HEAD},备注\nJ1,B001,=cmd|\'/c calc\'!A1,abc,2026-11-20,@洗牙,-1+1,+5,"=HYPERLINK(""x"")"\n{LINE},\n'.encode()

    written = faulty_rows(data, "visits", {2: [("电话", "不是电话号码")]}).decode("utf-8-sig")

    head, row, *rest = written.splitlines()
    assert rest == []
    assert head.endswith("备注,原来的行号,要改的地方")
    assert "'=cmd|" in row
    assert "'=HYPERLINK" in row
    assert all(f",{sign}" not in row for sign in "=+-@")
    assert row.endswith("2,电话：不是电话号码")


def test_a_list_of_faults_can_be_mended_and_read_again():
    data = f"{HEAD}\nJ1,B001,-王,abc,2026-11-20,洗牙,已完成,1\n".encode()
    mended = faulty_rows(data, "visits", {2: [("电话", "x")]}).replace(b"abc", b"13800138000")

    [told] = read(mended)

    assert (told.person.name, told.person.phone) == ("-王", "13800138000")


@settings(deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data):
    with suppress(FileRefused):
        assert all(one for one in read(data))


@settings(deadline=None, max_examples=30)
@given(
    rows=st.lists(st.lists(st.text(max_size=12) | st.none() | st.integers(), max_size=9), max_size=5),
    separator=st.sampled_from(",;\t"),
)
def test_any_rows_below_the_headings_are_told_or_are_faults(rows, separator):
    lines = [separator.join(str(cell or "").replace('"', "") for cell in row) for row in rows]

    try:
        found = read("\n".join([HEAD.replace(",", separator), *lines]).encode())
    except FileRefused:
        return
    assert all(isinstance(one, Told) or (one and all(fault.message for fault in one)) for one in found)
