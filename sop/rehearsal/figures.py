"""What a rehearsal shows: counted from the rows that the engine itself wrote, nothing is worked out twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from clinic.tables import AuditEntry
from sop.journeys.ports import DONE, DROPPED, HELD, SENT, SKIPPED
from sop.plan_tables import Enrolment, LedgerEntry, StoredPlan, Touch
from sop.tables import Approval, Post

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

MOST_SHOWN: Final = 20
WEEK: Final = timedelta(days=7)
MADE: Final = (SENT, DONE)
BLOCKED: Final = "内容检查未通过，请修改"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """How many contacts of one channel reached people on one clinic day."""

    day: date
    channel: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstWeek:
    """The seven days in which one patient was contacted most."""

    patient: str
    start: date
    contacts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why steps did not reach people, and how often."""

    state: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Approver:
    """How many posts one person approved on one clinic day."""

    day: date
    who: str
    posts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCount:
    """What became of one plan: people by the state of their journey, steps by the state of their touch.

    ``posts``: how many posts came of it, for groups, moments and patients.
    """

    key: str
    title: str
    kind: str
    state: str
    people: dict[str, int]
    touches: dict[str, int]
    posts: int = 0

    @property
    def idle(self) -> bool:
        """Whether nothing came of it at all."""
        return not (self.people or self.touches or self.posts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything a report is made of."""

    title: str
    start: date
    days: int
    patients: int
    seed: int
    seconds: float
    contacts: tuple[DayCount, ...]
    weeks: dict[int, int]  # contacts in her worst week -> how many patients
    worst: tuple[WorstWeek, ...]
    reasons: tuple[Reason, ...]
    approvers: tuple[Approver, ...]
    quota: dict[int, int]  # mass messages in her fullest month -> how many patients
    quota_limit: str
    posts: dict[str, int]
    plans: tuple[PlanCount, ...]
    never: tuple[tuple[str, str], ...]  # plan, why it can never fire
    notices: tuple[str, ...]  # posts without content and the like

    def document(self) -> dict[str, Any]:
        """Return the figures as JSON can say them."""
        return asdict(self) | {
            "contacts": [asdict(one) | {"day": one.day.isoformat()} for one in self.contacts],
            "worst": [asdict(one) | {"start": one.start.isoformat()} for one in self.worst],
            "approvers": [asdict(one) | {"day": one.day.isoformat()} for one in self.approvers],
            "start": self.start.isoformat(),
            "weeks": {str(n): count for n, count in sorted(self.weeks.items())},
            "quota": {str(n): count for n, count in sorted(self.quota.items())},
            "never": [{"plan": plan, "why": why} for plan, why in self.never],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a rehearsal knows besides the database: its frame, and what its planning noticed."""

    title: str
    start: datetime
    days: int
    patients: int
    seed: int
    seconds: float
    quota_limit: str
    never: tuple[tuple[str, str], ...]


async def gather(session: AsyncSession, played: Played, *, zone: ZoneInfo) -> Figures:
    """Count what happened between the rehearsal's first day and its last."""
    end = played.start + timedelta(days=played.days)
    contacts = await _contacts(session, played.start, end)
    per_person: defaultdict[int, list[datetime]] = defaultdict(list)
    for patient_id, _, at, _ in contacts:
        per_person[patient_id].append(at)
    worst = {patient_id: _fullest(times, WEEK) for patient_id, times in per_person.items()}
    most = sorted(worst.items(), key=lambda item: (-item[1][0], item[0]))[:MOST_SHOWN]
    posts, public = await _posts(session, played.start, end, zone)
    days = Counter((at.astimezone(zone).date(), channel) for _, channel, at, _ in contacts) + public
    return Figures(
        title=played.title,
        start=played.start.astimezone(zone).date(),
        days=played.days,
        patients=played.patients,
        seed=played.seed,
        seconds=round(played.seconds, 1),
        contacts=tuple(
            DayCount(day=day, channel=channel, count=count) for (day, channel), count in sorted(days.items())
        ),
        weeks=dict(sorted(Counter(count for count, _ in worst.values()).items())),
        worst=tuple(
            WorstWeek(patient=f"#{patient_id}", start=at.astimezone(zone).date(), contacts=count)
            for patient_id, (count, at) in most
        ),
        reasons=await _reasons(session),
        approvers=await _approvers(session, zone),
        quota=_fullest_months(contacts, zone),
        quota_limit=played.quota_limit,
        posts=posts,
        plans=await _plans(session),
        never=played.never,
        notices=await _notices(session),
    )


async def _contacts(
    session: AsyncSession, start: datetime, end: datetime
) -> Sequence[tuple[int, str, datetime, bool]]:
    rows = await session.execute(
        select(LedgerEntry.patient_id, LedgerEntry.channel, LedgerEntry.at, LedgerEntry.quota).where(
            LedgerEntry.state == "made", LedgerEntry.at >= start, LedgerEntry.at < end
        )
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def _fullest(times: Iterable[datetime], width: timedelta) -> tuple[int, datetime]:
    """Return the most instants within any span of ``width``, and where that span begins."""
    ordered = sorted(times)
    best, best_at, first = 0, ordered[0], 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= width:
            first += 1
        if last - first + 1 > best:
            best, best_at = last - first + 1, ordered[first]
    return best, best_at


def _fullest_months(contacts: Iterable[tuple[int, str, datetime, bool]], zone: ZoneInfo) -> dict[int, int]:
    months: Counter[tuple[int, int, int]] = Counter()
    for patient_id, _, at, quota in contacts:
        if quota:
            local = at.astimezone(zone)
            months[patient_id, local.year, local.month] += 1
    fullest: dict[int, int] = {}
    for (patient_id, _, _), count in months.items():
        fullest[patient_id] = max(fullest.get(patient_id, 0), count)
    return dict(sorted(Counter(fullest.values()).items()))


async def _posts(
    session: AsyncSession, start: datetime, end: datetime, zone: ZoneInfo
) -> tuple[dict[str, int], Counter[tuple[date, str]]]:
    rows = await session.execute(
        select(Post.kind, Post.state, Post.scheduled_at).where(
            Post.scheduled_at >= start, Post.scheduled_at < end
        )
    )
    states: Counter[str] = Counter()
    public: Counter[tuple[date, str]] = Counter()
    for kind, state, at in rows:
        states[f"{kind}.{state}"] += 1
        if kind != "direct" and state in ("published", "partial"):
            public[at.astimezone(zone).date(), kind] += 1
    return dict(sorted(states.items())), public


async def _reasons(session: AsyncSession) -> tuple[Reason, ...]:
    rows = await session.execute(
        select(Touch.state, Touch.reason, func.count())
        .where(Touch.state.not_in(MADE), Touch.reason != "")
        .group_by(Touch.state, Touch.reason)
    )
    # Reasons may name a day or an hour: what differs only in digits is one reason.
    counts: Counter[tuple[str, str]] = Counter()
    for state, reason, count in rows:
        counts[state, "".join("#" if c.isdigit() else c for c in reason)] += count
    return tuple(
        Reason(state=state, reason=reason, count=count)
        for (state, reason), count in counts.most_common(MOST_SHOWN)
    )


async def _approvers(session: AsyncSession, zone: ZoneInfo) -> tuple[Approver, ...]:
    rows = await session.execute(select(Approval.at, Approval.actor).where(Approval.decision == "approve"))
    counts = Counter((at.astimezone(zone).date(), actor) for at, actor in rows)
    return tuple(Approver(day=day, who=who, posts=posts) for (day, who), posts in sorted(counts.items()))


async def _plans(session: AsyncSession) -> tuple[PlanCount, ...]:
    people: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for key, state, count in await session.execute(
        select(Enrolment.plan_key, Enrolment.state, func.count()).group_by(
            Enrolment.plan_key, Enrolment.state
        )
    ):
        people[key][state] = count
    touches: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for key, state, count in await session.execute(
        select(Touch.plan_key, Touch.state, func.count()).group_by(Touch.plan_key, Touch.state)
    ):
        touches[key][state] = count
    counted = await session.execute(select(Post.plan_key, func.count()).group_by(Post.plan_key))
    posts = {key: count for key, count in counted if key}
    rows = await session.scalars(select(StoredPlan).order_by(StoredPlan.kind, StoredPlan.key))
    return tuple(
        PlanCount(
            key=row.key,
            title=row.title,
            kind=row.kind,
            state=row.state,
            people=people.get(row.key, {}),
            touches=touches.get(row.key, {}),
            posts=posts.get(row.key, 0),
        )
        for row in rows
    )


async def _notices(session: AsyncSession) -> tuple[str, ...]:
    """Return what the planning of weeks had to tell staff, and how much the content check held back."""
    said = await session.scalars(
        select(AuditEntry.reason).where(AuditEntry.action == "week.draft").order_by(AuditEntry.id)
    )
    notices = Counter(part for reason in said for part in reason.split("；")[1:])
    lines = [
        text if times == 1 else f"{text}（{times} 周都这样）"
        for text, times in notices.most_common(MOST_SHOWN)
    ]
    blocked = select(func.count()).select_from(Post).where(Post.reason == BLOCKED)
    held = await session.scalar(blocked)
    if held:
        lines.append(f"有 {held} 条内容被合规检查拦下，没有人改，没有发出")
    return tuple(lines)


# How a state reads in the report.
WORDS: Final = {
    SENT: "送达",
    DONE: "做完",
    SKIPPED: "跳过",
    DROPPED: "放弃",
    HELD: "推后",
    "asked": "问过同事",
    "ready": "待成文",
    "queued": "排队中",
    "expired": "过期",
    "failed": "失败",
}
