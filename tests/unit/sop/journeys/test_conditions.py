"""What must be true of a patient, and what ends a journey: judged on a snapshot, with the reason in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from clinic.rules.facts import Facts, VisitFact
from clinic.rules.wearing import RULE, Word
from content.plans.specs import Condition, Stop
from sop.journeys.conditions import (
    Answered,
    Booking,
    Needs,
    Relation,
    Snapshot,
    describe,
    needs_of,
    titles_of,
    unmet,
)
from sop.journeys.stops import stopping

if TYPE_CHECKING:
    from content.pack import Pack

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
MET = NOW - timedelta(days=400)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def visit(days: float, treatment: str = "scaling", *, yuan: int = 0, status: str = "done") -> VisitFact:
    return VisitFact(at=ago(days), status=status, treatment=treatment, amount_fen=yuan * 100)


def relation(**known: Any) -> Relation:
    values: dict[str, Any] = {
        "userid": "xiaohu",
        "external_userid": "wm-1",
        "channel": "douyin",
        "connected": True,
        "since": MET,
        "persona": "assistant",
        "kind": "assistant",
    }
    return Relation(**(values | known))


def tag(path: str, days: float = 1) -> dict[str, Word]:
    return {path: Word(key=path, path=path, present=True, at=ago(days), origin=RULE, reason="")}


def snapshot(*, facts: dict[str, Any] | None = None, **known: Any) -> Snapshot:
    about: dict[str, Any] = {
        "now": NOW,
        "zone": ZoneInfo("Asia/Shanghai"),
        "since": MET,
        "seen_at": ago(100),
        "stage": "visited",
        "stage_since": ago(100),
    }
    values: dict[str, Any] = {
        "patient_id": 1,
        "external_userid": "wm-1",
        "facts": Facts(**(about | (facts or {}))),
        "relations": (relation(),),
    }
    return Snapshot(**(values | known))


BOOKED = (Booking(at=NOW + timedelta(days=3), treatment="implant.crown", told_at=ago(2)),)
UNHAPPY = {"satisfaction": Answered(at=ago(1), answers={"score": 2, "why": ["等太久", "疼"]})}


@pytest.mark.parametrize(
    ("condition", "known", "missing"),
    [
        pytest.param({}, {}, "", id="asks-nothing"),
        pytest.param({"age_from": 18}, {"facts": {"born_on": date(1990, 1, 1)}}, "", id="old-enough"),
        pytest.param({"age_from": 18, "age_below": 60}, {}, "年龄18 到不满 60 岁", id="age-not-known"),
        pytest.param(
            {"treated": ("implant.*",)}, {"facts": {"visits": (visit(3, "implant.surgery"),)}}, "", id="milestone"
        ),
        pytest.param({"treated": ("implant.*",)}, {}, "做过种植牙", id="not-treated"),
        pytest.param(
            {"not_treated": ("scaling",)}, {"facts": {"visits": (visit(3),)}}, "没做过洗牙", id="treated-though"
        ),
        pytest.param({"tags": ("需求/种植",)}, {"tags": tag("需求/种植")}, "", id="tag"),
        pytest.param({"tags": ("需求/种植",)}, {}, "有标签“需求/种植”", id="no-tag"),
        pytest.param({"not_tags": ("勿扰/勿扰",)}, {"tags": tag("勿扰/勿扰")}, "没有标签“勿扰/勿扰”", id="do-not"),
        pytest.param({"stage": ("booked", "closed")}, {}, "阶段是已预约、已成交", id="stage"),
        pytest.param({"spent_from": 500}, {"facts": {"visits": (visit(3, yuan=499),)}}, "累计消费满 500 元", id="spent"),
        pytest.param({"visits_from": 2}, {"facts": {"visits": (visit(9), visit(3))}}, "", id="visits"),
        pytest.param({"referred_from": 1}, {"facts": {"referred": (ago(5),)}}, "", id="referred"),
        pytest.param({"inactive_days": 90}, {}, "", id="silent"),
        pytest.param({"inactive_days": 101}, {}, "101 天没有来往", id="not-so-silent"),
        pytest.param({"channel": ("meituan",)}, {}, "来自渠道“美团”", id="channel"),
        pytest.param({"persona": ("doctor",)}, {}, "加了“医生”的好友", id="no-doctor"),
        pytest.param({"persona": ("doctor",)}, {"relations": (relation(persona="zhang", kind="doctor"),)}, "", id="a-doctor"),
        pytest.param(
            {"persona": ("doctor",)},
            {"relations": (relation(persona="zhang", kind="doctor", connected=False),)},
            "加了“医生”的好友",
            id="a-doctor-once",
        ),
        pytest.param({"group_role": ("vip",)}, {"group_roles": frozenset({"vip"})}, "", id="group"),
        pytest.param({"group_role": ("vip",)}, {}, "在“种植VIP服务群”客户群里", id="no-group"),
        pytest.param({"booked": True}, {"bookings": BOOKED}, "", id="booked"),
        pytest.param({"booked": False}, {"bookings": BOOKED}, "没有预约", id="booked-though"),
        pytest.param({"replied_days": 7}, {"spoke_at": ago(7)}, "", id="replied"),
        pytest.param({"replied_days": 7}, {"spoke_at": ago(8)}, "7 天内回复过", id="replied-long-ago"),
        pytest.param({"came_days": 7}, {"facts": {"visits": (visit(7),)}}, "", id="came"),
        pytest.param({"came_days": 7}, {"facts": {"visits": (visit(8),)}}, "7 天内来过", id="came-long-ago"),
        pytest.param(
            {"came_days": 7}, {"facts": {"visits": (visit(1, status="no_show"),)}}, "7 天内来过", id="never-came"
        ),
        pytest.param({"answers": (("satisfaction", "score", ("1", "2")),)}, {"answers": UNHAPPY}, "", id="answer"),
        pytest.param({"answers": (("satisfaction", "why", ("疼",)),)}, {"answers": UNHAPPY}, "", id="several"),
        pytest.param(
            {"answers": (("satisfaction", "score", ("5",)),)}, {"answers": UNHAPPY}, "问卷里答过“5”", id="other-answer"
        ),
        pytest.param({"consent": ("marketing",)}, {}, "同意过接收活动和优惠信息", id="consent"),
        pytest.param({"gender": 2}, {"gender": 2}, "", id="gender"),
        pytest.param(
            {"any_of": (Condition(gender=2), Condition(visits_from=1))}, {}, "至少一项：性别女；或 到店至少 1 次", id="none-of-these"
        ),
        pytest.param({"any_of": (Condition(gender=2), Condition(gender=0))}, {}, "", id="one-of-these"),
        pytest.param({"none_of": (Condition(booked=True),)}, {"bookings": BOOKED}, "不能是（有预约）", id="excluded"),
        pytest.param({"gender": 1, "booked": True}, {}, "性别男、有预约", id="all-that-is-missing"),
    ],
)  # fmt: skip
def test_a_condition_says_what_is_missing(condition: Any, known: Any, missing: str) -> None:
    titles = {
        "implant": "种植牙",
        "scaling": "洗牙",
        "channel:meituan": "美团",
        "persona:doctor": "医生",
        "group:vip": "种植VIP服务群",
    }
    assert unmet(Condition(**condition), snapshot(**known), titles=titles) == missing


def test_no_condition_always_holds() -> None:
    assert unmet(None, snapshot()) == ""


def test_a_condition_can_be_read_aloud() -> None:
    condition = Condition(age_from=18, tags=("需求/种植",), none_of=(Condition(booked=True),))
    assert describe(condition) == "年龄满 18 岁、有标签“需求/种植”、不能是（有预约）"
    assert describe(Condition()) == "不限"


@pytest.mark.parametrize(
    ("stop", "known", "why"),
    [
        pytest.param({"on": "booked"}, {"bookings": BOOKED}, "已经约了 2026-11-26 到店", id="booked"),
        pytest.param({"on": "booked", "treatment": ("implant.*",)}, {"bookings": BOOKED}, "已经约了 2026-11-26 到店", id="of-this"),
        pytest.param({"on": "booked", "treatment": ("scaling",)}, {"bookings": BOOKED}, "", id="of-another"),
        pytest.param(
            {"on": "booked"}, {"bookings": (Booking(at=NOW, treatment="", told_at=ago(11)),)}, "", id="booked-before"
        ),
        pytest.param({"on": "visited"}, {"facts": {"visits": (visit(4),)}}, "2026-11-19 已经来过", id="visited"),
        pytest.param({"on": "visited"}, {"facts": {"visits": (visit(12),)}}, "", id="visited-before"),
        pytest.param({"on": "visited"}, {"facts": {"visits": (visit(9.8),)}}, "", id="the-same-day"),
        pytest.param({"on": "visited"}, {"facts": {"visits": (visit(4, status="no_show"),)}}, "", id="no-show"),
        pytest.param({"on": "replied"}, {"spoke_at": ago(1)}, "她已经回复", id="replied"),
        pytest.param({"on": "replied"}, {"spoke_at": ago(20)}, "", id="replied-before"),
        pytest.param({"on": "lost"}, {"relations": (relation(connected=False),)}, "已经没有好友关系", id="lost"),
        pytest.param({"on": "tag", "tags": ("勿扰/勿扰",)}, {"tags": tag("勿扰/勿扰")}, "有了标签“勿扰/勿扰”", id="tag"),
        pytest.param({"on": "tag", "tags": ("勿扰/勿扰",)}, {"tags": tag("勿扰/勿扰", 30)}, "", id="tag-before"),
        pytest.param({"on": "stage", "stage": ("closed",)}, {"facts": {"stage": "closed", "stage_since": ago(1)}}, "阶段已是“已成交”", id="stage"),
        pytest.param({"on": "survey"}, {"answers": UNHAPPY}, "她已经填了问卷", id="survey"),
        pytest.param({"on": "survey", "survey": "intake"}, {"answers": UNHAPPY}, "", id="another-survey"),
        pytest.param({"on": "survey", "answers": (("score", ("5",)),)}, {"answers": UNHAPPY}, "", id="other-answers"),
    ],
)  # fmt: skip
def test_only_what_happened_since_she_began_ends_a_journey(stop: Any, known: Any, why: str) -> None:
    assert stopping([Stop(**stop)], snapshot(**known), trigger_at=ago(10), by_visit=True) == why


def test_a_visit_on_the_day_of_another_trigger_counts() -> None:
    came = snapshot(facts={"visits": (visit(9.8),)})
    assert stopping([Stop(on="visited")], came, trigger_at=ago(10), by_visit=False) == "2026-11-13 已经来过"


def test_only_what_is_asked_is_read() -> None:
    asked = needs_of(
        [Condition(any_of=(Condition(treated=("scaling",)),)), None, Condition(tags=("a/b",))],
        [Stop(on="replied")],
    )
    assert asked == Needs(visits=True, tags=True, spoken=True)


def test_a_pack_says_what_the_keys_in_its_conditions_are_called(pack: Pack) -> None:
    asked = Condition(
        channel=("front-desk",), persona=("assistant", "doctor"), group_role=("kids",), treated=("implant.*",)
    )

    said = describe(asked, titles=titles_of(pack))

    for key in ("front-desk", "assistant", "doctor", "kids", "implant"):
        assert key not in said
