"""What packaged packs say of health is listed with its source in docs/content-sources.md, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from content.loader import load_pack, packaged_packs

LISTED = Path(__file__).parents[3] / "docs" / "content-sources.md"
_KEY = re.compile(r"[a-z0-9][a-z0-9-]*(?:\.[a-z0-9*-]+)+")
_FIRST = re.compile(r"^(?:moment|group)\.")


@pytest.fixture(scope="module")
def listed() -> set[str]:
    """The keys in the last column of the tables, and in the lines below them."""
    found: set[str] = set()
    for line in LISTED.read_text(encoding="utf-8").splitlines():
        cell = (
            line.rsplit("|", 2)[-2] if line.startswith("|") else line if line.startswith("没有医学") else ""
        )
        found |= set(_KEY.findall(cell))
    return found


def spoken(name: str) -> dict[str, bool]:
    """Map every key, as the document writes it, to whether it must be listed."""
    pack = load_pack(name)
    keys = {
        _FIRST.sub("", item.key): item.category == "科普" or item.key.startswith("direct.")
        for item in (*pack.moments, *pack.group_posts, *pack.direct_texts)
    }
    keys |= {one.key: False for one in (*pack.welcomes, *pack.scripts)}
    return keys | {answer.key: True for answer in pack.answers}


@pytest.mark.parametrize("name", packaged_packs())
def test_every_text_on_health_is_listed(name, listed):
    starts = tuple(key.removesuffix("*") for key in listed if key.endswith("*"))

    missing = [
        key for key, must in spoken(name).items() if must and key not in listed and not key.startswith(starts)
    ]

    assert missing == []


def test_nothing_is_listed_that_no_pack_says(listed):
    known = {key for name in packaged_packs() for key in spoken(name)}

    strays = [
        key
        for key in listed
        if key not in known
        and not (key.endswith("*") and any(one.startswith(key.removesuffix("*")) for one in known))
    ]

    assert strays == []
