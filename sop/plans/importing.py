"""The pack's plans come into the database: new ones begin, changed ones are offered, edited ones stay."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from clinic import audit
from content.plans.documents import digest_of
from content.plans.writing import of_spec
from sop.plan_tables import PlanVersion, StoredPlan
from sop.plans.states import PlanState
from sop.plans.store import PACK, STAFF, new_version

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.plans.specs import Plan

ACTOR: Final = "内容包"


@dataclass(slots=True, kw_only=True)
class Imported:
    """What an import did, by the plans' keys."""

    begun: list[str] = field(default_factory=list)  # published as version 1
    offered: list[str] = field(default_factory=list)  # a new version waits to be published
    refused: list[str] = field(default_factory=list)  # the key is taken by another kind of plan


async def import_plans(session: AsyncSession, pack: Pack, *, now: datetime) -> Imported:
    """Bring the plans of a loaded pack (which were checked) into the database; twice changes nothing.

    A plan that the database does not know is published at once as version 1. One that changed in the pack
    is offered as a draft version; what staff edited or published stays as it is beside it.
    """
    done = Imported()
    if not pack.plans:
        return done
    rows = await session.scalars(
        select(StoredPlan).where(StoredPlan.key.in_([plan.key for plan in pack.plans])).with_for_update()
    )
    known = {row.key: row for row in rows}
    for plan in pack.plans:
        digest = digest_of(plan)
        row = known.get(plan.key)
        if row is None:
            if await _begin(session, plan, digest, now):
                done.begun.append(plan.key)
        elif row.pack_digest != digest:
            if row.kind != plan.kind:
                done.refused.append(plan.key)
                continue
            if await _offer(session, row, plan, digest, now):
                done.offered.append(plan.key)
    await session.flush()
    return done


async def _begin(session: AsyncSession, plan: Plan, digest: str, now: datetime) -> bool:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    state = PlanState.ACTIVE if plan.starts_active else PlanState.DRAFT
    # Two processes may start at once: the unique key lets one of them bring the plan.
    new = await session.scalar(
        insert(StoredPlan)
        .values(
            key=plan.key,
            kind=plan.kind,
            title=plan.title,
            state=state,
            version=1,
            pack_digest=digest,
            created_at=now,
            changed_at=now,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(StoredPlan.key)
    )
    if new is None:
        return False
    version = await new_version(session, plan, origin=PACK, actor=ACTOR, now=now, note="内容包带来")
    version.published_at, version.published_by = now, ACTOR
    words = f"内容包带来，第 1 版，{state.title}"
    audit.record(session, at=now, actor=ACTOR, action="plan.import", subject=f"plan:{plan.key}", reason=words)
    return True


async def _offer(session: AsyncSession, row: StoredPlan, plan: Plan, digest: str, now: datetime) -> bool:
    """Put the pack's new version beside what stands; an offer that nobody took yet is replaced."""
    row.pack_digest = digest
    versions = (
        await session.scalars(
            select(PlanVersion).where(PlanVersion.plan_key == plan.key).order_by(PlanVersion.number)
        )
    ).all()
    open_offer = next((v for v in versions if v.origin == PACK and v.published_at is None), None)
    published = next((v for v in versions if v.number == row.version), None)
    if published is not None and published.digest == digest:  # what runs is what the pack says now
        if open_offer is not None:
            await session.delete(open_offer)
        return False
    edited = any(v.origin == STAFF and (v.published_at is None or v is published) for v in versions)
    note = "内容包有新版本" + ("；这个计划你们改过，对照后再决定要不要发布" if edited else "，看过后可以发布")
    if open_offer is None:
        await new_version(session, plan, origin=PACK, actor=ACTOR, now=now, note=note)
    else:
        open_offer.document, open_offer.digest = of_spec(plan), digest
        open_offer.note, open_offer.created_at = note, now
    audit.record(session, at=now, actor=ACTOR, action="plan.offer", subject=f"plan:{plan.key}", reason=note)
    return True
