"""When a step is due: pure calendar arithmetic on the clinic's wall clock.

Days and months are counted on the clinic's calendar, so a change of its clocks moves nothing; hours are real
hours. A step is never due before its trigger, nor before the step that it follows; what reaches a patient is
never due in quiet hours, outside its window, or on a day off that its workday rule excludes.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from content.plans.specs import CONTACTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from content.almanac.workdays import Workdays
    from content.plans.specs import JourneyBody, Step

END: Final = "end"  # of ``Step.next`` and ``Way.go``: nothing follows
# How long before it is due a step that needs a review is looked at.
LEAD: Final = timedelta(hours=26)
# Mass messages without a time of day go out at these minutes: one task for all, not one for each.
ROUND: Final = timedelta(minutes=30)
LONGEST_SEARCH: Final = 60  # days: longer than any run of days off, and a window opens once a day
_DAY: Final = timedelta(days=1)

Span = tuple[time, time | None]  # the end is exclusive; None: the end of the day


class NeverOpens(ValueError):
    """A step has a window that lies in the quiet hours altogether."""

    def __init__(self, step: str) -> None:
        super().__init__(self.told(step))
        self.step = step

    @staticmethod
    def told(name: str) -> str:
        """Return what staff read of it; ``name``: what they call the step."""
        return f"步骤“{name}”的时间窗口全在免打扰时段里，永远发不出去：请改窗口"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """The clinic's clock: its zone, its days off, and from when until when nothing reaches a patient."""

    zone: ZoneInfo
    workdays: Workdays
    quiet: tuple[time, time] | None = (time(21), time(9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """A step and when it is due; ``look_at``: when the engine should look at it."""

    step: Step
    due_at: datetime
    look_at: datetime


def needs_review(step: Step) -> bool:
    """Tell whether the step becomes a post that somebody may have to approve."""
    return step.channel == "mass" or (step.channel == "survey" and step.via == "mass")


def first_due(body: JourneyBody, trigger_at: datetime, *, hours: Hours, now: datetime) -> Next | None:
    """Return a journey's first step; None when it has no steps.

    Raises:
        ValueError: ``trigger_at`` has no UTC offset.
        NeverOpens: the step can never go out.
    """
    return _next(body.steps[0], trigger_at, None, hours, now) if body.steps else None


def next_due(
    body: JourneyBody,
    after: str,
    *,
    trigger_at: datetime,
    due_at: datetime,
    hours: Hours,
    now: datetime,
    go: str = "",
) -> Next | None:
    """Return the step that follows the one called ``after``, which was due at ``due_at``; None: the end.

    Args:
        go: where a branch went; empty: as the step says.

    Raises:
        LookupError: the plan has no such step, or none to go to.
        NeverOpens: as for :func:`first_due`.
    """
    step = following(body, after, go=go)
    return None if step is None else _next(step, trigger_at, due_at, hours, now)


def following(body: JourneyBody, after: str, *, go: str = "") -> Step | None:
    """Return the step after ``after``: where ``go`` says, else its ``next``, else the one below."""
    keys = [step.key for step in body.steps]
    if after not in keys:
        raise LookupError(f"the journey has no step {after}")
    place = keys.index(after)
    wanted = go or body.steps[place].next
    if wanted == END:
        return None
    if wanted:
        return step_of(body, wanted)
    return body.steps[place + 1] if place + 1 < len(keys) else None


def step_of(body: JourneyBody, key: str) -> Step:
    """Return a step by its key.

    Raises:
        LookupError: the plan has no such step.
    """
    for step in body.steps:
        if step.key == key:
            return step
    raise LookupError(f"the journey has no step {key}")


def _next(step: Step, trigger_at: datetime, previous: datetime | None, hours: Hours, now: datetime) -> Next:
    due_at = due(step, trigger_at, previous, hours=hours)
    lead = LEAD if needs_review(step) else timedelta()
    return Next(step=step, due_at=due_at, look_at=max(now, due_at - lead))


def due(step: Step, trigger_at: datetime, previous: datetime | None, *, hours: Hours) -> datetime:
    """Return the instant a step is due.

    Args:
        previous: when the step before it was due; None for the first.

    Raises:
        ValueError: ``trigger_at`` has no UTC offset.
        NeverOpens: as for :func:`first_due`.
    """
    if trigger_at.utcoffset() is None:
        raise ValueError(f"step {step.key!r}: trigger {trigger_at!r} has no UTC offset")
    since = previous if step.after.since == "previous" and previous is not None else trigger_at
    base = since.astimezone(UTC) + timedelta(hours=step.after.hours)
    local = base.astimezone(hours.zone)
    day = add_months(local.date(), step.after.months) + timedelta(days=step.after.days)
    if step.at is not None:
        wanted = _instant(day, step.at, hours.zone)
    elif step.after.days or step.after.months:
        wanted = _instant(day, local.time(), hours.zone)
    else:
        wanted = base
    earliest = max(moment for moment in (wanted, trigger_at, previous) if moment is not None)
    if step.at is None and needs_review(step):
        earliest = rounded(earliest)
    return allowed(step, earliest, hours=hours)


def allowed(step: Step, at: datetime, *, hours: Hours, keep_hour: bool = True) -> datetime:
    """Return the first instant from ``at`` on at which the step may be carried out.

    A step whose workday rule is ``skip`` is not moved to another day by it; see :func:`day_is_off`.

    Args:
        keep_hour: on another day it keeps its hour; else it takes the first one that is open.

    Raises:
        NeverOpens: as for :func:`first_due`.
    """
    spans = open_spans(step, hours=hours)
    if not spans:
        raise NeverOpens(step.key)
    local = at.astimezone(hours.zone)
    clock = (step.at or local.time()) if keep_hour else None
    for moment in _openings(local, spans, clock, hours.zone):
        here = moment.astimezone(hours.zone)
        if step.workday == "next" and not hours.workdays.is_workday(here.date()):
            continue
        if any(_within(here.time(), span) for span in spans):
            return moment.astimezone(UTC)
    raise NeverOpens(step.key)


def day_is_off(step: Step, at: datetime, *, hours: Hours) -> bool:
    """Tell whether the step is left out because ``at`` is on a day off."""
    return step.workday == "skip" and not hours.workdays.is_workday(at.astimezone(hours.zone).date())


def _openings(
    local: datetime, spans: tuple[Span, ...], clock: time | None, zone: ZoneInfo
) -> Iterator[datetime]:
    """Yield instants to try: at once, later today, then day by day at ``clock``, where that is open.

    Where it is not, or there is none, the day's first open hour after it is tried, then the first of all.
    """
    yield local
    day = local.date()
    for start, _ in spans:
        if start > local.time():
            yield _instant(day, start, zone)
    for _ in range(LONGEST_SEARCH):
        day += _DAY
        openings = [start for start, _ in spans]
        if clock is not None:
            kept = [clock] if any(_within(clock, span) for span in spans) else []
            openings = [*kept, *(start for start in openings if start > clock), *openings]
        for opening in openings:
            yield _instant(day, opening, zone)


def open_spans(step: Step, *, hours: Hours) -> tuple[Span, ...]:
    """Return when on a day the step may be done: in its window, and if it contacts, not in quiet hours."""
    spans: tuple[Span, ...] = ((time(), None),)
    if step.channel in CONTACTS and hours.quiet is not None and hours.quiet[0] != hours.quiet[1]:
        spans = _between(hours.quiet[1], hours.quiet[0])
    if step.window is not None:
        window = _between(*step.window)
        spans = tuple(both for one in spans for other in window if (both := _common(one, other)) is not None)
    return spans


def _between(start: time, end: time) -> tuple[Span, ...]:
    if start < end:
        return ((start, end),)
    # Over midnight: the end of one day and the beginning of the next.
    return ((time(), end), (start, None)) if end > time() else ((start, None),)


def _common(one: Span, other: Span) -> Span | None:
    start = max(one[0], other[0])
    ends = [end for end in (one[1], other[1]) if end is not None]
    end = min(ends) if ends else None
    return None if end is not None and end <= start else (start, end)


def _within(clock: time, span: Span) -> bool:
    return clock >= span[0] and (span[1] is None or clock < span[1])


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return the instant of a wall clock's time; one that is jumped over is as much later as the jump."""
    return datetime.combine(day, clock.replace(tzinfo=None, fold=0), tzinfo=zone).astimezone(UTC)


def rounded(at: datetime) -> datetime:
    """Return the next moment at which mass messages go out."""
    over = (at - datetime(2000, 1, 1, tzinfo=UTC)) % ROUND
    return at + (ROUND - over) if over else at


def add_months(day: date, months: int) -> date:
    """Return the same day of a later month, or that month's last day when it is shorter."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
