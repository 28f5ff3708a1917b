"""The pack's rules, evaluated: by what happened (``on``), and by what is (``held``).

A rule ``on`` a happening fires once per fact and its words stay, dated like the fact. A ``held`` rule's tags
are there exactly as long as its conditions are; its words are dated by when the last of them became true,
so that a person who takes such a tag off by hand is not overruled until something new happens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from clinic.rules.wearing import RULE, Word, worn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import date

    from clinic.rules.facts import Facts
    from clinic.rules.happenings import Happening


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """What a happening must look like; empty fields match anything.

    Treatments, here and below: ``implant.*`` is ``implant`` and all its milestones.
    """

    kinds: tuple[str, ...]
    channel: tuple[str, ...] = ()
    welcome: tuple[str, ...] = ()
    variant: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    keyword: tuple[str, ...] = ()
    survey: tuple[str, ...] = ()
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    visit: tuple[str, ...] = ()
    treatment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What must be true of the records; None and empty ask nothing.

    Ages are whole years, spending whole yuan of visits she came to; each ``below`` is exclusive.
    """

    age_from: int | None = None
    age_below: int | None = None
    treated: tuple[str, ...] = ()
    not_treated: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    not_tags: tuple[str, ...] = ()
    stage: tuple[str, ...] = ()
    spent_from: int | None = None
    spent_below: int | None = None
    visits_from: int | None = None
    referred_from: int | None = None
    inactive_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """Somebody else's turn: who, what to do, within how many hours."""

    to: tuple[str, ...]
    title: str
    body: str
    within_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: ``when`` or ``held``, and what follows."""

    key: str
    reason: str
    when: When | None = None
    held: Held | None = None
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    expires_days: int | None = None
    stage: str | None = None
    hand_off: HandOff | None = None
    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()


def fires(rule: Rule, happening: Happening) -> bool:
    """Tell whether a happening is what the rule waits for."""
    when = rule.when
    if when is None or happening.kind not in when.kinds:
        return False
    plain = (
        (when.channel, happening.channel),
        (when.welcome, happening.welcome),
        (when.variant, happening.variant),
        (when.group, happening.group_role),
        (when.keyword, happening.keyword),
        (when.survey, happening.survey),
        (when.visit, happening.visit_status),
    )
    if any(wanted and value not in wanted for wanted, value in plain):
        return False
    if when.treatment and not _any_treatment(when.treatment, happening.treatment):
        return False
    return all(
        _answer_in(happening.answers.get(question), wanted) for question, wanted in when.answers.items()
    )


def _answer_in(answer: object, wanted: Sequence[str]) -> bool:
    given = answer if isinstance(answer, list | tuple) else (answer,)
    return any(str(one) in wanted for one in given if one is not None)


def _any_treatment(patterns: Iterable[str], treatment: str) -> bool:
    return any(
        treatment == pattern.removesuffix(".*")
        or (pattern.endswith(".*") and treatment.startswith(pattern[:-1]))
        for pattern in patterns
    )


def words_of(rule: Rule, happening: Happening) -> tuple[Word, ...]:
    """Return what a rule that fired says about tags."""
    expires_at = happening.at + timedelta(days=rule.expires_days) if rule.expires_days else None
    return tuple(
        Word(
            key=f"{rule.key}:{path}:{happening.key}",
            path=path,
            present=present,
            at=happening.at,
            origin=RULE,
            rule=rule.key,
            reason=rule.reason,
            expires_at=expires_at if present else None,
        )
        for paths, present in ((rule.remove, False), (rule.add, True))
        for path in paths
    )


def held_words(
    rules: Iterable[Rule], facts: Facts, said: Sequence[Word], *, exclusive: AbstractSet[str]
) -> tuple[Word, ...]:
    """Return what the ``held`` rules say now, in the pack's order: a rule sees the tags of those above it."""
    words: list[Word] = []
    for rule in rules:
        if rule.held is None or not (rule.add or rule.remove):
            continue
        tags = {}
        if rule.held.tags or rule.held.not_tags:
            tags = dict(worn((*said, *words), exclusive=exclusive, now=facts.now))
        since = true_since(rule.held, facts, tags)
        if since is None:
            continue
        words += [
            Word(
                key=f"{rule.key}:{path}",
                path=path,
                present=present,
                at=since,
                origin=RULE,
                rule=rule.key,
                reason=rule.reason,
            )
            for paths, present in ((rule.remove, False), (rule.add, True))
            for path in paths
        ]
    return tuple(words)


def true_since(held: Held, facts: Facts, tags: Mapping[str, Word]) -> datetime | None:
    """Return since when every condition is true; None when one is not."""
    found = [facts.since]
    for condition in (_age, _treatments, _spending, _visits, _referrals, _inactivity, _stage):
        since = condition(held, facts)
        if since is None:
            return None
        found.append(since)
    if any(path not in tags for path in held.tags) or any(path in tags for path in held.not_tags):
        return None
    return max([*found, *(tags[path].at for path in held.tags)])


def _age(held: Held, facts: Facts) -> datetime | None:
    if held.age_from is None and held.age_below is None:
        return facts.since
    if facts.born_on is None:
        return None
    today = facts.now.astimezone(facts.zone).date()
    age = age_on(facts.born_on, today)
    if age < (held.age_from or 0) or (held.age_below is not None and age >= held.age_below):
        return None
    return datetime.combine(birthday(facts.born_on, held.age_from or 0), time(), tzinfo=facts.zone)


def birthday(born_on: date, years: int) -> date:
    """Return the day somebody turns ``years``; who was born on 29 February does so on 1 March."""
    try:
        return born_on.replace(year=born_on.year + years)
    except ValueError:
        return born_on.replace(year=born_on.year + years, month=3, day=1)


def age_on(born_on: date, day: date) -> int:
    """Return an age in whole years."""
    age = day.year - born_on.year
    return age if birthday(born_on, age) <= day else age - 1


def _treatments(held: Held, facts: Facts) -> datetime | None:
    if held.not_treated and any(_any_treatment(held.not_treated, v.treatment) for v in facts.attended):
        return None
    if not held.treated:
        return facts.since
    times = [visit.at for visit in facts.attended if _any_treatment(held.treated, visit.treatment)]
    return max(times) if times else None


def _spending(held: Held, facts: Facts) -> datetime | None:
    if held.spent_from is None and held.spent_below is None:
        return facts.since
    total, since = 0, facts.since
    for visit in facts.attended:
        before, total = total, total + visit.amount_fen
        if before < (held.spent_from or 0) * 100 <= total:
            since = visit.at
    if total < (held.spent_from or 0) * 100:
        return None
    if held.spent_below is not None and total >= held.spent_below * 100:
        return None
    return since


def _visits(held: Held, facts: Facts) -> datetime | None:
    if held.visits_from is None:
        return facts.since
    return facts.attended[held.visits_from - 1].at if len(facts.attended) >= held.visits_from else None


def _referrals(held: Held, facts: Facts) -> datetime | None:
    if held.referred_from is None:
        return facts.since
    return facts.referred[held.referred_from - 1] if len(facts.referred) >= held.referred_from else None


def _inactivity(held: Held, facts: Facts) -> datetime | None:
    if held.inactive_days is None:
        return facts.since
    since = facts.seen_at + timedelta(days=held.inactive_days)
    return since if since <= facts.now else None


def _stage(held: Held, facts: Facts) -> datetime | None:
    if not held.stage:
        return facts.since
    return facts.stage_since if facts.stage in held.stage else None
