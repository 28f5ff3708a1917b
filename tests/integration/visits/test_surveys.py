"""Filled-in surveys: each sheet once, the later one of two with one number."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from clinic.care_tables import SurveyAnswer
from clinic.surveys import SheetFact
from tests.support.visits import NOW, WANG, YESTERDAY, Desk

if TYPE_CHECKING:
    from datetime import datetime


def sheet(number: str = "S1", at: datetime = YESTERDAY, **answers: Any) -> SheetFact:
    return SheetFact(survey="after-visit", number=number, at=at, answers=answers or {"满意度": "满意"})


async def test_a_sheet_is_recorded_with_its_patient(desk: Desk) -> None:
    assert await desk.fill(sheet(满意度="非常满意", 还想了解=["种植", "美白"])) == ["added"]

    [row] = await desk.rows(SurveyAnswer)
    assert row.answers == {"满意度": "非常满意", "还想了解": ["种植", "美白"], "mood": "happy"}
    assert [number for number, _, _ in await desk.patients()] == [WANG.clinic_number]


async def test_a_sheet_told_twice_is_one_and_the_later_one_stands(desk: Desk) -> None:
    later = sheet(at=NOW, 满意度="一般")

    assert await desk.fill(sheet(), sheet()) == ["added", "same"]
    assert await desk.fill(later) == ["changed"]
    assert await desk.fill(sheet(at=YESTERDAY - timedelta(hours=1), 满意度="待改进")) == ["older"]

    [row] = await desk.rows(SurveyAnswer)
    assert row.answers == {"满意度": "一般"}, "neither happy nor unhappy"


async def test_two_sheets_of_one_moment_end_the_same_in_either_order(desk: Desk) -> None:
    one, other = sheet("S1", 满意度="满意"), sheet("S1", 满意度="一般")
    await desk.fill(one)
    await desk.fill(other)
    ended = [row.answers for row in await desk.rows(SurveyAnswer)]

    await desk.fill(SheetFact(survey="after-visit", number="S2", at=other.at, answers=other.answers))
    await desk.fill(SheetFact(survey="after-visit", number="S2", at=one.at, answers=one.answers))

    assert [row.answers for row in await desk.rows(SurveyAnswer)] == ended * 2
