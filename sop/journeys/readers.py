"""Texts written for some people only: steps that say them ask that of her, besides what they ask already."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from content.plans.specs import Condition, JourneyBody

if TYPE_CHECKING:
    from collections.abc import Mapping

    from content.pack import ContentItem, Pack
    from content.plans.specs import Plan, Step

_ANYBODY = Condition()


class Readers:
    """Narrows plans by the ``tags`` and ``age`` of the texts that a pack has; plans that need none stay."""

    def __init__(self, pack: Pack) -> None:
        items = (*pack.group_posts, *pack.moments, *pack.direct_texts)
        self._written_for = {item.key: item for item in items if not item.for_everybody}
        self._narrowed: dict[int, Plan] = {}  # by version, which never changes

    def each(self, plans: Mapping[int, Plan]) -> Mapping[int, Plan]:
        """Return published plans, by version, as their texts narrow them."""
        if not self._written_for:
            return plans
        for version in plans.keys() - self._narrowed.keys():
            self._narrowed[version] = self.of(plans[version])
        return {version: self._narrowed[version] for version in plans}

    def of(self, plan: Plan) -> Plan:
        """Return one plan as its texts narrow it."""
        if not self._written_for or not isinstance(plan.body, JourneyBody):
            return plan
        steps = tuple(self._step(step) for step in plan.body.steps)
        return replace(plan, body=replace(plan.body, steps=steps)) if steps != plan.body.steps else plan

    def _step(self, step: Step) -> Step:
        """Ask of her what every wording asks: which of them she would get is drawn by lot."""
        keys = dict.fromkeys((step.content, *(variant.content for variant in step.variants)))
        asked = step.when
        for item in (self._written_for[key] for key in keys if key in self._written_for):
            asked = _and(asked or _ANYBODY, item)
        return step if asked == step.when else replace(step, when=asked)


def _and(asked: Condition, item: ContentItem) -> Condition:
    if item.age is not None:
        start, below = item.age
        belows = [one for one in (asked.age_below, below) if one is not None]
        asked = replace(
            asked,
            age_from=max(asked.age_from or 0, start) or None,
            age_below=min(belows) if belows else None,
        )
    if item.tags:  # one of them is enough
        ways = asked.any_of or (_ANYBODY,)
        asked = replace(
            asked,
            any_of=tuple(replace(way, tags=(*way.tags, tag)) for way in ways for tag in item.tags),
        )
    return asked
