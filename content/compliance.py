"""The content check: what the law forbids a clinic to say, with the exact words, the reason and a way out.

It helps people who write; it does not replace a lawyer. ``block`` may never go out, ``warn`` needs a person's
decision, ``hint`` is advice. The rules are data, see `content.rulebook`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from content.folding import Folder
from content.heads import longest
from content.likeness import TABLE, Weights
from content.matching import Beginnings, Walk
from content.rulebook import RULES, Channel, Level, PersonaKind, Rulebook, either, read_rulebook

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from content.folding import Folded
    from content.rulebook import ContextRule, Rule

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
    """Checks texts against a rulebook. Stateless but for tables of characters seen; share one freely."""

    def __init__(self, rulebook: Rulebook, weights: Weights) -> None:
        self._rulebook = rulebook
        self._weights = weights
        # What a passage of a kind is told: the ground and the advice of the first rule of that kind.
        self._examples: dict[str, Rule] = {}
        for rule in rulebook.rules:
            if rule.level != "hint":
                self._examples.setdefault(rule.family, rule)
        self._folder = Folder(rulebook.alike)
        self._beginnings = Beginnings(rulebook.rules)
        self._walks: dict[tuple[PersonaKind, Channel], Walk] = {}
        self._around = {
            names: _Around([rulebook.contexts[name] for name in names])
            for names in {rule.unless for rule in rulebook.rules}
        }
        self._denials = either(*(context.words for context in rulebook.contexts.values()))
        # Two words of denial that overlap are found as one, the first.
        self._look_back = _LOOK_BACK + (longest(self._denials.pattern) if self._denials else 0)

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
        objections = [(f.start, f.end) for f in findings if f.level != "hint"]

        def spoken(start: int, end: int) -> bool:
            begin, finish = folded.span(start, end)
            return any(first < finish and begin < last for first, last in objections)

        for alike in self._weights.judge(words, doctor=persona == "doctor", spoken=spoken):
            start, end = folded.span(alike.start, alike.end)
            objections.append((start, end))
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
        near = _Near(folded.text, self._denials, self._look_back, own)
        told: list[_Told] = []
        said: dict[str, list[_Told]] = {}
        found = self._walk(persona, channel).matches(folded.text)
        # What a spare rule says again is not looked at any further.
        for rule, matches in sorted(found.items(), key=_is_spare):
            if rule.unless_text is not None and rule.unless_text.search(folded.text):
                continue
            mine = said.setdefault(rule.family, [])
            around = self._around[rule.unless]
            severity = _SEVERITY[rule.level]
            for match in matches:
                start, end = folded.span(match.start(), match.end())
                if rule.spare and _says(mine, start, end, severity):
                    continue
                if around.excuses(near, match) or (rule.exception_core and _excepted(rule, near.text, match)):
                    continue
                if rule.own_numbers and _digits(match[0]) in near.own:
                    continue
                one = (start, severity, end, rule)
                told.append(one)
                if not rule.spare:
                    mine.append(one)
        return [
            Finding(
                level=rule.level, start=start, end=end, rule=rule.id, ground=rule.ground, advice=rule.advice
            )
            for start, _, end, rule in told
        ]

    def _walk(self, persona: PersonaKind, channel: Channel) -> Walk:
        walk = self._walks.get((persona, channel))
        if walk is None:
            heard = [n for n, r in enumerate(self.rules) if persona in r.personas and channel in r.channels]
            walk = self._walks[persona, channel] = Walk(self._beginnings, heard)
        return walk


class _Near:
    """A folded text, with where words of denial stand before: most matches have none near."""

    __slots__ = ("denied", "own", "text")

    def __init__(
        self, text: str, denials: re.Pattern[str] | None, look_back: int, own: Collection[str]
    ) -> None:
        self.text = text
        self.own = {_digits(number) for number in own} - {""}
        self.denied = bytearray(len(text) + look_back + 1)  # 1 where a denial may stand close enough before
        for match in denials.finditer(text) if denials else ():
            start = match.start() + 1
            self.denied[start : start + look_back] = b"\1" * look_back


class _Around:
    """What around a match denies or questions it: some contexts read as one."""

    def __init__(self, contexts: list[ContextRule]) -> None:
        self._before = either(*(one.before for one in contexts))
        self._inside = either(*(one.inside for one in contexts))
        self._after = either(*(one.after for one in contexts))

    def excuses(self, near: _Near, match: re.Match[str]) -> bool:
        """Tell whether a match is none where it stands."""
        start, end = match.span()
        text = near.text
        return bool(
            (
                near.denied[start]
                and self._before
                and self._before.search(text, max(0, start - _LOOK_BACK), start)
            )
            or (self._inside and self._inside.search(text, start, end))
            or (self._after and self._after.match(text, end))
        )


def _without_addresses(text: str, folded: Folded) -> str:
    """Return the folded text with stops in place of web addresses: they read like disguised words."""
    spans = [match.span() for match in _ADDRESS.finditer(text)]
    if not spans:
        return folded.text
    return "".join(
        "。" if any(start <= place < end for start, end in spans) else letter
        for letter, place in zip(folded.text, folded.origin, strict=True)
    )


# Words of the original text that a rule objects to: start, severity, end, and the rule.
_Told = tuple[int, int, int, "Rule"]


def _is_spare(found: tuple[Rule, list[re.Match[str]]]) -> bool:
    return found[0].spare


def _says(others: list[_Told], start: int, end: int, severity: int) -> bool:
    """Tell whether one of the others objects to some of the same words at least as severely."""
    for other in others:  # noqa: SIM110 - a generator would cost more than it looks through
        if other[0] < end and start < other[2] and other[1] <= severity:
            return True
    return False


def _excepted(rule: Rule, text: str, match: re.Match[str]) -> bool:
    """Tell whether an exception covers the whole match; only the match's neighbourhood is looked at."""
    if rule.exception is None or rule.exception_core is None:
        return False
    start, end = match.span()
    near = max(0, start - _LOOK_BACK), end + _LOOK_BACK
    if rule.exception_core.search(text, *near) is None:
        return False
    return any(one.start() <= start and end <= one.end() for one in rule.exception.finditer(text, *near))


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
