"""Hours and states as people of the clinic read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from console.wording import Hours, sign
from sop.life import PostState

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)  # 08:30 at the clinic
HOURS = Hours(zone=ZONE, now=NOW)


def test_an_hour_is_written_in_the_clinics_zone() -> None:
    assert HOURS.full(datetime(2026, 11, 24, 4, 10, tzinfo=UTC)) == "周二 11-24 12:10"
    assert HOURS.full(datetime(2026, 12, 31, 16, 5, tzinfo=UTC)) == "周五 2027-01-01 00:05"
    assert HOURS.input(datetime(2026, 11, 24, 4, 10, tzinfo=UTC)) == "2026-11-24T12:10"


def test_near_days_go_by_their_name() -> None:
    assert HOURS.near(NOW) == "今天 08:30"
    assert HOURS.near(NOW + timedelta(hours=15, minutes=40)) == "明天 00:10"
    assert HOURS.near(NOW - timedelta(hours=9)) == "昨天 23:30"
    assert HOURS.near(NOW + timedelta(days=3)) == "周五 11-27 08:30"


def test_waiting_is_told_in_the_largest_fitting_unit() -> None:
    spans = (
        timedelta(seconds=20),
        timedelta(minutes=12),
        timedelta(hours=47),
        timedelta(days=3),
        -timedelta(hours=1),
    )

    assert [HOURS.since(NOW - span) for span in spans] == ["刚刚", "12 分钟", "47 小时", "3 天", "刚刚"]


def test_every_state_has_a_word_and_a_sign_beside_its_colour() -> None:
    signs = [sign(state) for state in PostState]

    assert all(one.label and one.icon and one.tone for one in signs)
    assert len({one.label for one in signs}) == len(signs)
