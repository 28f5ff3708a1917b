"""Surveys as the rest of the program sees them: questions, and which answers are happy or unhappy ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from content.draft import Entry
    from content.places import Place
    from content.schema_surveys import SurveyModel

HAPPY: Final = "happy"
UNHAPPY: Final = "unhappy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question. Without ``options`` it is answered in her own words.

    ``happy`` and ``unhappy`` may hold answers that are no options: other systems write 5 for 非常满意.
    """

    key: str  # under it the answer is kept, and rules ask for it
    ask: str
    options: tuple[str, ...] = ()
    many: bool = False
    required: bool = True
    happy: tuple[str, ...] = ()
    unhappy: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveySpec:
    """A survey: our own form, or with ``url`` somebody else's, whose answers come by API or file."""

    key: str
    title: str
    questions: tuple[Question, ...]
    place: Place
    intro: str = ""
    thanks: str = ""
    sorry: str = ""  # shown instead of ``thanks`` to whoever is unhappy
    days: int = 14  # how long an invitation can be used
    url: str = ""

    def mood(self, answers: Mapping[str, object]) -> str:
        """Return :data:`UNHAPPY` if one answer is so, else :data:`HAPPY` if one is, else nothing."""
        found = set()
        for question in self.questions:
            given = answers.get(question.key)
            said = {str(one) for one in (given if isinstance(given, list | tuple) else (given,))}
            found |= {word for word in (HAPPY, UNHAPPY) if said & set(getattr(question, word))}
        return UNHAPPY if UNHAPPY in found else HAPPY if HAPPY in found else ""


def survey_of(entry: Entry[SurveyModel], place: Place) -> SurveySpec:
    """Make the trusted form of a survey that was accepted."""
    model = entry.model
    return SurveySpec(
        key=model.key,
        title=model.title,
        intro=model.intro,
        thanks=model.thanks,
        sorry=model.sorry or model.thanks,
        days=model.days,
        url=model.url or "",
        place=place,
        questions=tuple(
            Question(
                key=one.key,
                ask=one.ask,
                options=tuple(one.options),
                many=one.many,
                required=one.required,
                happy=tuple(one.happy),
                unhappy=tuple(one.unhappy),
            )
            for one in model.questions
        ),
    )
