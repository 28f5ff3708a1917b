"""Plans and their versions: drafted, published, paused, retired. A published version never changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, func, select

from clinic import audit
from content.plans.check import check_document
from content.plans.documents import digest_of, plan_of
from content.plans.writing import of_spec
from sop.plan_tables import PlanVersion, StoredPlan
from sop.plans import people
from sop.plans.errors import PlanFaulty, PlanRefused
from sop.plans.states import PlanState, after_publication, may_become

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.plans.specs import Plan
    from sop.plans.states import Inside

PACK: Final = "pack"
STAFF: Final = "staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What publishing a version did."""

    version: PlanVersion
    moved: int = 0  # people who go on in the new version
    restarted: int = 0  # people who begin it from its first step


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────


async def all_plans(session: AsyncSession) -> Sequence[StoredPlan]:
    """Return every plan, in the order of their kinds and keys."""
    return (await session.scalars(select(StoredPlan).order_by(StoredPlan.kind, StoredPlan.key))).all()


async def versions_of(session: AsyncSession, key: str) -> Sequence[PlanVersion]:
    """Return the versions of a plan, the newest first."""
    query = select(PlanVersion).where(PlanVersion.plan_key == key).order_by(PlanVersion.number.desc())
    return (await session.scalars(query)).all()


async def offered(session: AsyncSession) -> Sequence[PlanVersion]:
    """Return the versions that the pack offers and nobody has published or turned down."""
    query = (
        select(PlanVersion)
        .where(PlanVersion.origin == PACK, PlanVersion.published_at.is_(None))
        .order_by(PlanVersion.plan_key, PlanVersion.number)
    )
    return (await session.scalars(query)).all()


async def plan_row(session: AsyncSession, key: str) -> StoredPlan:
    """Return a plan, locked.

    Raises:
        PlanRefused: there is none.
    """
    row = await session.scalar(select(StoredPlan).where(StoredPlan.key == key).with_for_update())
    if row is None:
        raise PlanRefused(f"没有计划 {key}；用 xiaohu plans list 看看有哪些")
    return row


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────────


async def save_draft(
    session: AsyncSession,
    document: Mapping[str, Any],
    *,
    pack: Pack,
    actor: str,
    now: datetime,
    seen: str | None = None,
    note: str = "",
) -> PlanVersion:
    """Keep a document as the draft of its plan: the staff's open draft, or a new version.

    Args:
        seen: the digest of the draft that was edited; another one by now means that somebody else edited it.
            None when the draft is new.

    Raises:
        PlanFaulty: the document has faults; warnings do not count.
        PlanRefused: another kind of plan has its key, or somebody else changed the draft meanwhile.
    """
    plan = checked(document, pack)
    row = await _row_for(session, plan, now)
    draft = await session.scalar(
        select(PlanVersion).where(
            PlanVersion.plan_key == plan.key,
            PlanVersion.origin == STAFF,
            PlanVersion.published_at.is_(None),
        )
    )
    if draft is not None and seen != draft.digest:
        raise PlanRefused(f"计划 {plan.key} 的草稿（第 {draft.number} 版）刚被改过；请重新打开，再改一次")
    if draft is None:
        draft = await new_version(session, plan, origin=STAFF, actor=actor, now=now, note=note)
    else:
        draft.document, draft.digest = of_spec(plan), digest_of(plan)
        draft.created_by, draft.created_at, draft.note = actor, now, note or draft.note
    row.changed_at = now
    if row.version == 0:
        row.title = plan.title
    _tell(session, row, "plan.draft", f"保存第 {draft.number} 版草稿", actor, now, digest=draft.digest)
    await session.flush()
    return draft


async def edit_version(
    session: AsyncSession,
    key: str,
    number: int,
    document: Mapping[str, Any],
    *,
    pack: Pack,
    actor: str,
    now: datetime,
    seen: str | None = None,
) -> PlanVersion:
    """Change the document of a draft version.

    Raises:
        PlanFaulty: the document has faults.
        PlanRefused: the version is published or the pack's, or the document names another plan.
    """
    version = await _version(session, key, number)
    if version.published_at is not None:
        raise PlanRefused(f"第 {number} 版已经发布，不能再改；在它的基础上新建一版")
    if version.origin != STAFF:
        raise PlanRefused(f"第 {number} 版是内容包带来的，不能直接改；在它的基础上新建一版")
    if document.get("key") != key:
        raise PlanRefused(f"计划的 key 不能改：这里是 {key}；要另外一个计划就新建")
    return await save_draft(
        session, document, pack=pack, actor=actor, now=now, seen=version.digest if seen is None else seen
    )


async def drop_draft(session: AsyncSession, key: str, number: int, *, actor: str, now: datetime) -> None:
    """Throw a draft away, or turn down what the pack offers; the offer comes again with the next change.

    Raises:
        PlanRefused: the version is published.
    """
    version = await _version(session, key, number)
    if version.published_at is not None:
        raise PlanRefused(f"第 {number} 版已经发布，不能删；不再需要就停用这个计划")
    row = await plan_row(session, key)
    await session.delete(version)
    _tell(session, row, "plan.draft_dropped", f"删掉第 {number} 版草稿", actor, now)
    await session.flush()
    if row.version == 0 and await session.scalar(_count_versions(key)) == 0:
        await session.execute(delete(StoredPlan).where(StoredPlan.key == key))


def checked(document: Mapping[str, Any], pack: Pack) -> Plan:
    """Return the plan of a document.

    Raises:
        PlanFaulty: it has faults.
    """
    problems = check_document(document, pack)
    errors = [problem for problem in problems if problem.level == "error"]
    if errors:
        raise PlanFaulty(errors)
    return plan_of(document)


async def new_version(
    session: AsyncSession, plan: Plan, *, origin: str, actor: str, now: datetime, note: str = ""
) -> PlanVersion:
    """Add a draft version to a plan whose row is locked."""
    newest = await session.scalar(
        select(func.max(PlanVersion.number)).where(PlanVersion.plan_key == plan.key)
    )
    version = PlanVersion(
        plan_key=plan.key,
        number=(newest or 0) + 1,
        document=of_spec(plan),
        digest=digest_of(plan),
        origin=origin,
        note=note,
        created_at=now,
        created_by=actor,
    )
    session.add(version)
    await session.flush()
    return version


# ── publication and states ───────────────────────────────────────────────────────────────────────────


async def publish(
    session: AsyncSession,
    key: str,
    number: int | None = None,
    *,
    inside: Inside = "stay",
    at: str | None = None,
    pack: Pack,
    actor: str,
    now: datetime,
    seen: str | None = None,
) -> Publication:
    """Publish a draft; the newest one without ``number``. The plan runs then, unless it is paused.

    Args:
        inside: what becomes of people who are in an older version of a journey: they finish that
            (``stay``), go on in the new one (``move``), or begin it anew (``restart``). Touches that were
            made stay made: a step that somebody had is not sent to them again by a move.
        at: with ``move``, the step that all of them go on with; None: each with the step they are at.
        seen: the digest that was shown to whoever decides.

    Raises:
        PlanFaulty: the document has faults by the pack as it is now.
        PlanRefused: there is nothing to publish, it changed meanwhile, or a step to move to is missing.
    """
    row = await plan_row(session, key)
    version = await _to_publish(session, key, number)
    if seen is not None and seen != version.digest:
        raise PlanRefused(f"第 {version.number} 版刚被改过，和你看到的不一样；请重新看一遍再发布")
    plan = checked(version.document, pack)
    if plan.kind != row.kind and row.version:
        raise PlanRefused(f"计划 {key} 是 {row.kind}，不能变成 {plan.kind}；换一个 key 新建")
    before = PlanState(row.state)
    version.published_at, version.published_by, version.inside = now, actor, inside
    row.version, row.kind, row.title, row.changed_at = version.number, plan.kind, plan.title, now
    row.state = after_publication(before)
    await session.flush()
    moved = restarted = 0
    if plan.kind == "journey":
        if inside == "move":
            moved = await people.move(session, plan, version.id, at=at, now=now)
        elif inside == "restart":
            restarted = await people.restart(session, plan, version, now=now)
    words = {
        "stay": "已在其中的人走完旧版",
        "move": f"{moved} 人转到新版",
        "restart": f"{restarted} 人重新开始",
    }
    _tell(
        session,
        row,
        "plan.publish",
        f"发布第 {version.number} 版；{words[inside] if plan.kind == 'journey' else '从下一次排期起用'}",
        actor,
        now,
        digest=version.digest,
        before=before,
    )
    return Publication(version=version, moved=moved, restarted=restarted)


async def change_state(
    session: AsyncSession, key: str, to: PlanState, *, actor: str, now: datetime, reason: str = ""
) -> StoredPlan:
    """Pause, resume or retire a plan. Retiring ends the journeys of everybody who is in it.

    Raises:
        PlanRefused: it cannot go there from where it is, or has nothing published that could run.
    """
    row = await plan_row(session, key)
    before = PlanState(row.state)
    if before is to:
        return row
    if not may_become(before, to):
        raise PlanRefused(f"计划 {key} 现在是“{before.title}”，不能变成“{to.title}”")
    if to is PlanState.ACTIVE and row.version == 0:
        raise PlanRefused(f"计划 {key} 还没有发布过；先发布一版")
    row.state, row.changed_at = to, now
    ended = await people.end_all(session, key, reason="计划已停用", now=now) if to is PlanState.RETIRED else 0
    words = f"{before.title} → {to.title}" + (f"，{ended} 人的旅程结束" if ended else "")
    _tell(session, row, "plan.state", f"{words}{'：' + reason if reason else ''}", actor, now, before=before)
    await session.flush()
    return row


# ── inside ───────────────────────────────────────────────────────────────────────────────────────────


async def _row_for(session: AsyncSession, plan: Plan, now: datetime) -> StoredPlan:
    row = await session.scalar(select(StoredPlan).where(StoredPlan.key == plan.key).with_for_update())
    if row is None:
        row = StoredPlan(
            key=plan.key,
            kind=plan.kind,
            title=plan.title,
            state=PlanState.DRAFT,
            created_at=now,
            changed_at=now,
        )
        session.add(row)
        await session.flush()
    elif row.kind != plan.kind and row.version:
        raise PlanRefused(f"计划 {plan.key} 已经有了，而且是 {row.kind}；换一个 key")
    else:
        row.kind = plan.kind
    return row


async def _version(session: AsyncSession, key: str, number: int) -> PlanVersion:
    version = await session.scalar(
        select(PlanVersion).where(PlanVersion.plan_key == key, PlanVersion.number == number).with_for_update()
    )
    if version is None:
        raise PlanRefused(f"计划 {key} 没有第 {number} 版")
    return version


async def _to_publish(session: AsyncSession, key: str, number: int | None) -> PlanVersion:
    if number is not None:
        version = await _version(session, key, number)
        if version.published_at is not None:
            raise PlanRefused(f"第 {number} 版已经发布过；要回到它，就在它的基础上新建一版再发布")
        return version
    drafts = [one for one in await versions_of(session, key) if one.published_at is None]
    if not drafts:
        raise PlanRefused(f"计划 {key} 没有可以发布的草稿；先改出一版")
    return drafts[0]


def _count_versions(key: str) -> Any:
    return select(func.count()).select_from(PlanVersion).where(PlanVersion.plan_key == key)


def _tell(
    session: AsyncSession,
    row: StoredPlan,
    action: str,
    reason: str,
    actor: str,
    now: datetime,
    **detail: Any,
) -> None:
    audit.record(
        session,
        at=now,
        actor=actor,
        action=action,
        subject=f"plan:{row.key}",
        reason=reason,
        detail={"version": row.version, "state": row.state, **detail},
    )
