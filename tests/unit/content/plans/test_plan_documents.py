"""A plan and its document say the same, both ways, whatever order a database keeps its fields in."""

from __future__ import annotations

import json
from datetime import date, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from content.plans import specs
from content.plans.documents import digest_of, plan_of
from content.plans.writing import of_spec

KEYS = st.from_regex(r"[a-z0-9]{1,6}(\.[a-z0-9]{1,4})?", fullmatch=True)
WORDS = st.sampled_from(["", "问候", "第一行\n第二行", "a: b", "12:10"])
TITLES = st.sampled_from(["新朋友", "2026", "种植 术后"])
CLOCKS = st.builds(time, st.integers(0, 23), st.integers(0, 59))
TAGS = st.lists(st.sampled_from(["阶段/新朋友", "来源/抖音"]), max_size=2).map(tuple)
TREATMENTS = st.lists(st.sampled_from(["implant.*", "scaling"]), max_size=2).map(tuple)
STAGES = st.lists(st.sampled_from(["visited", "lost"]), max_size=2).map(tuple)
SHARES = st.integers(0, 100)
CATEGORIES = st.lists(st.sampled_from(["科普", "日常"]), min_size=1, max_size=2, unique=True).map(tuple)


def answers(names: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Build questions with accepted answers, as plans keep them: in the order of the questions."""
    some = st.lists(st.sampled_from(["5", "满意"]), max_size=2).map(tuple)
    return st.dictionaries(names, some, max_size=2).map(lambda found: tuple(sorted(found.items())))


def numbers(most: int, least: int = 1) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(least, most)


def conditions(inner: st.SearchStrategy[tuple[specs.Condition, ...]]) -> st.SearchStrategy[specs.Condition]:
    per_survey = st.dictionaries(KEYS, answers(st.sampled_from(["满意度", "建议"])), max_size=2)
    flat = per_survey.map(lambda all_: tuple((s, q, a) for s, qs in sorted(all_.items()) for q, a in qs))
    return st.builds(
        specs.Condition,
        age_from=numbers(18, 0),
        age_below=numbers(120, 19),
        treated=TREATMENTS,
        not_treated=TREATMENTS,
        tags=TAGS,
        not_tags=TAGS,
        stage=STAGES,
        spent_from=numbers(100, 0),
        spent_below=numbers(10_000, 101),
        visits_from=numbers(9),
        referred_from=numbers(9),
        inactive_days=numbers(400),
        channel=st.lists(st.sampled_from(["douyin", "A.1"]), max_size=2).map(tuple),
        persona=st.lists(KEYS, max_size=2).map(tuple),
        group_role=st.lists(KEYS, max_size=2).map(tuple),
        booked=st.none() | st.booleans(),
        replied_days=numbers(30),
        came_days=numbers(30),
        answers=flat,
        consent=st.lists(st.sampled_from(["care", "marketing"]), max_size=2).map(tuple),
        gender=st.sampled_from([None, 1, 2]),
        any_of=inner,
        none_of=inner,
    ).filter(lambda condition: condition != specs.Condition())


CONDITIONS = conditions(st.lists(conditions(st.just(())), max_size=2).map(tuple))
MAYBE = st.none() | CONDITIONS
STOPS = st.lists(
    st.builds(
        specs.Stop,
        on=st.sampled_from(["booked", "visited", "replied", "lost", "tag", "stage", "survey"]),
        tags=TAGS,
        stage=STAGES,
        treatment=TREATMENTS,
        survey=st.just("") | KEYS,
        answers=answers(st.sampled_from(["满意度", "建议"])),
    ),
    max_size=2,
).map(tuple)
TRIGGERS = st.builds(
    specs.Trigger,
    kind=st.sampled_from(["added", "visit", "date", "manual"]),
    channel=st.lists(st.just("douyin"), max_size=1).map(tuple),
    persona=st.lists(KEYS, max_size=1).map(tuple),
    tags=TAGS,
    stage=STAGES,
    visit=st.sampled_from([("done",), ("booked", "no_show")]),
    treatment=TREATMENTS,
    date=st.sampled_from([None, "birthday", "card_expiry"]),
    offset_days=st.integers(-30, 30),
    days=st.integers(0, 400),
    survey=st.just("") | KEYS,
    answers=answers(st.sampled_from(["满意度", "建议"])),
)
STEPS = st.builds(
    specs.Step,
    key=KEYS,
    channel=st.sampled_from(["mass", "todo", "kf", "card", "tag", "stage", "survey", "branch"]),
    after=st.builds(
        specs.After,
        since=st.sampled_from(["trigger", "previous"]),
        days=st.integers(-3, 400),
        hours=st.integers(0, 48),
        months=st.integers(0, 24),
    ),
    at=st.none() | CLOCKS,
    window=st.none() | st.tuples(CLOCKS, CLOCKS),
    workday=st.sampled_from(["any", "next", "skip"]),
    title=WORDS,
    content=st.just("") | KEYS,
    text=WORDS,
    attachments=st.lists(KEYS, max_size=2).map(tuple),
    variants=st.lists(
        st.builds(specs.Variant, key=KEYS, share=SHARES, content=st.just("") | KEYS, text=WORDS), max_size=2
    ).map(tuple),
    when=MAYBE,
    late=st.builds(
        specs.Late, kind=st.sampled_from(["within", "skip", "ask"]), hours=st.integers(0, 24 * 31)
    ),
    stops=STOPS,
    purpose=st.sampled_from([None, "care", "marketing"]),
    to=st.lists(st.sampled_from(["member", "chen.jing"]), max_size=2).map(tuple),
    within_hours=st.integers(1, 99),
    fallback=st.sampled_from([None, "mass", "todo"]),
    via=st.sampled_from(["mass", "todo", "kf"]),
    survey=st.just("") | KEYS,
    add=TAGS,
    remove=TAGS,
    stage=st.sampled_from(["", "consulted"]),
    group_role=st.just("") | KEYS,
    ways=st.lists(st.builds(specs.Way, go=KEYS, when=MAYBE, share=SHARES), max_size=2).map(tuple),
    next=st.just("") | KEYS,
)
JOURNEYS = st.builds(
    specs.JourneyBody,
    trigger=st.lists(TRIGGERS, min_size=1, max_size=2).map(tuple),
    steps=st.lists(STEPS, min_size=1, max_size=3).map(tuple),
    again=st.builds(specs.Again, after_days=st.none() | st.integers(0, 400)),
    only=MAYBE,
    stops=STOPS,
    goal=STOPS,
    min_days_between=st.integers(0, 9),
    max_contacts=numbers(9),
)
SLOTS = st.lists(
    st.builds(specs.Slot, day=st.integers(1, 7), at=CLOCKS, categories=CATEGORIES), max_size=2
).map(tuple)
DAY_SLOTS = st.lists(
    st.builds(
        specs.DaySlot,
        day=st.integers(0, 90),
        at=CLOCKS,
        content=st.just("") | KEYS,
        categories=st.just(()) | CATEGORIES,
    ),
    max_size=2,
).map(tuple)
GROUPS = st.builds(
    specs.GroupBody,
    roles=st.lists(KEYS, min_size=1, max_size=2).map(tuple),
    slots=SLOTS,
    after_creation=DAY_SLOTS,
    after_joining=DAY_SLOTS,
    campaigns=st.lists(
        st.builds(specs.Campaign, on=st.dates(date(2026, 1, 1), date(2030, 1, 1)), at=CLOCKS, content=KEYS),
        max_size=2,
    ).map(tuple),
    max_a_week=st.integers(1, 21),
    quiet=st.lists(st.just("wr1"), max_size=1).map(tuple),
    rotation_days=st.integers(1, 60),
)
MOMENTS = st.builds(
    specs.MomentsBody,
    slots=SLOTS,
    mix=st.dictionaries(st.sampled_from(["科普", "日常", "活动"]), SHARES, max_size=3).map(
        lambda mix: tuple(sorted(mix.items()))
    ),
    rotation_days=st.integers(1, 60),
    calendar=st.lists(
        st.builds(specs.CalendarSlot, on=KEYS, at=CLOCKS, content=KEYS, offset_days=st.integers(-9, 9)),
        max_size=2,
    ).map(tuple),
    tags=TAGS,
    max_a_day=st.integers(1, 3),
)


def plans(kind: str, body: st.SearchStrategy[Any]) -> st.SearchStrategy[specs.Plan]:
    return st.builds(
        specs.Plan,
        key=KEYS,
        kind=st.just(kind),
        title=TITLES,
        body=body,
        persona=st.sampled_from(["follow", "doctor", "doctor-zhang"]),
        purpose=st.sampled_from(["care", "marketing"]),
        summary=WORDS,
        starts_active=st.booleans(),
    )


PLANS = plans("journey", JOURNEYS) | plans("group", GROUPS) | plans("moments", MOMENTS)


@settings(max_examples=40, deadline=None)
@given(PLANS)
def test_a_plan_comes_back_from_its_document_as_it_was(plan: specs.Plan) -> None:
    stored = json.loads(json.dumps(of_spec(plan), sort_keys=True))

    assert plan_of(stored) == plan
    assert of_spec(plan_of(stored)) == stored


def test_what_stands_at_its_default_is_not_written() -> None:
    plan = plan_of(
        {
            "key": "a",
            "kind": "journey",
            "title": "短",
            "persona": "follow",
            "trigger": [{"on": "visit", "visit": "done"}],
            "steps": [
                {"key": "one", "channel": "mass", "text": "好", "late": "skip", "stops": ["booked"]},
            ],
        }
    )

    assert of_spec(plan) == {
        "format": 1,
        "key": "a",
        "kind": "journey",
        "title": "短",
        "trigger": [{"on": "visit"}],
        "steps": [
            {
                "key": "one",
                "channel": "mass",
                "text": "好",
                "late": {"policy": "skip"},
                "stops": [{"on": "booked"}],
            }
        ],
    }


def test_the_same_plan_has_the_same_digest_however_it_is_written() -> None:
    short = {
        "key": "a",
        "kind": "moments",
        "title": "短",
        "persona": "assistant",
        "mix": {"科普": 2, "日常": 1},
    }
    long = {
        "title": "短",
        "mix": {"日常": 1, "科普": 2},
        "persona": "assistant",
        "format": 1,
        "kind": "moments",
        "key": "a",
    }

    assert digest_of(plan_of(short)) == digest_of(plan_of(long))
    assert digest_of(plan_of(short)) != digest_of(plan_of({**short, "max_a_day": 2}))


def test_a_field_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        plan_of({"key": "a", "kind": "moments", "title": "短", "persona": "assistant", "colour": "red"})
