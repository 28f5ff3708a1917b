"""How fast callbacks are taken: encrypted callbacks over real HTTP against freshly started servers.

Four configurations, in one run:

(a) a bare aiohttp handler that only reads the body,
(b) verify + decrypt + parse, nothing stored,
(c) the real callback path, durable (SQLite, WAL, synchronous=FULL), its events left to another process,
(d) the whole program in one process, which also handles the events while they arrive.

Each server is a process of its own; so is the client. ``make bench`` prints req/s, p50, p99 and the ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import uvloop
from yarl import URL

from bench.servers import AES_KEY, CORP, MODES, TOKEN
from wecom.crypto import CallbackCrypto

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

CONNECTIONS = 32
WARM_UP = 200
EVENT = """<xml><ToUserName><![CDATA[{corp}]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>
<CreateTime>{at}</CreateTime><MsgType><![CDATA[event]]></MsgType>
<Event><![CDATA[change_external_contact]]></Event><ChangeType><![CDATA[edit_external_contact]]></ChangeType>
<UserID><![CDATA[lin.mei]]></UserID><ExternalUserID><![CDATA[wmBENCH{n:025d}]]></ExternalUserID></xml>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One configuration's figures; seconds."""

    mode: str
    rate: float
    p50: float
    p99: float
    worst: float


def envelopes(count: int, *, run: str) -> list[tuple[str, bytes]]:
    """Return (query, body) of ``count`` different callbacks, encrypted before the clock starts."""
    crypto = CallbackCrypto(token=TOKEN, aes_key=AES_KEY, corp_id=CORP)
    made = []
    for n in range(count):
        stamp, nonce = str(int(time.time())), f"{run}{n}"
        body, signature = crypto.envelope(
            EVENT.format(corp=CORP, at=stamp, n=n), timestamp=stamp, nonce=nonce, agent_id=1000002
        )
        made.append((f"msg_signature={signature}&timestamp={stamp}&nonce={nonce}", body.encode()))
    return made


class Connection(asyncio.Protocol):
    """One keep-alive connection that posts, one request at a time. Cheap: the server is what is measured."""

    def __init__(self, requests: Iterator[bytes], seconds: list[float]) -> None:
        self._requests, self._seconds = requests, seconds
        self._buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if b"\r\n\r\n" not in self._buffer:
            return
        if not self._buffer.startswith(b"HTTP/1.1 200"):
            self._end(RuntimeError(f"the server answered {self._buffer[:60]!r}"))
            return
        # Every answer here has an empty body, so its head is all of it.
        self._buffer = b""
        self._seconds.append(time.perf_counter() - self._started)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or RuntimeError("the server closed the connection"))

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._end(None)
            return
        self._started = time.perf_counter()
        self._transport.write(request)

    def _end(self, exc: Exception | None) -> None:
        if self.done.done():
            return
        if exc is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(exc)
        self._transport.close()


async def post_all(url: URL, wanted: list[tuple[str, bytes]], *, connections: int) -> list[float]:
    """Post everything over ``connections`` connections; return the seconds of each."""
    head = "POST {path}?{query} HTTP/1.1\r\nHost: bench\r\nContent-Type: text/xml\r\n"
    head += "Content-Length: {size}\r\n\r\n"
    raw = [head.format(path=url.path, query=query, size=len(body)).encode() + body for query, body in wanted]
    seconds: list[float] = []
    requests = iter(raw)
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Connection(requests, seconds), url.host, url.port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for _, connection in opened))
    return seconds


@asynccontextmanager
async def serving(mode: str, folder: str, api_base: str = "http://127.0.0.1:9") -> AsyncIterator[URL]:
    """Run the server of one configuration as a process of its own."""
    command = (sys.executable, "-m", "bench.servers", mode, str(Path(folder) / "bench.db"), api_base)
    server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        if server.stdout is None:
            raise RuntimeError("the server has no output")
        async with asyncio.timeout(30):
            line = await server.stdout.readline()
        yield URL(json.loads(line)["url"])
    finally:
        server.terminate()
        await server.wait()


async def measure(mode: str, count: int, *, connections: int) -> Measured:
    """Start the server of one configuration, warm it up, measure, stop it."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        wecom = await stack.enter_async_context(serving("wecom", folder))
        url = await stack.enter_async_context(serving(mode, folder, str(wecom.origin())))
        run = secrets.token_hex(3)
        await post_all(url, envelopes(WARM_UP, run=f"w{run}"), connections=connections)
        wanted = envelopes(count, run=run)
        started = time.perf_counter()
        seconds = sorted(await post_all(url, wanted, connections=connections))
        total = time.perf_counter() - started
    at = lambda share: seconds[min(int(len(seconds) * share), len(seconds) - 1)]  # noqa: E731
    return Measured(mode=mode, rate=count / total, p50=at(0.5), p99=at(0.99), worst=seconds[-1])


async def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=6000)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--rounds", type=int, default=3, help="the best round of each counts")
    options = parser.parse_args()
    best: dict[str, Measured] = {}
    for _ in range(options.rounds):
        # Interleaved, so that a noisy minute does not fall on one configuration alone.
        for mode in MODES:
            measured = await measure(mode, options.requests, connections=options.connections)
            if mode not in best or measured.rate > best[mode].rate:
                best[mode] = measured
    print(f"{options.requests} callbacks, {options.connections} connections, best of {options.rounds} rounds")
    print(f"{'':34}{'req/s':>8}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    for mode, what in MODES.items():
        m = best[mode]
        print(f"({mode}) {what:<30}{m.rate:8.0f}{m.p50 * 1e3:9.2f}{m.p99 * 1e3:9.2f}{m.worst * 1e3:9.2f}")
    print(f"c/b = {best['c'].rate / best['b'].rate:.2f}   (wanted: at least 0.60)")
    print(f"c/a = {best['c'].rate / best['a'].rate:.2f}")
    print(f"d/b = {best['d'].rate / best['b'].rate:.2f}")
    print(f"p99 of c = {best['c'].p99 * 1e3:.1f} ms   (wanted: below 100 ms)")


if __name__ == "__main__":
    uvloop.run(main())
