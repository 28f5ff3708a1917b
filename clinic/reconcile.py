"""What follows when WeCom's lists and our records differ: decisions only.

WeCom drops callbacks. A listing tells what is, never when or why it became so; therefore it may add what we
missed and end what is certainly gone, but it never overrules an event that is younger than itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

LOST_BY_SYNC: Final = "sync"
SETTLED: Final = timedelta(seconds=30)  # WeCom's lists may lag behind a younger change
FIRST_LOOK_BACK: Final = timedelta(days=7)
LOOK_BACK: Final = timedelta(days=1)
NIGHTLY_AT: Final = time(3, 30)  # clinic time: nobody works, and the day's numbers are settled
NIGHT_ENDS: Final = time(6, 0)


class Found(StrEnum):
    """How a thing in a listing compares with our record of it."""

    ADDED = "added"
    CHANGED = "changed"
    LOST = "lost"
    SAME = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many things of one kind a run has found different; ``seen`` counts all that were listed."""

    seen: int = 0
    added: int = 0
    changed: int = 0
    lost: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            seen=self.seen + other.seen,
            added=self.added + other.added,
            changed=self.changed + other.changed,
            lost=self.lost + other.lost,
        )

    @property
    def differs(self) -> bool:
        """Whether anything was not as we had it."""
        return bool(self.added or self.changed or self.lost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """What stands in our records about one member and one patient."""

    channel: str
    add_way: int | None
    added_at: datetime | None
    lost_at: datetime | None
    lost_by: str | None
    half: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A relation as WeCom lists it."""

    channel: str
    add_way: int | None
    added_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The relation as it stands from now on; ``late``: its event never came, so its tags are due now."""

    found: Found
    relation: Relation
    late: bool = False


def late_since(last_started_at: datetime | None, *, now: datetime) -> datetime:
    """Return from when on a relation we did not know of is a lost event and not old stock.

    The first run meets everybody who ever came: her source tags, if anybody wanted them, are on her since
    long, and marking 100 000 patients again would hold up everything else for hours.
    """
    return now - FIRST_LOOK_BACK if last_started_at is None else last_started_at - LOOK_BACK


def judge_listed(known: Relation | None, listed: Listed, *, late_since: datetime, now: datetime) -> Verdict:
    """Compare one listed relation with what we know of it.

    A patient who deleted the member is still listed (callbacks.md §6.5), so a loss that an event reported
    stands, unless the relation began anew after it.
    """
    began = listed.added_at or now
    if known is None:
        fresh = Relation(
            channel=listed.channel,
            add_way=listed.add_way,
            added_at=began,
            lost_at=None,
            lost_by=None,
            half=False,
        )
        return Verdict(found=Found.ADDED, relation=fresh, late=began >= late_since)
    newer = again = known.lost_at is not None and began > known.lost_at
    if known.lost_by == LOST_BY_SYNC:
        # That instant is when we noticed; she may have left and come back before. Or we were mistaken.
        again = True
        newer = known.added_at is None or began > known.added_at + SETTLED
    stands = Relation(
        # A listing tells the channel of the relation that is; an event may have told it before.
        channel=listed.channel if newer else known.channel or listed.channel,
        add_way=listed.add_way if listed.add_way is not None else known.add_way,
        added_at=began if known.added_at is None or newer else known.added_at,
        lost_at=None if again else known.lost_at,
        lost_by=None if again else known.lost_by,
        half=False,
    )
    if again:
        return Verdict(found=Found.ADDED, relation=stands, late=newer and began >= late_since)
    if known.half:
        # The member confirmed, and the full event, which alone lets tags be put on, never came.
        late = began >= late_since and stands.lost_at is None
        return Verdict(found=Found.CHANGED, relation=stands, late=late)
    return Verdict(found=Found.SAME if stands == known else Found.CHANGED, relation=stands)


def missing(
    known: Mapping[str, datetime],
    listed: AbstractSet[str],
    *,
    asked_at: datetime,
) -> list[str]:
    """Return whom we hold for a member's patient although his complete list, asked for then, lacks her.

    Args:
        known: when the last event about each standing, confirmed relation happened; what happened just
            before the question may be missing from the answer only because WeCom's lists lag.
    """
    return sorted(
        who for who, changed_at in known.items() if who not in listed and changed_at <= asked_at - SETTLED
    )


def judge_tags(
    known: Mapping[int, datetime],
    listed: AbstractSet[int],
    *,
    asked_at: datetime,
) -> tuple[set[int], set[int]]:
    """Return which tags to note and which to forget on one relation.

    A tag that we put on moments ago may be missing from the answer; it is not forgotten for that.
    """
    gone = {tag for tag, at in known.items() if tag not in listed and at <= asked_at - SETTLED}
    return set(listed) - known.keys(), gone


def nightly_due(local: datetime, last_started_at: datetime | None) -> bool:
    """Tell whether the nightly run is due, or was missed and should be caught up now.

    An installation that never read everything waits for its first night: half an hour of calls in the middle
    of the day is for somebody to start by hand.

    Args:
        local: now, in the clinic's zone.
        last_started_at: when the last complete run began.
    """
    due_at = datetime.combine(local.date(), NIGHTLY_AT, tzinfo=local.tzinfo)
    if local < due_at:
        due_at -= timedelta(days=1)
    if last_started_at is None:
        return NIGHTLY_AT <= local.time() < NIGHT_ENDS
    return last_started_at < due_at
