"""The pack that comes with the program keeps every promise that the program checks for others."""

from __future__ import annotations

from collections import Counter

import pytest

from content.loader import load_pack
from content.plans.uses import uses_of
from content.report import check_pack


@pytest.fixture(scope="module")
def report():
    return check_pack("dental")


@pytest.fixture(scope="module")
def pack():
    return load_pack("dental")


def test_it_loads_without_an_error_or_a_warning(report):
    assert [str(problem) for problem in report.problems] == []


def test_no_text_is_blocked_or_warned_about(report):
    severe = [
        f"{told.place} {told.key} {told.finding.rule}: {told.excerpt}"
        for told in report.findings
        if told.finding.level != "hint"
    ]

    assert severe == []
    assert report.ok


@pytest.mark.parametrize("month", range(1, 13))
def test_four_weeks_of_every_persona_and_group_pass_without_a_repeat(pack, month):
    """Fills the slots of 28 days greedily, the scarcest first; what is used is gone."""
    queues = [(persona.week, pack.moments_for(persona)) for persona in pack.personas]
    for role in pack.roles:
        owners = [p for p in pack.personas if len(pack.group_posts_for(role, p)) >= 4 * len(role.week)]
        assert owners, role.key
        queues.append((role.week, pack.group_posts_for(role, owners[0])))

    for week, items in queues:
        left = Counter(item.category for item in items if item.in_season(month))
        for slot in sorted(week, key=lambda slot: sum(left[c] for c in slot.categories)):
            for _ in range(4):
                category = max(slot.categories, key=lambda c: left[c])
                assert left[category] > 0, f"{slot} has nothing to say in month {month}"
                left[category] -= 1


def test_no_two_items_say_the_same(pack):
    texts = [item.text for item in (*pack.moments, *pack.group_posts)]

    assert len(set(texts)) == len(texts)


def test_every_text_for_one_patient_is_said_by_a_plan(pack):
    planned = {use.key for plan in pack.plans for use in uses_of(plan)}

    assert [item.key for item in pack.direct_texts if item.key not in planned] == []


def test_the_sandbox_clinic_has_its_people_and_channels(pack):
    assert pack.persona_for_member("xiaohu").key == "assistant"
    assert pack.persona("doctor-zhang").reviewers == ("zhang.wei", "zhao.min")
    assert pack.persona("doctor-li").reviewers == ("li.na", "sun.yue")
    assert pack.persona("assistant").reviewers == ("chen.jing",)
    states = ("front-desk", "dr-zhang-card", "dr-li-card", "douyin", "meituan", "old-friend", "free-clinic", "wechat-oa")  # fmt: skip
    assert [channel.state for channel in pack.channels] == list(states)


@pytest.mark.parametrize(
    ("group", "role"),
    [
        ("微笑口腔·护牙福利社", "community"),
        ("微笑口腔·儿牙成长营", "kids"),
        ("张医生种植VIP服务群", "vip"),
    ],
)
def test_every_group_of_the_sandbox_finds_its_role(pack, group, role):
    assert pack.role_for_group(group).key == role
