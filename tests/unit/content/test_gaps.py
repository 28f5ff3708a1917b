"""What is missing in a pack or never used is told, and keeps nobody from using it."""

from __future__ import annotations

import pytest

from content.gaps import gaps, quarters, variables_used
from content.loader import load_pack
from tests.support.pack_factory import PackFolder, picture


@pytest.fixture
def folder(tmp_path) -> PackFolder:
    return PackFolder(tmp_path / "tiny")


def test_a_quarter_that_would_repeat_itself_is_told(folder):
    pack = load_pack(folder.root)

    found = {quarter.key: (quarter.needed, quarter.there, quarter.short) for quarter in quarters(pack)}

    assert found == {
        "assistant": (13, 1, 12),
        "doctor-zhang": (13, 1, 12),
        "community": (13, 1, 12),
        "vip": (0, 0, 0),
    }
    assert "“小护”的朋友圈一季度要 13 条，最少的一季能用 1 条，不重复还差 12 条" in gaps(pack)


def test_thirteen_texts_carry_a_weekly_slot_through_the_quarter(folder):
    item = "  - {{key: moment.doctor.no-{n}, category: 科普, for: [doctor], text: 第 {n} 条}}\n"
    folder.write("moments/more.yaml", "items:\n" + "".join(item.format(n=n) for n in range(12)))

    doctor = next(q for q in quarters(load_pack(folder.root)) if q.key == "doctor-zhang")

    assert (doctor.there, doctor.short) == (13, 0)


def test_a_dated_text_counts_in_its_own_quarter_only(folder):
    folder.change("moments/daily.yaml", "category: 科普", "category: 科普\n    on: term.lichun")

    doctor = next(q for q in quarters(load_pack(folder.root)) if q.key == "doctor-zhang")

    assert doctor.there == 0


def test_what_is_never_used_is_named(folder):
    folder.write_bytes("assets/forgotten.png", picture())
    told = gaps(load_pack(folder.root))

    assert "没有用到的素材：shop" in told
    assert "没有写进 assets.yaml 的文件：forgotten.png" in told
    assert "没有渠道和规则会打的标签（只能由同事手动打）：阶段/已预约、阶段/新朋友" in told
    assert "没有文字用到的诊所信息：phone" in told
    assert "群“社群”没有入群欢迎语" in told
    assert "没有给同事用的话术（scripts.yaml）" in told


def test_a_channel_without_words_of_its_own_is_named(folder):
    folder.change(
        "welcomes.yaml", "    kind: doctor\n", "    kind: doctor\n    channels: [douyin]\n    when: closed\n"
    )
    folder.write(
        "welcomes.yaml",
        (folder.root / "welcomes.yaml").read_text() + "  - {key: welcome.any, kind: doctor, text: 你好}\n",
    )
    opening = 'opening:\n  - { from: "09:00", until: "18:00" }\n'
    folder.write("pack.yaml", (folder.root / "pack.yaml").read_text() + opening)

    told = gaps(load_pack(folder.root))

    assert "这些渠道没有专门的医生营业时间外欢迎语：前台扫码" in told
    assert "这些渠道没有专门的医生营业时间内欢迎语：前台扫码、抖音" in told


def test_a_plan_says_when_a_persona_speaks(folder):
    folder.write(
        "plans/weekly.yaml",
        "plans:\n"
        "  - key: moments-zhang\n    kind: moments\n    title: 张医生的朋友圈\n    persona: doctor-zhang\n"
        '    slots:\n      - {day: 2, at: "12:10", categories: [科普]}\n'
        '      - {day: 5, at: "12:10", categories: [科普]}\n',
    )

    doctor = next(q for q in quarters(load_pack(folder.root)) if q.key == "doctor-zhang")

    assert (doctor.needed, doctor.short) == (26, 25)


def test_a_text_that_no_slot_takes_is_named(folder):
    folder.change("moments/daily.yaml", "category: 日常", "category: 活动")

    assert "没有时段会用到它们的类别，只能手动排：moment.assistant.rain" in gaps(load_pack(folder.root))


def test_variables_are_counted_by_text(folder):
    counts = variables_used(load_pack(folder.root))

    assert counts == {"clinic.name": 2, "persona.name": 2, "patient.name": 1}
