"""The sandbox's rules that need no socket: windows, clocks, ids, faults, XML, cards, media."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import xmltodict
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sandbox_driver import FrozenClock, mp4, picture
from wecom.crypto import CallbackCrypto
from wecom.sandbox import Mistake, Rules, Tenant
from wecom.sandbox.cards import check_card
from wecom.sandbox.clock import SandboxClock
from wecom.sandbox.events import to_xml
from wecom.sandbox.faults import Faults
from wecom.sandbox.ids import Ids, credentials_for
from wecom.sandbox.limits import RateLimits
from wecom.sandbox.mass import allowance
from wecom.sandbox.media import picture_size, video_seconds
from wecom.sandbox.refusal import Refusal

if TYPE_CHECKING:
    from wecom.sandbox.rules import MassCap


@pytest.mark.parametrize(
    ("cap", "at", "since", "most"),
    [
        pytest.param("month_days", "2026-02-10T04:00", "2026-01-31T16:00", 28, id="February has 28 days"),
        pytest.param("month_days", "2026-03-31T16:30", "2026-03-31T16:00", 30, id="April has begun in China"),
        pytest.param(
            "week_7", "2026-11-22T12:00", "2026-11-15T16:00", 7, id="a Sunday belongs to its Monday"
        ),
        pytest.param("day_1", "2026-11-22T15:59", "2026-11-21T16:00", 1, id="23:59 in China"),
        pytest.param("day_1", "2026-11-22T16:00", "2026-11-22T16:00", 1, id="midnight in China"),
    ],
)
def test_a_cap_counts_in_chinas_calendar(cap: MassCap, at: str, since: str, most: int) -> None:
    start, number = allowance(cap, datetime.fromisoformat(at).replace(tzinfo=UTC))
    assert (start.astimezone(UTC), number) == (datetime.fromisoformat(since).replace(tzinfo=UTC), most)


def test_the_clock_runs_ahead_of_its_source_and_never_back() -> None:
    source = FrozenClock()
    clock = SandboxClock(source)
    clock.advance(timedelta(days=30))
    assert clock.now() - clock.outside_now() == timedelta(days=30)
    with pytest.raises(ValueError, match="only goes forward"):
        clock.advance(timedelta(seconds=-1))


def test_a_naive_source_is_refused() -> None:
    clock = SandboxClock(lambda: datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake under test
    with pytest.raises(ValueError, match="naive"):
        clock.now()


def test_each_kind_of_id_has_its_own_series() -> None:
    one, other = Ids(3), Ids(3)
    for _ in range(5):
        other.mark("AT_", 120)
    assert one.customer() == other.customer()
    assert len({one.customer() for _ in range(1000)}) == 1000


@pytest.mark.parametrize("seed", [0, 1, 2, 99, "demo"])
def test_credentials_are_fit_for_the_console(seed: int | str) -> None:
    made = credentials_for(seed)
    assert len(made.aes_key) == 43
    assert made.token.isalnum()
    assert len(made.token) <= 32
    crypto = CallbackCrypto(token=made.token, aes_key=made.aes_key, corp_id=made.corp_id)
    sealed = crypto.encrypt("<xml/>")
    signature = crypto.sign("1", "2", sealed)
    assert crypto.decrypt(sealed, signature=signature, timestamp="1", nonce="2") == b"<xml/>"


def test_faults_strike_as_often_as_asked_and_as_likely() -> None:
    faults = Faults(1)
    faults.add("errcode", "gettoken", errcode=40001, times=2)
    assert [len(faults.strike_api("gettoken")) for _ in range(3)] == [1, 1, 0]
    assert faults.strike_api("user/get") == []
    faults.add("errcode", "*", times=None, probability=0.5)
    struck = sum(len(faults.strike_api("user/get")) for _ in range(400))
    assert 150 < struck < 250
    with pytest.raises(Mistake, match="unknown fault"):
        faults.add("earthquake")  # type: ignore[arg-type]


def test_a_delay_comes_with_another_fault_and_two_others_take_turns() -> None:
    faults = Faults(1)
    faults.add("delay", delay_s=1)
    faults.add("errcode", errcode=-1)
    faults.add("reset_after")
    assert [fault.kind for fault in faults.strike_api("a")] == ["delay", "errcode"]
    assert [fault.kind for fault in faults.strike_api("a")] == ["reset_after"]


def test_a_rate_is_counted_per_api_and_window() -> None:
    source = FrozenClock()
    limits = RateLimits(SandboxClock(source), Rules())
    for _ in range(10_000):
        limits.count("user/get")
    with pytest.raises(Refusal) as refused:
        limits.count("user/get")
    assert refused.value.errcode == 45009
    limits.count("user/list")
    source.forward(60)
    limits.count("user/get")
    for _ in range(20_000):
        limits.count("message/send")


def test_debug_calls_are_five_a_minute() -> None:
    limits = RateLimits(SandboxClock(FrozenClock()), Rules())
    for _ in range(5):
        limits.count("user/get", debug=True)
    with pytest.raises(Refusal):
        limits.count("user/get", debug=True)
    limits.count("user/get")


@given(st.text(min_size=1, max_size=40))
def test_any_text_survives_the_xml_of_a_callback(text: str) -> None:
    parsed = xmltodict.parse(to_xml({"Content": text, "AgentID": 7}), strip_whitespace=False)["xml"]
    kept = "".join(c for c in text if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))
    assert (parsed["Content"] or "").replace("\r", "\n") == kept.replace("\r\n", "\n").replace("\r", "\n")
    assert parsed["AgentID"] == "7"


def test_pictures_and_films_are_looked_into() -> None:
    assert picture_size(picture(30, 20, kind="JPEG")) == (30, 20)
    assert video_seconds(mp4(12)) == 12
    assert video_seconds(b"\0\0\0\x18ftypisom") is None
    with pytest.raises(Refusal) as refused:
        picture_size(picture()[:60])
    assert refused.value.errcode == 40123


TITLE = {"main_title": {"title": "待办"}}
URL = {"card_action": {"type": 1, "url": "https://h5.example"}}


@pytest.mark.parametrize(
    "card",
    [
        pytest.param({"card_type": "text_notice", "sub_title_text": "七条待发"} | URL, id="text_notice"),
        pytest.param(
            {"card_type": "text_notice", "task_id": "d-1", "action_menu": {"desc": "更多", "action_list": [{"text": "静音", "key": "m"}]}} | TITLE | URL,
            id="text_notice with a menu",
        ),
        pytest.param({"card_type": "news_notice", "card_image": {"url": "https://a.b/c.png"}} | TITLE | URL, id="news_notice"),
        pytest.param(
            {"card_type": "vote_interaction", "task_id": "v-1", "checkbox": {"question_key": "q", "option_list": [{"id": "1", "text": "好"}]}, "submit_button": {"text": "交", "key": "s"}} | TITLE,
            id="vote_interaction",
        ),
    ],
)  # fmt: skip
def test_a_card_of_the_documented_shape_is_taken(card: dict[str, object]) -> None:
    check_card(card)


@pytest.mark.parametrize(
    "card",
    [
        pytest.param({"card_type": "text_notice"} | URL, id="no words"),
        pytest.param({"card_type": "text_notice"} | TITLE, id="no action"),
        pytest.param(
            {"card_type": "text_notice", "action_menu": {"action_list": []}} | TITLE | URL, id="menu"
        ),
        pytest.param({"card_type": "news_notice"} | TITLE | URL, id="no picture"),
        pytest.param({"card_type": "vote_interaction", "task_id": "v"} | TITLE, id="no options"),
        pytest.param({"card_type": "multiple_interaction", "task_id": "v"} | TITLE, id="no selects"),
        pytest.param({"card_type": ["text_notice"]}, id="a type that is a list"),
        pytest.param({"card_type": "text_notice", "main_title": "待办"} | URL, id="a title that is a text"),
    ],
)
def test_a_card_that_lacks_a_part_is_refused(card: dict[str, object]) -> None:
    with pytest.raises(Refusal) as refused:
        check_card(card)
    assert refused.value.errcode == 42014 or 42027 <= refused.value.errcode <= 42051


def test_the_small_clinic_is_as_the_team_agreed() -> None:
    corp = Tenant(now=FrozenClock()).corp
    assert list(corp.members) == ["xiaohu", "zhang.wei", "li.na", "zhao.min", "sun.yue", "chen.jing"]
    assert {group.name: group.owner for group in corp.groups.values()} == {
        "微笑口腔·护牙福利社": "xiaohu",
        "微笑口腔·儿牙成长营": "xiaohu",
        "张医生种植VIP服务群": "zhang.wei",
    }
    assert len(corp.customers) == 30
    assert {follow.state for follows in corp.follows_of_member.values() for follow in follows.values()} == {
        "front-desk", "dr-zhang-card", "dr-li-card", "douyin", "meituan", "old-friend", "free-clinic", "wechat-oa",
    }  # fmt: skip


def test_a_patient_who_comes_back_is_greeted_again() -> None:
    tenant = Tenant(now=FrozenClock())
    patient, first = tenant.patient_scans("xiaohu")
    assert first is not None
    tenant.people.greet(tenant.people.welcome(first.code), "你好", [])
    with pytest.raises(Mistake, match="already a contact"):
        tenant.patient_scans("xiaohu", external_userid=patient.external_userid)
    tenant.people.patient_deletes_member(patient.external_userid, "xiaohu")
    tenant.advance(60)
    _, second = tenant.patient_scans("xiaohu", external_userid=patient.external_userid)
    assert second is not None
    assert tenant.people.welcome(second.code).code != first.code
