"""The pack's rules as the evaluation takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clinic.rules.rules import HandOff, Held, Rule, When

if TYPE_CHECKING:
    from collections.abc import Iterator

    from content.pack import Pack
    from content.rule_specs import RuleSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """What is asked of the pack while consequences are drawn."""

    pack: Pack

    @property
    def exclusive(self) -> frozenset[str]:
        """Groups of which a patient wears one tag at most."""
        return frozenset(group.name for group in self.pack.tag_groups if group.exclusive)

    def waiting_for(self, kind: str) -> Iterator[Rule]:
        """Yield the rules that a happening of this kind may fire, in the pack's order."""
        return (_rule(spec) for spec in self.pack.rules if spec.when and kind in spec.when["kinds"])

    @property
    def asks_for_greetings(self) -> bool:
        """Whether any rule depends on which greeting a patient got."""
        return any(s.when and (s.when["welcome"] or s.when["variant"]) for s in self.pack.rules)

    def held(self) -> tuple[Rule, ...]:
        """Return the rules that hold over time, in the pack's order."""
        return tuple(_rule(spec) for spec in self.pack.rules if spec.held is not None)

    def held_keys(self) -> frozenset[str]:
        return frozenset(spec.key for spec in self.pack.rules if spec.held is not None)


def _rule(spec: RuleSpec) -> Rule:
    hand_off = spec.hand_off
    return Rule(
        key=spec.key,
        reason=spec.reason,
        when=When(**spec.when) if spec.when is not None else None,
        held=Held(**spec.held) if spec.held is not None else None,
        add=spec.add,
        remove=spec.remove,
        expires_days=spec.expires_days,
        stage=spec.stage,
        hand_off=None
        if hand_off is None
        else HandOff(
            to=hand_off.to, title=hand_off.title, body=hand_off.body, within_hours=hand_off.within_hours
        ),
        start=spec.start,
        stop=spec.stop,
    )
