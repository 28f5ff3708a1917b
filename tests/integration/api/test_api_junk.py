"""Whatever is sent, the API answers with a problem that says what is wrong; it never breaks."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.api_driver import api_clinic, copied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.api_driver import ApiClinic, Reply, Scene

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
)
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
)
instants = st.datetimes(timezones=st.timezones() | st.none()).map(lambda at: at.isoformat())
cards = st.fixed_dictionaries(
    {},
    optional={
        "asset": st.sampled_from(["brush-card", "booking", "shop"]) | junk,
        "kind": st.sampled_from(["link", "image"]) | junk,
        "title": junk,
        "url": st.just("https://clinic.example/") | junk,
        "desc": junk,
    },
)
edits = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text(max_size=2500) | junk,
        "attachments": st.lists(cards, max_size=4) | junk,
        "scheduled_at": instants | junk,
        "digest": junk,
        "more": junk,
    },
)
queries = st.dictionaries(
    st.sampled_from(["state", "from", "to", "persona", "batch", "limit", "cursor", "more"]),
    st.text(max_size=30)
    | instants
    | st.integers().map(str)
    | st.sampled_from(["in_review", "draft,approved", "2025-06-02", "p1", "assistant"]),
    max_size=4,
)
visits = st.fixed_dictionaries(
    {},
    optional={
        "number": st.text(max_size=8) | junk,
        "patient": st.fixed_dictionaries(
            {},
            optional={
                "external_userid": st.just("wmNOBODY") | junk,
                "clinic_number": st.text(max_size=8) | junk,
                "phone": st.just("138 0013 8000") | st.text(max_size=14) | junk,
                "name": st.text(max_size=8) | junk,
                "born_on": st.dates().map(str) | junk,
            },
        )
        | junk,
        "status": st.sampled_from(["booked", "done"]) | junk,
        "at": instants | junk,
        "changed_at": instants | junk,
        "treatment": st.text(max_size=8) | junk,
        "amount_fen": st.integers() | junk,
        "answers": st.dictionaries(st.text(max_size=6), st.text(max_size=6)) | junk,
        "visits": junk,
    },
)
FEW = settings(max_examples=40, deadline=None)


class Runner:
    """A running clinic for synchronous property tests: one loop for all the examples."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clinic: ApiClinic, post: str) -> None:
        self._loop, self._clinic, self.post = loop, clinic, post

    def ask(self, method: str, path: str, **options: Any) -> Reply:
        return self._loop.run_until_complete(self._clinic.ask(method, path, **options))


@pytest.fixture(scope="module")
def runner(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    folder: Path = tmp_path_factory.mktemp("junk")
    with asyncio.Runner() as loops:
        loop = loops.get_loop()
        running = api_clinic(scene, copied(scene, folder))
        clinic = loop.run_until_complete(running.__aenter__())
        posts = loop.run_until_complete(clinic.planned())
        try:
            yield Runner(loop, clinic, f"/api/v1/posts/{posts[0]['id']}")
        finally:
            loop.run_until_complete(running.__aexit__(None, None, None))


@FEW
@given(body=edits | junk)
def test_an_edit_of_any_shape_is_done_or_explained(runner: Runner, body: Any) -> None:
    written = json.dumps(body).encode()

    reply = runner.ask("PATCH", runner.post, data=written, headers={"Content-Type": "application/json"})

    assert reply.status in (200, 409, 422)


@FEW
@given(body=st.binary(max_size=200))
def test_a_body_of_any_bytes_is_explained(runner: Runner, body: bytes) -> None:
    reply = runner.ask("PATCH", runner.post, data=body, headers={"Content-Type": "application/json"})

    assert reply.status in (400, 422)


@FEW
@given(query=queries)
def test_a_query_of_any_shape_is_answered_or_explained(runner: Runner, query: dict[str, str]) -> None:
    written = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in query.items())

    assert runner.ask("GET", f"/api/v1/posts?{written}").status in (200, 422)


@FEW
@given(name=st.text(min_size=1, max_size=70))
def test_a_path_of_any_shape_is_answered_or_not_found(runner: Runner, name: str) -> None:
    written = quote(name, safe="").replace(".", "%2E")

    assert runner.ask("GET", f"/api/v1/patients/{written}").status == 404
    assert runner.ask("GET", f"/api/v1/posts/x{written}").status == 404


@FEW
@given(body=visits | st.fixed_dictionaries({"visits": st.lists(visits, max_size=3)}) | junk)
def test_visits_of_any_shape_are_recorded_or_explained(runner: Runner, body: Any) -> None:
    written = json.dumps(body).encode()

    for path in ("visits", "surveys/answers"):
        reply = runner.ask(
            "POST", f"/api/v1/{path}", data=written, headers={"Content-Type": "application/json"}
        )

        assert reply.status in (200, 201, 422)
