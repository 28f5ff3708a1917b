"""Scripts for staff and answers for 微信客服: read, checked, and found by what people write."""

from __future__ import annotations

import pytest

from content.loader import load_pack
from content.problems import PackError
from content.report import check_pack
from content.talk_specs import best_answer
from tests.support.pack_factory import PackFolder

SCRIPTS = """\
scripts:
  - key: script.price
    title: 嫌贵
    stage: [consulted, visited]
    objection: 价格
    for: [assistant]
    situation: 听完方案说太贵了。
    say:
      - "{% if patient.name %}{{ patient.name }}，{% endif %}贵在哪几项，我一项一项说给您听。"
      - 先不急着定，您最想先解决哪一件？
    never: [我们是全城最便宜的, 今天不定明天就涨价]
    hand_over: 问到能不能换材料，请医生说。
"""
ANSWERS = """\
answers:
  - key: answer.hours
    title: 营业时间
    asks: [你们几点开门？, 周末上班吗]
    words: [几点开门, 周末+上班]
    text: 我们的电话是 {{ clinic.phone }}。
  - key: answer.after-extraction
    title: 拔牙之后
    asks: [拔完牙能吃饭吗, 昨天拔牙了，可以吃什么]
    words: [拔完牙, 拔牙+吃]
    without: [拔完牙出血]
    text: 头一天吃温凉的软食。
    attachments: [booking]
  - key: answer.emergency
    title: 急事
    asks: [拔完牙出血不止怎么办]
    words: [出血不止]
    urgent: true
    text: 请马上打 {{ clinic.phone }}。
"""


@pytest.fixture
def folder(tmp_path) -> PackFolder:
    return PackFolder(tmp_path / "tiny").write("scripts.yaml", SCRIPTS).write("answers.yaml", ANSWERS)


def problems_of(folder: PackFolder) -> str:
    with pytest.raises(PackError) as caught:
        load_pack(folder.root)
    return str(caught.value)


def test_scripts_are_read_as_written(folder):
    (script,) = load_pack(folder.root).scripts

    assert (script.key, script.stages, script.objection) == ("script.price", ("consulted", "visited"), "价格")
    assert len(script.say) == 2
    assert script.never[0] == "我们是全城最便宜的"
    assert [place.line for place in script.say_places] == [9, 10]


@pytest.mark.parametrize(
    ("said", "key"),
    [
        pytest.param("请问几点开门", "answer.hours", id="a word"),
        pytest.param("上班的话周末可以来吗", "answer.hours", id="parts in any order"),
        pytest.param("拔牙后吃啥", "answer.after-extraction", id="both parts"),
        pytest.param("拔牙疼吗", None, id="one part is not enough"),
        pytest.param("拔完牙出血不止", "answer.emergency", id="the urgent one first"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_what_somebody_writes_finds_its_answer(folder, said, key):
    found = best_answer(load_pack(folder.root).answers, said)

    assert (found.key if found else None) == key


def test_the_words_of_scripts_and_answers_pass_the_legal_check(folder):
    folder.write("scripts.yaml", SCRIPTS.replace("先不急着定", "我们保证治愈，先不急着定"))
    folder.write("answers.yaml", ANSWERS.replace("头一天吃", "我们保证不疼。头一天吃"))

    found = {(str(told.place), told.key, told.excerpt) for told in check_pack(folder.root).findings}

    assert found == {
        ("scripts.yaml:10", "script.price", "保证治愈"),
        ("answers.yaml:12", "answer.after-extraction", "保证不疼"),
    }


def test_what_never_to_say_is_not_checked(folder):
    assert check_pack(folder.root).findings == ()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param("拔牙+吃]", "几点开门]", "“几点开门”已经指 answer.hours", id="a word for two answers"),
        pytest.param("拔牙+吃]", "拔牙+]", "“拔牙+”少了一半", id="half a word"),
        pytest.param("周末上班吗]", "在哪里]", "问“在哪里”找不到回答", id="a question without an answer"),
        pytest.param("周末上班吗]", "拔完牙几点]", "找到的是 answer.after-extraction", id="another's answer"),
        pytest.param("clinic.phone }}。\n  - key: answer.after", "clinic.fone }}。\n  - key: answer.after",
            "没有变量 clinic.fone → 是不是想写 clinic.phone？", id="unknown variable"),
        pytest.param("attachments: [booking]", "attachments: [bookng]", "没有素材 bookng", id="unknown card"),
        pytest.param("title: 急事", "title: 急事\n    say: 别急", "不认识的字段 say", id="unknown field"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_told_with_its_remedy(folder, old, new, told):
    assert ANSWERS.count(old) == 1
    folder.write("answers.yaml", ANSWERS.replace(old, new))

    assert told in problems_of(folder)


def test_an_answer_longer_than_wecom_takes_is_told(folder):
    folder.write("answers.yaml", ANSWERS.replace("头一天吃温凉的软食。", "慢" * 700))

    assert "2100 字节，微信客服最多 2048 字节" in problems_of(folder)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param("[consulted, visited]", "[thinking]", "不能写 'thinking'", id="unknown stage"),
        pytest.param("for: [assistant]", "for: [nurse]", "没有角色 nurse", id="unknown speaker"),
        pytest.param("贵在哪几项", "{{ persona.name }}", "没有变量 persona.name", id="unknown variable"),
        pytest.param("先不急着定", "好{% if %}", "scripts.yaml:10 scripts[0].say[1]", id="broken template"),
    ],
)
def test_a_wrong_script_is_told_with_its_place(folder, old, new, told):
    folder.write("scripts.yaml", SCRIPTS.replace(old, new))

    assert told in problems_of(folder)
