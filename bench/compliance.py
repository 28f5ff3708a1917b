"""How well the content check judges sentences it was not written for, and how long it takes.

The sentences of ``FILES`` were written apart from the rules, but their misses have served to widen them
since: what they print is agreement, no forecast. A forecast is what a corpus of ``HELD_OUT`` prints,
as long as nobody fits the rules to it. Only block and warn count: a hint is advice.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast

from content.compliance import Checker

if TYPE_CHECKING:
    from content.rulebook import Channel, PersonaKind

CORPUS: Final = Path(__file__).parent / "corpus"
# Rules were fitted to these, or the table of likenesses was learned from them (bench/learn.py).
FILES: Final = (
    *("compliance.tsv", "compliance-unseen.tsv", "compliance-blind.tsv", "compliance-blind-2.tsv"),
    *("compliance-blind-4.tsv", "compliance-blind-5.tsv", "compliance-blind-6.tsv", "compliance-frames.tsv"),
)
# Written by people who never saw the rules, and only measured: nothing was fitted to them.
HELD_OUT: Final[tuple[str, ...]] = ("compliance-blind-3.tsv", "compliance-blind-7.tsv")
PRECISION: Final = 0.95
RECALL: Final = 0.90
POST_CHARS: Final = 2000
ROUNDS: Final = 50


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with what a person says of it."""

    label: Literal["bad", "fine"]
    persona: PersonaKind
    channel: Channel
    text: str


@dataclass(slots=True)
class Score:
    """How the check's judgement compares with a person's."""

    caught: int = 0
    right: int = 0
    missed: list[Sentence] = field(default_factory=list)
    wronged: list[Sentence] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.caught / max(self.caught + len(self.wronged), 1)

    @property
    def recall(self) -> float:
        return self.caught / max(self.caught + len(self.missed), 1)

    @property
    def count(self) -> int:
        return self.caught + self.right + len(self.missed) + len(self.wronged)


def read(name: str) -> list[Sentence]:
    """Read a corpus: one sentence a line, ``label<TAB>persona<TAB>channel<TAB>text``."""
    sentences = []
    for number, line in enumerate((CORPUS / name).read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        parts = line.split("\t")
        if len(parts) != 4 or parts[0] not in ("bad", "fine"):
            raise ValueError(f"{name}:{number}: wanted label, persona, channel and text, parted by tabs")
        label, persona, channel, text = parts
        sentences.append(
            Sentence(
                cast("Literal['bad', 'fine']", label),
                cast("PersonaKind", persona),
                cast("Channel", channel),
                text,
            )
        )
    return sentences


def judge(checker: Checker, sentences: list[Sentence]) -> Score:
    """Compare the check with the labels."""
    score = Score()
    for one in sentences:
        found = any(
            finding.level != "hint"
            for finding in checker.check(one.text, persona=one.persona, channel=one.channel)
        )
        if one.label == "bad":
            if found:
                score.caught += 1
            else:
                score.missed.append(one)
        elif found:
            score.wronged.append(one)
        else:
            score.right += 1
    return score


def post(label: Literal["bad", "fine"]) -> str:
    """Return a post of 2 000 characters made of sentences with that label."""
    sentences = (one.text for name in FILES for one in read(name) if one.label == label)
    return "。".join(sentences)[:POST_CHARS]


def milliseconds(checker: Checker, text: str) -> float:
    """Return the best time of checking a text."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        checker.check(text, persona="assistant", channel="moment")
        best = min(best, time.perf_counter() - start)
    return best * 1000


def main() -> int:
    """Print the figures; 1 when the promise is broken."""
    checker = Checker.load()
    broken = False
    print(f"{'corpus':<28}{'sentences':>10}{'precision':>11}{'recall':>9}")
    for name in (*FILES, *HELD_OUT):
        score = judge(checker, read(name))
        print(f"{name:<28}{score.count:>10}{score.precision:>11.3f}{score.recall:>9.3f}")
        broken |= name not in HELD_OUT and (score.precision < PRECISION or score.recall < RECALL)
        if "-v" in sys.argv:
            for word, some in (("missed", score.missed), ("wronged", score.wronged)):
                for one in some:
                    print(f"  {word}: {one.persona} {one.channel} {one.text}")
    print(f"wanted: precision at least {PRECISION}, recall at least {RECALL} (block and warn)")
    print(f"a post of {POST_CHARS} characters, best of {ROUNDS} (wanted: below 2 ms)")
    for words, label in (("of harmless sentences", "fine"), ("of nothing but violations", "bad")):
        text = post(cast("Literal['bad', 'fine']", label))
        print(f"  {words:<26}{milliseconds(checker, text):>6.2f} ms")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
