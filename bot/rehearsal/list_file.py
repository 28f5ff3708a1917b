"""Patients of a rehearsal from a file, instead of made-up ones."""

from __future__ import annotations

import csv
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from content.treatment_specs import Catalogue
from sop.rehearsal.model import Attendance, Person

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from content.pack import Pack

COLUMNS: Final = ("member", "channel", "added_at", "born_on", "treatment", "visited_at")
HELP: Final = "第一行写列名：member,channel,added_at,born_on,treatment,visited_at；一位患者一行，没有的留空"


class ListRefused(ValueError):
    """The list cannot be used; the message names row, column and remedy."""


def read_list(file: Path, pack: Pack) -> tuple[Person, ...]:
    """Read a CSV in UTF-8: who follows each patient, since when, her channel, birthday and last treatment.

    Raises:
        ListRefused: with the first thing that is wrong.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise ListRefused(f"读不到 {file}：要是 UTF-8 的 CSV 文件。{HELP}") from None
    rows = csv.DictReader(text.splitlines())
    strange = set(rows.fieldnames or ()) - set(COLUMNS)
    if not rows.fieldnames or strange or "member" not in rows.fieldnames:
        raise ListRefused(f"{file} 的列名不对（{'、'.join(sorted(strange)) or '缺少 member'}）。{HELP}")
    catalogue = Catalogue(pack.treatments)
    people = tuple(_person(number, row, catalogue, pack) for number, row in enumerate(rows, 2))
    if not people:
        raise ListRefused(f"{file} 里没有患者。{HELP}")
    return people


def _person(number: int, row: Mapping[str, str | None], catalogue: Catalogue, pack: Pack) -> Person:
    def cell(name: str) -> str:
        return (row.get(name) or "").strip()

    if not cell("member"):
        raise ListRefused(f"第 {number} 行没有写 member：写接待她的成员的 userid")
    added = _instant(number, "added_at", cell("added_at"), pack.timezone)
    if added is None:
        raise ListRefused(f"第 {number} 行没有写 added_at：写加上企业微信的日期，如 2026-03-01")
    visited = _instant(number, "visited_at", cell("visited_at"), pack.timezone)
    code = cell("treatment")
    treatment = catalogue.find(code)
    if code and treatment is None:
        raise ListRefused(f"第 {number} 行 treatment：目录里没有“{code}”，写 treatments.yaml 里的 key 或叫法")
    if bool(code) != (visited is not None):
        raise ListRefused(f"第 {number} 行：treatment 和 visited_at 要一起写，或都不写")
    return Person(
        number=number,
        userid=cell("member"),
        channel=cell("channel"),
        added_at=added,
        born_on=_day(number, cell("born_on")),
        gender=0,
        visits=(Attendance(at=visited, treatment=treatment.key),) if visited and treatment else (),
    )


def _instant(number: int, column: str, text: str, zone: ZoneInfo) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ListRefused(
            f"第 {number} 行 {column}：看不懂“{text}”，写成 2026-03-01 或 2026-03-01T10:30"
        ) from None
    return at if at.utcoffset() is not None else at.replace(tzinfo=zone)


def _day(number: int, text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ListRefused(f"第 {number} 行 born_on：看不懂“{text}”，写成 1990-05-06") from None
