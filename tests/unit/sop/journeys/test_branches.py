"""Branches in words, and the way that a patient takes."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from clinic.rules.facts import Facts
from content.plans.specs import After, Condition, Way
from sop.journeys.branches import way_for, ways_told
from sop.journeys.conditions import Snapshot
from tests.support.journeys import journey, step

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
FORK = step(
    "fork",
    "branch",
    ways=(Way(go="call", when=Condition(gender=2)), Way(go="end", when=Condition(gender=1))),
)
PLAN = journey(FORK, step("other", "todo"), step("call", "todo", title="打个电话", after=After(days=2)))


def her(**known: int) -> Snapshot:
    facts = Facts(
        now=NOW, zone=ZoneInfo("Asia/Shanghai"), since=NOW, seen_at=NOW, stage="added", stage_since=NOW
    )
    return Snapshot(patient_id=1, external_userid="wm1", facts=facts, **known)


def test_each_way_is_a_sentence_and_so_is_what_is_left() -> None:
    assert ways_told(PLAN.journey, FORK, titles={}) == (
        "如果性别女，就到“打个电话”",
        "如果性别男，就结束",
        "都不符合的，接着往下走",
    )
    assert ways_told(PLAN.journey, PLAN.journey.steps[1], titles={}) == ()


def test_she_takes_the_first_way_that_is_open_to_her_or_none() -> None:
    assert [way_for(PLAN, FORK, her(gender=gender)) for gender in (2, 1, 0)] == [*FORK.ways, None]
