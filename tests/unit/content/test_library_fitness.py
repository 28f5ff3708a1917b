"""Staff are told what `xiaohu check` would say, at the field that it is about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from content.library.fitness import judge
from content.loader import load_pack
from content.render import Renderer
from content.written import Written
from tests.support.pack_factory import PackFolder


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return load_pack(PackFolder(tmp_path_factory.mktemp("pack")).root)


def judged(pack, document: dict[str, Any], kind: str = "moment", others=None):
    written = Written(kind=kind, key=str(document.get("key", "")), file="", document=document)
    return judge(written, pack, pack.written if others is None else others, renderer=Renderer())


MOMENT = {"key": "moment.own", "category": "日常", "for": ["assistant"], "text": "今天天气好。"}


@pytest.mark.parametrize(
    ("kind", "changes", "field", "says"),
    [
        pytest.param(
            "moment", {"text": "{{ patient.name }}好"}, "text", "没有变量 patient.name", id="variable"
        ),
        pytest.param("moment", {"text": "{% for x in y %}"}, "text", "", id="template"),
        pytest.param("moment", {"text": "牙" * 1400}, "text", "4200 字节", id="too long"),
        pytest.param("moment", {"for": ["doctor-wang"]}, "for", "没有角色 doctor-wang", id="persona"),
        pytest.param(
            "moment", {"for": ["doctor"], "category": "活动"}, "for", "医生账号不发活动", id="promotion"
        ),
        pytest.param("moment", {"attachments": ["nothing"]}, "attachments", "没有素材 nothing", id="asset"),
        pytest.param("moment", {"attachments": ["shop"]}, "attachments", "不能带小程序", id="mini-program"),
        pytest.param(
            "moment", {"attachments": ["brush-card", "booking"]}, "attachments", "不能混用", id="mix"
        ),
        pytest.param("moment", {"months": [13]}, "months", "太大", id="month"),
        pytest.param("moment", {"tags": ["来源/小红书"]}, "tags", "没有标签 来源/小红书", id="tag"),
        pytest.param("moment", {"age": {"from": 9, "below": 3}}, "age", "没有人在这个年龄段里", id="age"),
        pytest.param("moment", {"expires_on": "2026-02-30"}, "expires_on", "没有这一天", id="last day"),
        pytest.param("group", {"roles": ["kids"]}, "roles", "没有群角色 kids", id="role"),
        pytest.param(
            "link", {"kind": "link", "title": "预约", "url": "clinic.example"}, "url", "不完整", id="url"
        ),
        pytest.param(
            "link",
            {"kind": "link", "title": "预约", "url": "https://a.example", "picture": "booking"},
            "picture",
            "没有图片素材 booking",
            id="cover",
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_field(pack, kind, changes, field, says):
    base = (
        {"key": "own.card"}
        if kind == "link"
        else MOMENT | ({"roles": ["community"]} if kind == "group" else {})
    )

    found = judged(pack, base | changes, kind)

    assert [fault.field for fault in found.faults] == [field]
    assert says in found.faults[0].message


def test_a_good_text_is_kept_without_what_is_left_at_its_default(pack):
    found = judged(pack, {**MOMENT, "text": " 今天天气好。\n", "weight": 1, "months": [], "state": "active"})

    assert found.ok
    assert found.document == MOMENT


def test_a_field_that_the_format_does_not_know_is_refused(pack):
    found = judged(pack, {**MOMENT, "texte": "今天"})

    assert not found.ok


def test_an_asset_of_the_library_may_be_attached_though_the_pack_has_none_of_it(pack):
    card = {"key": "own-card", "kind": "image", "file": "own.png"}
    ours = Written(kind="image", key="own-card", file="assets/assets.yaml", document=card, picture="0" * 64)

    assert judged(pack, {**MOMENT, "attachments": ["own-card"]}, others=[*pack.written, ours]).ok
    assert not judged(pack, {**MOMENT, "attachments": ["own-card"]}).ok


def test_two_answers_for_the_same_words_are_refused(pack):
    answer = {
        "key": "answer.a",
        "title": "贵不贵",
        "asks": ["洗牙贵吗"],
        "words": ["贵"],
        "text": "到店看看。",
    }
    first = Written(kind="answer", key="answer.a", file="answers.yaml", document=answer)

    found = judged(pack, answer | {"key": "answer.b"}, "answer", others=[first])

    assert "words" in {fault.field for fault in found.faults}
    assert judged(pack, answer, "answer", others=[replace(first, key="answer.a")]).ok
