"""Who uses a content or an asset: asked before one is deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import exists, or_, select

from content.plans.documents import plan_of
from content.plans.uses import uses_of
from sop.plan_tables import Enrolment, PlanVersion, StoredPlan
from sop.plans.states import PlanState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanUse:
    """A plan that names a content or an asset."""

    key: str  # of the content or asset
    plan: str
    title: str
    version: int
    where: str

    def __str__(self) -> str:
        return f"计划“{self.title}”（{self.plan} 第 {self.version} 版）的{self.where}"


async def content_used_by(session: AsyncSession, keys: Iterable[str]) -> dict[str, tuple[PlanUse, ...]]:
    """Return for each content or asset that a plan uses where it is used; the others are not in it.

    What counts: the published versions of plans that are not retired, drafts, and older versions that
    somebody is still in.
    """
    wanted = set(keys)
    if not wanted:
        return {}
    running = exists().where(Enrolment.version_id == PlanVersion.id, Enrolment.state == "active")
    rows = await session.execute(
        select(StoredPlan.title, PlanVersion.plan_key, PlanVersion.number, PlanVersion.document)
        .join(PlanVersion, PlanVersion.plan_key == StoredPlan.key)
        .where(
            or_(
                PlanVersion.published_at.is_(None),
                (PlanVersion.number == StoredPlan.version) & (StoredPlan.state != PlanState.RETIRED),
                running,
            )
        )
        .order_by(PlanVersion.plan_key, PlanVersion.number)
    )
    found: dict[str, dict[PlanUse, None]] = {}
    for row in rows:
        try:
            plan = plan_of(row.document)
        except ValidationError:  # a newer program's; this one does not run it either
            continue
        for use in uses_of(plan):
            if use.key in wanted:
                told = PlanUse(
                    key=use.key, plan=row.plan_key, title=row.title, version=row.number, where=use.where
                )
                found.setdefault(use.key, {})[told] = None
    return {key: tuple(uses) for key, uses in found.items()}
