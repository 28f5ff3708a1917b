"""When a rule fires, and since when a condition is true."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clinic.rules.facts import Facts, VisitFact
from clinic.rules.happenings import Happening
from clinic.rules.rules import Held, Rule, When, age_on, fires, held_words, true_since, words_of
from clinic.rules.wearing import RULE, Word

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
MET = NOW - timedelta(days=400)


def facts(**known: Any) -> Facts:
    start: dict[str, Any] = {
        "now": NOW,
        "zone": ZoneInfo("Asia/Shanghai"),
        "since": MET,
        "seen_at": MET,
        "stage": "added",
        "stage_since": MET,
    }
    return Facts(**(start | known))


def visit(days_ago: int, treatment: str = "scaling", *, yuan: int = 0, status: str = "done") -> VisitFact:
    return VisitFact(
        at=NOW - timedelta(days=days_ago), status=status, treatment=treatment, amount_fen=yuan * 100
    )


def happening(kind: Any, **known: Any) -> Happening:
    return Happening(kind=kind, at=NOW, **known)


@pytest.mark.parametrize(
    ("when", "what", "fired"),
    [
        pytest.param(
            {"kinds": ("added",), "channel": ("douyin",)}, {"channel": "douyin"}, True, id="the channel"
        ),
        pytest.param(
            {"kinds": ("added",), "channel": ("douyin",)}, {"channel": "meituan"}, False, id="another channel"
        ),
        pytest.param({"kinds": ("added",), "channel": ("douyin",)}, {}, False, id="no channel"),
        pytest.param({"kinds": ("visit",)}, {}, False, id="another kind"),
        pytest.param(
            {"kinds": ("added",), "welcome": ("w",), "variant": ("b",)},
            {"welcome": "w", "variant": "b"},
            True,
            id="the greeting's variant",
        ),
    ],
)
def test_a_rule_fires_on_what_it_waits_for(when: dict[str, Any], what: dict[str, Any], fired: bool) -> None:
    assert fires(Rule(key="one", reason="因为", when=When(**when)), happening("added", **what)) is fired


@pytest.mark.parametrize(
    ("pattern", "treatment", "fired"),
    [
        pytest.param("implant", "implant", True, id="itself"),
        pytest.param("implant", "implant.crown", False, id="not its milestones"),
        pytest.param("implant.*", "implant.crown", True, id="with its milestones"),
        pytest.param("implant.*", "implant", True, id="and itself"),
        pytest.param("implant.*", "implants", False, id="not a longer word"),
    ],
)
def test_treatments_are_named_with_or_without_their_milestones(
    pattern: str, treatment: str, fired: bool
) -> None:
    rule = Rule(key="one", reason="因为", when=When(kinds=("visit",), treatment=(pattern,)))

    assert fires(rule, happening("visit", treatment=treatment)) is fired


def test_answers_are_compared_as_they_are_written_single_or_several() -> None:
    rule = Rule(key="one", reason="因为", when=When(kinds=("survey",), answers={"满意度": ("1", "2")}))

    assert fires(rule, happening("survey", answers={"满意度": 2}))
    assert fires(rule, happening("survey", answers={"满意度": ["5", "1"]}))
    assert not fires(rule, happening("survey", answers={"满意度": "5"}))
    assert not fires(rule, happening("survey", answers={}))


def test_what_a_rule_says_is_dated_like_the_fact_and_expires_after_it() -> None:
    rule = Rule(
        key="one", reason="因为", when=When(kinds=("keyword",)), add=("a/b",), remove=("a/c",), expires_days=7
    )

    off, on = words_of(rule, happening("keyword", keyword="implant"))

    assert (off.path, off.present, off.expires_at) == ("a/c", False, None)
    assert (on.path, on.present, on.at, on.expires_at) == ("a/b", True, NOW, NOW + timedelta(days=7))
    assert on.key == words_of(rule, happening("keyword", keyword="implant"))[1].key


@pytest.mark.parametrize(
    ("born_on", "age"),
    [
        pytest.param(date(2001, 11, 23), 25, id="on the birthday"),
        pytest.param(date(2001, 11, 24), 24, id="a day before it"),
        pytest.param(date(2004, 2, 29), 22, id="born on 29 February"),
    ],
)
def test_an_age_is_whole_years_on_the_clinics_calendar(born_on: date, age: int) -> None:
    assert age_on(born_on, date(2026, 11, 23)) == age


def test_a_band_begins_on_the_birthday() -> None:
    adult = Held(age_from=25, age_below=35)

    since = true_since(adult, facts(born_on=date(2001, 11, 23)), {})
    assert since == datetime(2026, 11, 22, 16, tzinfo=UTC), "midnight in the clinic"
    assert true_since(adult, facts(born_on=date(1991, 11, 23)), {}) is None
    assert true_since(adult, facts(), {}) is None, "nobody knows her age"


def test_need_and_status_are_a_pair() -> None:
    pair = Held(treated=("extraction",), not_treated=("implant.*",))
    extracted = visit(30, "extraction")

    assert true_since(pair, facts(visits=(extracted,)), {}) == extracted.at
    assert true_since(pair, facts(visits=(extracted, visit(3, "implant.surgery"))), {}) is None
    assert true_since(pair, facts(visits=(visit(30, "extraction", status="booked"),)), {}) is None


def test_tiers_count_what_was_paid_at_visits_she_came_to() -> None:
    tier = Held(spent_from=3000, spent_below=10000)
    visits = (visit(90, yuan=2000), visit(60, yuan=5000, status="cancelled"), visit(30, yuan=1500))

    assert true_since(tier, facts(visits=visits), {}) == visits[2].at
    assert true_since(tier, facts(visits=visits[:2]), {}) is None
    assert true_since(tier, facts(visits=(*visits, visit(1, yuan=7000))), {}) is None


def test_referrals_visits_silence_and_stage_are_dated_by_what_made_them_true() -> None:
    referred = (NOW - timedelta(days=9), NOW - timedelta(days=5))
    visits = (visit(30), visit(20))

    assert true_since(Held(referred_from=2), facts(referred=referred), {}) == referred[1]
    assert true_since(Held(referred_from=3), facts(referred=referred), {}) is None
    assert true_since(Held(visits_from=2), facts(visits=visits), {}) == visits[1].at
    assert true_since(Held(inactive_days=180), facts(), {}) == MET + timedelta(days=180)
    assert true_since(Held(inactive_days=180), facts(seen_at=NOW), {}) is None
    booked = facts(stage="booked", stage_since=NOW)
    assert true_since(Held(stage=("booked",)), booked, {}) == NOW
    assert true_since(Held(stage=("closed",)), booked, {}) is None


def test_a_rule_sees_the_tags_of_the_rules_above_it() -> None:
    rules = (
        Rule(key="one", reason="因为", held=Held(visits_from=1), add=("a/常客",)),
        Rule(key="two", reason="因为", held=Held(tags=("a/常客",), not_tags=("a/烦",)), add=("a/邀请",)),
    )
    said = [Word(key="s", path="a/烦", present=True, at=NOW, origin=RULE, reason="")]

    words = held_words(rules, facts(visits=(visit(1),)), [], exclusive=frozenset())
    assert [word.path for word in words] == ["a/常客", "a/邀请"]
    words = held_words(rules, facts(visits=(visit(1),)), said, exclusive=frozenset())
    assert [word.path for word in words] == ["a/常客"]
