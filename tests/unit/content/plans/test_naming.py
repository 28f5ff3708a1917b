"""Steps have names that a nurse understands, whether or not their writer gave them a title."""

from __future__ import annotations

from typing import get_args

import pytest

from content.loader import load_pack
from content.plans.naming import CHANNELS, name_of, names_of
from content.plans.specs import After, JourneyBody, Step, StepChannel, Trigger

BODY = JourneyBody(
    trigger=(Trigger(kind="manual"),),
    steps=(
        Step(key="hello", channel="mass"),
        Step(key="call", channel="todo", title="打个电话", after=After(days=1)),
        Step(key="day-3", channel="kf", after=After(days=3)),
        Step(key="half-year", channel="survey", after=After(months=6)),
        Step(key="later", channel="invite_group", after=After(since="previous", hours=2)),
        Step(key="fork", channel="branch", after=After(since="previous")),
    ),
)


def test_a_step_is_called_by_its_title_or_by_its_place_its_way_and_its_time() -> None:
    assert list(names_of(BODY).values()) == [
        "第 1 步（群发，当天）",
        "打个电话",
        "第 3 步（微信客服，第 3 天）",
        "第 4 步（问卷，6 个月后）",
        "第 5 步（邀请进群，上一步后 2 小时）",
        "第 6 步（分岔，紧接着上一步）",
    ]


def test_a_step_that_the_journey_does_not_have_any_more_keeps_its_key() -> None:
    assert name_of(BODY, "gone") == "gone"


def test_every_way_of_carrying_out_a_step_has_a_name() -> None:
    assert CHANNELS.keys() == set(get_args(StepChannel))


@pytest.mark.parametrize("packaged", ["dental", "medspa"])
def test_no_step_of_a_packaged_journey_is_called_by_its_key(packaged: str) -> None:
    journeys = [plan for plan in load_pack(packaged).plans if plan.kind == "journey"]

    for plan in journeys:
        names = names_of(plan.journey)
        assert not set(names.values()) & set(names), plan.key
