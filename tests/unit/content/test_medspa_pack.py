"""The second packaged pack: the format is not dental-only, and aesthetics is spoken of with care."""

from __future__ import annotations

import re

import pytest

from content.draft import FILE_KINDS
from content.loader import load_pack
from content.report import check_pack

# What the guide to medical-aesthetics advertising of 2021 calls making people anxious about their looks, and
# words of drugs and devices that may not be advertised to the public.
ANXIETY = re.compile(r"显老|变丑|不好看|难看|缺陷|逆袭|脱胎换骨|颜值|冻龄|逆龄|年轻\d+岁|垮")
NAMED = re.compile(r"肉毒|玻尿酸|水光针|热玛吉|超声炮|胶原蛋白针|瘦脸针|溶脂针")


@pytest.fixture(scope="module")
def pack():
    return load_pack("medspa")


def test_it_is_clean(pack):
    report = check_pack("medspa")

    assert [str(problem) for problem in report.problems] == []
    assert [f"{told.place} {told.finding.rule}: {told.excerpt}" for told in report.findings] == []


@pytest.mark.parametrize("kind", FILE_KINDS, ids=lambda kind: kind.name)
def test_it_uses_every_kind_of_file(pack, kind):
    assert list(pack.root.glob(kind.name))


def test_it_has_what_a_small_clinic_needs(pack):
    assert [(persona.key, persona.kind) for persona in pack.personas] == [
        ("assistant", "assistant"),
        ("doctor-lin", "doctor"),
    ]
    assert len(pack.moments) >= 15
    assert len(pack.group_posts) >= 6
    assert {persona.kind for persona in pack.personas} == {w.kind for w in pack.welcomes}
    assert {"laser.photo", "laser.photo.course", "skin.peel"} <= {t.key for t in pack.treatments}


def said(pack):
    for item in (*pack.moments, *pack.group_posts, *pack.direct_texts):
        yield item.key, item.text
    for welcome in pack.welcomes:
        yield from ((welcome.key, text.text) for text in welcome.texts)
    for answer in pack.answers:
        yield answer.key, answer.text
    for script in pack.scripts:
        yield from ((script.key, text) for text in script.say)


@pytest.mark.parametrize("words", [pytest.param(ANXIETY, id="anxiety"), pytest.param(NAMED, id="products")])
def test_nobody_is_made_uneasy_and_no_product_is_named(pack, words):
    assert [(key, words.search(text)[0]) for key, text in said(pack) if words.search(text)] == []
