"""Cells as clinics write them, each made into one value or into a remedy."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.imports import cells
from clinic.imports.cells import CellFault
from clinic.visits import VisitStatus

ZONE = ZoneInfo("Asia/Shanghai")
HALF_TEN = datetime(2026, 11, 20, 9, 30, tzinfo=ZONE)
MIDNIGHT = datetime(2026, 11, 20, tzinfo=ZONE)

ANY = (
    st.none() | st.text(max_size=40) | st.integers() | st.floats() | st.datetimes() | st.dates() | st.times()
    | st.timedeltas()
)  # fmt: skip


@pytest.mark.parametrize(
    ("day", "clock", "at"),
    [
        pytest.param("2026-11-20 09:30", None, HALF_TEN, id="one cell"),
        pytest.param("2026/11/20 9:30:15", None, HALF_TEN.replace(second=0), id="slashes and seconds"),
        pytest.param("2026年11月20日 上午9点30分", None, HALF_TEN, id="Chinese"),
        pytest.param("2026.11.20", "09:30", HALF_TEN, id="dots, and a time of its own"),
        pytest.param("20261120", "9:30-10:00", HALF_TEN, id="compact, and a span"),
        pytest.param(20261120, None, MIDNIGHT, id="compact, as a number"),
        pytest.param("2026-11-20（周五）", None, MIDNIGHT, id="a weekday behind it"),
        pytest.param("2026-11-20T09:30:00", None, HALF_TEN, id="ISO"),
        pytest.param("２０２６－１１－２０", None, MIDNIGHT, id="full width"),
        pytest.param(HALF_TEN.replace(tzinfo=None), None, HALF_TEN, id="an Excel date"),
        pytest.param(
            MIDNIGHT.replace(tzinfo=None), time(9, 30), HALF_TEN, id="an Excel date and an Excel time"
        ),
        pytest.param(date(2026, 11, 20), timedelta(hours=9, minutes=30), HALF_TEN, id="a duration"),
        pytest.param(46346, 0.3958333333, HALF_TEN, id="serial numbers that lost their format"),
        pytest.param(None, "2026-11-20 09:30", HALF_TEN, id="all in the second cell"),
        pytest.param("2026-11-20", "下午2:05", MIDNIGHT.replace(hour=14, minute=5), id="the afternoon"),
        pytest.param("", None, None, id="nothing"),
    ],
)
def test_a_visits_hour_is_read_however_it_is_written(day, clock, at):
    assert cells.instant(day, clock, ZONE) == at


@pytest.mark.parametrize(
    "written", ["明天", "2026-13-01", "2026-02-30", "2026-11-20 25:00", "11-20", "2026-11-20 早上", "0001-01-01", 7]
)  # fmt: skip
def test_what_is_no_date_is_told_with_a_remedy(written):
    with pytest.raises(CellFault):
        cells.instant(written, None, ZONE)


@pytest.mark.parametrize(
    ("written", "fen"),
    [
        pytest.param("128", 12800, id="whole"),
        pytest.param("¥1,280.50", 128050, id="sign and thousands"),
        pytest.param("128元", 12800, id="unit"),
        pytest.param(128.00000000000001, 12800, id="what Excel adds up"),
        pytest.param(0, 0, id="zero"),
        pytest.param("-", None, id="a dash"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_money_becomes_fen(written, fen):
    assert cells.fen(written) == fen


@pytest.mark.parametrize("written", ["一百", "1.234", "-5", "1e9", "NaN", "Infinity", "=1+1", "99999999999"])
def test_what_is_no_money_is_told(written):
    with pytest.raises(CellFault):
        cells.fen(written)


@pytest.mark.parametrize(
    ("written", "status"),
    [("已完成", VisitStatus.DONE), (" 已 预约 ", VisitStatus.BOOKED), ("爽约", VisitStatus.NO_SHOW), ("退号", VisitStatus.CANCELLED), ("Arrived", VisitStatus.ARRIVED), ("", None)],
)  # fmt: skip
def test_a_status_is_read_by_what_clinics_call_it(written, status):
    assert cells.status(written) == status


def test_a_phone_that_excel_made_a_number_is_a_phone_again():
    assert (
        cells.phone(13800138000)
        == cells.phone(13800138000.0)
        == cells.phone("138-0013-8000")
        == "13800138000"
    )


@pytest.mark.parametrize("read", [cells.phone, cells.number])
def test_a_number_that_excel_has_spoilt_is_told_as_such(read):
    with pytest.raises(CellFault, match="科学计数法"):
        read("1.38E+10")


READERS = (cells.phone, cells.number, cells.status, cells.fen, cells.day, lambda c: cells.instant(c, c, ZONE))


def said_of(read: Any, cell: Any) -> str:
    """Return the fault that a cell gives, empty for a value."""
    try:
        read(cell)
    except CellFault as fault:
        return str(fault) or "a fault without a word"
    return ""


@given(cell=ANY)
def test_any_cell_is_a_value_or_a_fault_in_words(cell):
    assert "a fault without a word" not in [said_of(read, cell) for read in READERS]


@given(cell=st.text(min_size=4, max_size=30))
def test_a_fault_never_quotes_the_cell(cell):
    assert not any(cell in said_of(read, cell) for read in READERS)
