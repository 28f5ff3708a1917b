"""Right before a post goes out: who of its recipients is not to get it any more.

Between the approval and the hour people book, come, answer, leave or are taken out of a journey. A task is
then created for fewer people than were approved, never for more, so the approval stands (ADR 0016).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from clinic import audit
from sop.audience import recipients_of
from sop.journeys import timing
from sop.journeys.books import book_of
from sop.journeys.claims import ACTIVE, FINISHED
from sop.journeys.conditions import titles_of, unmet
from sop.journeys.deciding import Stand, ending
from sop.journeys.ports import DROPPED, QUEUED, SKIPPED
from sop.journeys.readers import Readers
from sop.journeys.recipients import known_to
from sop.journeys.snapshot import needs_of_plans, snapshots_of
from sop.journeys.touch_life import change, recount
from sop.plan_tables import Enrolment, Touch
from sop.roster import load_speakers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.plans.specs import Plan
    from sop.journeys.conditions import Snapshot
    from sop.tables import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Why a touch is withdrawn: the state it ends in, the reason, and the recipient it was for."""

    state: str
    reason: str
    external_userid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """For whom a post is now: some of its audience, and the touches (by id) that are withdrawn."""

    external_userids: tuple[str, ...]
    withdrawn: Mapping[int, Gone] = field(default_factory=lambda: MappingProxyType({}))


async def remaining(session: AsyncSession, post: Post, *, pack: Pack, now: datetime) -> Remaining:
    """Return for whom a 1-to-1 post still is; of one that no journey queued, everybody. Changes nothing.

    A few statements for every 500 recipients.
    """
    audience = recipients_of(post.kind, post.audience)
    rows = (
        await session.execute(
            select(
                Touch.id,
                Touch.state.label("touch_state"),
                Touch.patient_id,
                Touch.step,
                Touch.version_id,
                Touch.due_at,
                Enrolment.id.label("enrolment_id"),
                Enrolment.userid,
                Enrolment.state,
                Enrolment.reason,
                Enrolment.trigger_at,
            )
            .join(Enrolment, Enrolment.id == Touch.enrolment_id)
            .where(Touch.post_id == post.id)
        )
    ).all()
    if not rows:
        return Remaining(external_userids=audience)
    open_ = [row for row in rows if row.touch_state == QUEUED]
    ids = {row.patient_id for row in open_}
    known = await known_to(session, post.sender, ids)
    versions = await (await book_of(session)).versions(session, {row.version_id for row in open_})
    plans = Readers(pack).each(versions)
    snapshots = await snapshots_of(
        session,
        ids & known.keys(),
        needs=needs_of_plans(plans.values()),
        pack=pack,
        roster=await load_speakers(session, pack),
        now=now,
    )
    titles = titles_of(pack)
    staying: set[str] = set()
    withdrawn: dict[int, Gone] = {}
    for row in open_:
        external = known.get(row.patient_id, "")
        gone = _gone(row, external, plans.get(row.version_id), snapshots.get(row.patient_id), titles)
        if gone is None:
            staying.add(external)
        else:
            withdrawn[row.id] = gone
    return Remaining(external_userids=tuple(who for who in audience if who in staying), withdrawn=withdrawn)


def _gone(
    row: Any, external: str, plan: Plan | None, snapshot: Snapshot | None, titles: Mapping[str, str]
) -> Gone | None:
    if row.state not in (ACTIVE, FINISHED):
        return Gone(state=SKIPPED, reason=row.reason or "旅程已经结束", external_userid=external)
    if not external or snapshot is None:
        return Gone(state=DROPPED, reason="已经没有好友关系")
    if plan is None:
        return None
    step = timing.step_of(plan.journey, row.step)
    stand = Stand(
        enrolment_id=row.enrolment_id,
        patient_id=row.patient_id,
        version_id=row.version_id,
        userid=row.userid,
        trigger_at=row.trigger_at,
        due_at=row.due_at,
    )
    if (ended := ending(plan, step, stand, snapshot)) is not None:
        return Gone(state=SKIPPED, reason=f"发送前：{ended.reason}", external_userid=external)
    if missing := unmet(step.when, snapshot, titles=titles):
        return Gone(state=SKIPPED, reason=f"发送前已不符合条件：{missing}", external_userid=external)
    return None


async def note(session: AsyncSession, post: Post, withdrawn: Mapping[int, Gone], *, now: datetime) -> None:
    """Write down who was withdrawn from a post, each with the reason."""
    if not withdrawn:
        return
    by_end: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for touch_id, gone in withdrawn.items():
        by_end[gone.state, gone.reason].append(touch_id)
    for (state, reason), ids in by_end.items():
        await change(session, ids, state, reason=reason, now=now)
    await recount(session, await _enrolments_of(session, post, withdrawn.keys()))
    audit.record(
        session,
        at=now,
        actor=audit.RULES,
        action="post.narrowed",
        subject=f"post:{post.id}",
        reason=f"发送前去掉了 {len(withdrawn)} 位收件人",
        detail={"touches": len(withdrawn)},
    )


async def _enrolments_of(session: AsyncSession, post: Post, touch_ids: Collection[int]) -> list[int]:
    rows = await session.execute(select(Touch.id, Touch.enrolment_id).where(Touch.post_id == post.id))
    return [enrolment_id for touch_id, enrolment_id in rows if touch_id in touch_ids]
