"""No text of a packaged pack says what another says: few runs of four characters are shared."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest

from content.loader import load_pack, packaged_packs
from content.plans.wordings import wordings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from content.pack import Pack

# 0.6 is the promise; written apart, texts stay far below it, and a copy with a few words changed does not.
MOST = 0.4
_TEMPLATE = re.compile(r"\{[%{].*?[%}]\}")
_NO_WORDS = re.compile(r"[^\u4e00-\u9fffA-Za-z0-9]+")


def texts(pack: Pack) -> Iterator[tuple[str, str]]:
    for item in (*pack.moments, *pack.group_posts, *pack.direct_texts):
        yield item.key, item.text
    for welcome in pack.welcomes:
        yield from ((f"{welcome.key}/{text.key}", text.text) for text in welcome.texts)
    for role in pack.roles:
        if role.welcome is not None:
            yield role.key, role.welcome.text
    for script in pack.scripts:
        yield from ((f"{script.key}/{index}", said) for index, said in enumerate(script.say))
    for answer in pack.answers:
        yield answer.key, answer.text
    for plan in pack.plans:
        yield from ((wording.key, wording.text) for wording in wordings_of(plan))


def grams(text: str) -> set[str]:
    words = _NO_WORDS.sub("", _TEMPLATE.sub("", text))
    return {words[at : at + 4] for at in range(len(words) - 3)}


@pytest.mark.parametrize("name", packaged_packs())
def test_no_text_repeats_another(name):
    known = {key: grams(text) for key, text in texts(load_pack(name))}
    holders: defaultdict[str, list[str]] = defaultdict(list)
    for key, found in known.items():
        for gram in found:
            holders[gram].append(key)
    shared = Counter(
        (one, other) for keys in holders.values() for n, other in enumerate(keys) for one in keys[:n]
    )

    alike = {
        pair: round(count / min(len(known[key]) for key in pair), 2)
        for pair, count in shared.items()
        if count > MOST * min(len(known[key]) for key in pair)
    }

    assert alike == {}


_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
_SHOUTS = re.compile(r"！！|!!|亲[，,！~～]|家人们|宝子|绝绝子|冲鸭|重磅|福利来袭")


@pytest.mark.parametrize("name", packaged_packs())
def test_no_text_shouts(name):
    loud = [
        key
        for key, text in texts(load_pack(name))
        if _SHOUTS.search(text) or len(_EMOJI.findall(text)) > 2 or text.count("！") > 2
    ]

    assert loud == []
