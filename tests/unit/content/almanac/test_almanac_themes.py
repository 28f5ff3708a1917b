"""The file of themes as staff write it: what is wrong is said with its line, all at once."""

from __future__ import annotations

import pytest

from content.almanac.themes import PACKAGED, load_themes, packaged_themes
from content.problems import PackError

GOOD = (PACKAGED / "dental.yaml").read_text(encoding="utf-8")


@pytest.fixture
def faults(tmp_path):
    def load(text: str) -> list[tuple[int, str, str]]:
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(PackError) as caught:
            load_themes(path)
        return [(problem.line, problem.field, problem.message) for problem in caught.value.problems]

    return load


def line_of(text: str, words: str) -> int:
    return text[: text.index(words)].count("\n") + 1


def test_the_packaged_themes_have_four_full_tiers():
    themes = packaged_themes()

    assert (len(themes.main), len(themes.second), len(themes.terms), len(themes.weekly)) == (13, 22, 24, 48)
    assert [weekly.month for weekly in themes.weekly] == [month for month in range(1, 13) for _ in range(4)]
    purposes = {campaign.purpose for campaign in (*themes.main, *themes.second)}
    assert purposes == {"必做", "引流", "种草", "关怀"}
    assert all(campaign.lead >= 21 for campaign in themes.main)


def test_a_clinics_own_file_is_read(tmp_path):
    path = tmp_path / "mine.yaml"
    text = GOOD.replace('anniversary: "10-18"', 'anniversary: "05-20"').replace("新年洁牙季", "开门红洁牙")
    path.write_text(text, encoding="utf-8")

    themes = load_themes(path)

    assert themes.anniversary == (5, 20)
    assert themes.main[0].title == "开门红洁牙"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param("key: qixi,", "key: january-clean,", "已经在 main[0] 用过", id="a key used twice"),
        pytest.param("on: qixi,", "on: qixii,", "日历里没有“qixii”", id="a day that does not exist"),
        pytest.param('on: "04-12"', 'on: "02-30"', "日历里没有“02-30”", id="a date that does not exist"),
        pytest.param('on: "04-12"', 'on: "02-29"', "日历里没有“02-29”", id="a date that not every year has"),
        pytest.param(
            'anniversary: "10-18"', 'anniversary: "02-29"', "没有这一天", id="an anniversary on 29 February"
        ),
        pytest.param(
            "key: dongzhi,", "key: daxue,", "二十四节气要各写一次", id="a term twice and one missing"
        ),
        pytest.param(
            "month: 12, title: 一年护牙小结",
            "month: 11, title: 一年护牙小结",
            "11 月有 5 个",
            id="five weeks",
        ),
        pytest.param("purpose: 必做", "purpose: 随便", "不能这样写", id="an unknown purpose"),
        pytest.param("days: 7,", "days: 0,", "不能这样写", id="a campaign of no days"),
        pytest.param("format: 1", "format: 2", "不能这样写", id="a format of the future"),
        pytest.param("main_gap: 6", "main_gapp: 6", "不能这样写", id="a misspelt field"),
        pytest.param(
            "on: lantern }", "on: lanterne }", "日历里没有“lanterne”", id="a season without its end"
        ),
    ],
)
def test_a_slip_is_refused_with_its_line_and_a_remedy(faults, old, new, says):
    text = GOOD.replace(old, new, 1)

    found = faults(text)

    assert any(says in message for _, _, message in found), found


def test_a_slip_is_found_on_its_line(faults):
    text = GOOD.replace("on: qixi,", "on: qixii,")

    [(line, field, _)] = faults(text)

    assert line == line_of(text, "on: qixii")
    assert field.startswith("second[")


def test_every_slip_is_told_at_once(faults):
    text = GOOD.replace("on: qixi,", "on: qixii,").replace("key: dongzhi,", "key: daxue,")

    assert len(faults(text)) == 2


@pytest.mark.parametrize("text", ["", "[]", "main: [", "format: 1\n", "\x00"], ids=repr)
def test_what_is_no_file_of_themes_is_refused(faults, text):
    assert faults(text)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(PackError):
        load_themes(tmp_path / "none.yaml")
