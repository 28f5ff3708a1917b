"""surveys.yaml: what is asked, what counts as unhappy, and slips that are refused with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from content.loader import load_pack
from content.pack import Pack
from content.problems import PackError
from tests.support.pack_factory import PackFolder

HEAD = "surveys:\n  - key: after-visit\n    title: 就诊感受\n"


def with_surveys(folder: Path, text: str) -> Path:
    return PackFolder(folder).write("surveys.yaml", text).root


def test_one_unhappy_answer_makes_the_mood_and_other_systems_words_count(pack: Pack) -> None:
    survey = pack.survey("after-visit")
    assert survey is not None

    assert survey.mood({"满意度": "非常满意"}) == survey.mood({"满意度": 5}) == "happy"
    assert (
        survey.mood({"满意度": "不满意", "想说的话": "非常满意"}) == survey.mood({"满意度": "1"}) == "unhappy"
    )
    assert survey.mood({"满意度": "一般"}) == survey.mood({}) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "没有问题可答", id="nothing asked"),
        pytest.param("    questions: [{ key: mood, ask: 好吗 }]\n", "小护自己用的", id="reserved"),
        pytest.param(
            "    questions: [{ key: 甲, ask: 好吗, options: 好 }]\n", "只有一个选项", id="one option"
        ),
        pytest.param(
            "    questions: [{ key: 甲, ask: 好吗, happy: [好], unhappy: [好] }]\n", "既算满意又算", id="both"
        ),
        pytest.param(
            "    questions: [{ key: 甲, ask: 好吗 }, { key: 甲, ask: 好吗 }]\n", "同一个 key", id="twice"
        ),
        pytest.param("    url: javascript:alert(1)\n", "写法不对", id="url"),
    ],
)
def test_a_slip_is_refused_at_its_place(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(PackError) as caught:
        load_pack(with_surveys(tmp_path, HEAD + text))

    assert [p.file for p in caught.value.problems] == ["surveys.yaml"]
    assert says in caught.value.problems[0].message
