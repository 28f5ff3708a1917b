"""1-to-1 texts: found by key, checked like every other text, and only those sent by hand may name a patient."""

from __future__ import annotations

import pytest

from content.loader import load_pack
from content.pack import NotInPackError
from content.problems import PackError
from content.report import check_pack
from tests.support.pack_factory import PackFolder

MASS = """\
items:
  - key: direct.implant.day-1
    category: 关怀
    for: [assistant]
    text: 昨天做了手术的朋友，今天吃温凉的软食；出血不止请打 {{ clinic.phone }}。
    attachments: [booking]
  - key: direct.consulted.day-1.todo
    category: 关怀
    text: "{% if patient.name %}{{ patient.name }}，{% endif %}我是{{ member.alias }}，昨天聊的有没听明白的吗？"
"""


@pytest.fixture
def folder(tmp_path) -> PackFolder:
    return PackFolder(tmp_path / "tiny").write("direct/care.yaml", MASS)


def test_a_step_finds_its_text_by_key(folder):
    pack = load_pack(folder.root)

    item = pack.direct("direct.implant.day-1")

    assert (item.kind, item.category, item.attachments) == ("direct", "关怀", ("booking",))
    assert not item.personal
    assert pack.direct("direct.consulted.day-1.todo").personal
    with pytest.raises(NotInPackError, match=r"direct\.implant\.day-2"):
        pack.direct("direct.implant.day-2")


def test_a_mass_text_cannot_name_the_patient(folder):
    folder.write("direct/care.yaml", MASS.replace("consulted.day-1.todo", "consulted.day-1"))

    with pytest.raises(PackError) as caught:
        load_pack(folder.root)

    assert [p.message for p in caught.value.problems] == [
        "没有变量 patient.name",
        "没有变量 member.alias",
    ]
    assert "以 .todo 结尾" in caught.value.problems[0].remedy


def test_a_key_stands_once_in_the_whole_pack(folder):
    folder.write("direct/more.yaml", MASS.replace("direct.implant.day-1", "moment.assistant.rain"))

    with pytest.raises(PackError) as caught:
        load_pack(folder.root)

    messages = {problem.message for problem in caught.value.problems}
    assert messages == {"内容 moment.assistant.rain 重复", "内容 direct.consulted.day-1.todo 重复"}


def test_no_doctor_carries_a_promotion(folder):
    folder.write(
        "direct/care.yaml",
        MASS.replace("category: 关怀\n    for: [assistant]", "category: 活动\n    for: [doctor]"),
    )

    with pytest.raises(PackError, match="医生账号不发活动"):
        load_pack(folder.root)


def test_each_text_is_checked_with_a_name_and_without(folder):
    folder.write("direct/care.yaml", MASS.replace("昨天聊的", "保证治愈，昨天聊的"))

    report = check_pack(folder.root)

    assert {(told.key, told.persona, told.channel) for told in report.findings} == {
        ("direct.consulted.day-1.todo", "assistant", "direct"),
        ("direct.consulted.day-1.todo", "doctor", "direct"),
    }
    assert report.direct_counts() == {"assistant": {"关怀": 2}, "doctor-zhang": {"关怀": 1}}
