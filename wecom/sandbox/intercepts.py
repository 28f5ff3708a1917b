"""Rules against words in chats with customers, by rule_id. The sandbox keeps them; it intercepts nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .refusal import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from .corp import Corp


@dataclass(slots=True, kw_only=True)
class InterceptRule:
    """``kind`` 1 warns and blocks, 2 warns."""

    rule_id: str
    created_at: datetime
    name: str
    words: list[str]
    semantics: list[int]
    kind: int
    users: list[str]
    parties: list[int]


class InterceptRules:
    """At most 100 rules per corp (our bound; WeCom publishes none), else 41071."""

    MOST = 100

    def __init__(self, corp: Corp) -> None:
        self._corp = corp
        self._rules: dict[str, InterceptRule] = {}

    def add(
        self,
        *,
        name: str,
        words: list[str],
        semantics: list[int],
        kind: int,
        users: list[str],
        parties: list[int],
    ) -> InterceptRule:
        if len(self._rules) >= self.MOST:
            raise Refusal(41071, "too many intercept rules")
        rule = InterceptRule(
            rule_id=self._corp.ids.mark("rule", 20),
            created_at=self._corp.now,
            name=name,
            words=words,
            semantics=semantics,
            kind=kind,
            users=users,
            parties=parties,
        )
        self._rules[rule.rule_id] = rule
        return rule

    def get(self, rule_id: str) -> InterceptRule:
        """Return a rule; 41077 no such id."""
        try:
            return self._rules[rule_id]
        except KeyError:
            raise Refusal(41077, "invalid rule_id") from None

    def everyone(self) -> list[InterceptRule]:
        return list(self._rules.values())

    def delete(self, rule_id: str) -> None:
        self.get(rule_id)
        del self._rules[rule_id]
