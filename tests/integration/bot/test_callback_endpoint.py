"""The webhook: what is not WeCom's is refused before it costs anything, what is WeCom's is durable or 5xx."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
import resource
import sqlite3
import struct
import sys
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import aiohttp
import asyncpg
import pytest
import structlog
from aiohttp import web
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from bot.app import RUNTIME, Role, Runtime, create_app
from bot.settings import Settings
from store import inbox
from store.clock import ShiftedClock
from store.inbox import InboxEvent
from tests.support.clinic import MONDAY, Clinic
from tests.support.databases import fresh_database_url
from tests.support.process import Program, free_port, settings_of
from wecom.crypto import CallbackCrypto

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from content.pack import Pack

TOKEN, KEY, CORP = "endpointToken", "qWERtyUI0pasDFghJKLzxcVBNM1234567890abcDEFg", "wwendpointcorp"
NONCE = "884201"
PLAIN = (
    "<xml><ToUserName><![CDATA[wwendpointcorp]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>"
    "<CreateTime>1795221600</CreateTime><MsgType><![CDATA[event]]></MsgType>"
    "<Event><![CDATA[change_external_contact]]></Event>"
    "<ChangeType><![CDATA[edit_external_contact]]></ChangeType>"
    "<UserID><![CDATA[xiaohu]]></UserID><ExternalUserID><![CDATA[wmSECRETPATIENT{n}]]></ExternalUserID></xml>"
)
TEN_MB = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The web part of the program, with nobody behind it who handles what it stores."""

    url: str
    runtime: Runtime
    clock: ShiftedClock
    http: aiohttp.ClientSession
    crypto: CallbackCrypto

    def stamp(self, off: timedelta = timedelta()) -> str:
        return str(int((self.clock.now() + off).timestamp()))

    def query(self, encrypt: str, *, timestamp: str | None = None) -> dict[str, str]:
        """Return the parameters that belong to a ciphertext."""
        stamp = timestamp or self.stamp()
        signature = self.crypto.sign(stamp, NONCE, encrypt)
        return {"msg_signature": signature, "timestamp": stamp, "nonce": NONCE}

    async def post(self, query: dict[str, str], body: Any) -> int:
        async with self.http.post(self.url, params=query, data=body) as response:
            await response.read()
            return response.status

    async def deliver(self, plain: str, *, timestamp: str | None = None) -> int:
        """POST a callback as WeCom does."""
        encrypt = self.crypto.encrypt(plain)
        return await self.post(self.query(encrypt, timestamp=timestamp), envelope(encrypt))

    async def counted(self, outcome: str) -> float:
        """Return what ``/metrics`` says about this outcome."""
        async with self.http.get(self.url.replace("/wecom/callback", "/metrics")) as response:
            found = re.search(
                rf'^xiaohu_callbacks_total{{outcome="{outcome}"}} (\S+)$', await response.text(), re.MULTILINE
            )
        return float(found[1]) if found else 0.0

    async def stored(self) -> int:
        async with self.runtime.database.read() as session:
            return await session.scalar(select(func.count()).select_from(InboxEvent)) or 0


def envelope(encrypt: str) -> bytes:
    return f"<xml><ToUserName>x</ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>".encode()


@asynccontextmanager
async def running_endpoint(database_url: str, pack: Pack) -> AsyncIterator[Endpoint]:
    clock = ShiftedClock(MONDAY)
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(database_url),
        secret_key=SecretStr("endpoint-secret-key"),
        admin_password=SecretStr("endpoint-password"),
        wecom_api_base="http://127.0.0.1:9",
        wecom_corp_id=CORP,
        wecom_agent_id=1000002,
        wecom_secret=SecretStr("endpoint-secret"),
        wecom_token=SecretStr(TOKEN),
        wecom_aes_key=SecretStr(KEY),
    )
    app = create_app(settings, pack, role=Role.WEB, clock=clock)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
            yield Endpoint(
                url=f"http://127.0.0.1:{runner.addresses[0][1]}/wecom/callback",
                runtime=app[RUNTIME],
                clock=clock,
                http=http,
                crypto=CallbackCrypto(token=TOKEN, aes_key=KEY, corp_id=CORP),
            )
    finally:
        await runner.cleanup()


@pytest.fixture
async def endpoint(tmp_path: Path, pack: Pack) -> AsyncIterator[Endpoint]:
    with fresh_database_url("sqlite", tmp_path) as url:
        async with running_endpoint(url, pack) as running:
            yield running


@pytest.fixture
async def endpoint_anywhere(database_url: str, pack: Pack) -> AsyncIterator[Endpoint]:
    async with running_endpoint(database_url, pack) as running:
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


# -- durable, or 5xx --------------------------------------------------------------------------------


async def test_the_same_event_in_two_envelopes_is_one_row(endpoint_anywhere: Endpoint) -> None:
    statuses = await asyncio.gather(*(endpoint_anywhere.deliver(PLAIN) for _ in range(20)))

    assert set(statuses) == {200}
    assert await endpoint_anywhere.stored() == 1


async def test_many_callbacks_at_once_are_all_stored(endpoint_anywhere: Endpoint) -> None:
    plains = [PLAIN.replace("{n}", str(n)) for n in range(300)]

    statuses = await asyncio.gather(*(endpoint_anywhere.deliver(plain) for plain in plains))

    assert set(statuses) == {200}
    assert await endpoint_anywhere.stored() == 300


async def test_a_signed_body_that_cannot_be_parsed_is_kept_as_a_dead_event_with_an_alarm(
    clinic: Clinic,
) -> None:
    facts = clinic.sandbox.connection
    crypto = CallbackCrypto(token=facts["token"], aes_key=facts["aes_key"], corp_id=facts["corp_id"])
    stamp = str(int(clinic.clock.now().timestamp()))
    body, signature = crypto.envelope("<xml><broken", timestamp=stamp, nonce=NONCE)
    query = {"msg_signature": signature, "timestamp": stamp, "nonce": NONCE}

    async with clinic.http.post(f"{clinic.url}/wecom/callback", params=query, data=body) as response:
        assert response.status == 200

    async def buried() -> Any:
        async with clinic.runtime.database.read() as session:
            return (await session.scalars(select(InboxEvent).where(InboxEvent.state == inbox.DEAD))).all()

    [event] = await clinic.until(buried, what="the dead event")
    assert event.body == b"<xml><broken"
    async with clinic.http.get(f"{clinic.url}/metrics") as response:
        assert 'xiaohu_alarms_total{name="inbox.unparseable"} 1.0' in await response.text()


@asynccontextmanager
async def held_by_another(database_url: str) -> AsyncIterator[None]:
    """Hold the database as another program would that writes and does not come to an end."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        connection = sqlite3.connect(url.database or "", isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
        finally:
            connection.close()
        return
    other = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        async with other.transaction():
            await other.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await other.close()


async def test_a_locked_database_means_503_before_wecom_gives_up_and_then_works_again(
    endpoint_anywhere: Endpoint, database_url: str
) -> None:
    async with held_by_another(database_url):
        async with asyncio.timeout(5):  # WeCom's patience
            statuses = await asyncio.gather(
                *(endpoint_anywhere.deliver(PLAIN.replace("{n}", str(n))) for n in range(5))
            )
        assert set(statuses) == {503}
        assert await endpoint_anywhere.counted("not_stored") == 5

    assert await endpoint_anywhere.deliver(PLAIN.replace("{n}", "later")) == 200


async def test_callbacks_that_come_one_by_one_while_the_database_is_locked_are_all_answered_in_time(
    endpoint_anywhere: Endpoint, database_url: str
) -> None:
    async def deliver(n: int) -> int:
        await asyncio.sleep(n * 0.5)
        async with asyncio.timeout(5):
            return await endpoint_anywhere.deliver(PLAIN.replace("{n}", str(n)))

    async with held_by_another(database_url):
        assert set(await asyncio.gather(*(deliver(n) for n in range(10)))) == {503}

    assert await endpoint_anywhere.deliver(PLAIN.replace("{n}", "later")) == 200


async def test_a_postgresql_that_is_gone_means_5xx_and_when_it_is_back_200(
    tmp_path: Path, pack: Pack
) -> None:
    with fresh_database_url("postgresql", tmp_path) as url:
        async with running_endpoint(url, pack) as endpoint:
            name = make_url(url).database
            server = await asyncpg.connect(
                make_url(url).set(drivername="postgresql", database="postgres").render_as_string(False)
            )
            try:
                await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
                await server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
                )
                assert await endpoint.deliver(PLAIN.replace("{n}", "1")) == 503

                await server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
                assert await endpoint.deliver(PLAIN.replace("{n}", "1")) == 200
            finally:
                await server.close()
            assert await endpoint.stored() == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the files of another process")
async def test_a_full_disk_means_5xx_and_with_room_again_200(tmp_path: Path) -> None:
    facts = {
        "api_base": "http://127.0.0.1:9",
        "corp_id": CORP,
        "agent_id": 1000002,
        "secret": "endpoint-secret",
        "token": TOKEN,
        "aes_key": KEY,
    }
    port = free_port()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
        settings = settings_of(facts, database_url=f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", port=port)
        program = Program(settings=settings, cwd=tmp_path, port=port, http=http)
        crypto = CallbackCrypto(token=TOKEN, aes_key=KEY, corp_id=CORP)

        async def deliver(n: int) -> int:
            stamp = str(int(datetime.now(UTC).timestamp()))
            body, signature = crypto.envelope(PLAIN.replace("{n}", str(n)), timestamp=stamp, nonce=NONCE)
            query = {"msg_signature": signature, "timestamp": stamp, "nonce": NONCE}
            async with http.post(f"{program.url}/wecom/callback", params=query, data=body) as response:
                return response.status

        try:
            await program.start()
            assert await deliver(1) == 200
            # The kernel refuses the process every byte beyond the first of any file, as a full disk does.
            _, hard = resource.prlimit(program.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (1, hard))
            assert {await deliver(n) for n in range(2, 6)} == {503}

            resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (hard, hard))
            assert {await deliver(n) for n in range(2, 6)} == {200}
            assert 'xiaohu_callbacks_total{outcome="not_stored"} 4.0' in await program.metrics()
        finally:
            await program.close()
        with closing(sqlite3.connect(tmp_path / "x.db")) as left:
            assert left.execute("SELECT count(*) FROM inbox").fetchone() == (5,)
