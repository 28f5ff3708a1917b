"""What is wrong with a plan: refused with the place and the remedy, in a pack and in the editor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from content.draft import Entry, translate
from content.plans import models
from content.sources import Document, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from content.draft import Draft
    from content.pack import Pack
    from content.problems import FieldPath, Problem

_PREFIX: Final = "plans[0]"


def check_document(document: Mapping[str, Any], pack: Pack) -> tuple[Problem, ...]:
    """Check one document, e.g. from the editor; a problem's ``field`` is its path, its file is empty."""
    del pack
    whole = {"plans": [document]}
    source = Document(file="", data=whole, marks=dict(_marks(whole, ())))
    try:
        read = models.PlansFile.model_validate(whole)
    except ValidationError as exc:
        return tuple(_bare(problem) for problem in translate(source, exc, models.PlansFile))
    entry: Entry[models.PlanModel] = Entry(model=read.plans[0], document=source, path=("plans", 0))
    return tuple(_bare(problem) for problem in _check(entry))


def check_plans(draft: Draft) -> Iterator[Problem]:
    """Find what is wrong with the plans of a pack."""
    for entry in draft.plans:
        yield from _check(entry)


def _bare(problem: Problem) -> Problem:
    return replace(problem, field=problem.field.removeprefix(_PREFIX).removeprefix("."))


def _marks(value: object, path: FieldPath) -> Iterator[tuple[FieldPath, Mark]]:
    yield path, Mark(line=1)
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _marks(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _marks(inner, (*path, index))


def _check(entry: Entry[models.PlanModel]) -> Iterator[Problem]:
    del entry
    yield from ()
