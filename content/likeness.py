"""Judges by likeness: what reads like sentences that people called forbidden, though no rule knows its words.

Rules name what they object to, but whoever writes a new boast finds words that no rule has. Beside them
stands a table of short runs of characters, each with how much it speaks for or against a violation, and of
which kind. It was learned from the labelled sentences under ``bench/corpus`` by ``bench/learn.py`` (logistic
regression), and is a text file as the rules are (ADR 0018).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import repeat
from operator import add
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

TABLE: Final = "likeness.tsv"
RUNS: Final = (1, 2)  # how long the runs are; with longer ones it judged no better
DOCTOR: Final = "D"  # before runs of two that count only where a doctor speaks; folded texts are lower case
UNIT_CHARS: Final = 90  # sentences are judged together up to this length, as the labelled ones were
SHORTEST: Final = 6
_SENTENCE: Final = re.compile(r"[^。!?;\n…]{1,120}[。!?;…]{0,3}")
_EDGES: Final = ",.:、~-—'\"“”()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """The words of a passage of the folded text that speak most for it, with the kind of violation."""

    start: int
    end: int
    unit_start: int  # the whole passage
    unit_end: int
    family: str  # the first part of rules' ids; empty: of no one kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What was learned: a passage whose runs add up to more than ``-bias`` and ``limit`` reads like one."""

    runs: Mapping[str, float]
    families: Mapping[str, str]
    bias: float
    limit: float
    _of_doctors: Mapping[str, float] = field(init=False)  # what a run weighs where a doctor speaks

    def __post_init__(self) -> None:
        theirs = dict(self.runs)
        for run, weight in self.runs.items():
            if len(run) > max(RUNS):
                pair = run.removeprefix(DOCTOR)
                theirs[pair] = theirs.get(pair, 0.0) + weight
        object.__setattr__(self, "_of_doctors", theirs)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a table: ``run<TAB>weight<TAB>family`` a line, after ``#bias`` and ``#limit``.

        Raises:
            ValueError: the file is no such table; the message names the line.
        """
        named: dict[str, float] = {}
        runs: dict[str, float] = {}
        families: dict[str, str] = {}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            parts = line.split("\t")
            try:
                if line.startswith("#") and len(parts) == 2:
                    named[parts[0]] = float(parts[1])
                    continue
                run, weight, family = parts
                runs[run] = float(weight)
            except ValueError as exc:
                remedy = "expected run, weight and family, parted by tabs"
                raise ValueError(f"{path.name}:{number}: {remedy}") from exc
            if family:
                families[run] = family
        try:
            return cls(runs=runs, families=families, bias=named["#bias"], limit=named["#limit"])
        except KeyError as exc:
            raise ValueError(f"{path.name}: the line {exc.args[0]} is missing") from exc

    def judge(
        self, text: str, *, doctor: bool, spoken: Callable[[int, int], bool] = lambda _start, _end: False
    ) -> Iterator[Likeness]:
        """Return the passages of a folded text that read like violations, in their order.

        A passage of which ``spoken`` says that there is an objection already is not read.
        """
        plain = one_digit(text)
        get = (self._of_doctors if doctor else self.runs).get
        for start, end in units(plain):
            if spoken(start, end):
                continue
            passage = plain[start:end]
            if sum(map(get, runs_of(passage), repeat(0.0))) + self.bias > self.limit:
                yield self._point(passage, start, doctor=doctor)

    def _point(self, passage: str, start: int, *, doctor: bool) -> Likeness:
        """Find the words of a passage that speak most for it, and its kind."""
        votes: dict[str, float] = {}
        runs = runs_of(passage, doctor=doctor)
        for run in sorted(runs & self.families.keys()):  # always in one order: sums of floats depend on it
            votes[self.families[run]] = votes.get(self.families[run], 0.0) + self.runs[run]
        first, last = _heaviest(self._spread(passage, doctor=doctor))
        while first < last - 1 and passage[first] in _EDGES:
            first += 1
        while last - 1 > first and passage[last - 1] in _EDGES:
            last -= 1
        family = max(votes, key=lambda name: (votes[name], name)) if votes else ""
        return Likeness(
            start=start + first,
            end=start + last,
            unit_start=start,
            unit_end=start + len(passage),
            family=family,
        )

    def _spread(self, passage: str, *, doctor: bool) -> list[float]:
        """Return how much each character speaks for a violation: its share of the runs it is in."""
        shares = [0.0] * len(passage)
        for length in RUNS:
            for at in range(len(passage) - length + 1):
                run = passage[at : at + length]
                weight = self.runs.get(run, 0.0)
                if doctor and length == 2:
                    weight += self.runs.get(DOCTOR + run, 0.0)
                for place in range(at, at + length):
                    shares[place] += weight / length
        return shares


def one_digit(text: str) -> str:
    """Write every digit as ``0``: that there is a number counts, not which."""
    for digit in "123456789":
        text = text.replace(digit, "0")
    return text


def runs_of(passage: str, *, doctor: bool = False) -> set[str]:
    """Return the runs of a passage whose digits are all ``0``."""
    pairs = set(map(add, passage, passage[1:]))
    runs = pairs.union(passage)
    if doctor:
        runs.update(map(DOCTOR.__add__, pairs))
    return runs


def units(text: str) -> Iterator[tuple[int, int]]:
    """Part a text into passages: neighbouring sentences of one line, together at most 90 characters."""
    start = end = None
    for sentence in _SENTENCE.finditer(text):
        if start is not None and end is not None:
            if sentence.start() == end and sentence.end() - start <= UNIT_CHARS:
                end = sentence.end()
                continue
            if end - start >= SHORTEST:
                yield start, end
        start, end = sentence.span()
    if start is not None and end is not None and end - start >= SHORTEST:
        yield start, end


def _heaviest(shares: list[float]) -> tuple[int, int]:
    """Return the stretch, ``[first, last)``, whose shares add up to most."""
    best, stretch = 0.0, (0, len(shares))
    total, first = 0.0, 0
    for at, share in enumerate(shares):
        if total <= 0:
            total, first = 0.0, at
        total += share
        if total > best:
            best, stretch = total, (first, at + 1)
    return stretch
