"""What ends a journey early, judged on a snapshot: only what happened after she began counts. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clinic.stages import Stage
from sop.journeys.conditions import has_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from content.plans.specs import Stop
    from sop.journeys.conditions import Snapshot


def stopping(stops: Iterable[Stop], snapshot: Snapshot, *, trigger_at: datetime, by_visit: bool) -> str:
    """Return why a journey ends, in words; empty: nothing that ends it has happened since it began.

    Args:
        trigger_at: when the fact happened that began it.
        by_visit: a visit began it: what else was done on that day belongs to the same visit.
    """
    for stop in stops:
        judge = _visited_later if stop.on == "visited" and by_visit else _JUDGES[stop.on]
        if why := judge(stop, snapshot, trigger_at):
            return why
    return ""


def _booked(stop: Stop, snapshot: Snapshot, since: datetime) -> str:
    for booking in snapshot.bookings:
        if booking.told_at > since and _of(stop.treatment, booking.treatment):
            return f"已经约了 {_day(booking.at, snapshot)} 到店"
    return ""


def _visited(stop: Stop, snapshot: Snapshot, since: datetime) -> str:
    for visit in reversed(snapshot.facts.attended):
        if visit.at > since and _of(stop.treatment, visit.treatment):
            return f"{_day(visit.at, snapshot)} 已经来过"
    return ""


def _visited_later(stop: Stop, snapshot: Snapshot, since: datetime) -> str:
    for visit in reversed(snapshot.facts.attended):
        later = visit.at > since and _day(visit.at, snapshot) != _day(since, snapshot)
        if later and _of(stop.treatment, visit.treatment):
            return f"{_day(visit.at, snapshot)} 已经来过"
    return ""


def _replied(_stop: Stop, snapshot: Snapshot, since: datetime) -> str:
    return "她已经回复" if snapshot.spoke_at is not None and snapshot.spoke_at > since else ""


def _lost(_stop: Stop, snapshot: Snapshot, _since: datetime) -> str:
    return "" if snapshot.connected else "已经没有好友关系"


def _tagged(stop: Stop, snapshot: Snapshot, since: datetime) -> str:
    for path in stop.tags:
        if path in snapshot.tags and snapshot.tags[path].at > since:
            return f"有了标签“{path}”"
    return ""


def _staged(stop: Stop, snapshot: Snapshot, since: datetime) -> str:
    facts = snapshot.facts
    there = facts.stage in stop.stage and facts.stage_since > since
    return f"阶段已是“{Stage(facts.stage).title}”" if there else ""


def _answered(stop: Stop, snapshot: Snapshot, since: datetime) -> str:
    for survey, given in snapshot.answers.items():
        asked = stop.survey in ("", survey) and given.at > since
        if asked and all(
            has_answer(given.answers.get(question), wanted) for question, wanted in stop.answers
        ):
            return "她已经填了问卷"
    return ""


_JUDGES: Final[dict[str, Callable[[Stop, Snapshot, datetime], str]]] = {
    "booked": _booked,
    "visited": _visited,
    "replied": _replied,
    "lost": _lost,
    "tag": _tagged,
    "stage": _staged,
    "survey": _answered,
}


def _of(patterns: Sequence[str], treatment: str) -> bool:
    return not patterns or any(
        treatment == pattern.removesuffix(".*")
        or (pattern.endswith(".*") and treatment.startswith(pattern[:-1]))
        for pattern in patterns
    )


def _day(at: datetime, snapshot: Snapshot) -> str:
    return f"{at.astimezone(snapshot.facts.zone):%Y-%m-%d}"
