"""A row of recalls.yaml is an ordinary journey: care that goes on, reminders that end when somebody books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from content.loader import load_pack
from content.plans.recalls import written_out
from content.plans.specs import After, Again, Condition, Stop, Trigger
from content.problems import PackError
from content.schema_recalls import RecallModel
from tests.support.pack_factory import PackFolder

if TYPE_CHECKING:
    from pathlib import Path

    from content.pack import Pack
    from content.plans.specs import Step

ROW = """\
recalls:
  - key: scaling
    title: 洁牙
    treatment: scaling
    care: 这两天吃温的
    call_us: [血一直渗, 肿起来]
    follow_up:
      - { days: 1 }
    due:
      - months: 6
        text: 半年啦
      - { years: 1, text: 一年啦 }
    attempts: 2
    days_between: 10
    min_days: 3
"""
TREATMENTS = "treatments:\n  - { key: scaling, title: 洁牙, category: 预防 }\n"


def folder(tmp_path: Path, rows: str = ROW) -> PackFolder:
    return PackFolder(tmp_path).write("treatments.yaml", TREATMENTS).write("recalls.yaml", rows)


def steps(pack: Pack, key: str) -> dict[str, Step]:
    return {step.key: step for step in pack.plan(key).journey.steps}


def test_a_row_becomes_a_journey_of_care_and_reminders(tmp_path: Path) -> None:
    plan = load_pack(folder(tmp_path).root).plan("recall.scaling")

    body = plan.journey
    assert (plan.title, plan.purpose, plan.persona, plan.starts_active) == (
        "洁牙回访",
        "care",
        "assistant",
        True,
    )
    assert "这两天吃温的" in plan.summary
    assert "血一直渗；肿起来" in plan.summary
    assert body.trigger == (Trigger(kind="visit", treatment=("scaling",)),)
    assert body.again == Again(after_days=0)
    assert body.stops == (Stop(on="lost"), Stop(on="visited", treatment=("scaling",)))
    assert body.min_days_between == 3
    assert [(step.key, step.channel, step.after) for step in body.steps] == [
        ("day-1", "mass", After(days=1)),
        ("month-6", "mass", After(months=6)),
        ("month-6-again-2", "todo", After(since="previous", days=10)),
        ("year-1", "mass", After(months=12)),
        ("year-1-again-2", "todo", After(since="previous", days=10)),
    ]


def test_care_says_how_and_when_to_call_and_goes_on_when_she_booked(tmp_path: Path) -> None:
    step = steps(load_pack(folder(tmp_path).root), "recall.scaling")["day-1"]

    assert step.text == "这两天吃温的\n\n如果血一直渗，或者肿起来，别等，打 {{ clinic.phone }}。"
    assert step.when is None
    assert step.late.hours == 24


def test_a_reminder_is_left_out_when_she_booked_and_a_second_one_when_she_answered_or_came(
    tmp_path: Path,
) -> None:
    found = steps(load_pack(folder(tmp_path).root), "recall.scaling")

    assert found["month-6"].when == Condition(booked=False, none_of=(Condition(came_days=10),))
    again = found["month-6-again-2"]
    lately = (Condition(replied_days=10), Condition(came_days=20))
    assert again.when == Condition(booked=False, none_of=lately)
    assert "{{ member.alias }}" in again.text
    assert again.to == ("member",)


def row(**fields: Any) -> RecallModel:
    return RecallModel.model_validate(
        {"key": "a", "title": "项目", "treatment": "scaling", "care": "好好刷牙", "call_us": "肿了", **fields}
    )


def test_a_clinic_may_remind_those_who_booked_too() -> None:
    document, _ = written_out(row(due=[{"months": 6, "text": "好"}], attempts=1, stop_when_booked=False))

    assert [step.get("when") for step in document["steps"]] == [None]


def test_every_year_has_its_own_step_and_the_last_word_waits_for_silence() -> None:
    document, origins = written_out(
        row(
            every_year={"from": 2, "until": 3, "content": "direct.a"},
            reactivate={"months": 30, "content": "direct.b"},
            attempts=1,
        )
    )

    assert [(step["key"], step["after"]) for step in document["steps"]] == [
        ("year-2", {"months": 24}),
        ("reactivate", {"months": 30}),
        ("year-3", {"months": 36}),
    ]
    assert document["steps"][1]["when"] == {"inactive_days": 150, "booked": False}
    assert origins == [("every_year",), ("reactivate",), ("every_year",)]


@pytest.mark.parametrize(
    ("again", "said"),
    [
        pytest.param("direct.b.todo", ["direct.b.todo"] * 3, id="one: each time"),
        pytest.param(
            ["direct.b.todo", "direct.c.todo"],
            ["direct.b.todo", "direct.c.todo", "direct.c.todo"],
            id="two: one after the other, then the last",
        ),
    ],
)
def test_each_further_attempt_says_the_next_text(again: str | list[str], said: list[str]) -> None:
    document, _ = written_out(
        row(due=[{"weeks": 4, "content": "direct.a", "again": again}], attempts=4, days_between=7)
    )

    assert [step["content"] for step in document["steps"]] == ["direct.a", *said]


def test_more_further_texts_than_attempts_are_refused() -> None:
    with pytest.raises(ValueError, match="again 写了 2 条，attempts: 2 时只用得到 1 条"):
        row(due=[{"weeks": 4, "content": "direct.a", "again": ["direct.b.todo", "direct.c.todo"]}])


def test_several_texts_are_shared_out_and_a_personal_one_is_sent_by_hand() -> None:
    document, _ = written_out(
        row(due=[{"weeks": 4, "content": ["direct.a", "direct.b"]}, {"weeks": 8, "content": "direct.c.todo"}])
    )

    first, _, later, _ = document["steps"]
    assert [(one["key"], one["share"], one["content"]) for one in first["variants"]] == [
        ("a", 1, "direct.a"),
        ("b", 1, "direct.b"),
    ]
    assert (later["channel"], later["to"]) == ("todo", ["member"])


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        pytest.param(
            ROW.replace("text: 半年啦", "content: direct.nothing"),
            "recalls.yaml:11 recalls[0].due[0].content: 步骤 month-6：没有内容 direct.nothing",
            id="unknown content",
        ),
        pytest.param(
            ROW.replace("treatment: scaling", "treatment: scalling"),
            "没有治疗项目 scalling → 是不是想写 scaling？",
            id="unknown treatment",
        ),
        pytest.param(
            ROW.replace("{ days: 1 }", "{ days: 1, weeks: 1 }"),
            "recalls[0].follow_up[0]: days、weeks、months、years 要写一个且只写一个",
            id="two times",
        ),
        pytest.param(
            ROW.replace("{ days: 1 }", '{ days: 1, at: "22:00" }'),
            "recalls.yaml:8 recalls[0].follow_up[0].at: 步骤 day-1：22:00 在免打扰时间",
            id="a quiet hour",
        ),
        pytest.param(
            ROW.replace("      - { years: 1, text: 一年啦 }", "      - { months: 6, text: 一年啦 }"),
            "步骤 month-6：两个步骤用了同一个 key",
            id="two reminders at once",
        ),
        pytest.param(
            ROW.replace("text: 半年啦", 'text: "{{ patient.name }}，半年啦"'),
            "recalls[0].due[0].text: 步骤 month-6：群发的文字不能称呼某一位",
            id="a mass text that names somebody",
        ),
        pytest.param(
            ROW.split("    follow_up", maxsplit=1)[0], "没有写什么时候联系", id="a row that does nothing"
        ),
    ],
)
def test_a_wrong_row_is_refused_where_it_stands(tmp_path: Path, rows: str, told: str) -> None:
    with pytest.raises(PackError) as caught:
        load_pack(folder(tmp_path, rows).root)

    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("scaling", {"day-1", "month-6"}, id="scaling"),
        pytest.param("fluoride", {"month-3", "month-6"}, id="fluoride"),
        pytest.param("filling", {"day-7", "month-6"}, id="filling"),
        pytest.param("root-canal", {"month-1", "month-3", "month-6", "month-12"}, id="root canal"),
        pytest.param("extraction", {"day-1", "day-3", "day-7"}, id="extraction"),
        pytest.param(
            "implant",
            {"day-1", "day-3", "day-7", "day-14", "month-1", "month-3", "month-6", "month-12", "year-2"},
            id="implant",
        ),
        pytest.param("ortho-start", {"day-0", "month-6"}, id="the day braces begin"),
        pytest.param("ortho-review", {"week-4", "week-4-again-2", "week-4-again-3"}, id="4 to 6 weeks"),
        pytest.param("whitening", {"day-1", "day-7", "month-6"}, id="whitening"),
        pytest.param("sealant", {"month-6"}, id="sealant"),
    ],
)
def test_the_dental_pack_calls_back_at_the_usual_intervals(pack: Pack, key: str, expected: set[str]) -> None:
    assert expected <= steps(pack, f"recall.{key}").keys()


def test_what_is_said_in_the_first_days_tells_when_to_call(pack: Pack) -> None:
    recalls = [plan for plan in pack.plans if plan.key.startswith("recall.")]

    assert len(recalls) > 20
    assert all("出现这些情况请她打电话" in plan.summary for plan in recalls)
