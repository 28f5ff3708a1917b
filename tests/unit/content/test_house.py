from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from content.house import HouseRules
from content.loader import load_pack
from content.problems import PackError
from tests.support.pack_factory import PackFolder

ZONE = ZoneInfo("Asia/Shanghai")
CLOCK = "  booking_url: https://clinic.example/booking\n"


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


@pytest.fixture
def folder(tmp_path):
    return PackFolder(tmp_path / "pack")


def load(folder: PackFolder, house: str):
    return load_pack(folder.change("pack.yaml", CLOCK, CLOCK + house).root).house


def test_a_pack_that_says_nothing_has_the_usual_house_rules(folder):
    assert load_pack(folder.root).house == HouseRules()
    assert HouseRules().approvals == 1


def test_house_rules_are_read_from_the_pack(folder):
    house = load(
        folder,
        "house:\n  marketing: {a_week: 1, hours_apart: 72, one_journey: false}\n"
        '  quiet: {from: "20:30", until: "08:00"}\n  wecom_quota: week_7\n  two_person: true\n',
    )

    assert house == HouseRules(
        marketing_a_week=1,
        marketing_apart=timedelta(hours=72),
        one_marketing_journey=False,
        quiet_from=time(20, 30),
        quiet_until=time(8),
        wecom_quota="week_7",
        two_person=True,
    )
    assert house.approvals == 2


@pytest.mark.parametrize(
    ("house", "fault"),
    [
        pytest.param(
            'house:\n  quiet: {from: "09:00"}\n',
            "pack.yaml:13 house.quiet: 免打扰的开始和结束相同，一天里就没有能发的时间 → 把 from 和 until 写成不同的时间",
            id="quiet all day",
        ),
        pytest.param(
            "house: {wecom_quota: week7}\n",
            "pack.yaml:12 house.wecom_quota: 不能写 'week7'",
            id="unknown quota",
        ),
        pytest.param("house: {marketing: {a_weak: 3}}\n", "是不是想写 a_week？", id="a slip"),
    ],
)
def test_a_mistake_in_the_house_rules_is_told_with_place_and_remedy(folder, house, fault):
    with pytest.raises(PackError) as refused:
        load(folder, house)

    assert fault in str(refused.value)


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        pytest.param(at(20, 59), at(20, 59), id="before the night"),
        pytest.param(at(21), at(9, day=24), id="its first minute"),
        pytest.param(at(0, 30), at(9), id="after midnight"),
        pytest.param(at(9), at(9), id="its end is allowed"),
    ],
)
def test_what_falls_into_the_night_waits_for_the_morning(moment, until):
    assert HouseRules().after_quiet(moment, ZONE) == until


def test_quiet_hours_may_lie_within_a_day():
    siesta = HouseRules(quiet_from=time(12), quiet_until=time(14))

    assert siesta.after_quiet(at(13), ZONE) == at(14)
    assert not siesta.is_quiet(at(23), ZONE)
