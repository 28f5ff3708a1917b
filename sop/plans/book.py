"""The published plans as the engines read them. A version never changes, so each is read once."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError
from sqlalchemy import and_, select

from content.plans.documents import plan_of
from sop.plan_tables import PlanVersion, StoredPlan
from sop.plans.states import PlanState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.plans.specs import Plan

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A plan in its published version, and the state it is in."""

    key: str
    state: PlanState
    version_id: int
    number: int
    plan: Plan

    @property
    def active(self) -> bool:
        """Whether it begins with new people."""
        return self.state is PlanState.ACTIVE


class PlanBook:
    """Call :meth:`refresh` once a tick; what takes no session asks the database nothing."""

    def __init__(self) -> None:
        self._plans: dict[int, Plan | None] = {}  # by version; None: this program cannot read it
        self._published: dict[str, Published] = {}

    @property
    def published(self) -> Mapping[str, Published]:
        """Return every plan that has a published version, whatever its state, by key."""
        return MappingProxyType(self._published)

    def get(self, key: str) -> Published | None:
        """Return the published version of a plan, or None when it has none."""
        return self._published.get(key)

    def journeys(self) -> tuple[Published, ...]:
        """Return the active journeys, in the order of their keys."""
        return self._active("journey")

    def group_plans(self) -> tuple[Published, ...]:
        """Return the active plans for customer groups, in the order of their keys."""
        return self._active("group")

    def moments_plans(self) -> tuple[Published, ...]:
        """Return the active plans for moments, in the order of their keys."""
        return self._active("moments")

    def _active(self, kind: str) -> tuple[Published, ...]:
        return tuple(
            one for _, one in sorted(self._published.items()) if one.active and one.plan.kind == kind
        )

    async def refresh(self, session: AsyncSession) -> None:
        """Read which versions are published and in which state: one SELECT, one more for new versions.

        A version that this program cannot read (a newer one wrote it) is left out and told in the log.
        """
        rows = (
            await session.execute(
                select(StoredPlan.key, StoredPlan.state, PlanVersion.id, PlanVersion.number)
                .join(
                    PlanVersion,
                    and_(PlanVersion.plan_key == StoredPlan.key, PlanVersion.number == StoredPlan.version),
                )
                .order_by(StoredPlan.key)
            )
        ).all()
        plans = await self.versions(session, [row.id for row in rows])
        self._published = {
            row.key: Published(
                key=row.key,
                state=PlanState(row.state),
                version_id=row.id,
                number=row.number,
                plan=plans[row.id],
            )
            for row in rows
            if row.id in plans
        }

    async def versions(self, session: AsyncSession, ids: Iterable[int]) -> dict[int, Plan]:
        """Return plans by version id, also of older versions; what does not exist or be read is not in it."""
        wanted = set(ids)
        if unseen := sorted(wanted - self._plans.keys()):
            rows = await session.execute(
                select(PlanVersion.id, PlanVersion.plan_key, PlanVersion.document).where(
                    PlanVersion.id.in_(unseen), PlanVersion.published_at.is_not(None)
                )
            )
            for row in rows:
                self._plans[row.id] = _read(row.id, row.plan_key, row.document)
        return {id_: plan for id_ in wanted if (plan := self._plans.get(id_)) is not None}

    async def states(self, session: AsyncSession, keys: Iterable[str]) -> dict[str, str]:
        """Return the states of plans as they stand in the database now; unknown ones are left out."""
        rows = await session.execute(
            select(StoredPlan.key, StoredPlan.state).where(StoredPlan.key.in_(sorted(set(keys))))
        )
        return {row.key: row.state for row in rows}


def _read(version_id: int, key: str, document: Mapping[str, Any]) -> Plan | None:
    try:
        return plan_of(document)
    except ValidationError as exc:
        log.error("plan.unreadable", plan=key, version=version_id, faults=exc.error_count())
        return None
