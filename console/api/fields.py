"""Field types of requests: as strict as JSON allows, and nothing a database cannot store."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_INSTANT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_UNENCODED_PLUS: Final = re.compile(r"(?<=[0-9]) (?=\d{2}:\d{2}\Z)", re.ASCII)
# Any of these fits every zone's arithmetic; a typing error of four digits rarely does.
YEARS: Final = (2000, 2999)
BORN_FROM: Final = 1880  # people are older than anything that happens here
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def no_control(value: str) -> str:
    """Return a text that a database and a page can hold; raises pydantic's error for one they cannot."""
    if _CONTROL.search(value):
        raise PydanticCustomError("control", "不能含有控制字符（只允许换行和制表符）")
    return value


def _instant(value: Any) -> datetime:
    remedy = "写成带时区的 ISO 8601 时间，如 2025-06-02T12:10:00+08:00"
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise PydanticCustomError("instant", "不是时间，或缺少时区：{remedy}", {"remedy": remedy})
    try:
        at = datetime.fromisoformat(value.upper())
    except ValueError:
        raise PydanticCustomError("instant", "没有这个时间：{remedy}", {"remedy": remedy}) from None
    _check_year(at.year)
    return at.replace(microsecond=0)  # what an approval is bound to counts whole seconds


def _day(value: Any) -> date:
    day = _written_day(value)
    _check_year(day.year)
    return day


def _written_day(value: Any) -> date:
    remedy = "写成 YYYY-MM-DD，如 2025-06-02"
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise PydanticCustomError("day", "不是日期：{remedy}", {"remedy": remedy})
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("day", "没有这一天：{remedy}", {"remedy": remedy}) from None


def _birthday(value: Any) -> date:
    day = _written_day(value)
    if not BORN_FROM <= day.year <= YEARS[1]:
        raise PydanticCustomError("birthday", "生日不对：请核对年份")
    return day


def _moment(value: Any) -> datetime | date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        return _day(value)
    # "+" in a query means a space; nobody means a space here.
    return _instant(_UNENCODED_PLUS.sub("+", value) if isinstance(value, str) else value)


def _check_year(year: int) -> None:
    if not YEARS[0] <= year <= YEARS[1]:
        raise PydanticCustomError(
            "year", "年份要在 {first} 到 {last} 之间", {"first": YEARS[0], "last": YEARS[1]}
        )


def _split(value: Any) -> Any:
    """Let a repeated parameter also be written with commas: ``state=draft,approved``."""
    if not isinstance(value, list):
        return value
    return [part for item in value for part in (item.split(",") if isinstance(item, str) else [item]) if part]


Plain = Annotated[str, AfterValidator(no_control)]
Instant = Annotated[
    datetime, PlainValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
Day = Annotated[date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Birthday = Annotated[date, PlainValidator(_birthday), WithJsonSchema({"type": "string", "format": "date"})]
Moment = Annotated[
    datetime | date,
    PlainValidator(_moment),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
    ),
]
CommaSeparated = BeforeValidator(_split)
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="读到内容时的 digest")]
RowNumber = Annotated[int, Field(ge=1, le=2**63 - 1)]


def optional(schema: dict[str, Any]) -> None:
    """Keep a placeholder default out of the schema: a field that is not sent changes nothing."""
    schema.pop("default", None)
