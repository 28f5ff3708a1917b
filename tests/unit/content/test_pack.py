from __future__ import annotations

from datetime import time

import pytest

from content.loader import load_pack
from content.pack import NotInPackError
from tests.support.pack_factory import FILES, PackFolder

WELCOMES = """\
welcomes:
  - {key: w.kind, kind: doctor, text: 你好}
  - {key: w.kind.channel, kind: doctor, channels: [douyin, front-desk], text: 你好}
  - {key: w.persona, persona: doctor-zhang, text: 你好}
  - {key: w.persona.channel, persona: doctor-zhang, channels: [douyin], text: 你好}
  - {key: w.assistant, kind: assistant, text: 你好}
"""


@pytest.fixture
def folder(tmp_path) -> PackFolder:
    return PackFolder(tmp_path / "tiny")


@pytest.fixture
def pack(folder):
    return load_pack(folder.root)


@pytest.mark.parametrize(
    ("state", "key", "why"),
    [
        pytest.param(
            "douyin", "w.persona.channel", "用「张医生」自己的渠道「抖音」欢迎语", id="persona and channel"
        ),
        pytest.param(
            "front-desk", "w.kind.channel", "用医生类角色的渠道「前台扫码」欢迎语", id="kind and channel"
        ),
        pytest.param(
            "gone",
            "w.persona",
            "渠道 gone 不在内容包里，用「张医生」自己的通用欢迎语",
            id="unknown channel",
        ),
        pytest.param(None, "w.persona", "渠道不明，用「张医生」自己的通用欢迎语", id="no channel"),
    ],
)
def test_the_most_specific_welcome_wins_and_says_why(folder, state, key, why):
    pack = load_pack(folder.write("welcomes.yaml", WELCOMES).root)

    welcome = pack.welcome_for("doctor-zhang", state)

    assert (welcome.key, welcome.why) == (key, why)


def test_without_a_persona_welcome_the_kind_speaks(pack):
    welcome = pack.welcome_for(pack.persona("doctor-zhang"), "douyin")

    assert welcome.key == "welcome.doctor"
    assert welcome.why == "渠道「抖音」没有专用欢迎语，用医生类角色的通用欢迎语"


def test_a_member_speaks_as_the_persona_that_names_him(pack):
    assert pack.persona_for_member("zhang.wei").key == "doctor-zhang"


def test_a_member_bound_to_no_persona_speaks_as_the_default(pack):
    assert pack.persona_for_member("stranger").key == "assistant"


def test_a_doctor_and_the_delegates_review_for_a_doctor_and_the_approvers_for_an_assistant(pack):
    assert pack.persona("doctor-zhang").reviewers == ("zhang.wei", "zhao.min")
    assert pack.persona("assistant").reviewers == ("chen.jing",)


def test_a_channel_is_found_by_its_state(pack):
    assert pack.channel("douyin").tags == ("来源/抖音",)
    assert pack.channel("gone") is None
    assert pack.channel(None) is None


@pytest.mark.parametrize(
    ("group", "role"),
    [
        pytest.param("微笑口腔·护牙福利社", "community", id="keyword"),
        pytest.param("张医生种植VIP服务群", "vip", id="keyword of a later role"),
        pytest.param("种植vip群", "vip", id="small letters"),
        pytest.param("随便聊聊", "community", id="default"),
    ],
)
def test_a_group_takes_the_first_role_whose_keyword_is_in_its_name(pack, group, role):
    assert pack.role_for_group(group).key == role


def test_the_week_is_in_order_whatever_the_file_says(folder):
    folder.change(
        "personas.yaml",
        '      - {day: 2, at: "20:10", categories: [科普]}',
        '      - {day: 4, at: "20:10", categories: [科普]}\n      - {day: 2, at: 08:05, categories: 科普}',
    )

    week = load_pack(folder.root).persona("doctor-zhang").week

    assert [(slot.day, slot.at) for slot in week] == [(2, time(8, 5)), (4, time(20, 10))]


def test_moments_are_those_of_the_persona_or_its_kind(pack):
    assert [item.key for item in pack.moments_for("assistant")] == ["moment.assistant.rain"]
    assert [item.key for item in pack.moments_for("doctor-zhang")] == ["moment.doctor.brush"]


def test_a_doctor_never_posts_a_promotion_even_in_a_group_where_anybody_may_post(folder):
    folder.write(
        "groups/sale.yaml",
        "items:\n  - {key: g.sale, category: 活动, roles: vip, text: 活动}\n"
        "  - {key: g.care, category: 关怀, roles: vip, text: 关怀}\n",
    )
    pack = load_pack(folder.root)

    assert [item.key for item in pack.group_posts_for("vip", "doctor-zhang")] == ["g.care"]
    assert [item.key for item in pack.group_posts_for("vip", "assistant")] == ["g.sale", "g.care"]


def test_an_item_has_its_months(folder):
    folder.change("moments/daily.yaml", "category: 日常", "category: 日常\n    months: [7, 6]")
    (item,) = load_pack(folder.root).moments_for("assistant")

    assert item.months == (6, 7)
    assert item.in_season(6)
    assert not item.in_season(8)


def test_the_fields_of_a_card_are_filled_in(pack):
    assert pack.asset("booking").url == "https://clinic.example/booking"


def test_a_card_has_the_bytes_of_its_cover(pack):
    assert pack.asset_bytes("booking") == pack.asset_bytes("brush-card")
    assert pack.asset_bytes("shop").startswith(b"\x89PNG")


def test_what_is_not_in_the_pack_is_told(folder):
    folder.write(
        "assets/assets.yaml",
        FILES["assets/assets.yaml"]
        + "  - {key: bare, kind: link, title: 官网, url: https://clinic.example}\n",
    )
    pack = load_pack(folder.root)

    with pytest.raises(NotInPackError, match="没有角色 nobody"):
        pack.persona("nobody")
    with pytest.raises(NotInPackError, match="没有素材 gone"):
        pack.asset_bytes("gone")
    with pytest.raises(NotInPackError, match="素材 bare 没有图片"):
        pack.asset_bytes("bare")


def test_templates_get_the_clinic_the_persona_and_in_greetings_the_patient(pack):
    assert set(pack.variables("assistant")) == {"clinic", "persona"}

    variables = pack.variables("doctor-zhang", patient_name="王女士")

    assert variables["patient"]["name"] == "王女士"
    assert variables["member"]["alias"] == "张医生"
    assert variables["persona"]["title"] == "种植修复医生"
