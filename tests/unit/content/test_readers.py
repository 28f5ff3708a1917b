"""A text for some people is drawn only where they can be chosen; where they cannot, the check says so."""

from __future__ import annotations

import pytest

from content.loader import load_pack
from content.readers import ages_of_tags, reaches
from tests.support.pack_factory import FILES, PackFolder

RULES = """\
rules:
  - { key: age.30, reason: 三十岁以上, while: { age: { from: 30 } }, add: 年龄/三十以上 }
  - { key: age.60, reason: 六十岁以上, while: { age: { from: 60 } }, add: 年龄/六十以上 }
  - { key: asked, reason: 问起过, on: added, channel: douyin, add: 年龄/问过 }
"""
TAGS = FILES["tags.yaml"] + "  - { name: 年龄, tags: [三十以上, 六十以上, 问过] }\n"
PLAN = """\
plans:
  - key: moments.elders
    kind: moments
    title: 给长辈看的
    persona: assistant
    tags: [TAG]
    slots: [{ day: 5, at: "12:10", categories: [日常] }]
"""


@pytest.fixture
def folder(tmp_path) -> PackFolder:
    return PackFolder(tmp_path / "tiny").write("tags.yaml", TAGS).write("rules.yaml", RULES)


def warnings_with(
    folder: PackFolder, field: str, *, file: str = "moments/daily.yaml", tag: str = ""
) -> list[str]:
    folder.change(file, "    category: 日常\n", f"    category: 日常\n    {field}\n")
    if tag:
        folder.write("plans/moments.yaml", PLAN.replace("TAG", tag))
    return [f"{one.message} → {one.remedy}" for one in load_pack(folder.root).warnings if "挑" in one.message]


def test_how_old_the_wearers_of_a_tag_are_is_known_from_rules_alone(folder):
    assert ages_of_tags(load_pack(folder.root)) == {"年龄/三十以上": (30, None), "年龄/六十以上": (60, None)}


@pytest.mark.parametrize(
    ("written_for", "age", "tags", "there"),
    [
        pytest.param((), None, (), True, id="for everybody"),
        pytest.param(("a", "b"), None, ("a",), True, id="one of its tags"),
        pytest.param(("a",), None, ("a", "c"), False, id="others see it too"),
        pytest.param(("a",), None, (), False, id="everybody sees it"),
        pytest.param((), (30, None), ("old",), True, id="old enough"),
        pytest.param((), (70, None), ("old",), False, id="some are too young"),
        pytest.param((), (30, 80), ("old",), False, id="some are too old"),
        pytest.param((), (30, None), ("a",), False, id="an age that is not known"),
    ],
)
def test_a_text_reaches_those_it_is_written_for_and_nobody_else(written_for, age, tags, there):
    assert reaches(written_for, age, tags=tags, ages={"old": (60, None)}) is there


def test_a_group_post_for_some_is_told_to_have_no_effect(folder):
    (said,) = warnings_with(folder, "age: { below: 12 }", file="groups/community.yaml")

    assert said.startswith("群里的人不能按标签和年龄挑：每周的时段不会挑它")
    assert said.endswith("去掉 age；只给一部分人的，写成一对一内容（direct）")


@pytest.mark.parametrize(
    ("field", "tag", "fits"),
    [
        pytest.param("age: { from: 50 }", "年龄/六十以上", True, id="an age that the plan's tag has"),
        pytest.param("age: { from: 50 }", "年龄/三十以上", False, id="a tag of younger ones too"),
        pytest.param("age: { from: 50 }", "年龄/问过", False, id="a tag that says no age"),
        pytest.param("tags: [年龄/问过]", "年龄/问过", True, id="its tag"),
        pytest.param("tags: [年龄/问过]", "", False, id="no plan for it"),
    ],
)
def test_a_moment_for_some_needs_a_plan_that_shows_it_to_them(folder, field, tag, fits):
    said = warnings_with(folder, field, tag=tag)

    assert (not said) is fits
    assert all(
        one.startswith("没有朋友圈计划会挑它：朋友圈只能按标签给人看 → 加一个 tags 是") for one in said
    )
