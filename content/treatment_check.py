"""What only the whole catalogue of treatments can tell: a key or a code that means two things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from content.treatment_specs import folded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from content.draft import Draft
    from content.problems import FieldPath, Problem
    from content.schema_treatments import MilestoneModel, TreatmentModel


def check_treatments(draft: Draft) -> Iterator[Problem]:
    """Find keys that stand twice and codes that lead to two treatments."""
    keys: dict[str, str] = {}
    codes: dict[str, str] = {}
    for entry in draft.treatments:
        model = entry.model
        parts: list[tuple[FieldPath, TreatmentModel | MilestoneModel]] = [((), model)]
        parts += [(("milestones", index), step) for index, step in enumerate(model.milestones)]
        for path, part in parts:
            if part.key in keys:
                says = f"治疗项目 {part.key} 重复"
                yield entry.problem(*path, "key", says=says, remedy=f"{keys[part.key]} 已经用了，换一个名字")
            keys.setdefault(part.key, f"{entry.document.file}:{entry.line(*path)}")
            names = ((("title",), part.title), *((("codes", i), code) for i, code in enumerate(part.codes)))
            for place, name in names:
                owner = codes.setdefault(folded(name), part.key)
                if owner != part.key:
                    remedy = "一个叫法只能指一个项目，从其中一处删掉"
                    yield entry.problem(*path, *place, says=f"“{name}”已经指 {owner}", remedy=remedy)
