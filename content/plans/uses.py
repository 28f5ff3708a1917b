"""What a plan says by key: contents and assets, and where in the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from content.plans.specs import GroupBody, JourneyBody

if TYPE_CHECKING:
    from collections.abc import Iterator

    from content.plans.specs import MomentsBody, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A content or an asset that a plan names, and where, as staff would look for it."""

    key: str
    where: str  # e.g. ``步骤 day-3``


def uses_of(plan: Plan) -> Iterator[Use]:
    """Yield every content and asset that a plan names by key; a key may come more than once."""
    body = plan.body
    if isinstance(body, JourneyBody):
        yield from _of_journey(body)
    elif isinstance(body, GroupBody):
        yield from _of_group(body)
    else:
        yield from _of_moments(body)


def _of_journey(body: JourneyBody) -> Iterator[Use]:
    for step in body.steps:
        keys = (step.content, *step.attachments, *(variant.content for variant in step.variants))
        for key in filter(None, keys):
            yield Use(key=key, where=f"步骤 {step.key}")


def _of_group(body: GroupBody) -> Iterator[Use]:
    for what, slots in (("建群", body.after_creation), ("入群", body.after_joining)):
        for slot in slots:
            if slot.content:
                yield Use(key=slot.content, where=f"{what}后第 {slot.day} 天")
    for campaign in body.campaigns:
        yield Use(key=campaign.content, where=f"{campaign.on} 的活动")


def _of_moments(body: MomentsBody) -> Iterator[Use]:
    for slot in body.calendar:
        yield Use(key=slot.content, where=f"年历 {slot.on}")
