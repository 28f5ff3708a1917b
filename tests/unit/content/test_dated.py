"""Dated texts: used only around their day, and there first."""

from __future__ import annotations

from datetime import date

import pytest

from content.dated import Window, almanac_keys, known, starts
from content.loader import load_pack
from content.problems import PackError
from tests.support.pack_factory import PackFolder


@pytest.fixture
def folder(tmp_path) -> PackFolder:
    return PackFolder(tmp_path / "tiny")


@pytest.mark.parametrize(
    ("day", "year", "found"),
    [
        pytest.param("term.lichun", 2026, (date(2026, 2, 4),), id="solar term"),
        pytest.param("spring-festival", 2026, (date(2026, 2, 17),), id="lunar"),
        pytest.param("10-18", 2026, (date(2026, 10, 18),), id="the clinic's own"),
        pytest.param("02-29", 2026, (), id="no such day this year"),
        pytest.param("nothing", 2026, (), id="unknown"),
    ],
)
def test_a_day_is_found_in_its_year(day, year, found):
    assert starts(day, year) == found


def test_a_window_reaches_over_new_year():
    window = Window(day="new-year", first=-3, last=1)

    covered = [date(2025, 12, d) for d in (28, 29, 31)] + [date(2026, 1, d) for d in (1, 2, 3)]

    assert [window.covers(day) for day in covered] == [False, True, True, True, True, False]


def test_known_days_are_keys_of_the_almanac_or_dates():
    assert {"term.dongzhi", "double-12", "summer-break"} <= almanac_keys()
    assert known("618")
    assert known("10-18")
    assert known("02-29")
    assert not known("02-30")
    assert not known("lichun")


def test_an_item_on_a_day_is_timely_around_it_only(folder):
    folder.change("moments/daily.yaml", "category: 日常", "category: 日常\n    on: term.lichun")

    (item, _) = load_pack(folder.root).moments

    assert item.window == Window(day="term.lichun", first=-3, last=3)
    assert [item.timely(date(2026, 2, d)) for d in (1, 4, 7, 8)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        pytest.param("on: {day: lichun}", "没有这一天 lichun → 是不是想写 term.lichun？", id="unknown day"),
        pytest.param("on: {day: 618, from: 2, until: 1}", "until 比 from 还早", id="the wrong way round"),
        pytest.param("on: 618\n    months: [6]", "months 和 on 只能写一个", id="two seasons"),
        pytest.param("on: {day: 立春}", "写日历里的 key（xiaohu almanac 会列出）", id="not a key"),
    ],
)
def test_a_wrong_day_is_told_with_its_remedy(folder, written, told):
    folder.change("moments/daily.yaml", "category: 日常", f"category: 日常\n    {written}")

    with pytest.raises(PackError) as caught:
        load_pack(folder.root)

    assert told in str(caught.value)


def test_nothing_is_promoted_on_a_day_of_mourning(folder):
    folder.change("moments/daily.yaml", "category: 日常", "category: 活动\n    on: term.qingming")

    with pytest.raises(PackError, match="这一天不推活动"):
        load_pack(folder.root)


def test_a_window_knows_how_far_its_day_is():
    window = Window(day="christmas", first=-4, last=0)

    assert [window.away(date(2026, 12, day)) for day in (20, 21, 22, 25, 26)] == [None, 4, 3, 0, None]
