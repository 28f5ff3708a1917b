"""Rules are read, or refused with the line, the fault and what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clinic.stages import Stage
from content.loader import load_pack
from content.problems import PackError
from tests.support.pack_factory import PackFolder

if TYPE_CHECKING:
    from pathlib import Path

    from content.pack import Pack


def refused(folder: PackFolder, rules: str) -> str:
    folder.write("rules.yaml", rules)
    with pytest.raises(PackError) as caught:
        load_pack(folder.root)
    return str(caught.value)


def test_a_pack_without_rules_loads(tmp_path: Path) -> None:
    assert load_pack(PackFolder(tmp_path).root).rules == ()


def test_a_rule_keeps_its_conditions_and_consequences(tmp_path: Path) -> None:
    folder = PackFolder(tmp_path)
    folder.write(
        "rules.yaml",
        """\
rules:
  - key: from-front-desk
    reason: 前台来的
    on: added
    channel: front-desk
    add: 阶段/新朋友
    expires_days: 30
    stage: consulted
    hand_off: { to: manager, title: 请看一下 }
  - key: young
    reason: 年轻人
    while: { age: { below: 25 }, tags: 来源/抖音 }
    add: 阶段/已预约
""",
    )
    first, second = load_pack(folder.root).rules

    assert first.when is not None
    assert (first.when["kinds"], first.when["channel"]) == (("added",), ("front-desk",))
    assert (first.add, first.expires_days, first.stage) == (("阶段/新朋友",), 30, "consulted")
    assert first.hand_off is not None
    assert (first.hand_off.to, first.hand_off.within_hours) == (("manager",), 24)
    assert second.held is not None
    assert (second.held["age_from"], second.held["age_below"], second.held["tags"]) == (0, 25, ("来源/抖音",))
    assert (first.place.line, second.place.line) == (2, 10)


RULE = "rules:\n  - key: one\n    reason: 因为\n"


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        pytest.param(
            RULE + "    on: added\n    add: 来源/抖因\n",
            "rules.yaml:5 rules[0].add[0]: 没有标签 来源/抖因 → 是不是想写 来源/抖音？",
            id="a tag that nobody has",
        ),
        pytest.param(
            RULE + "    on: added\n    channel: douyinn\n    add: 来源/抖音\n",
            "rules.yaml:5 rules[0].channel[0]: 没有渠道 douyinn",
            id="a channel that nobody has",
        ),
        pytest.param(
            RULE + "    on: visit\n    treatment: implnt.*\n    add: 来源/抖音\n",
            "没有治疗项目 implnt.*",
            id="a treatment that nobody offers",
        ),
        pytest.param(
            RULE + "    on: visit\n    stage: visted\n",
            "rules.yaml:5 rules[0].stage: 不能写 'visted' → 可以写：",
            id="an unknown stage",
        ),
        pytest.param(
            RULE + "    on: added\n    add: [阶段/新朋友, 阶段/已预约]\n",
            "rules.yaml:5 rules[0].add[1]: 标签组“阶段”只能留一个标签",
            id="two tags of an exclusive group",
        ),
        pytest.param(
            RULE + "    on: added\n    add: 来源/抖音\n    remove: 来源/抖音\n",
            "同一条规则又加又去 来源/抖音",
            id="on and off at once",
        ),
        pytest.param(
            RULE + "    while: { not_tags: 来源/抖音 }\n    add: 来源/抖音\n",
            "会加了又去",
            id="a condition that its own tag ends",
        ),
        pytest.param(
            RULE
            + "    on: added\n    add: 来源/抖音\n  - key: two\n    reason: 所以\n    on: added\n    remove: 来源/抖音\n",
            "rules.yaml:9 rules[1].remove[0]: 和 one（第 2 行）条件一样，一个加 来源/抖音，一个去掉",
            id="two rules against each other",
        ),
        pytest.param(
            RULE
            + "    on: visit\n    stage: booked\n  - key: two\n    reason: 所以\n    on: visit\n    stage: closed\n",
            "条件一样，阶段却不同",
            id="two stages for one thing",
        ),
        pytest.param(
            RULE
            + "    while: { age: { from: 20, below: 30 } }\n    add: 阶段/新朋友\n  - key: two\n    reason: 所以\n"
            "    while: { age: { from: 29 } }\n    add: 阶段/已预约\n",
            "年龄段和 one（第 2 行）重叠",
            id="two bands share an age",
        ),
        pytest.param(
            RULE + "    on: visit\n    channel: front-desk\n    add: 来源/抖音\n",
            "channel 只能和 on: added 或 half_added 或 returned 一起写",
            id="a question that the happening cannot answer",
        ),
        pytest.param(RULE + "    add: 来源/抖音\n", "on 和 while 要写一个且只写一个", id="no trigger"),
        pytest.param(RULE + "    on: added\n", "这条规则什么也不做", id="no consequence"),
        pytest.param(
            RULE + "    while: { age: { from: 9, below: 9 } }\n    add: 来源/抖音\n",
            "没有人在这个年龄段里",
            id="an empty band",
        ),
        pytest.param(
            RULE + "    while: { visits: 2 }\n    add: 来源/抖音\n    expires_days: 3\n",
            "删掉 expires_days",
            id="an expiry that means nothing",
        ),
    ],
)
def test_a_wrong_rule_is_refused_with_its_line_and_a_remedy(tmp_path: Path, rules: str, told: str) -> None:
    assert told in refused(PackFolder(tmp_path), rules)


def test_more_tags_than_the_oldest_corps_may_have_are_refused(tmp_path: Path) -> None:
    folder = PackFolder(tmp_path)
    names = ", ".join(f"第{number}号" for number in range(3001))
    folder.write("tags.yaml", f"groups:\n  - name: 来源\n    tags: [前台扫码, 抖音, {names}]\n")

    with pytest.raises(PackError, match="企业微信可能只收 3000 个"):
        load_pack(folder.root)


def test_the_dental_pack_walks_the_whole_way(pack: Pack) -> None:
    stages = {rule.stage for rule in pack.rules if rule.stage}

    assert {stage.value for stage in Stage} - stages == {"added", "lost"}
    assert all(rule.reason for rule in pack.rules)
