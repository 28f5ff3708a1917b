"""What the pack says follows from what happens: the rules, frozen, in the pack's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from content.places import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from content.draft import Entry
    from content.schema_rules import RuleModel


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOffSpec:
    """Whose turn it is; ``to`` are userids, or ``member``, ``assistant``, ``doctor``, ``manager``."""

    to: tuple[str, ...]
    title: str
    body: str
    within_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSpec:
    """One rule. ``when`` and ``held`` are its conditions by name, as the evaluation knows them; one is None.

    Every value of theirs is a number, a tuple of texts, or (``answers``) such tuples by question.
    """

    key: str
    reason: str
    when: Mapping[str, Any] | None
    held: Mapping[str, Any] | None
    add: tuple[str, ...]
    remove: tuple[str, ...]
    expires_days: int | None
    stage: str | None
    hand_off: HandOffSpec | None
    start: tuple[str, ...]
    stop: tuple[str, ...]
    place: Place


_EVENT_FIELDS = ("channel", "welcome", "variant", "group", "keyword", "survey", "visit", "treatment")


def rule_of(entry: Entry[RuleModel]) -> RuleSpec:
    """Turn what staff wrote into what the program uses."""
    model = entry.model
    when: dict[str, Any] | None = None
    if model.on:
        when = {name: tuple(getattr(model, name)) for name in _EVENT_FIELDS}
        when["kinds"] = tuple(model.on)
        when["answers"] = {question: tuple(answers) for question, answers in model.answers.items()}
    hand_off = model.hand_off
    return RuleSpec(
        key=model.key,
        reason=model.reason,
        when=when,
        held=_held(model),
        add=tuple(model.add),
        remove=tuple(model.remove),
        expires_days=model.expires_days,
        stage=model.stage,
        hand_off=None
        if hand_off is None
        else HandOffSpec(
            to=tuple(hand_off.to),
            title=hand_off.title,
            body=hand_off.body,
            within_hours=hand_off.within_hours,
        ),
        start=tuple(model.start),
        stop=tuple(model.stop),
        place=Place(file=entry.document.file, line=entry.line()),
    )


def _held(model: RuleModel) -> Mapping[str, Any] | None:
    held = model.held
    if held is None:
        return None
    return {
        "age_from": held.age.from_ if held.age else None,
        "age_below": held.age.below if held.age else None,
        "treated": tuple(held.treated),
        "not_treated": tuple(held.not_treated),
        "tags": tuple(held.tags),
        "not_tags": tuple(held.not_tags),
        "stage": tuple(held.stage),
        "spent_from": held.spent.from_ if held.spent else None,
        "spent_below": held.spent.below if held.spent else None,
        "visits_from": held.visits,
        "referred_from": held.referred,
        "inactive_days": held.inactive_days,
    }
