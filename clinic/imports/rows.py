"""One row of a file as a fact about somebody, or as faults: row, column, remedy. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from clinic import surveys, visits
from clinic.benefits import BenefitFact
from clinic.identity import fold
from clinic.imports import cells
from clinic.imports.cells import CellFault
from clinic.surveys import SheetFact
from clinic.visits import VisitFact, VisitStatus
from clinic.whose import PersonRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from clinic.imports.columns import ImportKind, Layout
    from clinic.imports.sheet import Cell, Row

T = TypeVar("T")
TOTALS: Final = frozenset({"合计", "总计", "小计", "本页合计", "共计"})
SURVEY_CHARS: Final = 64
_MERGED: Final = "没写是谁：至少要有病历号或电话；格子合并过的话，请取消合并，每行都写上"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a row. ``column`` is the file's own heading, empty for the row as a whole."""

    row: int
    column: str
    message: str

    def document(self) -> dict[str, Any]:
        return {"row": self.row, "column": self.column, "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A row that says something: about whom, and what; a row of a list of patients says only whom."""

    row: int
    person: PersonRef
    visit: VisitFact | None = None
    sheet: SheetFact | None = None
    benefit: BenefitFact | None = None


class Numbers(Protocol):
    """Names a visit that its source gave no number: the same visit always the same way."""

    def __call__(self, words: str, /) -> str:
        """Return at most 64 characters that tell nothing of ``words``."""


def data_rows(rows: Iterable[Row], layout: Layout) -> Iterator[Row]:
    """Yield the rows below the headings that say something; sums at the end do not."""
    for row in rows:
        if row.number <= layout.row or row.is_empty:
            continue
        first = next((cell for cell in row.cells if cell not in (None, "")), None)
        if isinstance(first, str) and fold(first) in TOTALS:
            continue
        yield row


@dataclass(slots=True, kw_only=True)
class RowReader:
    """Reads the rows of one file.

    Args:
        heard_at: when we were told what the file says, where it does not say itself when it changed.
        numbers: see :class:`Numbers`.
    """

    kind: ImportKind
    layout: Layout
    zone: ZoneInfo
    heard_at: datetime
    numbers: Numbers

    def read(self, row: Row) -> Told | tuple[Fault, ...]:
        """Return what a row says, or everything that is wrong with it."""
        grip = _Grip(row, self.layout)
        person = PersonRef(
            external_userid=grip.take("external_userid", cells.number, ""),
            clinic_number=grip.take("clinic_number", cells.number, ""),
            phone=grip.take("phone", cells.phone, ""),
            name=grip.take("name", lambda cell: cells.line(cell, most=64), ""),
            born_on=grip.take("born_on", cells.day, None),
        )
        if not grip.faults and not person.names_somebody:
            grip.fault("clinic_number" if "clinic_number" in self.layout.places else "phone", _MERGED)
        told = Told(row=row.number, person=person)
        if self.kind == "visits":
            told = self._visit(grip, told)
        elif self.kind == "answers":
            told = self._sheet(grip, told)
        elif self.kind == "benefits":
            told = self._benefit(grip, told)
        return tuple(grip.faults) or told

    def read_all(self, rows: Iterable[Row]) -> list[Told | tuple[Fault, ...]]:
        """Return what each of these rows says; it takes a while."""
        return [self.read(row) for row in rows]

    def _visit(self, grip: _Grip, told: Told) -> Told:
        at = grip.instant("date", "clock", self.zone)
        changed_at = grip.instant("changed_at", "", self.zone)
        code = grip.take("treatment", lambda cell: cells.line(cell, most=64), "")
        status = grip.take("status", cells.status, None)
        number = grip.take("number", cells.number, "")
        doctor = grip.take("doctor", lambda cell: cells.line(cell, most=64), "")
        amount = grip.take("amount", cells.fen, None)
        note = grip.take("note", lambda cell: cells.text(cell, most=2000), "")
        if at is None:
            grip.fault("date", "没写日期：写成 2026-11-20 或 2026-11-20 09:30")
            return told
        if status is None:
            status = VisitStatus.DONE if at <= self.heard_at else VisitStatus.BOOKED
        if status.took_place and at > self.heard_at + visits.AHEAD:
            grip.fault("date", "日期还没有到，却已经到店或完成：请核对日期或状态")
        who = told.person.clinic_number or told.person.phone or told.person.external_userid
        visit = VisitFact(
            number=number or self.numbers(f"{who}\0{at.isoformat()}\0{fold(code)}"),
            status=status,
            at=at,
            changed_at=changed_at or self.heard_at,
            told=changed_at is not None,
            code=code,
            doctor=doctor,
            amount_fen=amount,
            note=note,
        )
        return Told(row=told.row, person=told.person, visit=visit)

    def _sheet(self, grip: _Grip, told: Told) -> Told:
        survey = grip.take("survey", lambda cell: cells.line(cell, most=SURVEY_CHARS), "")
        number = grip.take("number", cells.number, "")
        at = grip.instant("date", "", self.zone)
        answers: dict[str, surveys.Answer] = {}
        for place, question in list(self.layout.unread.items())[: surveys.QUESTIONS]:
            said = grip.answer(place)
            if said:
                answers[question[: surveys.QUESTION_CHARS]] = said
        for field, value in (("survey", survey), ("number", number), ("date", at)):
            if not value:
                grip.fault(field, "这一格不能空着")
        if not answers:
            grip.fault("", "这一行没有任何回答")
        if at is None:
            return told
        sheet = SheetFact(survey=survey, number=number, at=at, answers=answers)
        return Told(row=told.row, person=told.person, sheet=sheet)

    def _benefit(self, grip: _Grip, told: Told) -> Told:
        number = grip.take("number", cells.number, "")
        title = grip.take("title", lambda cell: cells.line(cell, most=100), "")
        total = grip.take("total", cells.count, None)
        used = grip.take("used", cells.count, None)
        left = grip.take("left", cells.count, None)
        issued_on = grip.take("issued_on", cells.day, None)
        used_on = grip.take("used_on", cells.day, None)
        expires_on = grip.take("expires_on", cells.day, None)
        kind = grip.take("kind", lambda cell: cells.line(cell, most=64), "")
        changed_at = grip.instant("changed_at", "", self.zone)
        for field, value in (("number", number), ("title", title), ("issued_on", issued_on)):
            if not value:
                grip.fault(field, "这一格不能空着")
        if total is None and left is not None:
            total = left + (used or 0)
        if used is None and left is not None and total is not None:
            used = total - left
            if used < 0:
                grip.fault("left", "剩下的比总次数还多：请核对")
        if issued_on is None or grip.faults:
            return told
        benefit = BenefitFact(
            number=number,
            title=title,
            total=total or 0,
            used=used or 0,
            issued_on=issued_on,
            used_on=used_on,
            expires_on=expires_on,
            kind=kind,
            changed_at=changed_at or self.heard_at,
            told=changed_at is not None,
        )
        for field, why in benefit.faults(today=self.heard_at.astimezone(self.zone).date()):
            grip.fault(field, why)
        return Told(row=told.row, person=told.person, benefit=benefit)


class _Grip:
    """Takes the cells of one row, and notes what is wrong with each."""

    def __init__(self, row: Row, layout: Layout) -> None:
        self._row = row
        self._layout = layout
        self.faults: list[Fault] = []

    def fault(self, field: str, message: str) -> None:
        column = self._layout.title_of(field)
        if not any(fault.column == column for fault in self.faults):
            self.faults.append(Fault(row=self._row.number, column=column, message=message))

    def take(self, field: str, read: Callable[[Cell], T], otherwise: T) -> T:
        if field not in self._layout.places:
            return otherwise
        try:
            return read(self._cell(field))
        except CellFault as exc:
            self.fault(field, str(exc))
            return otherwise

    def instant(self, day: str, clock: str, zone: ZoneInfo) -> datetime | None:
        try:
            return cells.instant(self._cell(day), self._cell(clock), zone)
        except CellFault as exc:
            self.fault(day, str(exc))
            return None

    def answer(self, place: int) -> str:
        cell = self._row.cells[place] if place < len(self._row.cells) else None
        try:
            return cells.text(cell, most=surveys.ANSWER_CHARS)
        except CellFault as exc:
            self.faults.append(
                Fault(row=self._row.number, column=self._layout.titles[place], message=str(exc))
            )
            return ""

    def _cell(self, field: str) -> Cell:
        place = self._layout.places.get(field)
        if place is None or place >= len(self._row.cells):
            return None
        return self._row.cells[place]
