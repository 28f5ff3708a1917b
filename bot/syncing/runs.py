"""How far a sync came: a row that moves in the same transaction as what was read there."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, select, update

from clinic.reconcile import Tally
from clinic.tables import SyncRun

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

STALE: Final = timedelta(hours=24)  # WeCom's cursors and our picture of the members are too old then
MOVING: Final = timedelta(minutes=3)  # longer than any pause between two pages


class Watching:
    """Told how far a run is; this one keeps it to itself."""

    def stage(self, name: str, done: int, total: int | None) -> None:
        """``done`` of ``total`` (None: not known) things of a stage are behind us."""


class Relieved(RuntimeError):
    """Another process goes on with this run; this one must stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as its owner holds it between two transactions.

    ``place`` is the stage's own bookmark. ``expected`` is how many relations the members' lists hold.
    """

    id: int
    owner: str
    started_at: datetime
    stage: str
    place: Mapping[str, Any] = field(default_factory=dict)
    serving: tuple[str, ...] = ()
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    expected: int = 0
    unread: tuple[str, ...] = ()
    resumed: bool = False

    def at(self, place: Mapping[str, Any], found: Mapping[str, Tally] | None = None) -> Run:
        """Return the run a step further, with what the step found."""
        tallies = dict(self.tallies)
        for kind, tally in (found or {}).items():
            tallies[kind] = tallies.get(kind, Tally()) + tally
        return replace(self, place=place, tallies=tallies)

    def enter(self, stage: str) -> Run:
        """Return the run at the beginning of a stage."""
        return replace(self, stage=stage, place={})


async def begin_or_resume(session: AsyncSession, *, owner: str, first_stage: str, now: datetime) -> Run:
    """Take over the run that did not end, however it stopped, or begin a new one."""
    await session.execute(
        delete(SyncRun).where(SyncRun.finished_at.is_(None), SyncRun.started_at < now - STALE)
    )
    row = (
        await session.scalars(
            select(SyncRun).where(SyncRun.finished_at.is_(None)).order_by(SyncRun.id.desc()).limit(1)
        )
    ).first()
    resumed = row is not None
    if row is None:
        row = SyncRun(
            started_at=now,
            moved_at=now,
            finished_at=None,
            owner=owner,
            stage=first_stage,
            place={},
            serving=[],
            found={},
        )
        session.add(row)
    row.owner, row.moved_at = owner, now
    await session.flush()
    found = row.found
    return Run(
        id=row.id,
        owner=owner,
        started_at=row.started_at,
        stage=row.stage,
        place=row.place,
        serving=tuple(row.serving),
        tallies={kind: Tally(**counts) for kind, counts in found.get("tallies", {}).items()},
        expected=found.get("expected", 0),
        unread=tuple(found.get("unread", ())),
        resumed=resumed,
    )


async def save(session: AsyncSession, run: Run, *, now: datetime, finished: bool = False) -> None:
    """Write how far the run is, in the transaction that records what was read.

    Raises:
        Relieved: somebody else owns the run by now; the transaction must not be committed.
    """
    values: dict[str, Any] = {
        "moved_at": now,
        "finished_at": now if finished else None,
        "stage": run.stage,
        "place": dict(run.place),
        "found": {
            "tallies": {kind: asdict(tally) for kind, tally in run.tallies.items()},
            "expected": run.expected,
            "unread": list(run.unread),
        },
    }
    if run.stage == "members":
        # Fixed from here on, and long in a chain: not written again with every page.
        values["serving"] = list(run.serving)
    moved = await session.execute(
        update(SyncRun)
        .where(SyncRun.id == run.id, SyncRun.owner == run.owner, SyncRun.finished_at.is_(None))
        .values(**values)
        .returning(SyncRun.id)
    )
    if moved.first() is None:
        raise Relieved("another process goes on with this sync")


async def last_started_at(session: AsyncSession) -> datetime | None:
    """Return when the last run that came to its end had begun."""
    query = select(SyncRun.started_at).where(SyncRun.finished_at.is_not(None))
    return await session.scalar(query.order_by(SyncRun.started_at.desc()).limit(1))


async def was_read(session: AsyncSession, stage: str) -> bool:
    """Tell whether the last run that came to its end could read this stage."""
    query = select(SyncRun.found).where(SyncRun.finished_at.is_not(None))
    found = await session.scalar(query.order_by(SyncRun.started_at.desc()).limit(1))
    return found is not None and not any(str(one).startswith(f"{stage}:") for one in found.get("unread", ()))


async def moving(session: AsyncSession, *, now: datetime) -> bool:
    """Tell whether somebody is at work on a run right now."""
    query = select(SyncRun.id).where(SyncRun.finished_at.is_(None), SyncRun.moved_at > now - MOVING)
    return await session.scalar(query.limit(1)) is not None
