"""One cell made into a value that cannot be wrong, or a fault that says how to write it.

A fault never quotes the cell: a column may have slipped, and faults are kept.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from openpyxl.utils.datetime import from_excel

from clinic import identity
from clinic.benefits import MOST_USES
from clinic.visits import VisitStatus

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from clinic.imports.sheet import Cell

YEARS: Final = (1900, 2100)
SERIALS: Final = (10_000, 80_000)  # days since 1900: a date that lost its format, 1927 to 2119
MAX_FEN: Final = 2_000_000_000
NUMBER_CHARS: Final = 64
_DATE: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", re.ASCII)
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_NO_DATE: Final = "不是日期：写成 2026-11-20 或 2026-11-20 09:30"
_WEEKDAY: Final = re.compile(r"[(]?(?:周|星期)[一二三四五六日天][)]?")
_CLOCK: Final = re.compile(
    r"(上午|下午|晚上)?\s*(\d{1,2})[:：点时](\d{1,2})?(?:[:：分](\d{1,2})?)?(?:\.\d+)?秒?", re.ASCII
)
_SCIENTIFIC: Final = re.compile(r"\d(\.\d+)?[eE]\+\d+", re.ASCII)
_MONEY: Final = re.compile(r"[¥￥元圆,，\s]|RMB|CNY", re.IGNORECASE)
_STATUSES: Final = {
    VisitStatus.BOOKED: "booked 预约 已预约 待就诊 待到店 已确认 预约成功 新预约 未到诊",
    VisitStatus.ARRIVED: "arrived 到店 已到店 已到诊 到诊 已签到 签到 就诊中 已接诊 治疗中 候诊",
    VisitStatus.DONE: "done 完成 已完成 已就诊 就诊完成 已结束 已离店 已离开 已收费 已结算 已治疗 已诊",
    VisitStatus.CANCELLED: "cancelled 取消 已取消 作废 已作废 退号 已退号 已改约",
    VisitStatus.NO_SHOW: "no_show 未到店 未到 爽约 失约 未赴约 过期未到 已失约 已爽约",
}
_STATUS_OF: Final = {word: status for status, words in _STATUSES.items() for word in words.split()}


class CellFault(ValueError):
    """A cell is not what its column needs; the message says how to write it."""


def text(cell: Cell, *, most: int) -> str:
    """Return a cell as text; a number as Excel shows it, without a tail of zeros.

    Raises:
        CellFault: longer than ``most`` characters.
    """
    if cell is None:
        return ""
    if isinstance(cell, float):
        cell = str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    elif isinstance(cell, datetime):
        cell = cell.isoformat(sep=" ", timespec="minutes")
    # Excel's sign for “this is text”, also put there by our own lists of faults.
    written = str(cell).removeprefix("'").strip()
    if len(written) > most:
        raise CellFault(f"太长，最多 {most} 个字")
    return written


def line(cell: Cell, *, most: int) -> str:
    """Return a cell as one line of text."""
    return " ".join(text(cell, most=most).split())


def number(cell: Cell) -> str:
    """Return an id: of a visit, of a patient."""
    written = line(cell, most=NUMBER_CHARS)
    if _SCIENTIFIC.fullmatch(written):
        raise CellFault("编号变成了科学计数法，后面几位已经丢了：把这一列设成“文本”，重新导出")
    return written


def phone(cell: Cell) -> str:
    """Return a canonical phone, empty for none."""
    written = text(cell, most=60)
    if not written:
        return ""
    if _SCIENTIFIC.fullmatch(written):
        raise CellFault("电话变成了科学计数法，后面几位已经丢了：把这一列设成“文本”，重新导出")
    try:
        return identity.canonical_phone(written)
    except identity.NotAPhone as exc:
        raise CellFault(str(exc)) from exc


def status(cell: Cell) -> VisitStatus | None:
    """Return a visit's status, None for an empty cell."""
    written = "".join(line(cell, most=40).casefold().split())
    if not written:
        return None
    if written not in _STATUS_OF:
        raise CellFault("不认识的状态：写 已预约、已到店、已完成、已取消 或 未到店")
    return _STATUS_OF[written]


def count(cell: Cell) -> int | None:
    """Return how many, None for an empty cell."""
    written = unicodedata.normalize("NFKC", text(cell, most=40)).removesuffix("次").strip()
    if written in ("", "-"):
        return None
    if not re.fullmatch(r"\d{1,6}", written, re.ASCII) or int(written) > MOST_USES:
        raise CellFault(f"不是次数：写成 0 到 {MOST_USES} 的整数")
    return int(written)


def fen(cell: Cell) -> int | None:
    """Return an amount in yuan as fen, None for an empty cell."""
    written = unicodedata.normalize("NFKC", text(cell, most=40))
    written = _MONEY.sub("", written)
    if written in ("", "-"):
        return None
    try:
        yuan = Decimal(written)
        # What Excel adds up has tails like 128.00000000000001.
        amount = yuan.quantize(Decimal("0.01")) if isinstance(cell, float) else yuan
        cents = amount * 100
    except InvalidOperation as exc:
        raise CellFault("不是金额：写成元，如 128 或 128.50") from exc
    if not cents.is_finite() or cents != cents.to_integral_value():
        raise CellFault("金额最多两位小数")
    if not 0 <= cents <= MAX_FEN:
        raise CellFault("金额要在 0 到 20000000 元之间；退费请不要写成负数，写在备注里")
    return int(cents)


def day(cell: Cell) -> date | None:
    """Return a date, None for an empty cell."""
    found = _moment(cell)
    return found.date() if isinstance(found, datetime) else found


def instant(day_cell: Cell, clock_cell: Cell, zone: ZoneInfo) -> datetime | None:
    """Return the instant that a date and a time name on the clinic's clock; both may stand in one cell.

    Without a time it is the beginning of the day.
    """
    found = _moment(day_cell)
    if found is None and clock_cell is not None:
        found, clock_cell = _moment(clock_cell), None
    if found is None:
        return None
    at = _clock(clock_cell)
    if isinstance(found, datetime):
        whole = found if at is None else datetime.combine(found.date(), at)
    else:
        whole = datetime.combine(found, at or time())
    return whole.replace(microsecond=0, tzinfo=zone)


def _moment(cell: Cell) -> datetime | date | None:
    found = _read_moment(cell)
    if found is not None and not YEARS[0] <= found.year <= YEARS[1]:
        raise CellFault(f"年份要在 {YEARS[0]} 到 {YEARS[1]} 之间")
    return found


def _read_moment(cell: Cell) -> datetime | date | None:
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None)
    if isinstance(cell, date):
        return cell
    if isinstance(cell, int | float) and SERIALS[0] <= cell <= SERIALS[1]:
        serial = from_excel(cell)
        if isinstance(serial, datetime):
            return serial
    written = unicodedata.normalize("NFKC", text(cell, most=60)).replace("T", " ")
    return _written_moment(written) if written else None


def _written_moment(written: str) -> datetime | date:
    match = _DATE.match(written) or _COMPACT.match(written)
    if match is None:
        raise CellFault(_NO_DATE)
    rest = _WEEKDAY.sub("", written[match.end() :]).strip()
    try:
        found = date(*(int(part) for part in match.groups()))
    except ValueError as exc:
        raise CellFault("没有这一天，请核对") from exc
    if not rest:
        return found
    return datetime.combine(found, _clock(rest) or time())


def _clock(cell: Cell) -> time | None:
    if cell is None or cell == "":
        return None
    if isinstance(cell, datetime):
        return cell.time().replace(tzinfo=None)
    if isinstance(cell, time):
        return cell.replace(tzinfo=None)
    if isinstance(cell, timedelta):
        cell = cell.total_seconds() / 86_400
    if isinstance(cell, int | float) and 0 <= cell < 1:  # a time that lost its format
        seconds = round(cell * 86_400)
        return time(seconds // 3600 % 24, seconds // 60 % 60)
    written = unicodedata.normalize("NFKC", text(cell, most=60))
    # Of a booked span (09:30-10:00) the beginning counts.
    match = _CLOCK.match(written)
    if match is None:
        raise CellFault("不是时间：写成 09:30")
    half, hour, minute, _ = match.groups()
    hours = int(hour) + (12 if half in ("下午", "晚上") and int(hour) < 12 else 0)
    try:
        return time(hours, int(minute or 0))
    except ValueError as exc:
        raise CellFault("没有这个时间，请核对") from exc
