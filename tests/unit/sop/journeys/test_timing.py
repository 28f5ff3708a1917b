"""When a step is due: on the clinic's clock, never at a bad hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from content.almanac.workdays import packaged_workdays
from content.plans.specs import CONTACTS, After, JourneyBody, Step, Trigger
from sop.journeys import timing
from sop.journeys.timing import Hours, NeverOpens, due, first_due, next_due

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOURS = Hours(zone=SHANGHAI, workdays=packaged_workdays())


def step(key: str = "one", channel: Any = "todo", **changes: Any) -> Step:
    return Step(key=key, channel=channel, **changes)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def told(moment: datetime) -> str:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("wanted", "trigger", "expected"),
    [
        pytest.param(
            step(after=After(days=3), at=time(10)), "2026-03-02 15:20", "2026-03-05 10:00", id="day-3"
        ),
        pytest.param(step(after=After(hours=2)), "2026-03-02 15:20", "2026-03-02 17:20", id="two-hours"),
        pytest.param(step(after=After(hours=2)), "2026-03-02 20:10", "2026-03-03 09:00", id="quiet-night"),
        pytest.param(step(at=time(10)), "2026-03-02 15:20", "2026-03-02 15:20", id="never-before-trigger"),
        pytest.param(step(after=After(days=1)), "2026-03-02 15:20", "2026-03-03 15:20", id="own-hour"),
        pytest.param(
            step(after=After(months=1), at=time(10)), "2026-01-31 12:00", "2026-02-28 10:00", id="short-month"
        ),
        pytest.param(
            step(after=After(months=6), at=time(10)), "2025-08-31 12:00", "2026-02-28 10:00", id="half-year"
        ),
        pytest.param(
            step(at=time(10), after=After(days=3), window=(time(14), time(18))),
            "2026-03-02 12:00",
            "2026-03-05 14:00",
            id="into-the-window",
        ),
        pytest.param(
            step(after=After(days=1), window=(time(10), time(12))),
            "2026-03-02 15:00",
            "2026-03-04 10:00",
            id="window-of-the-next-day",
        ),
        pytest.param(
            step(after=After(days=1), at=time(10), workday="next"),
            "2026-03-06 12:00",
            "2026-03-09 10:00",
            id="over-the-weekend",
        ),
        pytest.param(
            step(after=After(days=1), at=time(10), workday="next"),
            "2026-09-30 12:00",
            "2026-10-08 10:00",
            id="over-the-national-day",
        ),
        pytest.param(
            step(after=After(days=1), at=time(10), workday="next"),
            "2026-02-13 12:00",
            "2026-02-14 10:00",
            id="make-up-saturday-is-worked",
        ),
        pytest.param(
            step(after=After(days=1), at=time(10), workday="skip"),
            "2026-03-06 12:00",
            "2026-03-07 10:00",
            id="skip-does-not-move",
        ),
        pytest.param(
            step(channel="mass", after=After(hours=2)),
            "2026-03-02 15:20",
            "2026-03-02 17:30",
            id="mass-messages-meet",
        ),
        pytest.param(
            step(channel="tag", after=After(days=1), at=time(3)),
            "2026-03-02 12:00",
            "2026-03-03 03:00",
            id="tags-disturb-nobody",
        ),
    ],
)
def test_a_step_is_due_on_the_clinics_clock(wanted: Step, trigger: str, expected: str) -> None:
    assert told(due(wanted, at(trigger), None, hours=HOURS)) == expected


def test_a_step_after_the_previous_one_counts_from_when_that_was_due() -> None:
    wanted = step(after=After(since="previous", days=7), at=time(10))
    assert (
        told(due(wanted, at("2026-03-02 12:00"), at("2026-03-09 10:00"), hours=HOURS)) == "2026-03-16 10:00"
    )


def test_a_step_that_would_come_before_the_previous_one_comes_with_it() -> None:
    late = step(after=After(days=1), at=time(9, 30))
    assert told(due(late, at("2026-03-02 21:30"), at("2026-03-03 10:00"), hours=HOURS)) == "2026-03-03 10:00"


def test_a_window_inside_the_quiet_hours_never_opens() -> None:
    with pytest.raises(NeverOpens, match="one"):
        due(step(window=(time(22), time(23))), at("2026-03-02 12:00"), None, hours=HOURS)


def test_a_trigger_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="no UTC offset"):
        due(step(), datetime(2026, 3, 2, 12), None, hours=HOURS)  # noqa: DTZ001


def test_the_hour_stays_when_the_clocks_change() -> None:
    berlin = Hours(zone=ZoneInfo("Europe/Berlin"), workdays=packaged_workdays())
    trigger = datetime(2026, 3, 28, 12, tzinfo=berlin.zone)
    found = due(step(after=After(days=1), at=time(10)), trigger, None, hours=berlin)
    assert found == datetime(2026, 3, 29, 8, tzinfo=UTC)


def test_an_hour_that_the_clocks_jump_over_comes_as_much_later() -> None:
    berlin = Hours(zone=ZoneInfo("Europe/Berlin"), workdays=packaged_workdays(), quiet=None)
    found = due(
        step(after=After(days=1), at=time(2, 30)),
        datetime(2026, 3, 28, 12, tzinfo=berlin.zone),
        None,
        hours=berlin,
    )
    assert f"{found.astimezone(berlin.zone):%H:%M}" == "03:30"


class TestFollowing:
    BODY = JourneyBody(
        trigger=(Trigger(kind="manual"),),
        steps=(
            step("a", channel="mass", after=After(days=2), at=time(10)),
            step("b", after=After(days=3), at=time(10), next="d"),
            step("c", after=After(days=4), at=time(10)),
            step("d", after=After(days=5), at=time(10), next="end"),
            step("e"),
        ),
    )
    TRIGGER = at("2026-03-02 12:00")

    def following(self, after: str, go: str = "") -> str | None:
        found = next_due(
            self.BODY,
            after,
            trigger_at=self.TRIGGER,
            due_at=self.TRIGGER,
            hours=HOURS,
            now=self.TRIGGER,
            go=go,
        )
        return found.step.key if found else None

    def test_the_first_is_looked_at_early_enough_for_a_review(self) -> None:
        found = first_due(self.BODY, self.TRIGGER, hours=HOURS, now=self.TRIGGER)
        assert found is not None
        assert found.due_at - found.look_at == timing.LEAD

    def test_what_needs_no_review_is_looked_at_when_it_is_due(self) -> None:
        found = next_due(
            self.BODY, "a", trigger_at=self.TRIGGER, due_at=self.TRIGGER, hours=HOURS, now=self.TRIGGER
        )
        assert found is not None
        assert found.look_at == found.due_at

    def test_the_one_below_comes_next(self) -> None:
        assert self.following("a") == "b"

    def test_unless_the_step_says_otherwise(self) -> None:
        assert self.following("b") == "d"
        assert self.following("d") is None

    def test_or_the_branch_went_somewhere(self) -> None:
        assert self.following("a", go="d") == "d"
        assert self.following("a", go="end") is None

    def test_after_the_last_one_it_ends(self) -> None:
        assert self.following("e") is None

    def test_a_step_that_is_not_there_is_an_error(self) -> None:
        with pytest.raises(LookupError, match="nowhere"):
            self.following("nowhere")


ZONES = st.sampled_from([SHANGHAI, ZoneInfo("Europe/Berlin"), ZoneInfo("America/St_Johns"), ZoneInfo("UTC")])
CLOCKS = st.times(min_value=time(0), max_value=time(23, 59)).map(lambda t: t.replace(microsecond=0))
STEPS = st.builds(
    Step,
    key=st.just("one"),
    channel=st.sampled_from(["mass", "todo", "kf", "tag", "branch"]),
    after=st.builds(
        After,
        since=st.sampled_from(["trigger", "previous"]),
        days=st.integers(0, 400),
        hours=st.integers(0, 72),
        months=st.integers(0, 14),
    ),
    at=st.none() | CLOCKS,
    window=st.none() | st.tuples(CLOCKS, CLOCKS).filter(lambda pair: pair[0] < pair[1]),
    workday=st.sampled_from(["any", "next", "skip"]),
)
QUIETS = st.none() | st.just((time(21), time(9))) | st.tuples(CLOCKS, CLOCKS)
INSTANTS = st.integers(0, 8 * 366 * 86_400).map(
    lambda s: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)


def is_quiet(clock: time, quiet: tuple[time, time]) -> bool:
    start, end = quiet
    return start <= clock < end if start < end else clock >= start or clock < end


@settings(max_examples=150, deadline=None)
@given(wanted=STEPS, quiet=QUIETS, zone=ZONES, trigger=INSTANTS, waited=st.none() | st.integers(0, 10**7))
def test_no_step_is_ever_due_at_a_bad_hour(
    wanted: Step, quiet: tuple[time, time] | None, zone: ZoneInfo, trigger: datetime, waited: int | None
) -> None:
    hours = Hours(zone=zone, workdays=packaged_workdays(), quiet=quiet)
    previous = None if waited is None else trigger + timedelta(seconds=waited)
    try:
        found = due(wanted, trigger, previous, hours=hours)
    except NeverOpens:
        assume(False)
        raise
    here = found.astimezone(zone)
    assert found >= trigger
    assert previous is None or found >= previous
    assert found.utcoffset() == timedelta()
    if wanted.channel in CONTACTS and quiet is not None and quiet[0] != quiet[1]:
        assert not is_quiet(here.time(), quiet)
    if wanted.window is not None:
        assert wanted.window[0] <= here.time() < wanted.window[1]
    if wanted.workday == "next":
        assert hours.workdays.is_workday(here.date())
    assert timing.allowed(wanted, found, hours=hours) == found


@settings(max_examples=60, deadline=None)
@given(day=st.dates(min_value=date(2020, 1, 1), max_value=date(2030, 1, 1)), months=st.integers(0, 60))
def test_months_end_in_the_month_they_lead_to(day: date, months: int) -> None:
    found = timing.add_months(day, months)
    assert (found.year * 12 + found.month) - (day.year * 12 + day.month) == months
    assert found.day == day.day or (found + timedelta(days=1)).day == 1
