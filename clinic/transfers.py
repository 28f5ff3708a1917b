"""Handing patients and groups from one member to another (在职继承, 离职继承), and how each ended.

::

    queued ──▶ waiting ──▶ done | refused | failed       patients: the answer comes within 24 h
      └──────────────────▶ done | failed                 groups: at once

A run is one decision of one person: these patients and groups, from him, to her. What is under way to
somebody is not handed over again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic.care_tables import Transfer
from clinic.effects import TransferGroups, TransferPatients
from clinic.tables import LOCAL, CustomerGroup, Follow, Patient
from store import outbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

BATCH: Final = 100  # of one call (doc 92125, 92127)
GROUPS_A_DAY: Final = 300  # per new owner; WeCom refuses more (90502…)
PER_PATIENT, PER_PATIENT_WINDOW = 2, timedelta(days=90)  # on the job only: 40128
MESSAGE_CHARS: Final = 200
TRIED_FOR: Final = timedelta(days=3)
PATIENT: Final = "patient"
GROUP: Final = "group"


class TransferState(StrEnum):
    """Where one patient or group is on its way."""

    QUEUED = "queued"
    WAITING = "waiting"  # WeCom has begun; she may refuse within 24 h
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS: Final = {
    TransferState.QUEUED: "排队中",
    TransferState.WAITING: "等顾客确认",
    TransferState.DONE: "已交接",
    TransferState.REFUSED: "顾客不同意",
    TransferState.FAILED: "没有成功",
}
UNDER_WAY: Final = (TransferState.QUEUED, TransferState.WAITING)
# What transfer_result says (doc 94088): 1 done, 2 waiting, 3 refused, 4 full, 5 no record.
BY_STATUS: Final[Mapping[int, tuple[TransferState, str]]] = {
    1: (TransferState.DONE, ""),
    2: (TransferState.WAITING, ""),
    3: (TransferState.REFUSED, "顾客不同意更换，请由原来的同事说明"),
    4: (TransferState.FAILED, "接手成员的客户数已到上限，请换一位成员"),
    5: (TransferState.FAILED, "企业微信没有这次交接的记录，顾客可能已经删除了成员"),
}
BY_EVENT: Final[Mapping[str, int]] = {"customer_refused": 3, "customer_limit_exceed": 4}


class CannotTransfer(ValueError):
    """The handover cannot be; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What shall be handed over. ``run`` is the form's: sent twice, it is one handover."""

    run: str
    handover: str
    takeover: str
    resigned: bool
    patients: tuple[str, ...]  # external_userids
    groups: tuple[str, ...]  # chat_ids
    message: str = ""  # what patients read; WeCom sends none for a member who left


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is, in numbers by state."""

    run: str
    handover: str
    takeover: str
    resigned: bool
    started_at: datetime
    counts: Mapping[TransferState, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        return self.total - sum(self.counts.get(state, 0) for state in UNDER_WAY)

    @property
    def percent(self) -> int:
        return 100 * self.ended // self.total if self.total else 100

    @property
    def failures(self) -> int:
        return sum(self.counts.get(state, 0) for state in (TransferState.REFUSED, TransferState.FAILED))


async def patients_of(session: AsyncSession, userid: str) -> list[str]:
    """Return the patients that can be handed over: connected to the member and not under way already."""
    busy = select(Transfer.subject).where(
        Transfer.kind == PATIENT, Transfer.handover == userid, Transfer.state.in_(UNDER_WAY)
    )
    rows = await session.scalars(
        select(Patient.external_userid)
        .join(Follow, Follow.patient_id == Patient.id)
        .where(
            Follow.userid == userid,
            Follow.lost_at.is_(None),
            Follow.half.is_(False),
            Patient.erased_at.is_(None),
            ~Patient.external_userid.startswith(LOCAL),
            Patient.external_userid.not_in(busy),
        )
        .order_by(Follow.added_at, Patient.id)
    )
    return list(rows)


async def groups_of(session: AsyncSession, userid: str) -> Sequence[CustomerGroup]:
    """Return the standing groups that a member owns and that are not under way already."""
    busy = select(Transfer.subject).where(
        Transfer.kind == GROUP, Transfer.handover == userid, Transfer.state.in_(UNDER_WAY)
    )
    rows = await session.scalars(
        select(CustomerGroup)
        .where(
            CustomerGroup.owner == userid,
            CustomerGroup.dismissed_at.is_(None),
            CustomerGroup.chat_id.not_in(busy),
        )
        .order_by(CustomerGroup.name, CustomerGroup.chat_id)
    )
    return rows.all()


async def begin(session: AsyncSession, order: Order, *, now: datetime) -> int:
    """Write down what shall change hands and queue the calls; return how many patients and groups.

    Raises:
        CannotTransfer: nothing to hand over, the same member twice, or a message that is too long.
    """
    if order.handover == order.takeover:
        raise CannotTransfer("接手的同事和交出的是同一位，请另选一位")
    if len(order.message) > MESSAGE_CHARS:
        raise CannotTransfer(f"给顾客的话最多 {MESSAGE_CHARS} 个字，现在有 {len(order.message)} 个")
    patients = sorted(set(order.patients) & set(await patients_of(session, order.handover)))
    standing = {group.chat_id for group in await groups_of(session, order.handover)}
    groups = sorted(set(order.groups) & standing)
    worn_out = set() if order.resigned else await _worn_out(session, patients, now=now)
    added = 0
    for kind, subjects in ((PATIENT, patients), (GROUP, groups)):
        for subject in subjects:
            added += await _write(session, order, kind, subject, tired=subject in worn_out, now=now)
    if not added:
        raise CannotTransfer("没有可以交接的顾客或客户群：可能已经在交接中")
    able = [subject for subject in patients if subject not in worn_out]
    for number, start in enumerate(range(0, len(able), BATCH)):
        await outbox.put(
            session,
            TransferPatients(
                run=order.run,
                handover=order.handover,
                takeover=order.takeover,
                resigned=order.resigned,
                external_userids=able[start : start + BATCH],
                message="" if order.resigned else order.message,
            ),
            key=f"transfer:{order.run}:patients:{number}",
            now=now,
            deadline=now + TRIED_FOR,
            cause=f"顾客由 {order.handover} 交接给 {order.takeover}",
        )
    for number, start in enumerate(range(0, len(groups), BATCH)):
        # What is over the day's limit waits for the next days instead of being refused.
        later = timedelta(days=start // GROUPS_A_DAY)
        await outbox.put(
            session,
            TransferGroups(
                run=order.run,
                handover=order.handover,
                takeover=order.takeover,
                resigned=order.resigned,
                chat_ids=groups[start : start + BATCH],
            ),
            key=f"transfer:{order.run}:groups:{number}",
            now=now,
            not_before=now + later,
            deadline=now + later + TRIED_FOR,
            cause=f"客户群由 {order.handover} 交接给 {order.takeover}",
        )
    return added


async def _write(
    session: AsyncSession, order: Order, kind: str, subject: str, *, tired: bool, now: datetime
) -> bool:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    written = await session.execute(
        insert(Transfer)
        .values(
            run=order.run,
            kind=kind,
            resigned=order.resigned,
            subject=subject,
            handover=order.handover,
            takeover=order.takeover,
            state=TransferState.FAILED if tired else TransferState.QUEUED,
            reason="90 天内已经交接过 2 次，企业微信不允许再转" if tired else "",
            created_at=now,
            updated_at=now,
        )
        .on_conflict_do_nothing(index_elements=["run", "subject"])
        .returning(Transfer.id)
    )
    return written.scalar_one_or_none() is not None


async def _worn_out(session: AsyncSession, patients: Sequence[str], *, now: datetime) -> set[str]:
    """Return who changed hands on the job twice in 90 days already."""
    rows = await session.execute(
        select(Transfer.subject)
        .where(
            Transfer.kind == PATIENT,
            Transfer.resigned.is_(False),
            Transfer.state.in_((TransferState.DONE, TransferState.WAITING, TransferState.REFUSED)),
            Transfer.created_at > now - PER_PATIENT_WINDOW,
        )
        .group_by(Transfer.subject)
        .having(func.count() >= PER_PATIENT)
    )
    return {subject for (subject,) in rows} & set(patients)


async def set_state(
    session: AsyncSession,
    subjects: Iterable[str],
    *,
    state: TransferState,
    reason: str = "",
    now: datetime,
    run: str | None = None,
    handover: str | None = None,
    takeover: str | None = None,
) -> list[Transfer]:
    """Move what is under way among ``subjects`` to ``state``; return the rows that ended or changed by it."""
    query = select(Transfer).where(Transfer.subject.in_(sorted(set(subjects))), Transfer.state.in_(UNDER_WAY))
    for column, wanted in (
        (Transfer.run, run),
        (Transfer.handover, handover),
        (Transfer.takeover, takeover),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    rows = (await session.scalars(query.order_by(Transfer.id).with_for_update())).all()
    changed = []
    for row in rows:
        if row.state != state:
            changed.append(row)
        row.state, row.reason, row.updated_at = state, reason[:200], now
    return changed


async def waiting(session: AsyncSession, *, before: datetime) -> list[tuple[str, str, bool]]:
    """Return the pairs (from, to, left the corp) with patients who wait and were not asked for since then."""
    rows = await session.execute(
        select(Transfer.handover, Transfer.takeover, Transfer.resigned)
        .where(Transfer.kind == PATIENT, Transfer.state == TransferState.WAITING)
        .group_by(Transfer.handover, Transfer.takeover, Transfer.resigned)
        .having(func.min(Transfer.updated_at) <= before)
        .order_by(Transfer.handover, Transfer.takeover)
    )
    return [(handover, takeover, resigned) for handover, takeover, resigned in rows]


async def looked_at(
    session: AsyncSession, handover: str, takeover: str, *, resigned: bool, now: datetime
) -> None:
    """Note that WeCom was asked about everybody who waits between two members."""
    await session.execute(
        update(Transfer)
        .where(
            Transfer.handover == handover,
            Transfer.takeover == takeover,
            Transfer.resigned.is_(resigned),
            Transfer.state == TransferState.WAITING,
        )
        .values(updated_at=now)
    )


async def runs_of(session: AsyncSession, userid: str | None = None, *, limit: int = 20) -> list[Progress]:
    """Return the last runs, those from one member when named, newest first."""
    query = select(
        Transfer.run,
        Transfer.handover,
        Transfer.takeover,
        Transfer.resigned,
        func.min(Transfer.created_at).label("started_at"),
        *(func.sum(case((Transfer.state == state, 1), else_=0)) for state in TransferState),
    ).group_by(Transfer.run, Transfer.handover, Transfer.takeover, Transfer.resigned)
    if userid is not None:
        query = query.where(Transfer.handover == userid)
    rows = await session.execute(query.order_by(func.max(Transfer.id).desc()).limit(limit))
    return [
        Progress(
            run=row[0],
            handover=row[1],
            takeover=row[2],
            resigned=row[3],
            started_at=row[4],
            counts={state: int(row[5 + place]) for place, state in enumerate(TransferState)},
        )
        for row in rows
    ]


async def failures_of(session: AsyncSession, run: str, *, limit: int = 200) -> Sequence[Transfer]:
    """Return what of a run did not change hands, with its reason."""
    rows = await session.scalars(
        select(Transfer)
        .where(Transfer.run == run, Transfer.state.in_((TransferState.REFUSED, TransferState.FAILED)))
        .order_by(Transfer.id)
        .limit(limit)
    )
    return rows.all()
