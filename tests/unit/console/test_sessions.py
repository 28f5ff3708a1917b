"""Sessions end when they should; guessing gets slower."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from console.forms import local_path
from console.sessions import COOKIE, LIFE_S, LONGEST_S, Note, Session, Sessions
from console.throttle import ADDRESSES, LoginThrottle


@dataclass
class Seconds:
    """A clock of seconds."""

    at: float = 1_000_000.0
    steps: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.at


def sessions(now: Seconds, *, password: str = "secret", key: str = "key") -> Sessions:
    return Sessions(key, password=password, secure=True, now=now)


def carried(store: Sessions, session: Session) -> web.Request:
    """Return a request with the cookie that the session was written to."""
    response = web.Response()
    store.write(response, session)
    value = response.cookies[COOKIE].value
    return cast("web.Request", SimpleNamespace(cookies={COOKIE: value}))


def test_a_session_comes_back_as_it_was_written() -> None:
    now = Seconds()
    store = sessions(now)
    session = store.start("admin").with_note(Note(tone="good", text="好"))

    found = store.read(carried(store, session))

    assert found is not None
    assert (found.user, found.token, found.notes) == ("admin", session.token, (Note(tone="good", text="好"),))


@pytest.mark.parametrize(
    "other", [pytest.param({"password": "changed"}, id="password"), pytest.param({"key": "new"}, id="key")]
)
def test_a_changed_password_or_key_ends_every_session(other: dict[str, str]) -> None:
    now = Seconds()
    request = carried(sessions(now), sessions(now).start("admin"))

    assert sessions(now, **other).read(request) is None


def test_a_session_ends_twelve_hours_after_its_last_use_and_a_week_after_the_login() -> None:
    now = Seconds()
    store = sessions(now)
    session = store.start("admin")
    request = carried(store, session)
    now.at += LIFE_S
    assert store.read(request) is not None
    now.at += 1
    assert store.read(request) is None

    now.at = session.began + LONGEST_S - 10
    renewed = carried(store, session)
    assert store.read(renewed) is not None
    now.at += 11
    assert store.read(renewed) is None


def test_an_unused_session_is_not_renewed_all_the_time() -> None:
    now = Seconds()
    store = sessions(now)
    session = store.start("admin")

    assert not store.due(session)
    now.at += 31 * 60
    assert store.due(session)


def test_a_long_note_still_fits_a_cookie() -> None:
    store = sessions(Seconds())
    session = store.start("admin")
    for number in range(5):
        session = session.with_note(
            Note(tone="warn", text="".join(chr(0x4E00 + number * 300 + i) for i in range(500)))
        )
    response = web.Response()

    store.write(response, session)

    assert len(response.cookies[COOKIE].value) < 3800


@pytest.mark.parametrize("raw", ["", "x", "x.y", "." * 50, "é", "eyJ9.x"])
def test_junk_is_no_session(raw: str) -> None:
    request: Any = SimpleNamespace(cookies={COOKIE: raw})

    assert sessions(Seconds()).read(request) is None


def test_pauses_grow_and_are_forgotten_after_an_hour() -> None:
    now = Seconds()
    throttle = LoginThrottle(now=now)

    assert [throttle.failed("a") for _ in range(6)] == [0, 0, 0, 2, 4, 8]
    assert throttle.pause_s("a") == 8
    assert throttle.pause_s("b") == 0
    for _ in range(30):
        throttle.failed("a")
    assert throttle.pause_s("a") == 300
    now.at += 3601
    assert throttle.failed("a") == 0


def test_a_success_clears_the_slate() -> None:
    throttle = LoginThrottle(now=Seconds())
    for _ in range(5):
        throttle.failed("a")

    throttle.succeeded("a")

    assert throttle.pause_s("a") == 0
    assert throttle.failed("a") == 0


def test_a_flood_of_addresses_stays_in_bounds() -> None:
    throttle = LoginThrottle(now=Seconds())
    for number in range(ADDRESSES + 500):
        throttle.failed(f"address-{number}")

    assert len(throttle._seen) == ADDRESSES


@pytest.mark.parametrize(
    "raw",
    [
        "/console/",
        "/console/review/3",
        "/console/posts?state=in_review&from=2025-06-02",
        "/console/accounts#doctor-zhang",
    ],
)
def test_paths_of_the_console_are_gone_to(raw: str) -> None:
    assert local_path(raw) == raw


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "",
        "/",
        "//a.example",
        "https://a.example",
        "/console",
        "/console/\n",
        "/console/\\x",
        "/consolex/",
        "/api/v1/posts",
        "/console/" + "a" * 600,
    ],
)
def test_anything_else_leads_to_the_start_page(raw: str | None) -> None:
    assert local_path(raw) == "/console/"
