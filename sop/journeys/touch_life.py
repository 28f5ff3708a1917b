"""The life of a touch: what became of one step for one patient, and how it follows its post or to-do.

::

    held ─▶ asked      (its hour has gone by: a to-do asks whether it should still go out)
     │ ▲      │
     │ └──────┴─────────┬──────────────┐  tried again: its post expired, or staff said yes
     ▼                  │              │
    ready ─▶ queued ────┘   and the ends: sent, done, skipped, dropped, expired, failed

``held`` waits until ``at``; ``ready`` waits to be gathered into a post; ``queued`` is in a post, a to-do or
an effect. Every end but ``sent`` and ``done`` has a reason that a nurse understands.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, select, update

from clinic.tables import Patient
from content.plans.specs import CONTACTS
from sop.journeys.ports import (
    ASKED,
    DONE,
    DROPPED,
    EXPIRED,
    FAILED,
    HELD,
    QUEUED,
    READY,
    SENT,
    SKIPPED,
)
from sop.life import ENDS as POST_ENDS
from sop.life import PostState
from sop.plan_tables import Enrolment, LedgerEntry, Touch
from sop.tables import Push, Receipt
from store.statements import table_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.tables import Post

OPEN: Final = frozenset({HELD, ASKED, READY, QUEUED})
ENDS: Final = frozenset({SENT, DONE, SKIPPED, DROPPED, EXPIRED, FAILED})
COUNTED: Final = frozenset({READY, QUEUED, SENT, DONE})  # contacts that happened, or are on their way
LABELS: Final[Mapping[str, str]] = {
    HELD: "等待中",
    ASKED: "等人决定",
    READY: "待发送",
    QUEUED: "已安排",
    SENT: "已送达",
    DONE: "已完成",
    SKIPPED: "没有发",
    DROPPED: "放弃了",
    EXPIRED: "过期了",
    FAILED: "没发成",
}
MOST_TRIES: Final = {PostState.EXPIRED: 3, PostState.FAILED: 1, PostState.PARTIAL: 1}
IDS_AT_ONCE: Final = 1000
REASON_CHARS: Final = 200  # Touch.reason

FEW: Final = 50  # touches that are changed one by one, in one statement with those of other posts
_TOUCHES: Final = table_of(Touch)
_INTO_POST: Final = (
    update(_TOUCHES)
    .where(_TOUCHES.c.id == bindparam("touch"))
    .values(
        state=QUEUED,
        reason="",
        at=bindparam("hour"),
        updated_at=bindparam("now"),
        post_id=bindparam("post"),
    )
)

# What one recipient's receipt means for her touch (statuses of :mod:`sop.receipts`).
_NOT_REACHED: Final = {
    "not_friend": "已不是好友，没有收到",
    "capped": "这段时间收到的群发已满，没有收到",
    "unreachable": "被企业微信排除（已不是好友，或群发已满），没有收到",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    state: str
    reason: str = ""
    again: bool = False  # to be tried once more, if its late policy allows


async def change(
    session: AsyncSession,
    touch_ids: Collection[int],
    state: str,
    *,
    reason: str,
    now: datetime,
    at: datetime | None = None,
    **values: Any,
) -> None:
    """Let touches go on to ``state``, in a few statements.

    Args:
        at: when they are looked at again, or when they ended; None: now.
    """
    for some in _some(touch_ids):
        await session.execute(
            update(Touch)
            .where(Touch.id.in_(some))
            .values(state=state, reason=reason[:REASON_CHARS], at=at or now, updated_at=now, **values)
            .execution_options(synchronize_session=False)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A post that was just queued, its hour, and the touches that it carries."""

    post_id: int
    at: datetime
    touch_ids: Sequence[int]


async def into_posts(session: AsyncSession, posts: Iterable[Carried], *, now: datetime) -> None:
    """Note for touches which post carries them: one statement for all small posts, one for each large one."""
    small: list[dict[str, Any]] = []
    for post in posts:
        if len(post.touch_ids) > FEW:
            await change(
                session, post.touch_ids, QUEUED, reason="", now=now, at=post.at, post_id=post.post_id
            )
        else:
            common = {"post": post.post_id, "hour": post.at, "now": now}
            small += [common | {"touch": touch_id} for touch_id in post.touch_ids]
    if small:
        await (await session.connection()).execute(_INTO_POST, small)


async def follow_post(session: AsyncSession, post: Post, *, now: datetime) -> None:
    """Let the touches that a post carries follow it to its end; call it in the transaction that ends it.

    A post that reached some gives each touch what the receipt of its patient says. What did not go out is
    tried again (``held``) as long as its late policy allows, but for what people decided against.
    """
    state = PostState(post.state)
    if post.kind != "direct" or state not in POST_ENDS:
        return
    await session.flush()
    rows = (
        await session.execute(
            select(Touch.id, Touch.enrolment_id, Touch.patient_id, Touch.state, Touch.tries).where(
                Touch.post_id == post.id
            )
        )
    ).all()
    if not rows:
        return
    receipts = await _receipts(session, post.id) if state in (PostState.PUBLISHED, PostState.PARTIAL) else {}
    ends: defaultdict[tuple[_End, datetime | None, int], list[int]] = defaultdict(list)
    unreached: set[int] = set()
    for row in rows:
        status, at = receipts.get(row.patient_id, ("", None))
        if row.state != QUEUED and status != SENT:
            continue  # withdrawn before it went out
        end = _end_of(state, post.reason, status, tries=row.tries)
        ends[end, at, row.tries].append(row.id)
        if end.state != SENT:
            unreached.add(row.enrolment_id)
    for (end, at, tries), ids in ends.items():
        again = {"tries": tries + 1} if end.again else {}
        await change(session, ids, end.state, reason=end.reason, now=now, at=at, **again)
    await recount(session, unreached)


def _end_of(state: PostState, reason: str, status: str, *, tries: int) -> _End:
    if status == SENT:
        return _End(state=SENT)
    if status in _NOT_REACHED:
        return _End(state=FAILED, reason=_NOT_REACHED[status])
    if state in (PostState.REJECTED, PostState.CANCELLED):
        said = "审核时退回了" if state is PostState.REJECTED else "取消了"
        return _End(state=SKIPPED, reason=f"{said}：{reason}" if reason else said)
    end = EXPIRED if state is PostState.EXPIRED else FAILED
    said = f"没有发出：{reason}" if state in (PostState.EXPIRED, PostState.FAILED) else "没有发出"
    if tries < MOST_TRIES.get(state, 1):
        return _End(state=HELD, reason=said, again=True)
    return _End(state=end, reason=said)


async def _receipts(session: AsyncSession, post_id: int) -> dict[int, tuple[str, datetime | None]]:
    """Return what became of each recipient, by the ids of her record and of the one that speaks for her."""
    rows = await session.execute(
        select(
            Patient.id,
            func.coalesce(Patient.merged_into, Patient.id).label("head"),
            Receipt.status,
            Receipt.at,
        )
        .join(Receipt, Receipt.recipient == Patient.external_userid)
        .join(Push, Push.id == Receipt.push_id)
        .where(Push.post_id == post_id, Receipt.recipient != "")
    )
    found: dict[int, tuple[str, datetime | None]] = {}
    tapped = None
    for patient_id, head, status, at in rows:
        if status == SENT and tapped is None:
            tapped = at  # one instant for all of a task: it is a task's send, and they share a statement
        for key in (patient_id, head):
            if status == SENT or key not in found:
                found[key] = (status, tapped if status == SENT else None)
    return found


async def move_post(session: AsyncSession, post: Post, *, now: datetime) -> None:
    """Note the new hour of a post for the touches that it carries."""
    if post.kind == "direct":
        await session.execute(
            update(Touch)
            .where(Touch.post_id == post.id, Touch.state == QUEUED)
            .values(at=post.scheduled_at, updated_at=now)
            .execution_options(synchronize_session=False)
        )


async def withdrawn_from(session: AsyncSession, post_id: int) -> int:
    """Return how many recipients a post had that were withdrawn before it went out."""
    query = select(func.count()).where(Touch.post_id == post_id, Touch.state.in_((SKIPPED, DROPPED)))
    return (await session.scalars(query)).one()


async def follow_todo(session: AsyncSession, todo_id: int, *, done: bool, now: datetime) -> None:
    """Let a touch follow its to-do, in the transaction that closes it.

    A to-do that asked whether a late step should still go out: done means yes.
    """
    rows = (
        await session.execute(
            select(Touch.id, Touch.enrolment_id, Touch.state, Touch.tries).where(
                Touch.todo_id == todo_id, Touch.state.in_((ASKED, QUEUED))
            )
        )
    ).all()
    for row in rows:
        if row.state == ASKED and done:
            await change(session, [row.id], HELD, reason="同事决定照发", now=now, tries=row.tries + 1)
        elif row.state == ASKED:
            await change(session, [row.id], SKIPPED, reason="同事决定不发了", now=now)
        elif done:
            await change(session, [row.id], DONE, reason="", now=now)
            await _settle(session, [row.id], "made", now)
        else:
            await change(session, [row.id], SKIPPED, reason="同事把待办划掉了", now=now)
            await _settle(session, [row.id], "void", now)
            await recount(session, [row.enrolment_id])


async def recount(session: AsyncSession, enrolment_ids: Iterable[int]) -> None:
    """Count the contacts of journeys anew, after some did not come about."""
    mine = (
        Touch.enrolment_id == Enrolment.id,
        Touch.channel.in_(sorted(CONTACTS)),
        Touch.state.in_(sorted(COUNTED)),
    )
    for some in _some(set(enrolment_ids)):
        await session.execute(
            update(Enrolment)
            .where(Enrolment.id.in_(some))
            .values(
                contacts=select(func.count(Touch.id)).where(*mine).scalar_subquery(),
                contacted_at=select(func.max(Touch.at)).where(*mine).scalar_subquery(),
            )
            .execution_options(synchronize_session=False)
        )


async def void(session: AsyncSession, touch_ids: Iterable[int], *, now: datetime) -> None:
    """Give back what the caps had counted for touches that do not come about."""
    await _settle(session, touch_ids, "void", now)


async def _settle(session: AsyncSession, touch_ids: Iterable[int], state: str, now: datetime) -> None:
    values: dict[str, Any] = {"state": state} | ({"at": now} if state == "made" else {})
    for some in _some(touch_ids):
        await session.execute(
            update(LedgerEntry)
            .where(LedgerEntry.key.in_([f"touch:{one}" for one in some]), LedgerEntry.state == "planned")
            .values(**values)
            .execution_options(synchronize_session=False)
        )


def _some(ids: Iterable[int]) -> Iterator[list[int]]:
    wanted = sorted(ids)
    return (wanted[start : start + IDS_AT_ONCE] for start in range(0, len(wanted), IDS_AT_ONCE))
