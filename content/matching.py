"""Finds all matches of all rules in one walk through a text, as each rule's own ``finditer`` would.

A place is asked only about the parts of rules that can begin with the two characters there and of whose
further words one stands within reach, see `content.heads`. Parts are the bits of a number, so that a place
rules out a thousand of them in a few operations.
"""

from __future__ import annotations

from operator import add
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Collection

    from content.rulebook import Rule

    # A rule, and how to ask for one of its parts.
    _Question = tuple[int, Callable[[str, int], re.Match[str] | None]]
    # By a pair of characters: the parts that begin with it, those needing it; by parts: how to ask for them.
    _Memory = tuple[dict[str, int], dict[str, int], dict[int, tuple[_Question, ...]]]

_MAX_REMEMBERED = 50_000  # a text of everything there is must not fill the memory
_REACH = 16  # how far is looked for what a part needs: the rest of such a stretch and the two after it


class Beginnings:
    """Which parts of which rules can match where a text goes on in which way: bits in the rules' order."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        # A part that can begin in any way cannot be looked up; its rule is searched for in the whole text.
        self.anywhere = frozenset(
            number for number, rule in enumerate(rules) if any(part.heads is None for part in rule.parts)
        )
        parts = [
            (number, part)
            for number, rule in enumerate(rules)
            if number not in self.anywhere
            for part in rule.parts
        ]
        self._questions: list[_Question] = [(number, part.pattern.match) for number, part in parts]
        alike: dict[frozenset[str], int] = {}  # names alone begin in fifty thousand ways
        self._needed: dict[str, int] = {}
        self.undemanding = 0
        for place, (_, part) in enumerate(parts):
            heads = part.heads or frozenset()
            alike[heads] = alike.get(heads, 0) | 1 << place
            if part.needs is None or part.longest > 2 * _REACH:
                self.undemanding |= 1 << place
                continue
            for word in part.needs:
                self._needed[word] = self._needed.get(word, 0) | 1 << place
        self._beginning: dict[str, list[int]] = {}
        for heads, bits in alike.items():
            for head in heads:
                self._beginning.setdefault(head, []).append(bits)

    def heard(self, rules: Collection[int]) -> int:
        """Return the parts of some rules."""
        return sum(1 << place for place, (number, _) in enumerate(self._questions) if number in rules)

    def of(self, bits: int) -> tuple[_Question, ...]:
        """Return how to ask for some parts, in the rules' order."""
        questions = []
        while bits:
            lowest = bits & -bits
            questions.append(self._questions[lowest.bit_length() - 1])
            bits ^= lowest
        return tuple(questions)

    def at(self, pair: str, heard: int) -> tuple[int, int]:
        """Return the heard parts that can match where a text goes on with ``pair``, and those needing it."""
        begin = need = 0
        for word in (pair, pair[0]):
            need |= self._needed.get(word, 0)
            for some in self._beginning.get(word, ()):
                begin |= some
        return begin & heard, need & heard


class Walk:
    """Walks through texts for the rules that one audience hears. Remembers what it worked out."""

    def __init__(self, beginnings: Beginnings, heard: Collection[int]) -> None:
        self._beginnings = beginnings
        self._rules = frozenset(heard)
        self._heard = beginnings.heard(self._rules)
        self._memory: _Memory = ({}, {}, {})

    def matches(self, text: str) -> dict[Rule, list[re.Match[str]]]:
        """Return every heard rule's matches, each rule's in the order of the text."""
        rules = self._beginnings.rules
        found: dict[int, list[re.Match[str]]] = {}
        ends = [0] * len(rules)
        pairs = list(map(add, text, text[1:] + "\n"))
        begins, needs, asked = self._learned(pairs)
        reach = self._reach(pairs, needs)
        for at, begin in enumerate(map(begins.__getitem__, pairs)):
            if not begin:
                continue
            bits = begin & reach[at // _REACH]
            if not bits:
                continue
            questions = asked.get(bits)
            if questions is None:
                questions = asked[bits] = self._beginnings.of(bits)
            for number, match_at in questions:
                if at >= ends[number]:
                    match = match_at(text, at)
                    if match is not None:
                        ends[number] = match.end()
                        found.setdefault(number, []).append(match)
        for number in self._beginnings.anywhere & self._rules:
            matches = list(rules[number].pattern.finditer(text))
            if matches:
                found[number] = matches
        return {rules[number]: matches for number, matches in found.items()}

    def _learned(self, pairs: list[str]) -> _Memory:
        begins, needs, asked = self._memory
        if len(begins) > _MAX_REMEMBERED or len(asked) > _MAX_REMEMBERED:
            begins, needs, asked = self._memory = ({}, {}, {})
        for pair in set(pairs).difference(begins):
            begin, needs[pair] = self._beginnings.at(pair, self._heard)
            begins[pair] = begin  # last: who finds it finds the other
        return begins, needs, asked

    def _reach(self, pairs: list[str], needs: dict[str, int]) -> list[int]:
        """Answer, stretch by stretch of a text, which parts have what they need within reach."""
        within = [0] * (len(pairs) // _REACH + 3)
        for at, need in enumerate(map(needs.__getitem__, pairs)):
            if need:
                within[at // _REACH] |= need
        undemanding = self._beginnings.undemanding
        return [a | b | c | undemanding for a, b, c in zip(within, within[1:], within[2:], strict=False)]
