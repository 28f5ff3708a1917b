"""What customer groups are for and which words matter: read from the pack, judged, asked."""

from __future__ import annotations

import pytest

from content.loader import load_pack
from content.problems import PackError
from content.report import check_pack
from tests.support.pack_factory import FILES, PackFolder

KEYWORDS = """\
keywords:
  - key: implant
    title: 种植
    words: [种牙, Implant]
    without: [不想种]
"""


@pytest.fixture
def folder(tmp_path):
    return PackFolder(tmp_path / "pack")


def role(folder: PackFolder, lines: str) -> None:
    """Give the first role of groups.yaml some lines more."""
    folder.write(
        "groups.yaml", FILES["groups.yaml"].replace("    default: true\n", f"    default: true\n{lines}")
    )


def faults(folder: PackFolder) -> list[str]:
    with pytest.raises(PackError) as caught:
        load_pack(folder.root)
    return [str(problem) for problem in caught.value.problems]


def test_a_pack_without_these_files_and_fields_loads_as_before(folder):
    pack = load_pack(folder.root)

    assert pack.keywords == ()
    assert [(r.welcome, r.quit_alert, r.one_per_patient) for r in pack.roles] == [(None, "", False)] * 2


def test_a_role_says_whom_a_quit_concerns_and_what_newcomers_read(folder):
    role(
        folder,
        "    one_per_patient: true\n    quit_alert: owner\n"
        "    welcome: {text: '欢迎 %NICKNAME% 来{{ clinic.name }}', attachment: booking}\n",
    )

    found = load_pack(folder.root).roles[0]

    assert (found.one_per_patient, found.quit_alert) == (True, "owner")
    assert found.welcome is not None
    assert (found.welcome.text, found.welcome.attachment) == (
        "欢迎 %NICKNAME% 来{{ clinic.name }}",
        "booking",
    )


def test_what_staff_chose_for_a_group_beats_its_name_until_the_pack_loses_it(folder):
    pack = load_pack(folder.root)

    assert pack.role_of_group("种植VIP 1 群").key == "vip"
    assert pack.role_of_group("种植VIP 1 群", chosen="community").key == "community"
    assert pack.role_of_group("种植VIP 1 群", chosen="gone").key == "vip"


@pytest.mark.parametrize(
    ("said", "keys"),
    [
        pytest.param("你好，我想种牙", ["implant"], id="a word of it"),
        pytest.param("implant 怎么做", ["implant"], id="capitals do not matter"),
        pytest.param("我不想种牙，就问问", [], id="a word that speaks against it"),
        pytest.param("洗牙多少钱", [], id="another matter"),
    ],
)
def test_keywords_are_found_in_what_somebody_wrote(folder, said, keys):
    folder.write("keywords.yaml", KEYWORDS)

    assert [keyword.key for keyword in load_pack(folder.root).keywords_in(said)] == keys


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        pytest.param(
            "    welcome: {text: '欢迎 {{ patient.name }}'}\n",
            "没有变量 patient.name → 称呼新成员写 %NICKNAME%，诊所信息写 {{ clinic.name }} 等",
            id="a patient's name",
        ),
        pytest.param(
            "    welcome: {text: 你好, attachment: boking}\n",
            "没有素材 boking → 是不是想写 booking？",
            id="unknown asset",
        ),
        pytest.param(
            f"    welcome: {{text: {'好' * 1001}}}\n",
            "3003 字节，企业微信最多 3000 字节 → 缩短到 1000 个汉字以内",
            id="too long",
        ),
        pytest.param(
            "    quit_alert: everybody\n", "不能写 'everybody' → 可以写：'owner', 'manager'", id="who"
        ),
    ],
)
def test_slips_in_a_role_are_told_with_their_remedy(folder, lines, told):
    role(folder, lines)

    assert [told in fault and fault.startswith("groups.yaml:") for fault in faults(folder)] == [True]


def test_a_word_cannot_count_and_not_count(folder):
    folder.write("keywords.yaml", KEYWORDS.replace("[不想种]", "[种牙]"))

    assert faults(folder) == [
        "keywords.yaml:5 keywords[0].without[0]: “种牙”既算又不算 → 从 words 或 without 里删掉"
    ]


def test_group_welcomes_pass_the_legal_check_like_every_other_text(folder):
    role(folder, "    welcome: {text: 我们是全城最好的牙科}\n")

    report = check_pack(folder.root)

    assert {found.key for found in report.findings} == {"community 的入群欢迎语"}
    assert not report.ok
