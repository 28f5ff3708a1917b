"""The texts that stand in plans themselves, as the content check and the counts of a pack want them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from content.plans.specs import CONTACTS, GroupBody, JourneyBody, MomentsBody

if TYPE_CHECKING:
    from collections.abc import Iterator

    from content.plans.specs import Plan, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One text of a step, a template; ``by_hand``: it may name the patient."""

    plan: Plan
    step: str
    variant: str
    text: str
    by_hand: bool

    @property
    def key(self) -> str:
        """Name it as staff look for it, e.g. ``implant/day-3``."""
        return "/".join(filter(None, (self.plan.key, self.step, self.variant)))


def wordings_of(plan: Plan) -> Iterator[Wording]:
    """Yield the texts that a journey says in its own words; the other plans have none of their own."""
    if not isinstance(plan.body, JourneyBody):
        return
    for step in plan.body.steps:
        by_hand = not by_mass(step)
        if step.text:
            yield Wording(plan=plan, step=step.key, variant="", text=step.text, by_hand=by_hand)
        for variant in step.variants:
            if variant.text:
                yield Wording(
                    plan=plan, step=step.key, variant=variant.key, text=variant.text, by_hand=by_hand
                )


def by_mass(step: Step) -> bool:
    """Tell whether a step may go out as one text for many."""
    way = step.via if step.channel == "survey" else step.channel
    return way == "mass" or (way == "kf" and step.fallback == "mass")


def said_in(plan: Plan) -> str:
    """Say in a few words how much a plan does, e.g. ``12 步，9 次联系``."""
    body = plan.body
    if isinstance(body, JourneyBody):
        contacts = sum(step.channel in CONTACTS for step in body.steps)
        return f"{len(body.steps)} 步，{contacts} 次联系"
    if isinstance(body, GroupBody):
        dated = len(body.after_creation) + len(body.after_joining) + len(body.campaigns)
        parts = [f"每周 {len(body.slots)} 个时段"] if body.slots else []
        return "，".join([*parts, *([f"{dated} 条按天数或日期"] if dated else [])])
    assert isinstance(body, MomentsBody)
    extra = f"，节日等 {len(body.calendar)} 个" if body.calendar else ""
    return f"每周 {len(body.slots)} 个时段{extra}"
