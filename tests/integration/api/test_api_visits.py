"""Visits and surveys by the API: one or many, all of a request or none, each once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from clinic.care_tables import SurveyAnswer, Todo, Visit
from clinic.tables import Patient

if TYPE_CHECKING:
    from tests.support.api_driver import ApiClinic

WANG = {"clinic_number": "B001", "phone": "138 0013 8000", "name": "王小雨"}
VISITS, ANSWERS, BENEFITS = "/api/v1/visits", "/api/v1/surveys/answers", "/api/v1/benefits"


def visit(number: str = "V1", **fields: Any) -> dict[str, Any]:
    return {
        "number": number,
        "patient": WANG,
        "status": "done",
        "at": "2025-05-30T09:30:00+08:00",
        "treatment": "xj01",
        "amount_fen": 12800,
    } | fields


def sheet(number: str = "S1", **fields: Any) -> dict[str, Any]:
    return {
        "survey": "after-visit",
        "number": number,
        "patient": WANG,
        "at": "2025-05-30T20:00:00+08:00",
        "answers": {"满意度": "满意", "还想了解": ["种植", "美白"], "推荐给朋友": True, "打分": 9},
    } | fields


async def rows(clinic: ApiClinic, table: type[Any]) -> list[Any]:
    async with clinic.database.read() as session:
        return list(await session.scalars(select(table)))


async def test_a_visit_is_recorded_once_and_can_be_listed(clinic_anywhere: ApiClinic) -> None:
    clinic = clinic_anywhere

    first, again = await clinic.post(VISITS, visit()), await clinic.post(VISITS, visit())

    assert (first.status, again.status) == (201, 200)
    assert [reply.json["items"][0]["outcome"] for reply in (first, again)] == ["added", "same"]
    [listed] = (await clinic.get(VISITS)).json["items"]
    assert (listed["treatment"], listed["treatment_title"], listed["amount_fen"]) == (
        "scaling",
        "洁牙",
        12800,
    )
    assert listed["at"] == "2025-05-30T09:30:00+08:00"
    assert listed["external_userid"] == first.json["items"][0]["external_userid"]
    assert clinic.wakes


async def test_patients_of_every_age_have_a_birthday(clinic: ApiClinic) -> None:
    for number, born_on in enumerate(("1928-02-29", "1988-03-08", "2021-06-01")):
        patient = {"clinic_number": f"B{number}", "born_on": born_on}
        assert (await clinic.post(VISITS, visit(f"V{number}", patient=patient))).status == 201

    assert [str(p.born_on) for p in await rows(clinic, Patient)] == ["1928-02-29", "1988-03-08", "2021-06-01"]


async def test_many_visits_are_recorded_together(clinic_anywhere: ApiClinic) -> None:
    many = [visit(f"V{i}", patient={"clinic_number": f"B{i % 7}"}) for i in range(500)]

    reply = await clinic_anywhere.post(VISITS, {"visits": many})

    assert (reply.status, reply.json["added"], len(reply.json["items"])) == (201, 500, 500)
    assert len(await rows(clinic_anywhere, Patient)) == 7


async def test_one_wrong_visit_keeps_all_of_the_request_out_and_is_named(clinic_anywhere: ApiClinic) -> None:
    many = [visit("V1"), visit("V2", patient={"external_userid": "wmNOBODY"}), visit("V3")]

    reply = await clinic_anywhere.post(VISITS, {"visits": many})

    assert (reply.status, reply.fields) == (422, ["visits.1.patient.external_userid"])
    assert await rows(clinic_anywhere, Visit) == await rows(clinic_anywhere, Patient) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"status": "finished"}, "status", id="no status"),
        pytest.param({"at": "2025-05-30 09:30"}, "at", id="an hour without a zone"),
        pytest.param({"at": "2026-05-30T09:30:00+08:00"}, "at", id="done before it was"),
        pytest.param({"changed_at": "2026-05-30T09:30:00+08:00"}, "changed_at", id="a word from the future"),
        pytest.param({"amount_fen": -1}, "amount_fen", id="a refund"),
        pytest.param({"amount_fen": 12.5}, "amount_fen", id="half a fen"),
        pytest.param({"number": ""}, "number", id="no number"),
        pytest.param({"number": "x" * 65}, "number", id="a long number"),
        pytest.param({"note": "a\u0000b"}, "note", id="a control character"),
        pytest.param({"patient": {"name": "王小雨"}}, "patient", id="a name only"),
        pytest.param({"patient": {"phone": "12345"}}, "patient.phone", id="no phone"),
        pytest.param({"patient": {"clinic_number": "1", "born_on": "1990"}}, "patient.born_on", id="no birthday"),
        pytest.param(
            {"patient": {"clinic_number": "1", "born_on": "0188-03-08"}}, "patient.born_on", id="a typing error"
        ),
        pytest.param({"source": "Our System"}, "source", id="a source with blanks"),
        pytest.param({"price": 1}, "price", id="an unknown field"),
    ],
)  # fmt: skip
async def test_every_wrong_field_is_named_with_its_visit(
    clinic: ApiClinic, change: dict[str, Any], field: str
) -> None:
    reply = await clinic.post(VISITS, {"visits": [visit("V1"), visit("V2") | change]})

    assert (reply.status, reply.fields) == (422, [f"visits.1.{field}"])
    assert (await clinic.post(VISITS, visit() | change)).fields in ([f"visits.0.{field}"], ["number"])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"visits": []}, id="none"),
        pytest.param({"visits": [visit(f"V{i}") for i in range(501)]}, id="too many"),
        pytest.param({}, id="nothing"),
        pytest.param([visit()], id="a bare list"),
        pytest.param({"visits": [visit()], "number": "V1"}, id="one and many"),
    ],
)
async def test_a_body_that_is_neither_one_nor_many_is_explained(clinic: ApiClinic, body: Any) -> None:
    assert (await clinic.post(VISITS, body)).status == 422


async def test_an_unknown_treatment_is_kept_flagged_and_told(clinic: ApiClinic) -> None:
    reply = await clinic.post(VISITS, visit(treatment="ZL-9"))

    assert "治疗目录里没有" in reply.json["items"][0]["notice"]
    [listed] = (await clinic.get(VISITS)).json["items"]
    assert (listed["treatment"], listed["treatment_code"]) == (None, "ZL-9")
    assert [todo.kind for todo in await rows(clinic, Todo)].count("treatment_code") == 1


async def test_what_was_changed_later_stands_whatever_comes_first(clinic: ApiClinic) -> None:
    late = visit(status="done", changed_at="2025-05-30T10:00:00+08:00")
    early = visit(status="booked", changed_at="2025-05-28T10:00:00+08:00")

    outcomes = [(await clinic.post(VISITS, body)).json["items"][0]["outcome"] for body in (late, early)]

    assert outcomes == ["added", "older"]
    assert (await clinic.get(VISITS)).json["items"][0]["status"] == "done"


async def test_the_same_visits_told_at_once_are_recorded_once(clinic_anywhere: ApiClinic) -> None:
    body = {"visits": [visit(f"V{i}") for i in range(5)]}

    replies = await asyncio.gather(*(clinic_anywhere.post(VISITS, body) for _ in range(4)))

    # Who waits long lets others write in between: two callers may each have brought something new.
    assert sum(reply.json["added"] for reply in replies) == 5
    assert all(reply.status == (201 if reply.json["added"] else 200) for reply in replies)
    assert len(await rows(clinic_anywhere, Visit)) == 5
    assert len(await rows(clinic_anywhere, Patient)) == 1


async def test_visits_are_listed_by_patient_day_and_status_page_by_page(clinic: ApiClinic) -> None:
    for i in range(6):
        who = {"clinic_number": f"B{i % 2}"}
        day = {"at": f"2025-05-{20 + i}T23:30:00+08:00", "status": "done" if i % 3 else "no_show"}
        await clinic.post(VISITS, visit(f"V{i}", patient=who, **day))
    whose = (await clinic.get(VISITS)).json["items"][1]["external_userid"]

    async def numbers(**query: str) -> list[str]:
        return [one["number"] for one in (await clinic.get(VISITS, params=query)).json["items"]]

    assert await numbers(patient=whose) == ["V1", "V3", "V5"]
    assert await numbers(**{"from": "2025-05-21", "to": "2025-05-22"}) == ["V1", "V2"]
    assert await numbers(status="no_show") == ["V0", "V3"]
    pages, cursor = [], ""
    while cursor is not None:
        reply = await clinic.get(VISITS, params={"limit": "4"} | ({"cursor": cursor} if cursor else {}))
        pages.append([one["number"] for one in reply.json["items"]])
        cursor = reply.json["next"]
    assert pages == [["V0", "V1", "V2", "V3"], ["V4", "V5"]]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param({"patient": "wmNOBODY"}, 404, id="nobody"),
        pytest.param({"cursor": "999999999999999999-1"}, 422, id="a cursor of its own"),
        pytest.param({"status": "finished"}, 422, id="no status"),
        pytest.param({"limit": "501"}, 422, id="too many"),
    ],
)
async def test_a_list_that_cannot_be_is_explained(clinic: ApiClinic, query: Any, status: int) -> None:
    assert (await clinic.get(VISITS, params=query)).status == status


async def test_a_filled_in_survey_is_recorded_once(clinic_anywhere: ApiClinic) -> None:
    clinic = clinic_anywhere

    replies = [await clinic.post(ANSWERS, body) for body in (sheet(), sheet(), {"answers": [sheet("S2")]})]

    assert [reply.status for reply in replies] == [201, 200, 201]
    answers = [row.answers for row in await rows(clinic, SurveyAnswer)]
    assert answers == [sheet()["answers"]] * 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"answers": {}}, "answers", id="no answer"),
        pytest.param({"answers": {"满意度": 9.5}}, "answers.满意度", id="half a point"),
        pytest.param({"answers": {"想了解": ["a", 1]}}, "answers.想了解", id="a number among ticks"),
        pytest.param({"at": "2026-01-01T00:00:00+08:00"}, "at", id="tomorrow's answers"),
        pytest.param({"patient": {"external_userid": "wmNOBODY"}}, "patient.external_userid", id="nobody"),
    ],
)
async def test_a_wrong_survey_is_named(clinic: ApiClinic, change: dict[str, Any], field: str) -> None:
    reply = await clinic.post(ANSWERS, {"answers": [sheet("S1"), sheet("S2") | change]})

    assert (reply.status, reply.fields) == (422, [f"answers.1.{field}"])
    assert await rows(clinic, SurveyAnswer) == []


async def test_cards_are_told_by_the_api_once_and_stand_in_her_timeline(clinic: ApiClinic) -> None:
    card = {
        "number": "K1",
        "patient": WANG,
        "title": "洁牙次卡",
        "total": 4,
        "used": 1,
        "issued_on": "2025-01-02",
    }

    first, again = await clinic.post(BENEFITS, card), await clinic.post(BENEFITS, {"benefits": [card]})

    assert (first.status, again.status) == (201, 200)
    who = first.json["items"][0]["external_userid"]
    told = [one["reason"] for one in (await clinic.get(f"/api/v1/patients/{who}")).json["timeline"]]
    assert told.count("权益“洁牙次卡”：2025-01-02 起，剩 3/4 次，长期有效") == 1
    wrong = [card | {"number": "K2", "used": 5}, card | {"number": "K3", "issued_on": "2031-01-02"}]
    refused = await clinic.post(BENEFITS, {"benefits": [card, *wrong]})
    assert (refused.status, refused.fields) == (422, ["benefits.1.used", "benefits.2.issued_on"])
