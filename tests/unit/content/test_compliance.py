from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.compliance import Checker
from content.matching import Walk
from content.rulebook import RULES, RulesError, refuse_unbounded
from tests.support.checking import packaged_checker

CHECKER = packaged_checker()
WALK = Walk(CHECKER._beginnings, range(len(CHECKER.rules)))
ALONE = [(rule, rule.pattern) for rule in CHECKER.rules]

# A text of real words: random characters alone would hardly ever reach a rule.
WORDS = [example for rule in CHECKER.rules for example in (*rule.must_match, *rule.must_not_match)]
texts = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.sampled_from(WORDS) | st.text(max_size=3) | st.sampled_from(["🦷", "\u200b", "。", "\n", "１"])
    ).map("".join),
)
speakers = st.sampled_from(["assistant", "doctor"])
channels = st.sampled_from(["moment", "group", "direct"])


def rules_in(text: str, persona: str = "assistant", channel: str = "moment") -> set[str]:
    return {finding.rule for finding in CHECKER.check(text, persona=persona, channel=channel)}


def where(rule) -> tuple[str, str]:
    """A persona and a channel to which the rule applies."""
    return min(rule.personas), "moment" if "moment" in rule.channels else min(rule.channels)


@pytest.mark.parametrize(
    ("rule", "text"),
    [pytest.param(rule, t, id=f"{rule.id}: {t}") for rule in CHECKER.rules for t in rule.must_match],
)
def test_a_rule_finds_its_examples(rule, text):
    assert rule.id in rules_in(text, *where(rule))


@pytest.mark.parametrize(
    ("rule", "text"),
    [pytest.param(rule, t, id=f"{rule.id}: {t}") for rule in CHECKER.rules for t in rule.must_not_match],
)
def test_a_rule_leaves_harmless_words_alone(rule, text):
    assert rule.id not in rules_in(text, *where(rule))


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in CHECKER.rules])
def test_a_rule_names_a_law_and_gives_advice_in_one_sentence(rule):
    assert re.match(r"《.+》.*[：:].+。$", rule.ground)
    assert rule.advice.endswith("。")
    assert len(rule.advice) < 60


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("最近天气转凉，第一次复诊的朋友记得带片子。最好饭后刷牙。", id="everyday words"),
        pytest.param("没有医生能保证种植牙用一辈子，能做的是按时复查。", id="a denial"),
        pytest.param("种植牙真的能用一辈子吗？这要看平时的清洁。", id="a question"),
        pytest.param("前台电话 000-00000000，周一到周日都在。", id="the desk's phone"),
    ],
)
@pytest.mark.parametrize("persona", ["assistant", "doctor"])
def test_an_honest_text_has_no_findings(text, persona):
    assert rules_in(text, persona) == set()


def test_a_finding_has_the_exact_span_of_the_original_text():
    text = "好消息！\n我们用的是 最🌟先\u200b进 的设备。"

    (finding,) = CHECKER.check(text, persona="assistant", channel="group")

    assert text[finding.start : finding.end] == "最🌟先\u200b进"
    assert (finding.level, finding.rule) == ("block", "absolute.superlative")
    assert "《广告法》" in finding.ground


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("保证治愈", id="plain"),
        pytest.param("保 证 治 愈", id="spaces"),
        pytest.param("保\u200b证\u200d治\ufeff愈", id="zero width"),
        pytest.param("保🦷证✨治❤️愈", id="emoji"),
        pytest.param("保證治癒", id="traditional"),
        pytest.param("保.证*治_愈", id="dots and stars"),
        pytest.param("【保】【证】「治愈」", id="brackets"),
        pytest.param("保\u0301证\u0301治愈", id="combining marks"),
        pytest.param("１００％治愈", id="full width"),
        pytest.param("1️⃣0️⃣0️⃣%治愈", id="keycap emoji"),
    ],
)
def test_what_evaders_do_does_not_help_them(text):
    (first, *_) = CHECKER.check(text, persona="assistant", channel="moment")

    assert first.level == "block"
    assert first.rule.startswith("guarantee.")


def test_words_of_two_sentences_are_not_read_as_one():
    assert rules_in("能最先\n进来的是小朋友") == set()
    assert rules_in("我最喜欢。好的医院很多") == set()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param("种植牙 2980 元", "doctor.price", id="price"),
        pytest.param("周末优惠活动", "doctor.promotion", id="promotion"),
        pytest.param("限量名额", "doctor.countdown", id="countdown"),
        pytest.param("领券", "doctor.promotion", id="coupon"),
    ],
)
def test_a_doctor_neither_sells_nor_hurries(text, rule):
    found = {f.rule: f.level for f in CHECKER.check(text, persona="doctor", channel="moment")}

    assert found[rule] == "block"
    assert rule not in rules_in(text, "assistant")


def test_a_patients_story_is_personal_in_public_but_not_between_two():
    assert "privacy.patient" in rules_in("王女士今天种植手术顺利", channel="group")
    assert "privacy.patient" not in rules_in("王女士今天种植手术顺利", channel="direct")


def test_the_clinics_own_number_is_no_personal_data():
    text = "预约请打 138 0000 1234"

    assert CHECKER.check(text, persona="assistant", channel="direct", own=["138-0000-1234"]) == ()
    assert {f.rule for f in CHECKER.check(text, persona="assistant", channel="direct")} == {"privacy.phone"}


def test_findings_are_in_the_order_of_the_text():
    found = CHECKER.check("手慢无！保证治愈，13800001234", persona="assistant", channel="moment")

    assert [f.rule for f in found] == ["urgency.fake", "guarantee.effect", "privacy.phone"]


def test_a_spare_rule_does_not_say_again_what_a_rule_of_its_family_says():
    assert {r for r in rules_in("种植界的天花板就在这里") if r.startswith("absolute.")} == {"absolute.grade"}
    assert rules_in("正畸之王亲自面诊") == {"absolute.boast"}


def test_a_name_is_read_only_beside_an_illness_and_not_where_it_is_a_colleague():
    assert rules_in("恭喜刘建军今天顺利拔掉两颗智齿", channel="group") == {"privacy.named"}
    assert rules_in("护士刘建军今天讲智齿", channel="group") == set()
    assert rules_in("恭喜刘建军生日快乐", channel="group") == set()


@given(texts, speakers, channels)
def test_spans_lie_inside_the_text_whatever_it_is(text, persona, channel):
    for finding in CHECKER.check(text, persona=persona, channel=channel):
        assert 0 <= finding.start < finding.end <= len(text)


@given(texts)
def test_the_one_walk_finds_what_each_rule_finds_alone(text):
    folded = CHECKER._folder.fold(text).text
    found = WALK.matches(folded)

    for rule, pattern in ALONE:
        alone = [match.span() for match in pattern.finditer(folded)]
        assert [match.span() for match in found.get(rule, [])] == alone


@given(st.text(max_size=300))
def test_folding_keeps_the_order_of_the_original(text):
    folded = CHECKER._folder.fold(text)

    assert len(folded.origin) == len(folded.text)
    assert list(folded.origin) == sorted(folded.origin)


def milliseconds(text: str, persona: str = "doctor", tries: int = 7) -> float:
    best = float("inf")
    for _ in range(tries):
        started = time.process_time()
        CHECKER.check(text, persona=persona, channel="moment")
        best = min(best, time.process_time() - started)
    return best * 1000


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in CHECKER.rules])
def test_time_grows_with_the_length_of_the_worst_texts_and_not_faster(rule):
    for seed in (rule.must_match[0], rule.must_match[0][:2], "1"):
        short = milliseconds(seed * (1_000 // len(seed)), tries=3)
        long = milliseconds(seed * (4_000 // len(seed)), tries=3)
        assert long < max(short, 1) * 12


@pytest.mark.parametrize(
    "pattern",
    ["a*", "a+", "a{2,}", ".{0,3}", r"(?:a{1,3}){1,9}", r"(a)\1", "(?P<n>a)", r"\w", "a{1,999}", "[0-9]+"],
)
def test_a_pattern_that_could_be_slow_is_refused(pattern):
    with pytest.raises(ValueError, match="不能用"):
        refuse_unbounded(pattern)


def test_broken_rules_are_told_with_file_and_line(tmp_path):
    (tmp_path / "language.yaml").write_text((RULES / "language.yaml").read_text())
    (tmp_path / "mine.yaml").write_text(
        "rules:\n"
        "  - {id: my.rule, level: block, ground: 某某法某某条规定。, advice: 改一改吧, patterns: ['.*'], "
        "must_match: [a], must_not_match: [b]}\n"
        "  - {id: my.other, level: blok, ground: 某某法某某条规定。, advice: 改一改吧, patterns: ['a'], "
        "must_match: [a], must_not_match: [b]}\n"
    )

    with pytest.raises(RulesError) as caught:
        Checker.load(tmp_path)

    assert "mine.yaml:3 rules[1].level: " in str(caught.value)


def test_a_word_that_language_does_not_know_is_told(tmp_path):
    (tmp_path / "language.yaml").write_text((RULES / "language.yaml").read_text())
    (tmp_path / "mine.yaml").write_text(
        "rules:\n"
        "  - {id: my.rule, level: block, ground: 某某法某某条规定。, advice: 改一改吧, patterns: ['<没有的>'], "
        "must_match: [a], must_not_match: [b]}\n"
    )

    with pytest.raises(RulesError, match=r"mine\.yaml:2 rules\[0\]: language\.yaml 的 words 里没有 <没有的>"):
        Checker.load(tmp_path)


def test_a_pattern_outside_the_dialect_is_told(tmp_path):
    (tmp_path / "language.yaml").write_text((RULES / "language.yaml").read_text())
    (tmp_path / "mine.yaml").write_text(
        "rules:\n"
        "  - {id: my.rule, level: block, ground: 某某法某某条规定。, advice: 改一改吧, patterns: ['.*'], "
        "must_match: [a], must_not_match: [b]}\n"
    )

    with pytest.raises(RulesError, match=r"mine\.yaml:2 rules\[0\]: 模式 '\.\*' 里不能用"):
        Checker.load(tmp_path)


def test_the_address_of_a_form_is_not_taken_for_disguised_words():
    text = "昨天的就诊，哪里做得顺手、哪里让你等久了？\nhttps://wx.clinic.example/s/AAAAAAACSae2fVirKdHZGCVJ"

    assert rules_in(text, channel="direct") == set()
    assert rules_in(f"包治好，百分百有效。\n{text}", channel="direct")
