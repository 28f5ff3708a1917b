"""What a campaign would meet before it is queued: how many may get it, and what stands in whose way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, or_, select

from clinic.tables import Follow, Patient
from content.plans.specs import CONTACTS
from sop.caps.ledger import goes_by_mass, open_ledger
from sop.caps.rules import Wish

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.plans.specs import Plan

IDS_AT_ONCE: Final = 500
UNKNOWN: Final = "unknown"  # no such patient, or one who asked to be forgotten
APART: Final = "disconnected"
# How the budget speaks of what stands in the way, in the order shown.
WORDS: Final[dict[str, str]] = {
    "week": "一周内已到营销上限",
    "apart": "离上一次营销太近",
    "never": "诊所设置为不发营销",
    "day": "当天已收够这个账号的消息",
    "quota": "企业微信的群发次数已满",
    "quiet": "那个时间不打扰客户",
    APART: "已经联系不上（没有加好友，或已流失）",
    UNKNOWN: "没有这位客户，或已按本人要求删除",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be sent to everybody: when, of what purpose, by whom.

    ``sender``: only this member's friends can get it; empty: anybody's. ``patience``: how long it may be
    put off (marketing is dropped after it).
    """

    at: datetime
    purpose: str
    quota: bool = True
    persona: str = ""
    sender: str = ""
    patience: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What would become of a campaign, counted in people: each is in one place only.

    ``later`` can be put off to an allowed time, ``dropped`` cannot; ``reasons`` of both, by rule.
    ``able``: the records that may get it at once.
    """

    selected: int
    able: tuple[int, ...]
    later: int
    dropped: int
    reasons: tuple[tuple[str, int], ...]

    def __add__(self, other: Budget) -> Budget:
        """Return both together; nobody may be in both."""
        reasons = Counter(dict(self.reasons)) + Counter(dict(other.reasons))
        return Budget(
            selected=self.selected + other.selected,
            able=self.able + other.able,
            later=self.later + other.later,
            dropped=self.dropped + other.dropped,
            reasons=tuple((rule, reasons[rule]) for rule in WORDS if reasons[rule]),
        )

    @property
    def told(self) -> str:
        """Say it in a line, as staff read it before they queue anything."""
        parts = [f"选中 {_number(self.selected)} 人，{_number(len(self.able))} 人可以按时收到"]
        parts += [f"{_number(count)} 人{WORDS[rule]}" for rule, count in self.reasons]
        if self.later or self.dropped:
            parts.append(f"其中 {_number(self.later)} 人顺延，{_number(self.dropped)} 人不会收到")
        return "；".join(parts)


async def preview(
    session: AsyncSession, patient_ids: Iterable[int], asked: Asked, *, pack: Pack, now: datetime
) -> Budget:
    """Judge a contact with each of these patients as of now; writes nothing, reads 500 people at a time.

    Two records of one person count once. What is decided later may still take somebody's room.
    """
    wanted = sorted(set(patient_ids))
    heads = await _heads(session, wanted)
    reasons: Counter[str] = Counter({UNKNOWN: len(set(wanted) - heads.keys())})
    people = sorted(set(heads.values()))
    connected = await _connected(session, people, sender=asked.sender)
    reasons[APART] = len(set(people) - connected)
    able: list[int] = []
    later = dropped = 0
    marketing = asked.purpose == "marketing"
    for start in range(0, len(people), IDS_AT_ONCE):
        some = [one for one in people[start : start + IDS_AT_ONCE] if one in connected]
        ledger = await open_ledger(session, some, pack=pack, now=now, decides=False)
        for patient_id in some:
            ruling = ledger.grant(
                patient_id,
                Wish(
                    at=asked.at,
                    marketing=marketing,
                    quota=asked.quota,
                    persona=asked.persona,
                    latest=asked.at + asked.patience if marketing else None,
                ),
            )
            if ruling.allowed:
                able.append(patient_id)
                continue
            reasons[ruling.rule] += 1
            later += ruling.at is not None
            dropped += ruling.at is None
    unreachable = reasons[UNKNOWN] + reasons[APART]
    return Budget(
        selected=len(people) + reasons[UNKNOWN],
        able=tuple(able),
        later=later,
        dropped=dropped + unreachable,
        reasons=tuple((rule, reasons[rule]) for rule in WORDS if reasons[rule]),
    )


def asked_by(plan: Plan, *, at: datetime, persona: str = "", sender: str = "") -> Asked | None:
    """Return what a journey's first contact asks of each patient; None when it contacts nobody."""
    step = next((one for one in plan.journey.steps if one.channel in CONTACTS), None)
    if step is None:
        return None
    patience = timedelta() if step.late.kind == "skip" else timedelta(hours=step.late.hours)
    return Asked(
        at=at,
        purpose=step.purpose or plan.purpose,
        quota=goes_by_mass(step),
        persona=persona,
        sender=sender,
        patience=patience,
    )


async def ids_of(session: AsyncSession, external_userids: Sequence[str]) -> list[int]:
    """Return the records of these ids, in order; 0 for one that nobody knows."""
    found: dict[str, int] = {}
    for start in range(0, len(external_userids), IDS_AT_ONCE):
        some = external_userids[start : start + IDS_AT_ONCE]
        rows = await session.execute(
            select(Patient.external_userid, Patient.id).where(Patient.external_userid.in_(some))
        )
        found |= dict(rows.all())
    return [found.get(one, 0) for one in external_userids]


async def _heads(session: AsyncSession, ids: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for start in range(0, len(ids), IDS_AT_ONCE):
        rows = await session.execute(
            select(Patient.id, func.coalesce(Patient.merged_into, Patient.id)).where(
                Patient.id.in_(ids[start : start + IDS_AT_ONCE]), Patient.erased_at.is_(None)
            )
        )
        found |= dict(rows.all())
    return found


async def _connected(session: AsyncSession, ids: Sequence[int], *, sender: str) -> set[int]:
    head = func.coalesce(Patient.merged_into, Patient.id)
    found: set[int] = set()
    for start in range(0, len(ids), IDS_AT_ONCE):
        some = ids[start : start + IDS_AT_ONCE]
        query = (
            select(head)
            .join(Follow, Follow.patient_id == Patient.id)
            .where(
                or_(Patient.id.in_(some), Patient.merged_into.in_(some)),
                Follow.lost_at.is_(None),
                Follow.half.is_(False),
            )
        )
        if sender:
            query = query.where(Follow.userid == sender)
        found.update(await session.scalars(query.distinct()))
    return found


def _number(count: int) -> str:
    return f"{count:,}".replace(",", " ")
