"""A rehearsal plays the program's own parts, ends with figures, and is the same again with the same seed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

import pytest

from bot.rehearsal.command import Wish, rehearse
from bot.rehearsal.list_file import ListRefused, read_list
from content.plans.specs import After, JourneyBody, Plan, Step, Trigger
from sop.rehearsal.model import Behaviour

if TYPE_CHECKING:
    from pathlib import Path

    from content.pack import Pack

NOW = datetime(2026, 11, 29, 4, tzinfo=UTC)  # a Sunday: the week is planned on the first day
CARE = Plan(
    key="care.check",
    kind="journey",
    title="检查后回访",
    body=JourneyBody(
        trigger=(Trigger(kind="visit", visit=("done",)),),
        steps=(
            Step(
                key="day-3",
                title="第 3 天",
                channel="mass",
                after=After(days=3),
                at=time(10),
                text="这几天感觉怎么样？有不舒服随时告诉我们。",
            ),
        ),
    ),
)

FORM = Step(
    key="form", channel="survey", after=After(days=1), at=time(10), survey="after-visit", text="感觉怎么样？"
)


def felt(mood: str) -> Plan:
    """Return a plan for those who said that they felt so."""
    return Plan(
        key=f"felt.{mood}",
        kind="journey",
        title=mood,
        body=JourneyBody(
            trigger=(Trigger(kind="survey", survey="after-visit", answers=(("mood", (mood,)),)),),
            steps=(Step(key="thanks", channel="mass", after=After(hours=3), text="谢谢你告诉我们。"),),
        ),
    )


async def test_a_rehearsal_counts_what_the_engine_did_and_repeats_itself(pack: Pack) -> None:
    small = replace(pack, plans=(CARE,), moments=pack.moments, rules=())
    wish = Wish(days=8, patients=60, seed=3)

    first = await rehearse(small, wish, now=NOW)
    second = await rehearse(small, wish, now=NOW)

    assert {one.channel for one in first.contacts} >= {"moment", "group"}
    assert first.posts["moment.published"] > 10
    assert {one.who for one in first.approvers} >= {"zhao.min", "chen.jing"}
    journey = next(one for one in first.plans if one.key == "care.check")
    assert sum(journey.people.values()) > 0
    unlike = {"seconds"}
    assert {k: v for k, v in first.document().items() if k not in unlike} == {
        k: v for k, v in second.document().items() if k not in unlike
    }


async def test_who_fills_in_the_form_goes_on_as_she_felt(pack: Pack) -> None:
    asked = replace(CARE, key="care.asked", body=replace(CARE.journey, steps=(FORM,)))
    plans = (asked, felt("happy"), felt("unhappy"))
    small = replace(pack, plans=plans, moments=(), rules=())
    pleased = Behaviour(fills=1.0, unhappy=0.0)

    figures = await rehearse(small, Wish(days=8, patients=60, seed=3, behaviour=pleased), now=NOW)

    came = {one.key: sum(one.people.values()) for one in figures.plans}
    assert came["felt.happy"] > 0
    assert came["felt.unhappy"] == 0
    assert [plan for plan, _ in figures.never] == ["unhappy"]


def test_a_list_of_patients_is_read(pack: Pack, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        "member,channel,added_at,born_on,treatment,visited_at\n"
        "xiaohu,douyin,2026-03-01,1990-05-06,洗牙,2026-11-20T10:30\nli.na,,2026-11-01,,,\n",
        encoding="utf-8-sig",
    )

    one, other = read_list(file, pack)

    assert (one.userid, one.channel, one.visits[0].treatment) == ("xiaohu", "douyin", "scaling")
    assert (other.userid, other.visits) == ("li.na", ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("name\nx\n", "列名不对", id="strange columns"),
        pytest.param("member,added_at\n,2026-01-01\n", "第 2 行没有写 member", id="nobody"),
        pytest.param("member,added_at\nxiaohu,gestern\n", "第 2 行 added_at", id="no date"),
        pytest.param(
            "member,added_at,treatment,visited_at\nxiaohu,2026-01-01,占卜,2026-01-02\n",
            "目录里没有“占卜”",
            id="no such treatment",
        ),
        pytest.param("member,added_at\n", "没有患者", id="empty"),
    ],
)
def test_a_faulty_list_is_told_with_its_row(pack: Pack, tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ListRefused, match=says):
        read_list(file, pack)
