from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from content.report import check_pack
from content.table import print_report
from tests.support.pack_factory import FILES, PackFolder


@pytest.fixture
def folder(tmp_path) -> PackFolder:
    return PackFolder(tmp_path / "tiny")


def printed(report) -> str:
    out = StringIO()
    print_report(report, Console(file=out, width=160))
    return out.getvalue()


def test_a_good_pack_is_ok_and_counted(folder):
    report = check_pack(folder.root)

    assert report.ok
    assert report.findings == ()
    assert report.moment_counts()["doctor-zhang"] == {"科普": 1}
    assert report.group_counts() == {"community": {"日常": 1}, "vip": {}}
    assert "✓ 可以使用" in printed(report)


def test_a_broken_pack_is_reported_not_raised(folder):
    folder.change("personas.yaml", 'at: "12:10"', "at: noon")

    report = check_pack(folder.root)

    assert not report.ok
    assert report.pack is None
    assert "personas.yaml:10 personas[0].week[0].at" in printed(report)
    assert "✗ 请先修改　错误 1" in printed(report)


def test_a_finding_names_the_line_of_the_words(folder):
    folder.change("moments/daily.yaml", "伞放门口就好。", "我们保证治愈。")

    report = check_pack(folder.root)

    (told,) = report.findings
    assert not report.ok
    assert (str(told.place), told.key, told.excerpt) == (
        "moments/daily.yaml:7",
        "moment.assistant.rain",
        "保证治愈",
    )
    assert told.finding.rule == "guarantee.effect"
    assert "《广告法》第十六条" in printed(report)


def test_words_that_a_variable_brings_are_found_too(folder):
    folder.change("pack.yaml", "name: 微笑口腔", "name: 全城最好的口腔诊所")

    report = check_pack(folder.root)

    assert ("moments/daily.yaml:6", "全城最好") in {(str(t.place), t.excerpt) for t in report.findings}


def test_a_card_is_read_as_the_persona_that_shows_it(folder):
    folder.change("groups/community.yaml", "    attachments: [booking]\n", "")
    folder.change(
        "moments/daily.yaml",
        "轻轻颤动。",
        "轻轻颤动。\n    attachments: [booking]",
    )
    folder.change("assets/assets.yaml", "desc: 选好时间", "desc: 洗牙八折")

    found = {(t.key, t.persona, t.finding.rule) for t in check_pack(folder.root).findings}

    assert ("booking", "doctor", "doctor.price") in found


def test_the_same_words_are_told_once_though_two_doctors_may_say_them(folder):
    personas = FILES["personas.yaml"]
    second = (
        personas[personas.index("  - key: doctor-zhang") :]
        .replace("zhang.wei", "li.na")
        .replace("doctor-zhang", "doctor-li")
    )
    folder.write("personas.yaml", personas + second)
    folder.change("moments/daily.yaml", "轻轻颤动。", "保证治愈。")

    assert len(check_pack(folder.root).findings) == 1


def test_a_hint_does_not_fail_the_pack(folder):
    folder.change("moments/daily.yaml", "伞放门口就好。", "研究表明刷牙很重要。")

    report = check_pack(folder.root)

    assert [told.finding.level for told in report.findings] == ["hint"]
    assert report.ok


def test_markup_in_a_pack_is_printed_and_not_obeyed(folder):
    folder.change("pack.yaml", "title: 小小内容包", "title: '[red]小小[/red]'")

    assert "[red]小小[/red]" in printed(check_pack(folder.root))
