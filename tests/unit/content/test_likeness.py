"""What reads like a violation is found though no rule knows its words, and said where the words are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bench.compliance import HELD_OUT, PRECISION, RECALL, judge, read
from content.likeness import UNIT_CHARS, Weights, units
from content.loader import load_pack
from content.render import Renderer
from content.report import find_in_pack
from tests.support.checking import packaged_checker

if TYPE_CHECKING:
    from pathlib import Path

CHECKER = packaged_checker()
# No rule has a word for these; whoever reads them knows.
PLAIN = (
    "抽脂瘦腿，想瘦哪里瘦哪里，瘦了就不会再胖回来。",
    "街东头那家的假牙都是作坊货，戴半年就烂，乡亲们别去上当。",
)


@pytest.mark.parametrize("text", PLAIN)
def test_what_reads_like_a_violation_is_warned_of_with_its_words_and_a_ground(text: str) -> None:
    assert not CHECKER.by_rules(text, persona="assistant", channel="moment")

    (finding,) = CHECKER.check(f"大家早上好呀，今天门诊照常。\n{text}", persona="assistant", channel="moment")

    assert finding.level == "warn"
    assert finding.rule.startswith("alike.")
    assert finding.start >= len("大家早上好呀，今天门诊照常。\n")
    assert finding.ground.startswith("《")
    assert finding.advice.startswith("没有命中具体的词")


def test_it_says_nothing_where_a_rule_has_spoken() -> None:
    found = CHECKER.check("我们保证治愈，治不好我把诊所关了", persona="assistant", channel="moment")

    assert found
    assert not [finding for finding in found if finding.rule.startswith("alike.")]


@pytest.mark.parametrize("name", HELD_OUT)
def test_it_agrees_with_people_about_sentences_that_nothing_was_learned_from(name: str) -> None:
    sentences = read(name)

    score = judge(CHECKER, sentences)

    assert len(sentences) >= 300
    assert score.precision >= PRECISION, [one.text for one in score.wronged]
    assert score.recall >= RECALL, [one.text for one in score.missed]


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("康美齿科", "南山区科技园南路 18 号"),
        ("协和口腔门诊部", "朝阳大街甲 5 号"),
        ("华西美牙", "春熙路 99 号"),
    ],
)
def test_the_packs_texts_pass_in_another_clinics_name_too(name: str, address: str) -> None:
    pack = load_pack("dental")
    clinic = dict(pack.clinic) | {"name": name, "short_name": name[:2], "address": address}

    assert find_in_pack(replace(pack, clinic=clinic), CHECKER, Renderer()) == ()


def test_passages_are_whole_sentences_of_one_line() -> None:
    text = "今天门诊照常。" * 20 + "\n明天休息一天。" + "没有句号的很长的话" * 30

    passages = [text[start:end] for start, end in units(text)]

    assert "".join(passages) == text.replace("\n", "")
    assert all("\n" not in one for one in passages)
    assert all(len(one) <= max(UNIT_CHARS, 120) for one in passages)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        pytest.param("#bias\t0\n#limit\t1\n最好\t1.0\n", ":3:", id="a column is missing"),
        pytest.param("#bias\t0\n#limit\t1\n最好\tx\t\n", ":3:", id="no number"),
        pytest.param("#bias\t0\n最好\t1.0\t\n", "#limit", id="no limit"),
    ],
)
def test_a_broken_table_is_refused_with_its_place(tmp_path: Path, table: str, said: str) -> None:
    path = tmp_path / "likeness.tsv"
    path.write_text(table, encoding="utf-8")

    with pytest.raises(ValueError, match=said):
        Weights.read(path)
