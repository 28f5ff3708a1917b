"""Filled-in surveys: what patients answered, each sheet once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic.care_tables import SurveyAnswer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.tables import Patient

AT_ONCE: Final = 400
QUESTIONS: Final = 100
QUESTION_CHARS: Final = 100
ANSWER_CHARS: Final = 1000

Answer = str | int | bool | list[str]
Key = tuple[str, str]  # survey and number


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetFact:
    """A filled-in sheet of a survey.

    Args:
        survey: the survey's key, at most 64 characters; ``number``: its source's id of the sheet, too.
        at: when it was handed in; of two with one number the later stands.
        answers: by question; several ticks are a list.
    """

    survey: str
    number: str
    at: datetime
    answers: Mapping[str, Answer]

    @property
    def key(self) -> Key:
        return self.survey, self.number


async def load(session: AsyncSession, keys: Iterable[Key]) -> dict[Key, SurveyAnswer]:
    """Return the sheets recorded under these keys."""
    by_survey: dict[str, list[str]] = {}
    for survey, number in dict.fromkeys(keys):
        by_survey.setdefault(survey, []).append(number)
    found: dict[Key, SurveyAnswer] = {}
    for survey, numbers in by_survey.items():
        for i in range(0, len(numbers), AT_ONCE):
            some = numbers[i : i + AT_ONCE]
            query = select(SurveyAnswer).where(SurveyAnswer.survey == survey, SurveyAnswer.number.in_(some))
            found |= {(sheet.survey, sheet.number): sheet for sheet in await session.scalars(query)}
    return found


def decide(sheet: SurveyAnswer | None, patient_id: int | None, fact: SheetFact) -> str:
    """Return what a fact does to a sheet as it is recorded: added, changed, same or older."""
    if sheet is None:
        return "added"
    stands, told = (
        _order(sheet.patient_id, sheet.at, sheet.answers),
        _order(patient_id, fact.at, fact.answers),
    )
    return "same" if stands == told else "changed" if told > stands else "older"


def record(
    session: AsyncSession, patient: Patient, fact: SheetFact, known: dict[Key, SurveyAnswer]
) -> tuple[SurveyAnswer, str]:
    """Write down a sheet; ``known`` holds those of :func:`load` and gains the new ones.

    Returns:
        The sheet and ``added``, ``changed``, ``same`` or ``older``.
    """
    sheet = known.get(fact.key)
    outcome = decide(sheet, patient.id, fact)
    if sheet is None:
        sheet = SurveyAnswer(survey=fact.survey, number=fact.number)
        known[fact.key] = sheet
        session.add(sheet)
    if outcome in ("added", "changed"):
        sheet.patient_id, sheet.at, sheet.answers = patient.id, fact.at, dict(fact.answers)
    return sheet, outcome


def _order(person: int | None, at: datetime, answers: Mapping[str, Answer]) -> tuple[float, str]:
    written = json.dumps([person, dict(answers)], sort_keys=True, ensure_ascii=False)
    return at.timestamp(), written
