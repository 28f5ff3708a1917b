"""Stages that follow from conditions, not from one happening: decided as of every moment of her history.

Whether she was 已成交 when she came for the third time is a question about that day, and the answer must not
depend on what was told to us first. So her history is walked through from its beginning, each time anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from clinic.rules.rules import true_since
from clinic.rules.wearing import worn
from clinic.stages import Move, Stage, fold

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from clinic.rules.facts import Facts
    from clinic.rules.rules import Rule
    from clinic.rules.wearing import Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A stage that a rule's conditions brought her to at ``at``."""

    rule: Rule
    key: str
    stage: Stage
    at: datetime


def reached(
    rules: Sequence[Rule],
    facts: Facts,
    moves: Sequence[Move],
    words: Sequence[Word],
    *,
    exclusive: AbstractSet[str],
) -> tuple[Reached, ...]:
    """Return every stage that ``held`` rules brought her to, oldest first.

    Args:
        moves: all facts that moved her but those these rules made before.
    """
    asking = [rule for rule in rules if rule.held is not None and rule.stage is not None]
    if not asking:
        return ()
    found: dict[str, Reached] = {}
    silences = {rule.held.inactive_days for rule in asking if rule.held and rule.held.inactive_days}
    moments = {move.at for move in moves} | {visit.at for visit in facts.visits} | set(facts.referred)
    moments |= {at + timedelta(days=days) for at in (*facts.seen, facts.seen_at) for days in silences}
    if any(rule.held and (rule.held.tags or rule.held.not_tags) for rule in asking):
        moments |= {word.at for word in words}
    moments.add(facts.now)
    for moment in sorted(at for at in moments if facts.since <= at <= facts.now):
        told = [move for move in moves if move.at <= moment]
        for rule in asking:
            made = [Move(key=one.key, stage=one.stage, at=one.at) for one in found.values()]
            standing = fold([*told, *made])
            since = _true_then(rule, facts.as_of(moment), words, standing.stage, standing.since, exclusive)
            if since is None:
                continue
            key = f"{rule.key}:{int(since.timestamp())}"
            found.setdefault(key, Reached(rule=rule, key=key, stage=Stage(rule.stage or ""), at=since))
    return tuple(found.values())


def _true_then(
    rule: Rule,
    facts: Facts,
    words: Sequence[Word],
    stage: Stage,
    stage_since: datetime | None,
    exclusive: AbstractSet[str],
) -> datetime | None:
    if rule.held is None:
        return None
    tags = {}
    if rule.held.tags or rule.held.not_tags:
        tags = dict(worn([w for w in words if w.at <= facts.now], exclusive=exclusive, now=facts.now))
    then = replace(facts, stage=stage.value, stage_since=stage_since or facts.since)
    return true_since(rule.held, then, tags)
