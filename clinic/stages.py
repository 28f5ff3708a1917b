"""Where a patient is on her way, folded from everything that ever moved her.

Facts may arrive twice, late and in any order; the stage is a pure function of the set of them, ordered by
when they happened. Being lost or dormant lies over the way: a return shows again how far she had come.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from clinic.care_tables import StageMove
from clinic.tables import Patient

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession


class Stage(StrEnum):
    """The patient's way; the order of the first eight is the way's."""

    ADDED = "added"
    CONSULTED = "consulted"
    BOOKED = "booked"
    VISITED = "visited"
    CLOSED = "closed"
    TREATING = "treating"
    MEMBER = "member"
    REFERRING = "referring"
    DORMANT = "dormant"
    LOST = "lost"

    @property
    def title(self) -> str:  # type: ignore[override]  # nobody asks a stage for Title Case
        """Return the stage as staff call it."""
        return _TITLES[self]


_TITLES: Final = {
    Stage.ADDED: "新添加",
    Stage.CONSULTED: "已咨询",
    Stage.BOOKED: "已预约",
    Stage.VISITED: "已到店",
    Stage.CLOSED: "已成交",
    Stage.TREATING: "治疗中",
    Stage.MEMBER: "复诊/会员",
    Stage.REFERRING: "转介绍",
    Stage.DORMANT: "沉睡",
    Stage.LOST: "流失",
}
WAY: Final = tuple(stage for stage in Stage if stage not in (Stage.DORMANT, Stage.LOST))
_RANK: Final[dict[Stage, int]] = {stage: rank for rank, stage in enumerate(WAY)}

ADDED_KEY: Final = "added"  # ``added:<userid>:<unix seconds>``: that member and she are connected
LOST_KEY: Final = "lost"  # ``lost:<userid>:<unix seconds>``: they are no more
MOVED_KEY: Final = "moved"  # ``moved:<userid>:<unix seconds>``: they are no more, somebody else takes over
SET_KEY: Final = "set"  # ``set:…``: a person decided; the only move that may go backwards


_MOVES: Final = select(StageMove.key, StageMove.stage, StageMove.at, StageMove.rule).where(
    StageMove.patient_id.in_(
        select(Patient.id).where(
            or_(Patient.id == bindparam("patient"), Patient.merged_into == bindparam("patient"))
        )
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One fact, as the fold sees it."""

    key: str
    stage: Stage
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a set of moves makes: ``since`` she is at ``stage``, ``returns`` counts her returns."""

    stage: Stage
    since: datetime | None
    way: Stage
    returns: int
    changes: tuple[tuple[Move, Stage], ...]
    """The moves that changed the stage, oldest first, each with the stage it made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a call of :func:`move` changed; ``fresh`` is False for a fact that was known already."""

    before: Stage
    after: Stage
    fresh: bool
    returned: bool

    @property
    def changed(self) -> bool:
        return self.before != self.after


def connection_key(word: str, userid: str, at: datetime) -> str:
    """Return the key of a connection made (:data:`ADDED_KEY`) or ended (the other two)."""
    return f"{word}:{userid}:{int(at.timestamp())}"


def fold(moves: Iterable[Move]) -> Standing:
    """Make the standing of a set of moves; their order and repetitions do not matter.

    She is lost when the last member connected to her is gone, and found again by the next addition. She is
    dormant until anything moves her. Along the way she only goes forward, unless a person said otherwise.
    """
    way, lost, dormant, returns = Stage.ADDED, False, False, 0
    connected: set[str] = set()
    stage, since = Stage.ADDED, None
    changes: list[tuple[Move, Stage]] = []
    # Within one second the deletion counts: it disturbs nobody.
    for fact in sorted(
        {m.key: m for m in moves}.values(), key=lambda m: (m.at, m.stage is Stage.LOST, m.key)
    ):
        word, _, rest = fact.key.partition(":")
        userid = rest.rpartition(":")[0]
        if fact.stage is Stage.LOST:
            if word in (LOST_KEY, MOVED_KEY):
                connected.discard(userid)
            else:
                connected.clear()
            # Who is handed over is nobody's for a moment: that is no loss.
            lost = lost or (word != MOVED_KEY and not connected)
        elif fact.stage is Stage.DORMANT:
            dormant = True
        else:
            dormant = False
            if word == ADDED_KEY:
                connected.add(userid)
                returns += lost
            if word in (ADDED_KEY, SET_KEY):
                lost = False
            if word == SET_KEY or _RANK[fact.stage] > _RANK[way]:
                way = fact.stage
        now = Stage.LOST if lost else Stage.DORMANT if dormant else way
        if since is None or now != stage:
            stage, since = now, fact.at
            changes.append((fact, now))
    return Standing(stage=stage, since=since, way=way, returns=returns, changes=tuple(changes))


async def moves_of(session: AsyncSession, patient_id: int, *, but_of: Sequence[str] = ()) -> list[Move]:
    """Return what is recorded of a patient, and of the records that were merged into hers.

    Args:
        but_of: leave out what these rules recorded.
    """
    rows = await session.execute(_MOVES, {"patient": patient_id})
    return [Move(key=key, stage=Stage(stage), at=at) for key, stage, at, rule in rows if rule not in but_of]


async def standing_of(session: AsyncSession, patient_id: int) -> Standing:
    """Fold what is recorded of a patient, and of the records that were merged into hers."""
    return fold(await moves_of(session, patient_id))


async def withdraw(
    session: AsyncSession, records: Sequence[Patient], *, rules: Sequence[str], but: Collection[str]
) -> None:
    """Take back what these rules recorded under other keys than ``but``, and fold the stage anew."""
    gone = await session.execute(
        delete(StageMove)
        .where(
            StageMove.patient_id.in_([record.id for record in records]),
            StageMove.rule.in_(rules),
            StageMove.key.not_in(but),
        )
        .returning(StageMove.id)
    )
    if gone.first() is not None:
        for record in records:
            await recompute(session, record)


async def recompute(session: AsyncSession, patient: Patient) -> Standing:
    """Bring ``patient.stage`` up to date with her moves, e.g. after a merge."""
    standing = await standing_of(session, patient.id)
    patient.stage, patient.stage_at = standing.stage.value, standing.since
    return standing


async def move(
    session: AsyncSession,
    patient: Patient,
    *,
    key: str,
    stage: Stage,
    at: datetime,
    now: datetime,
    actor: str,
    reason: str,
    rule: str | None = None,
) -> Moved:
    """Record a fact that moves a patient, and fold her stage anew; a key known already changes nothing.

    Args:
        key: names the fact, at most 120 characters. ``added:<userid>:…``, ``lost:<userid>:…`` and
            ``moved:<userid>:…`` connect and disconnect a member (see :func:`connection_key`); ``set:…`` is a
            person's decision, which may go backwards.
        at: when it happened, by the event's own time.
        actor: a userid, ``admin``, ``api`` or :data:`clinic.audit.RULES`.
        reason: a sentence that a nurse can read; at most 200 characters are kept.
    """
    before, known = Stage(patient.stage), patient.stage_at is not None
    one_writer = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert if one_writer else postgresql.insert
    if not one_writer:  # two facts of one patient at once (an event, an import) must not fold past each other
        await session.execute(select(Patient.id).where(Patient.id == patient.id).with_for_update())
    written = await session.execute(
        insert(StageMove)
        .values(
            patient_id=patient.id,
            key=key[:120],
            stage=stage.value,
            at=at,
            recorded_at=now,
            actor=actor[:80],
            rule=rule,
            reason=reason[:200],
        )
        .on_conflict_do_nothing(index_elements=["patient_id", "key"])
        .returning(StageMove.id)
    )
    fresh = written.scalar_one_or_none() is not None
    standing = await recompute(session, patient) if fresh or not known else None
    if standing and patient.merged_into is not None:
        await recompute(session, await session.get_one(Patient, patient.merged_into))
    after = standing.stage if standing else before
    return Moved(
        before=before, after=after, fresh=fresh, returned=before is Stage.LOST and after is not Stage.LOST
    )
