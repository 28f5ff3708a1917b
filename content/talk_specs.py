"""What a pack knows to say in talk: scripts for staff, and answers by what somebody wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from content.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from content.draft import Entry
    from content.schema_talk import AnswerModel, ScriptModel

ALL_OF = "+"  # between parts of a word that must all be there


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptSpec:
    """How to meet a situation in talk: what to say, what never to say, and when somebody else takes over."""

    key: str
    title: str
    stages: tuple[str, ...]
    objection: str  # empty: no objection, a usual situation
    audience: tuple[str, ...]  # persona keys and kinds; empty: anybody
    situation: str
    say: tuple[str, ...]  # templates
    never: tuple[str, ...]
    hand_over: str
    place: Place
    say_places: tuple[Place, ...]  # where each text's first line is


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSpec:
    """An answer that needs nobody: found by words in what somebody wrote."""

    key: str
    title: str
    asks: tuple[str, ...]
    words: tuple[str, ...]
    without: tuple[str, ...]
    text: str  # a template
    attachments: tuple[str, ...]
    urgent: bool
    place: Place
    text_place: Place

    def weight(self, said: str) -> int:
        """Return how much of ``said`` (folded) its best word explains, in characters; 0: not meant."""
        if any(word.casefold() in said for word in self.without):
            return 0
        parts = (word.casefold().split(ALL_OF) for word in self.words)
        return max((sum(map(len, each)) for each in parts if all(part in said for part in each)), default=0)


def best_answer(answers: Iterable[AnswerSpec], said: str) -> AnswerSpec | None:
    """Return the answer to what somebody wrote: an urgent one first, then the one whose word says most."""
    folded = said.casefold()
    weighed = [(answer, answer.weight(folded)) for answer in answers]
    fitting = [(answer, weight) for answer, weight in weighed if weight]
    # max() keeps the first of equals, so the pack's order decides between them.
    return max(fitting, key=lambda pair: (pair[0].urgent, pair[1]), default=(None, 0))[0]


def script_of(entry: Entry[ScriptModel]) -> ScriptSpec:
    model, file = entry.model, entry.document.file
    return ScriptSpec(
        key=model.key,
        title=model.title,
        stages=tuple(model.stage),
        objection=model.objection,
        audience=tuple(model.audience),
        situation=model.situation,
        say=tuple(model.say),
        never=tuple(model.never),
        hand_over=model.hand_over,
        place=Place(file=file, line=entry.line()),
        say_places=tuple(Place(file=file, line=entry.line("say", index)) for index in range(len(model.say))),
    )


def answer_of(entry: Entry[AnswerModel]) -> AnswerSpec:
    model, file = entry.model, entry.document.file
    return AnswerSpec(
        key=model.key,
        title=model.title,
        asks=tuple(model.asks),
        words=tuple(model.words),
        without=tuple(model.without),
        text=model.text,
        attachments=tuple(model.attachments),
        urgent=model.urgent,
        place=Place(file=file, line=entry.line()),
        text_place=Place(file=file, line=entry.line("text")),
    )
