"""What is wrong with a plan: refused with the place and the remedy, in a pack and in the editor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from content.draft import Entry, translate
from content.plans import models
from content.plans.check_facts import check_facts
from content.plans.check_flow import check_flow, step_spot
from content.plans.check_queue import check_group, check_moments
from content.plans.check_steps import check_step
from content.plans.known import FOLLOW, KINDS, known_of_draft, known_of_pack
from content.plans.recalls import PREFIX, expanded
from content.plans.spots import Spot
from content.render import Renderer
from content.sources import Document, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from content.draft import Draft
    from content.pack import Pack
    from content.plans.known import Known
    from content.problems import FieldPath, Problem

_DOCUMENT: Final = "plans[0]"


def check_document(
    document: Mapping[str, Any], pack: Pack, *, known: Known | None = None
) -> tuple[Problem, ...]:
    """Check one document, e.g. from the editor; a problem's ``field`` is its path, its file is empty.

    Args:
        known: what the document may name, when that is more than what is in ``pack``.
    """
    whole = {"plans": [document]}
    source = Document(file="", data=whole, marks=dict(_marks(whole, ())))
    try:
        read = models.PlansFile.model_validate(whole)
    except ValidationError as exc:
        return tuple(_bare(problem) for problem in translate(source, exc, models.PlansFile))
    entry: Entry[models.PlanModel] = Entry(model=read.plans[0], document=source, path=("plans", 0))
    names = known or known_of_pack(pack)
    return tuple(_bare(problem) for problem in _check(entry, names, Renderer()))


def check_plans(draft: Draft) -> Iterator[Problem]:
    """Find what is wrong with the plans of a pack, and who names plans that it does not have."""
    known, renderer = known_of_draft(draft), Renderer()
    first: dict[str, Entry[models.PlanModel]] = {}
    moments: dict[str, Entry[models.PlanModel]] = {}
    recalls = tuple(expanded(draft))
    entries: list[Entry[Any]] = [*draft.plans, *recalls]
    for entry in entries:
        key = entry.model.key
        if key in first:
            there = f"{first[key].document.file}:{first[key].line()}"
            yield entry.problem("key", says=f"计划 {key} 重复", remedy=f"{there} 已经用了，换一个名字")
        first.setdefault(key, entry)
        yield from _check(entry, known, renderer)
        if isinstance(entry.model, models.MomentsPlanModel) and not entry.model.tags:
            other = moments.setdefault(entry.model.persona, entry)
            if other is not entry:
                says = f"{entry.model.persona} 的朋友圈已经由 {other.model.key} 排了，会一天发两份"
                remedy = "合并成一个计划，或让其中一个只给有某个标签的顾客看（tags）"
                yield entry.problem("persona", says=says, remedy=remedy, level="warning")
    yield from _named(draft, {entry.model.key for entry in recalls})


def _named(draft: Draft, recalls: set[str]) -> Iterator[Problem]:
    """Check the journeys that channels and rules begin or end."""
    journeys = recalls | {entry.model.key for entry in draft.plans if entry.model.kind == "journey"}
    faulty = draft.written.get("plans", set()) - {entry.model.key for entry in draft.plans}
    faulty |= {f"{PREFIX}{key}" for key in draft.written.get("recalls", ())}
    places: list[tuple[Entry[Any], FieldPath, str]] = [
        (entry, ("journey",), entry.model.journey) for entry in draft.channels if entry.model.journey
    ]
    for rule in draft.rules:
        for field in ("start", "stop"):
            places += [(rule, (field, index), key) for index, key in enumerate(getattr(rule.model, field))]
    for entry, path, key in places:
        if key not in journeys | faulty:
            yield Spot(entry=entry).unknown(*path, what="旅程（plans/*.yaml）", key=key, known=journeys)


def _check(entry: Entry[models.PlanModel], known: Known, renderer: Renderer) -> Iterator[Problem]:
    spot, plan = Spot(entry=entry), entry.model
    yield from _speaker(spot, plan, known)
    if isinstance(plan, models.JourneyModel):
        yield from check_facts(spot, plan, known)
        yield from check_flow(spot, plan.steps)
        for index, step in enumerate(plan.steps):
            yield from check_step(step_spot(spot, index, step), step, plan, known, renderer)
    elif isinstance(plan, models.GroupPlanModel):
        yield from check_group(spot, plan, known)
    else:
        yield from check_moments(spot, plan, known)


def _speaker(spot: Spot, plan: models.PlanModel, known: Known) -> Iterator[Problem]:
    persona = plan.persona
    if known.personas is not None and persona not in {*known.personas, *KINDS, FOLLOW}:
        yield spot.unknown("persona", what="角色", key=persona, known={*known.personas, *KINDS, FOLLOW})
    elif plan.purpose == "marketing":
        doctors = [one.key for one in known.speaking(persona) if one.kind == "doctor"]
        if doctors:
            remedy = "把 persona 改成 assistant 或一个小助理，或把 purpose 改成 care"
            says = f"医生账号（{'、'.join(doctors)}）不发营销"
            yield spot.fault("persona", says=says, remedy=remedy)


def _bare(problem: Problem) -> Problem:
    return replace(problem, field=problem.field.removeprefix(_DOCUMENT).removeprefix("."))


def _marks(value: object, path: FieldPath) -> Iterator[tuple[FieldPath, Mark]]:
    yield path, Mark(line=1)
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _marks(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _marks(inner, (*path, index))
