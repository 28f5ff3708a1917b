"""A campaign before it is queued: who is selected, who would begin, and what the caps would hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from clinic.stages import Stage
from clinic.tables import Patient, PatientTag, Tag
from clinic.tagging import split
from content.plans.specs import CONTACTS
from sop.caps import budget
from sop.journeys import timing
from sop.journeys.enrolling import Begun, Candidate, begin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.caps.budget import Budget
    from sop.journeys.enrolling import Gate
    from sop.plans.book import Published
    from store.database import Database

AT_ONCE: Final = 1000
ENROLLED: Final = "plan.enrol"  # of the audit trail: many people began a plan by hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Whom a campaign is about: everybody, or those with a tag (``组/标签``) and in a stage.

    Raises:
        ValueError: the tag has no group.
    """

    tag: str = ""
    stage: str = ""

    def __post_init__(self) -> None:
        if self.tag:
            split(self.tag)

    @property
    def words(self) -> str:
        """Say whom, for the audit trail."""
        parts = [f"标签 {self.tag}"] if self.tag else []
        parts += [f"阶段 {Stage(self.stage).title}"] if self.stage else []
        return "，".join(parts) or "所有人"

    def people(self) -> Select[int]:
        """Select their records; two of one person are told to be one when they begin."""
        query = select(Patient.id).where(Patient.erased_at.is_(None))
        if not self.tag:
            query = query.where(Patient.merged_into.is_(None))
        if self.stage:
            query = query.where(Patient.stage == self.stage)
        if not self.tag:
            return query
        group, name = split(self.tag)
        wearing = (
            select(PatientTag.patient_id)
            .join(Tag, Tag.id == PatientTag.tag_id)
            .where(Tag.group_name == group, Tag.name == name)
        )
        return query.where(Patient.id.in_(wearing))

    async def count(self, session: AsyncSession) -> int:
        return await session.scalar(select(func.count()).select_from(self.people().subquery())) or 0

    async def pages(self, database: Database) -> AsyncIterator[Sequence[int]]:
        """Yield their row numbers, each page in a transaction of its own."""
        last = 0
        while True:
            async with database.read() as session:
                query = self.people().where(Patient.id > last).order_by(Patient.id).limit(AT_ONCE)
                ids = (await session.scalars(query)).all()
            if not ids:
                return
            last = ids[-1]
            yield ids


@dataclass(slots=True, kw_only=True)
class Forecast:
    """What would become of a campaign so far: who would begin, and of these, what the caps say of its first
    contact; ``budget`` None: it contacts nobody.
    """

    begun: Begun = field(default_factory=Begun)
    budget: Budget | None = None

    async def add(
        self, session: AsyncSession, plan: Published, some: Sequence[Candidate], *, gate: Gate, now: datetime
    ) -> None:
        """Judge some more people; writes nothing."""
        begun = await begin(session, plan, some, gate=gate, now=now, dry_run=True)
        self.begun += begun
        asked = budget.asked_by(plan.plan, at=first_contact(plan, gate, now), persona=_persona(plan, gate))
        if asked is None:
            return
        told = await budget.preview(session, begun.began, asked, pack=gate.pack, now=now)
        self.budget = told if self.budget is None else self.budget + told


def first_contact(plan: Published, gate: Gate, now: datetime) -> datetime:
    """Return when who begins now is contacted first; now, when nobody ever is."""
    due: datetime | None = None
    for step in plan.plan.journey.steps:
        due = timing.due(step, now, due, hours=gate.hours)
        if step.channel in CONTACTS:
            return due
    return now


def _persona(plan: Published, gate: Gate) -> str:
    keys = {persona.key for persona in gate.pack.personas}
    return plan.plan.persona if plan.plan.persona in keys else ""
