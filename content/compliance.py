"""The content check: what the law forbids a clinic to say, with the exact words, the reason and a way out.

It helps people who write; it does not replace a lawyer. ``block`` may never go out, ``warn`` needs a person's
decision, ``hint`` is advice. The rules are data, see `content.rulebook`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from content.folding import Folder
from content.likeness import TABLE, Weights
from content.rulebook import RULES, Channel, Level, PersonaKind, Rulebook, read_rulebook

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from content.folding import Folded
    from content.rulebook import Rule

_LOOK_BACK = 20  # characters of context before a match that can make it harmless
ALIKE_GROUND = (
    "《广告法》第二十八条、《医疗广告管理办法》第七条：广告不得虚假或者引人误解，医疗广告不得宣传疗效。"
)
ALIKE_ADVICE = "没有命中具体的词，但整句读起来像这一类说法，请再看一遍。"
_SEVERITY: dict[Level, int] = {"block": 0, "warn": 1, "hint": 2}
_ADDRESS = re.compile(r"https?://[!-~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Words that a rule objects to: ``text[start:end]``, counted in characters of the original text."""

    level: Level
    start: int
    end: int
    rule: str
    ground: str  # the legal ground, one Chinese sentence
    advice: str


class Checker:
    """Checks texts against a rulebook. Stateless but for a table of characters seen; share one freely."""

    def __init__(self, rulebook: Rulebook, weights: Weights) -> None:
        self._rulebook = rulebook
        self._weights = weights
        # What a passage of a kind is told: the ground and the advice of the first rule of that kind.
        self._examples: dict[str, Rule] = {}
        for rule in rulebook.rules:
            if rule.level != "hint":
                self._examples.setdefault(rule.id.partition(".")[0], rule)
        self._folder = Folder(rulebook.alike)
        # How a match can begin → the rules to ask there; a single character when the second is not known.
        self._pairs: dict[str, tuple[Rule, ...]] = {}
        self._singles: dict[str, tuple[Rule, ...]] = {}
        self._anywhere = tuple(rule for rule in rulebook.rules if rule.heads is None)
        for rule in rulebook.rules:
            for head in rule.heads or ():
                table = self._pairs if len(head) == 2 else self._singles
                table[head] = (*table.get(head, ()), rule)

    @classmethod
    def load(cls, folder: Path = RULES) -> Self:
        """Read the rules that come with the program, or those of another folder.

        Raises:
            RulesError: the rule files are broken.
            ValueError: the table of likenesses is.
        """
        return cls(read_rulebook(folder), Weights.read(folder / TABLE))

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self._rulebook.rules

    def check(
        self, text: str, *, persona: PersonaKind, channel: Channel, own: Collection[str] = ()
    ) -> tuple[Finding, ...]:
        """Return the findings in the order of the text, the most severe first where they start together.

        ``own`` are the clinic's own numbers, which are no personal data.
        """
        folded = self._folder.fold(text)
        if not folded.text:
            return ()
        findings = self._by_rules(folded, persona=persona, channel=channel, own=own)
        words = _without_addresses(text, folded)
        findings.extend(self._by_likeness(folded, words, findings, persona=persona))
        findings.sort(key=lambda f: (f.start, _SEVERITY[f.level], f.end, f.rule))
        return tuple(findings)

    def by_rules(self, text: str, *, persona: PersonaKind, channel: Channel) -> list[Finding]:
        """Return what the rules alone object to."""
        return self._by_rules(self._folder.fold(text), persona=persona, channel=channel, own=())

    def fold(self, text: str) -> str:
        """Return a text as it is judged: half width, lower case, without spaces, emoji and disguises."""
        return self._folder.fold(text).text

    def _by_likeness(
        self, folded: Folded, words: str, findings: Sequence[Finding], *, persona: PersonaKind
    ) -> Iterator[Finding]:
        """Return passages that read like violations, where no rule has spoken already."""
        for alike in self._weights.judge(words, doctor=persona == "doctor"):
            begin, finish = folded.span(alike.unit_start, alike.unit_end)
            if any(f.level != "hint" and f.start < finish and begin < f.end for f in findings):
                continue
            start, end = folded.span(alike.start, alike.end)
            like = self._examples.get(alike.family)
            yield Finding(
                level="warn",
                start=start,
                end=end,
                rule=f"alike.{alike.family or 'any'}",
                ground=like.ground if like else ALIKE_GROUND,
                advice=f"{ALIKE_ADVICE}{like.advice}" if like else f"{ALIKE_ADVICE}只写看得见、查得到的事。",
            )

    def _by_rules(
        self, folded: Folded, *, persona: PersonaKind, channel: Channel, own: Collection[str]
    ) -> list[Finding]:
        own_digits = {_digits(number) for number in own} - {""}
        findings: list[Finding] = []
        spare: list[Finding] = []
        for rule, matches in self._matches(folded.text).items():
            if persona in rule.personas and channel in rule.channels:
                place = spare if rule.spare else findings
                place.extend(self._judge(rule, folded, matches, own_digits))
        said: dict[str, list[Finding]] = {}
        for finding in findings:
            said.setdefault(_family(finding), []).append(finding)
        findings.extend(
            one for one in spare if not any(_covers(other, one) for other in said.get(_family(one), ()))
        )
        return findings

    def _matches(self, text: str) -> dict[Rule, list[re.Match[str]]]:
        """Find every rule's matches in one walk, as each rule's ``finditer`` would."""
        found: dict[Rule, list[re.Match[str]]] = {}
        pairs, singles = self._pairs, self._singles
        for at, first in enumerate(text):
            asked = pairs.get(text[at : at + 2], ())
            if first in singles:
                asked += singles[first]
            for rule in asked:
                matches = found.get(rule)
                if matches is not None and at < matches[-1].end():
                    continue
                match = rule.pattern.match(text, at)
                if match is not None:
                    found.setdefault(rule, []).append(match)
        for rule in self._anywhere:
            matches = list(rule.pattern.finditer(text))
            if matches:
                found[rule] = matches
        return found

    def _judge(
        self, rule: Rule, folded: Folded, matches: list[re.Match[str]], own: Collection[str]
    ) -> Iterator[Finding]:
        """Turn a rule's matches into findings, but for those that are harmless where they stand."""
        if rule.unless_text is not None and rule.unless_text.search(folded.text):
            return
        for match in matches:
            if rule.exception is not None and _inside(rule.exception, folded.text, match):
                continue
            if self._harmless(rule, folded.text, match):
                continue
            if rule.own_numbers and _digits(match[0]) in own:
                continue
            start, end = folded.span(match.start(), match.end())
            yield Finding(
                level=rule.level, start=start, end=end, rule=rule.id, ground=rule.ground, advice=rule.advice
            )

    def _harmless(self, rule: Rule, text: str, match: re.Match[str]) -> bool:
        """Tell whether the words around a match deny or question it."""
        for name in rule.unless:
            context = self._rulebook.contexts[name]
            before = text[max(0, match.start() - _LOOK_BACK) : match.start()]
            if (
                (context.before and context.before.search(before))
                or (context.right_before and context.right_before.search(before))
                or (context.inside and context.inside.search(match[0]))
                or (context.after and context.after.match(text, match.end()))
            ):
                return True
        return False


def _without_addresses(text: str, folded: Folded) -> str:
    """Return the folded text with stops in place of web addresses: they read like disguised words."""
    spans = [match.span() for match in _ADDRESS.finditer(text)]
    if not spans:
        return folded.text
    return "".join(
        "。" if any(start <= place < end for start, end in spans) else letter
        for letter, place in zip(folded.text, folded.origin, strict=True)
    )


def _family(finding: Finding) -> str:
    return finding.rule.partition(".")[0]


def _covers(other: Finding, one: Finding) -> bool:
    """Tell whether ``other`` objects to some of the same words at least as severely."""
    return other.start < one.end and one.start < other.end and _SEVERITY[other.level] <= _SEVERITY[one.level]


def _inside(exception: re.Pattern[str], text: str, match: re.Match[str]) -> bool:
    """Tell whether an exception covers the whole match; only the match's neighbourhood is looked at."""
    near = exception.finditer(text, max(0, match.start() - _LOOK_BACK), match.end() + _LOOK_BACK)
    return any(found.start() <= match.start() and match.end() <= found.end() for found in near)


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
