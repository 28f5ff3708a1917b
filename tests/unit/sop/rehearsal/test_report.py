"""The rehearsal's report: charts that add up, and a page that carries nothing but text and pictures."""

from __future__ import annotations

import json
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from sop.rehearsal.charts import STEPS, Series, histogram, nice, stacked
from sop.rehearsal.figures import Approver, DayCount, Figures, PlanCount, Reason, WorstWeek
from sop.rehearsal.report import to_html

DAY = date(2026, 12, 1)


def figures(**changes: object) -> Figures:
    values: dict[str, object] = {
        "title": "微笑<口腔>",
        "start": DAY,
        "days": 3,
        "patients": 20,
        "seed": 7,
        "seconds": 1.5,
        "contacts": (
            DayCount(day=DAY, channel="mass", count=12),
            DayCount(day=date(2026, 12, 3), channel="moment", count=3),
        ),
        "weeks": {1: 10, 2: 4, 5: 1},
        "worst": (WorstWeek(patient="#7", start=DAY, contacts=5),),
        "reasons": (Reason(state="dropped", reason="本周推广已到 # 次", count=4),),
        "approvers": (Approver(day=DAY, who="zhao.min", posts=6),),
        "quota": {1: 9, 4: 2},
        "quota_limit": "每位客户每天最多收到 1 次群发",
        "posts": {"direct.published": 4},
        "plans": (
            PlanCount(
                key="care",
                title="洗牙回访",
                kind="journey",
                state="active",
                people={"active": 3},
                touches={"sent": 9, "skipped": 1},
            ),
        ),
        "never": (("生日", "没有人有生日"),),
        "notices": ("内容不足",),
    }
    return Figures(**(values | changes))  # type: ignore[arg-type]


def test_the_report_says_what_was_counted_and_escapes_what_people_wrote() -> None:
    html = to_html(figures())

    for words in (
        "微笑&lt;口腔&gt;",
        "洗牙回访",
        "zhao.min：最多一天 6 条",
        "没有人有生日",
        "内容不足",
        "#7",
    ):
        assert words in html
    assert "<script" not in html
    assert "http" not in html  # nothing is fetched, so it can be mailed


def test_an_empty_rehearsal_is_a_page_too() -> None:
    html = to_html(
        figures(
            contacts=(),
            weeks={},
            worst=(),
            reasons=(),
            approvers=(),
            quota={},
            posts={},
            plans=(),
            never=(),
            notices=(),
        )
    )

    assert "没有人被联系到" in html


def test_the_figures_are_json() -> None:
    document = json.loads(json.dumps(figures().document(), ensure_ascii=False))

    assert document["contacts"][0] == {"day": "2026-12-01", "channel": "mass", "count": 12}
    assert document["never"] == [{"plan": "生日", "why": "没有人有生日"}]


@given(st.integers(0, 10**9))
def test_the_grid_is_round_and_high_enough(most: int) -> None:
    top = nice(most)

    assert top >= most
    assert top % STEPS == 0
    assert top <= max(most * 2.5, STEPS)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=30))
def test_bars_stay_inside_the_picture(values: list[tuple[int, int]]) -> None:
    svg = stacked(
        [str(n) for n in range(len(values))],
        [
            Series(name="甲", values=tuple(v[0] for v in values)),
            Series(name="乙", values=tuple(v[1] for v in values)),
        ],
        title="每天",
    )

    assert 'y="-' not in svg
    assert svg.count("<title>") == len(values)


def test_numbers_in_between_have_their_place() -> None:
    assert histogram({1: 3, 4: 1}, title="次数", unit=" 次").count("<title>") == 4
