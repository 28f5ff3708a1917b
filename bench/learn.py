"""Learn the table of :mod:`content.likeness` from the labelled sentences.

``uv run --with scikit-learn python -m bench.learn`` writes ``content/compliance/likeness.tsv``. What is
learned from: every corpus that is not held out, the examples of the rules, and the texts of the packs, which
people judged one by one. To be run again when many of these have changed; who only uses the program, or tests
it, needs no scikit-learn.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from bench.compliance import FILES, read
from content.almanac.themes import packaged_themes
from content.compliance import Checker
from content.likeness import DOCTOR, TABLE, Weights, one_digit, runs_of, units
from content.loader import load_pack
from content.render import Renderer
from content.report import texts_of
from content.rulebook import RULES, read_rulebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from content.rulebook import PersonaKind

PACKS: Final = ("dental", "medspa")
PACK_WEIGHT: Final = 2  # what clinics really say, seen twice
LIMIT: Final = 2.0  # log-odds; a lower one found hardly more and disturbed more often
KEPT: Final = 20_000
STRENGTH: Final = 1.0  # of what keeps weights small, inverse
OWN: Final = 0.4  # a run is of a kind when so much of what it stands in is


class Lesson:
    """A passage, who says it, whether it is bad, and what the rules find in it."""

    def __init__(self, checker: Checker, text: str, persona: PersonaKind, *, bad: bool) -> None:
        self.bad, self.doctor = bad, persona == "doctor"
        self.plain = one_digit(checker.fold(text))
        self.family = ""
        if bad:
            found = checker.by_rules(text, persona=persona, channel="moment")
            self.family = next((one.rule.partition(".")[0] for one in found if one.level != "hint"), "")

    def runs(self) -> set[str]:
        return runs_of(self.plain, doctor=self.doctor)


def lessons(checker: Checker) -> Iterator[Lesson]:
    """Return everything to be learned from."""
    for name in FILES:
        for one in read(name):
            yield Lesson(checker, one.text, one.persona, bad=one.label == "bad")
    for rule in checker.rules:
        who: PersonaKind = "assistant" if "assistant" in rule.personas else "doctor"
        if rule.level != "hint":
            for text in rule.must_match:
                yield Lesson(checker, text, who, bad=True)
        for text in rule.must_not_match:
            yield Lesson(checker, text, who, bad=False)
    for persona, text in pack_texts():
        for _ in range(PACK_WEIGHT):
            yield Lesson(checker, text, persona, bad=False)


def pack_texts() -> Iterator[tuple[PersonaKind, str]]:
    """Return every line that the packs and the year's plan say, and who says it."""
    renderer = Renderer()
    for name in PACKS:
        for filled in texts_of(load_pack(name), renderer):
            for line in filled.text.splitlines():
                if line.strip():
                    yield filled.persona, line
    themes = packaged_themes()
    for text in (*themes.terms, *(week.title for week in themes.weekly)):
        yield "assistant", text
    for campaign in (*themes.main, *themes.second):
        yield "assistant", campaign.title
        yield "assistant", campaign.idea


def parted(lesson: Lesson) -> Iterator[set[str]]:
    """Return the runs of the passages of a harmless text: each of them is harmless too."""
    for start, end in units(lesson.plain):
        yield runs_of(lesson.plain[start:end], doctor=lesson.doctor)


def families_of(taught: list[Lesson]) -> dict[str, str]:
    """Return the kind that a run mostly stands in, where it stands in one mostly."""
    seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for lesson in taught:
        if lesson.family:
            for run in lesson.runs():
                seen[run][lesson.family] += 1
    kinds = {}
    for run, counts in seen.items():
        [(family, count)] = counts.most_common(1)
        if count > 1 and count >= OWN * counts.total():
            kinds[run] = family
    return kinds


def main() -> None:
    unlearned = Weights(runs={}, families={}, bias=0.0, limit=0.0)
    taught = list(lessons(Checker(read_rulebook(RULES), unlearned)))
    examples = [(runs, lesson.bad) for lesson in taught for runs in _passages(lesson)]
    counts = CountVectorizer(analyzer=sorted, binary=True)
    table = counts.fit_transform([runs for runs, _ in examples])
    model = LogisticRegression(C=STRENGTH, max_iter=3000, class_weight="balanced")
    model.fit(table, [bad for _, bad in examples])
    weighed = sorted(zip(counts.get_feature_names_out(), model.coef_[0], strict=True), key=_by_weight)
    kinds = families_of(taught)
    lines = [f"#bias\t{model.intercept_[0]:.3f}", f"#limit\t{LIMIT}"]
    for run, weight in sorted(weighed[:KEPT]):
        family = kinds.get(run.removeprefix(DOCTOR), "") if weight > 0 else ""
        lines.append(f"{run}\t{weight:.3f}\t{family}")
    (RULES / TABLE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(examples)} passages, {len(weighed)} runs, {len(lines) - 2} kept")


def _passages(lesson: Lesson) -> Iterator[set[str]]:
    yield lesson.runs()
    if not lesson.bad:
        yield from parted(lesson)


def _by_weight(pair: tuple[str, float]) -> tuple[float, str]:
    return -abs(pair[1]), pair[0]


if __name__ == "__main__":
    main()
