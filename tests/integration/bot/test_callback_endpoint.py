"""The webhook's door: what is not WeCom's is refused, counted and logged in one line, before it costs anything."""

from __future__ import annotations

import asyncio
import base64
import logging
import struct
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import aiohttp
import pytest
import structlog
from structlog.testing import capture_logs

from bot import callback
from bot.logs import NoRequestLines
from tests.support.databases import Templates
from tests.support.webhook import CORP, KEY, PLAIN, TOKEN, Endpoint, envelope, running_endpoint
from wecom.crypto import CallbackCrypto

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from content.pack import Pack

TEN_MB = 10 * 1024 * 1024


@pytest.fixture
async def endpoint(tmp_path: Path, started: Templates, pack: Pack) -> AsyncIterator[Endpoint]:
    with started.copy("sqlite", tmp_path) as url:
        async with running_endpoint(url, pack) as running:
            yield running


@pytest.fixture
def logged(endpoint: Endpoint, caplog: pytest.LogCaptureFixture) -> Iterator[list[Any]]:
    """Every log line from here on, the libraries' included."""
    caplog.set_level(logging.INFO)
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        yield lines
    lines += caplog.records


# -- refused ----------------------------------------------------------------------------------------


def of_another_corp(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    encrypt = CallbackCrypto(token=TOKEN, aes_key=KEY, corp_id="wwsomebodyelse").encrypt(PLAIN)
    return endpoint.query(encrypt), envelope(encrypt)


def with_wrong_signature(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    encrypt = endpoint.crypto.encrypt(PLAIN)
    return endpoint.query(encrypt) | {"msg_signature": "0" * 40}, envelope(encrypt)


def with_a_signature_that_is_no_ascii(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    encrypt = endpoint.crypto.encrypt(PLAIN)
    return endpoint.query(encrypt) | {"msg_signature": "签名\udcff"}, envelope(encrypt)


def truncated(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    encrypt = endpoint.crypto.encrypt(PLAIN)[:-7]
    return endpoint.query(encrypt), envelope(encrypt)


def no_base64(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    return endpoint.query("这不是 base64"), envelope("这不是 base64")


def badly_padded(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    content = b"r" * 16 + struct.pack("!I", 4) + b"<x/>" + CORP.encode()
    padded = content.ljust(64, b"\x21")  # 33: more than a block
    encrypt = base64.b64encode(endpoint.crypto._aes.cipher.encrypt(padded)).decode()
    return endpoint.query(encrypt), envelope(encrypt)


def with_entities(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    encrypt = endpoint.crypto.encrypt(PLAIN)
    body = f'<!DOCTYPE x [<!ENTITY e "{encrypt}">]><xml><Encrypt>&e;</Encrypt></xml>'
    return endpoint.query(encrypt), body.encode()


def with_a_file_entity(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    body = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><xml><Encrypt>&e;</Encrypt></xml>'
    return endpoint.query("x"), body


def no_xml(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    return endpoint.query("x"), b'{"encrypt": "json is for another callback mode"}'


def without_ciphertext(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    return endpoint.query("x"), b"<xml><ToUserName>x</ToUserName></xml>"


def deeply_nested(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    return endpoint.query("x"), b"<x>" * 50_000 + b"</x>" * 50_000


def in_an_encoding_that_is_none(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    body = b'<?xml version="1.0" encoding="rot13"?><xml><Encrypt>\xff</Encrypt></xml>'
    return endpoint.query("x"), body


def empty(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    return endpoint.query("x"), b""


def a_day_old(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    encrypt = endpoint.crypto.encrypt(PLAIN)
    return endpoint.query(encrypt, timestamp=endpoint.stamp(-timedelta(hours=24, minutes=1))), envelope(
        encrypt
    )


def a_day_ahead(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    encrypt = endpoint.crypto.encrypt(PLAIN)
    return endpoint.query(encrypt, timestamp=endpoint.stamp(timedelta(hours=24, minutes=1))), envelope(
        encrypt
    )


def with_a_timestamp_in_other_digits(endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
    encrypt = endpoint.crypto.encrypt(PLAIN)
    return endpoint.query(encrypt, timestamp="٣٣٣٣٣٣٣٣٣٣"), envelope(encrypt)


REFUSED = [
    pytest.param(with_wrong_signature, "bad_signature", 403, id="wrong signature"),
    pytest.param(with_a_signature_that_is_no_ascii, "bad_signature", 403, id="signature no ASCII"),
    pytest.param(of_another_corp, "wrong_receiver", 403, id="another corp"),
    pytest.param(truncated, "bad_ciphertext", 400, id="truncated base64"),
    pytest.param(no_base64, "bad_ciphertext", 400, id="no base64"),
    pytest.param(badly_padded, "bad_ciphertext", 400, id="bad padding"),
    pytest.param(with_entities, "bad_envelope", 400, id="entities"),
    pytest.param(with_a_file_entity, "bad_envelope", 400, id="a file entity"),
    pytest.param(no_xml, "bad_envelope", 400, id="JSON"),
    pytest.param(without_ciphertext, "bad_envelope", 400, id="no Encrypt"),
    pytest.param(deeply_nested, "bad_envelope", 400, id="deeply nested"),
    pytest.param(in_an_encoding_that_is_none, "bad_envelope", 400, id="an encoding that is none"),
    pytest.param(empty, "bad_envelope", 400, id="empty body"),
    pytest.param(a_day_old, "stale", 400, id="a day old"),
    pytest.param(a_day_ahead, "stale", 400, id="a day ahead"),
    pytest.param(with_a_timestamp_in_other_digits, "bad_parameters", 400, id="Arabic digits"),
]


@pytest.mark.parametrize(("make", "reason", "status"), REFUSED)
async def test_what_is_not_wecoms_is_refused_counted_and_logged_in_one_line(
    endpoint: Endpoint, logged: list[Any], make: Any, reason: str, status: int
) -> None:
    query, body = make(endpoint)

    assert await endpoint.post(query, body) == status

    assert [(line["event"], line["reason"]) for line in logged] == [("callback.refused", reason)]
    assert "SECRETPATIENT" not in repr(logged)
    assert await endpoint.counted(reason) == 1
    assert await endpoint.stored() == 0


@pytest.mark.parametrize("missing", ["msg_signature", "timestamp", "nonce"])
@pytest.mark.parametrize("how", [pytest.param(None, id="absent"), pytest.param("", id="empty")])
async def test_a_missing_parameter_is_refused(
    endpoint: Endpoint, logged: list[Any], missing: str, how: str | None
) -> None:
    encrypt = endpoint.crypto.encrypt(PLAIN)
    query = {**endpoint.query(encrypt), missing: how}

    assert await endpoint.post({k: v for k, v in query.items() if v is not None}, envelope(encrypt)) == 400

    assert [line["reason"] for line in logged] == ["bad_parameters"]
    assert await endpoint.counted("bad_parameters") == 1


async def test_a_callback_a_little_less_than_a_day_off_is_taken(endpoint: Endpoint) -> None:
    almost = timedelta(hours=23, minutes=59)

    assert await endpoint.deliver(PLAIN, timestamp=endpoint.stamp(-almost)) == 200
    assert await endpoint.deliver(PLAIN, timestamp=endpoint.stamp(almost)) == 200


async def raw(endpoint: Endpoint, head: str, body: list[bytes]) -> bytes:
    """Send a request as it stands and return the first line of the answer; a cut sending is no error."""
    host, port = endpoint.url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    async def send() -> None:
        try:
            for chunk in body:
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            pass

    writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(20):
            return await reader.readline()
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()


BIG = b"<xml>" + b"A" * 65_536
CHUNKED = [f"{len(BIG):x}\r\n".encode() + BIG + b"\r\n"] * (TEN_MB // len(BIG)) + [b"0\r\n\r\n"]


@pytest.mark.parametrize(
    ("header", "body"),
    [
        pytest.param(f"Content-Length: {TEN_MB}", [BIG] * (TEN_MB // len(BIG)), id="with its length"),
        pytest.param(f"Content-Length: {TEN_MB}", [], id="announced only"),
        pytest.param("Transfer-Encoding: chunked", CHUNKED, id="chunked"),
    ],
)
async def test_a_body_of_ten_megabytes_is_refused_without_being_read_to_its_end(
    endpoint: Endpoint, logged: list[Any], header: str, body: list[bytes]
) -> None:
    head = f"POST /wecom/callback?{urlencode(endpoint.query('x'))} HTTP/1.1\nHost: clinic\n{header}"

    assert b" 413 " in await raw(endpoint, head, body)

    assert [(line["event"], line["reason"]) for line in logged] == [("callback.refused", "too_large")]
    assert await endpoint.counted("too_large") == 1
    assert await endpoint.deliver(PLAIN) == 200


async def test_a_body_that_trickles_in_does_not_hold_its_connection_for_ever(
    endpoint: Endpoint, logged: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback, "BODY_S", 0.3)
    query = urlencode(endpoint.query("x"))
    head = f"POST /wecom/callback?{query} HTTP/1.1\nHost: clinic\nContent-Length: 5000"

    assert b" 408 " in await raw(endpoint, head, [b"<xml>"])

    assert [(line["event"], line["reason"]) for line in logged] == [("callback.refused", "slow_body")]
    assert await endpoint.deliver(PLAIN) == 200


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(
            "GET /console/login?code=SECRETCODE\x7f\xff HTTP/1.1\nHost: clinic", id="bytes in the query"
        ),
        pytest.param(
            "GET /console/login?code=SECRETCODE HTTP/1.1\nHost: a\nContent-Length: -5", id="no length"
        ),
    ],
)
async def test_a_request_that_is_no_http_is_refused_in_a_line_that_does_not_quote_it(
    endpoint: Endpoint, logged: list[Any], caplog: pytest.LogCaptureFixture, head: str
) -> None:
    server = logging.getLogger("aiohttp.server")
    server.addFilter(quiet := NoRequestLines())
    try:
        assert b" 400 " in await raw(endpoint, head, [])
    finally:
        server.removeFilter(quiet)

    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)]
    assert "SECRETCODE" not in caplog.text
    assert logged == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_is_not_compressed_as_it_says_is_refused_in_one_line(
    endpoint: Endpoint, logged: list[Any], encoding: str
) -> None:
    encrypt = endpoint.crypto.encrypt(PLAIN)
    head = (
        f"POST /wecom/callback?{urlencode(endpoint.query(encrypt))} HTTP/1.1\nHost: clinic\nConnection: close"
    )
    body = envelope(encrypt)

    line = await raw(endpoint, f"{head}\nContent-Encoding: {encoding}\nContent-Length: {len(body)}", [body])

    assert b" 400 " in line
    assert [(line["event"], line["reason"]) for line in logged[:1]] == [("callback.refused", "bad_body")]
    assert await endpoint.counted("bad_body") == 1
    assert await endpoint.stored() == 0


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH"])
async def test_other_methods_are_405(endpoint: Endpoint, method: str) -> None:
    async with endpoint.http.request(method, endpoint.url) as response:
        assert response.status == 405


# -- the URL check ----------------------------------------------------------------------------------


def echo_with_a_plus(endpoint: Endpoint) -> str:
    """Encrypt until the base64 holds a plus sign; the cipher is salted."""
    return next(
        text for text in (endpoint.crypto.encrypt("4930217765120") for _ in range(1000)) if "+" in text
    )


@pytest.mark.parametrize(
    "plus",
    [pytest.param("%2B", id="escaped"), pytest.param("+", id="sent bare, so that it means a space")],
)
async def test_the_url_check_is_answered_with_the_echo_byte_for_byte(endpoint: Endpoint, plus: str) -> None:
    echo = echo_with_a_plus(endpoint)
    query = urlencode(endpoint.query(echo)) + "&echostr=" + quote(echo, safe="").replace("%2B", plus)

    async with endpoint.http.get(aiohttp.client.URL(f"{endpoint.url}?{query}", encoded=True)) as response:
        assert (response.status, await response.read()) == (200, b"4930217765120")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param({"msg_signature": "0" * 40}, 403, id="wrong signature"),
        pytest.param({"echostr": ""}, 400, id="no echo"),
        pytest.param({"timestamp": "1"}, 400, id="stale"),
    ],
)
async def test_a_url_check_that_is_not_wecoms_learns_nothing(
    endpoint: Endpoint, logged: list[Any], change: dict[str, str], status: int
) -> None:
    echo = endpoint.crypto.encrypt("4930217765120")
    query = endpoint.query(echo) | {"echostr": echo} | change

    async with endpoint.http.get(endpoint.url, params=query) as response:
        assert response.status == status
        assert b"4930217765120" not in await response.read()
    assert [line["event"] for line in logged] == ["callback.refused"]
