"""How calls behave when tokens die, connections break and answers are no answers: real sockets, scripted WeCom."""

from __future__ import annotations

import asyncio
import socket
import traceback
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from tests.support.scripted_wecom import ScriptedWeCom, failing, ok, raw, redirect, reset, slow, truncated
from wecom.answers import Answer
from wecom.errors import (
    Busy,
    NotDone,
    OutcomeUnknown,
    RateLimited,
    Refused,
    TokenRejected,
    WeComError,
)
from wecom.exchange import Endpoint, Exchange
from wecom.tokens import Credentials
from wecom.transport import Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

READ = Endpoint(path="some/read")
QUERY = Endpoint(path="some/query", method="GET")
CREATE = Endpoint(path="some/create", creates=True)
SECRET = "s3cr3t-of-the-app"


class Clock:
    def __init__(self) -> None:
        self.time = 1_795_230_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wecom() -> ScriptedWeCom:
    scripted = ScriptedWeCom()
    for endpoint in (READ, QUERY, CREATE):
        scripted.script(endpoint.path, ok(answer=42))
    return scripted


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def seen() -> list[tuple[str, str]]:
    return []


@pytest.fixture
async def transport(
    wecom: ScriptedWeCom,
    session: aiohttp.ClientSession,
    clock: Clock,
    seen: list[tuple[str, str]],
    aiohttp_server: Any,
) -> Transport:
    server = await aiohttp_server(wecom.app)
    return Transport(
        session,
        api_base=str(server.make_url("/")),
        credentials=Credentials(corp_id="ww0exampleCorp01", secret=SECRET, agent_id=1000007),
        on_call=lambda api, outcome, _seconds: seen.append((api, outcome)),
        now=clock,
    )


# --- the token ---------------------------------------------------------------------------------------------


async def test_fifty_callers_at_once_cost_one_gettoken(wecom: ScriptedWeCom, transport: Transport) -> None:
    wecom.script("gettoken", wecom.issue_token(seconds=0.05))
    answers = await asyncio.gather(*(transport.call(READ) for _ in range(50)))
    assert [answer["answer"] for answer in answers] == [42] * 50
    assert len(wecom.calls["gettoken"]) == 1
    assert wecom.calls["gettoken"][0].query == {"corpid": "ww0exampleCorp01", "corpsecret": SECRET}


async def test_fifty_callers_with_a_revoked_token_cost_one_refresh_and_are_all_replayed(
    wecom: ScriptedWeCom, transport: Transport
) -> None:
    await transport.call(READ)
    wecom.accepted = "revoked, and no new one issued yet"
    answers = await asyncio.gather(*(transport.call(CREATE) for _ in range(50)))
    assert len(answers) == 50
    assert len(wecom.calls["gettoken"]) == 2
    assert len([call for call in wecom.calls[CREATE.path] if call.query["access_token"] == "AT-2"]) == 50


@pytest.mark.parametrize("code", [40014, 42001, 41001])
async def test_a_call_is_replayed_once_after_its_token_was_refused(
    wecom: ScriptedWeCom, transport: Transport, code: int
) -> None:
    wecom.script(CREATE.path, failing(code), ok(answer=1))
    assert (await transport.call(CREATE))["answer"] == 1
    assert [call.query["access_token"] for call in wecom.calls[CREATE.path]] == ["AT-1", "AT-2"]


async def test_a_second_refusal_in_a_row_ends_the_call(wecom: ScriptedWeCom, transport: Transport) -> None:
    wecom.script(CREATE.path, failing(42001))
    with pytest.raises(TokenRejected):
        await transport.call(CREATE)
    assert len(wecom.calls[CREATE.path]) == 2


async def test_a_token_is_replaced_five_minutes_before_its_end(
    wecom: ScriptedWeCom, transport: Transport, clock: Clock
) -> None:
    await transport.call(READ)
    clock.time += 7200 - 301
    await transport.call(READ)
    assert len(wecom.calls["gettoken"]) == 1
    clock.time += 2
    await transport.call(READ)
    assert len(wecom.calls["gettoken"]) == 2


async def test_an_old_token_is_used_while_it_lives_when_no_new_one_can_be_had(
    wecom: ScriptedWeCom, transport: Transport, clock: Clock
) -> None:
    await transport.call(READ)
    clock.time += 7000
    wecom.script("gettoken", raw(b"", status=502))
    await transport.call(READ)
    clock.time += 300
    with pytest.raises(NotDone):
        await transport.call(READ)


async def test_an_early_refresh_keeps_nobody_waiting(
    wecom: ScriptedWeCom, transport: Transport, clock: Clock
) -> None:
    await transport.call(READ)
    clock.time += 7000
    release = asyncio.Event()

    async def held(request: Any) -> Any:
        await release.wait()
        return await ok(access_token="AT-1", expires_in=7200)(request)

    wecom.script("gettoken", held)
    refreshing = asyncio.create_task(transport.call(READ))
    await wecom.until_asked("gettoken", times=2)
    await transport.call(READ)
    assert not refreshing.done()
    release.set()
    await refreshing


async def test_waiting_callers_share_one_failed_gettoken(wecom: ScriptedWeCom, transport: Transport) -> None:
    wecom.script("gettoken", slow(0.05, raw(b"<html>", status=502)))
    outcomes = await asyncio.gather(*(transport.call(CREATE) for _ in range(20)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Busy}
    assert len(wecom.calls["gettoken"]) == 1


async def test_a_wrong_secret_is_not_tried_again_for_a_minute_because_the_ip_would_be_blocked(
    wecom: ScriptedWeCom, transport: Transport, clock: Clock
) -> None:
    wecom.script("gettoken", failing(40001, f"invalid credential {SECRET}"), wecom.issue_token())
    for _ in range(3):
        with pytest.raises(TokenRejected, match="gettoken") as caught:
            await transport.call(CREATE)
        assert caught.value.errcode == 40001
        assert "Secret" in caught.value.remedy
        assert SECRET not in str(caught.value)
    assert len(wecom.calls["gettoken"]) == 1
    clock.time += 61
    await transport.call(CREATE)


async def test_a_throttled_gettoken_is_left_alone_for_its_window(
    wecom: ScriptedWeCom, transport: Transport, clock: Clock
) -> None:
    wecom.script("gettoken", failing(45009), wecom.issue_token())
    for _ in range(2):
        with pytest.raises(RateLimited):
            await transport.call(READ)
    assert len(wecom.calls["gettoken"]) == 1
    clock.time += 61
    await transport.call(READ)


@pytest.mark.parametrize("answer", [ok(), ok(access_token=""), ok(access_token="x", expires_in=-1)])
async def test_a_gettoken_answer_without_a_token_is_no_token(
    wecom: ScriptedWeCom, transport: Transport, answer: Any
) -> None:
    wecom.script("gettoken", answer)
    with pytest.raises(TokenRejected):
        await transport.call(READ)


async def test_a_cancelled_caller_does_not_take_the_refresh_from_the_others(
    wecom: ScriptedWeCom, transport: Transport
) -> None:
    wecom.script("gettoken", wecom.issue_token(seconds=0.05))
    first = asyncio.create_task(transport.call(READ))
    await wecom.until_asked("gettoken")
    second = asyncio.create_task(transport.call(READ))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second)["answer"] == 42
    with pytest.raises(asyncio.CancelledError):
        await first


# --- broken ways and answers -------------------------------------------------------------------------------

BROKEN = [
    pytest.param(reset, id="connection reset after dispatch"),
    pytest.param(truncated, id="answer cut off"),
    pytest.param(raw(b"<html>bad gateway</html>", status=502, content_type="text/html"), id="502"),
    pytest.param(raw(b'{"errcode": 0}', status=500), id="500 with a friendly body"),
    pytest.param(raw(b"<html>log in</html>", content_type="text/html"), id="HTML instead of JSON"),
    pytest.param(raw(b""), id="an empty answer"),
    pytest.param(raw(b"[]"), id="a JSON list"),
    pytest.param(raw(b'{"errcode": "no"}'), id="a strange errcode"),
    pytest.param(raw(b"[" * 100_000), id="endless JSON"),
    pytest.param(slow(3, ok()), id="no answer in time"),
]


@pytest.mark.parametrize("reply", BROKEN)
async def test_a_creating_call_without_an_answer_has_an_unknown_outcome_and_is_never_repeated(
    wecom: ScriptedWeCom, transport: Transport, reply: Any
) -> None:
    wecom.script(CREATE.path, reply)
    with pytest.raises(OutcomeUnknown):
        await transport.call(CREATE, body={}, timeout_s=0.3)
    assert len(wecom.calls[CREATE.path]) == 1


@pytest.mark.parametrize("endpoint", [READ, QUERY], ids=["POST", "GET"])
@pytest.mark.parametrize("reply", BROKEN)
async def test_a_harmless_call_without_an_answer_may_simply_be_made_again(
    wecom: ScriptedWeCom, transport: Transport, reply: Any, endpoint: Endpoint
) -> None:
    wecom.script(endpoint.path, reply)
    with pytest.raises(Busy):
        await transport.call(endpoint, timeout_s=0.3)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(raw(b"not found", status=404, content_type="text/plain"), id="404"),
        pytest.param(redirect("http://127.0.0.1:1/"), id="a redirect, which is not followed"),
        pytest.param(raw(b'{"message": "forbidden"}', status=403), id="a proxy's JSON"),
    ],
)
async def test_what_something_before_wecom_answered_was_not_done(
    wecom: ScriptedWeCom, transport: Transport, reply: Any
) -> None:
    wecom.script(CREATE.path, reply)
    with pytest.raises(Busy):
        await transport.call(CREATE)


async def test_a_refused_connection_proves_that_nothing_was_done(session: aiohttp.ClientSession) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    exchange = Exchange(session, api_base=f"http://127.0.0.1:{port}")
    with pytest.raises(Busy, match="no connection"):
        await exchange.send(CREATE, params={"access_token": "AT-1"})


class NoNames(AbstractResolver):
    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> Any:
        raise OSError(None, "no such name")

    async def close(self) -> None:
        pass


async def test_a_name_that_does_not_resolve_proves_that_nothing_was_done() -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=NoNames())) as session:
        exchange = Exchange(session, api_base="http://wecom.example")
        with pytest.raises(Busy, match="no connection"):
            await exchange.send(CREATE, params={"access_token": "AT-1"})


class NeverConnects(aiohttp.TCPConnector):
    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        raise aiohttp.ConnectionTimeoutError(f"Connection timeout to host {req.url}")


async def test_a_connection_that_takes_too_long_proves_that_nothing_was_done() -> None:
    async with aiohttp.ClientSession(connector=NeverConnects()) as session:
        exchange = Exchange(session, api_base="http://wecom.example")
        with pytest.raises(Busy, match="no connection"):
            await exchange.send(CREATE, params={"access_token": "AT-1"})


async def test_a_call_on_a_closed_session_was_not_made(
    transport: Transport, session: aiohttp.ClientSession
) -> None:
    await session.close()
    with pytest.raises(Busy):
        await transport.call(CREATE)


async def test_an_answer_without_errcode_is_good_enough_for_a_read_only(
    wecom: ScriptedWeCom, transport: Transport
) -> None:
    for endpoint in (READ, CREATE):
        wecom.script(endpoint.path, raw(b'{"ip_list": []}'))
    assert (await transport.call(READ))["errcode"] == 0
    with pytest.raises(OutcomeUnknown):
        await transport.call(CREATE)


async def test_control_characters_and_broken_utf8_in_an_answer_are_tolerated(
    wecom: ScriptedWeCom, transport: Transport
) -> None:
    wecom.script(READ.path, raw(b'{"errcode": 0, "name": "a\x08b\xff"}'))
    assert (await transport.call(READ))["name"] == "a\x08b\ufffd"


async def test_an_answer_that_lacks_its_fields_is_no_answer(
    wecom: ScriptedWeCom, transport: Transport
) -> None:
    class Created(Answer):
        msgid: str

    for endpoint in (READ, CREATE):
        wecom.script(endpoint.path, ok(msgid={"name": "牙疼"}))
    with pytest.raises(OutcomeUnknown, match="msgid") as caught:
        await transport.ask(CREATE, Created)
    assert "牙疼" not in str(caught.value)
    with pytest.raises(Busy):
        await transport.ask(READ, Created)


# --- what is sent, and what is told ------------------------------------------------------------------------


async def test_a_body_is_raw_utf8_json(wecom: ScriptedWeCom, transport: Transport) -> None:
    await transport.call(CREATE, body={"text": {"content": "您好，我是小护🦷"}})
    call = wecom.calls[CREATE.path][0]
    assert call.raw == '{"text":{"content":"您好，我是小护🦷"}}'.encode()
    assert call.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_a_half_character_is_refused_before_the_call(
    wecom: ScriptedWeCom, transport: Transport
) -> None:
    with pytest.raises(ValueError, match="some/create"):
        await transport.call(CREATE, body={"text": "\ud83e"})
    assert wecom.calls[CREATE.path] == []


@pytest.mark.parametrize("base", ["qyapi.weixin.qq.com", "ftp://x", ""])
def test_an_api_base_that_is_no_url_is_refused_at_once(base: str) -> None:
    with pytest.raises(ValueError, match="api_base"):
        Transport(None, api_base=base, credentials=Credentials(corp_id="ww", secret="s", agent_id=1))  # type: ignore[arg-type]


async def test_an_api_base_may_have_a_path(
    wecom: ScriptedWeCom, session: aiohttp.ClientSession, aiohttp_server: Any
) -> None:
    server = await aiohttp_server(wecom.app)
    transport = Transport(
        session,
        api_base=str(server.make_url("/gateway/wecom")),
        credentials=Credentials(corp_id="ww", secret=SECRET, agent_id=1),
    )
    assert (await transport.call(READ))["answer"] == 42


async def test_every_call_is_measured_with_its_outcome(
    wecom: ScriptedWeCom, transport: Transport, seen: list[tuple[str, str]]
) -> None:
    wecom.script(READ.path, ok(), failing(-1), failing(45033), failing(40058))
    wecom.script(CREATE.path, reset)
    for endpoint in (READ, READ, READ, READ, CREATE):
        await asyncio.gather(transport.call(endpoint), return_exceptions=True)
    assert seen == [
        ("gettoken", "ok"),
        ("some/read", "ok"),
        ("some/read", "busy"),
        ("some/read", "rate_limited"),
        ("some/read", "refused"),
        ("some/create", "unknown"),
    ]


async def test_a_cancelled_call_is_measured_too(
    wecom: ScriptedWeCom, transport: Transport, seen: list[tuple[str, str]]
) -> None:
    wecom.script(CREATE.path, slow(3, ok()))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await transport.call(CREATE)
    assert seen[-1] == ("some/create", "cancelled")


@pytest.mark.parametrize(
    "reply", [*BROKEN, failing(40058, "see access_token=AT-1"), failing(81013, "AT-1 says so")]
)
async def test_no_error_and_no_cause_of_it_shows_the_token_or_the_secret(
    wecom: ScriptedWeCom, transport: Transport, reply: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="wecom")
    wecom.script(CREATE.path, reply)
    with pytest.raises(WeComError) as caught:
        await transport.call(CREATE, timeout_s=0.3)
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "AT-1" not in shown
    assert SECRET not in shown


async def test_a_refusal_carries_code_text_and_remedy(wecom: ScriptedWeCom, transport: Transport) -> None:
    wecom.script(READ.path, failing(84061, "no relation, hint: [17_x]"))
    with pytest.raises(
        Refused, match=r"some/read refused with errcode 84061 \(no relation, hint: \[17_x\]\)"
    ) as caught:
        await transport.call(READ)
    assert type(caught.value) is Refused
    assert caught.value.call == "some/read"


def test_credentials_do_not_show_their_secret() -> None:
    assert SECRET not in repr(Credentials(corp_id="ww", secret=SECRET, agent_id=1))
