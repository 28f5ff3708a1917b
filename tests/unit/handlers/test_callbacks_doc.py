"""docs/callbacks.md says of every kind of callback what follows, and every line is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import wecom.events
from bot.routing import root_router
from handlers import acquisition, groups
from handlers.ignored import IGNORED
from handlers.router import Router
from store.vault import Vault
from tests.support.every_callback import EVERY
from wecom.events import Event, UnknownEvent, parse_event
from wecom.events.parse import KNOWN_KINDS
from wecom.sandbox.events import to_xml

DOC = Path(__file__).parents[3] / "docs" / "callbacks.md"
ROW = re.compile(r"^\| `(?P<kind>[^`]+)` \| (?P<follows>.+?) \| (?P<where>.+?) \|$", re.MULTILINE)
HEAD = {"ToUserName": "ww0exampleCorp01", "CreateTime": 1795230000}


@pytest.fixture(scope="module")
def documented() -> dict[str, tuple[str, str]]:
    rows = [(m["kind"], (m["follows"], m["where"])) for m in ROW.finditer(DOC.read_text(encoding="utf-8"))]
    assert len(rows) == len(dict(rows)), "a kind has two lines"
    return dict(rows)


@pytest.fixture(scope="module")
def router(pack) -> Router:
    return root_router(pack, vault=Vault("key"), public_url="https://xiaohu.example")


def event_of(kind: str) -> Event:
    sender, fields = EVERY[kind]
    return parse_event(to_xml(HEAD | {"FromUserName": sender} | fields).encode())


def test_every_kind_has_one_line(documented) -> None:
    assert sorted(documented) == sorted(EVERY)


def test_every_kind_that_the_parser_knows_is_among_them() -> None:
    named = {kind.partition(" ")[0].casefold() for kind in EVERY}

    assert {kind.casefold() for kind in KNOWN_KINDS} <= named


def test_every_word_that_a_handler_tells_apart_is_among_them() -> None:
    details = {*groups.PEOPLE, *groups.DETAILS, *groups.WITHOUT_MEANING}
    links = {*acquisition.COUNTED, *acquisition.QUOTA_LOW, *acquisition.LINK_BROKEN}

    assert {f"change_external_chat.update ({detail})" for detail in details} <= EVERY.keys()
    assert {f"customer_acquisition.{change}" for change in links} <= EVERY.keys()


def test_every_class_of_event_is_among_them() -> None:
    classes = {
        found
        for name in wecom.events.__all__
        if isinstance(found := getattr(wecom.events, name), type) and issubclass(found, Event)
    }
    bases = {parent for each in classes for parent in each.__mro__[1:]}

    assert {type(event_of(kind)) for kind in EVERY} == classes - bases


@pytest.mark.parametrize("kind", sorted(EVERY))
def test_its_line_is_true(kind: str, documented, router: Router) -> None:
    follows, where = documented[kind]
    handlers = {
        name.rpartition(".")[0].removeprefix("handlers.") for name in router.wanted_by(event_of(kind))
    }

    said = set(re.findall(r"`([a-z_]+)`", where))
    assert said == handlers
    assert (f"Nothing: {IGNORED[kind]}" if kind in IGNORED else "") == (
        follows if follows.startswith("Nothing") else ""
    )
    assert bool(handlers) == (kind not in IGNORED)


def test_what_is_ignored_is_named_so_and_what_nobody_knows_has_a_reason_too() -> None:
    unknown = {kind for kind in EVERY if isinstance(event_of(kind), UnknownEvent)}

    assert unknown <= IGNORED.keys() <= EVERY.keys()
