from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sop.vigil import EARLY, LAST, due_reminder, reminder_at

ZONE = ZoneInfo("Asia/Shanghai")


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


@pytest.mark.parametrize(
    ("hour", "before", "when"),
    [
        pytest.param(at(15), EARLY, at(11), id="four hours before"),
        pytest.param(at(15), LAST, at(14), id="one hour before"),
        pytest.param(at(10), EARLY, at(20, 30, day=22), id="not at night: the evening before"),
        pytest.param(at(9), LAST, at(8), id="early risers"),
        pytest.param(at(8, 30), LAST, at(20, 30, day=22), id="before anybody is up"),
        pytest.param(at(1, 30, day=24), EARLY, at(20, 30), id="of a post in the night, the same evening"),
    ],
)
def test_reminders_come_in_time_and_never_at_night(hour, before, when):
    assert reminder_at(hour, before, ZONE) == when


@pytest.mark.parametrize(
    ("now", "touched", "last"),
    [
        pytest.param(at(10), at(9), None, id="too early"),
        pytest.param(at(11), at(9), False, id="the early one"),
        pytest.param(at(13), at(12), None, id="what came into review after it was due needs no early one"),
        pytest.param(at(14), at(13, 59), True, id="the last one, for everything"),
        pytest.param(at(15), at(9), None, id="its hour has come"),
    ],
)
def test_which_reminder_of_a_post_at_three_is_due(now, touched, last):
    assert due_reminder(at(15), touched=touched, now=now, zone=ZONE) is last


def test_the_last_reminder_replaces_the_early_one_that_was_missed():
    assert due_reminder(at(15), touched=at(9), now=at(14, 30), zone=ZONE) is True
    assert due_reminder(at(15), touched=at(9), now=at(14) - timedelta(seconds=1), zone=ZONE) is False
