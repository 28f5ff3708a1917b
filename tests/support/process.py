"""The program as a real process, and a wire to WeCom on which an answer can be held back.

What survives a SIGKILL cannot be shown inside one process: here the program runs as operators run it
(``python -m bot serve``), on a port of its own, and is killed for good. The :class:`Wire` lies between it and
the sandbox, so that a test can stand exactly between WeCom's act and the answer the program never saw.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from wecom.sandbox.server import Sandbox

API_KEY = "process-api-key"
SECRET_KEY = "process-secret-key"
PASSWORD = "process-password"
START_S = 60.0  # a cold start on a busy machine takes a while
KEPT_FROM_OURS = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(**settings: str) -> dict[str, str]:
    """Return an environment with nothing of ours but where programs are, and ``settings``."""
    kept = {name: os.environ[name] for name in KEPT_FROM_OURS if name in os.environ}
    return kept | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUTF8": "1"} | settings


def settings_of(
    connection: Mapping[str, Any], *, database_url: str, port: int = 0, **others: str
) -> dict[str, str]:
    """Return the ``XIAOHU_`` variables of a program that works for this tenant."""
    return {
        "XIAOHU_DATABASE_URL": database_url,
        "XIAOHU_PORT": str(port),
        "XIAOHU_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "XIAOHU_SECRET_KEY": SECRET_KEY,
        "XIAOHU_ADMIN_PASSWORD": PASSWORD,
        "XIAOHU_API_KEY": API_KEY,
        "XIAOHU_WECOM_API_BASE": str(connection["api_base"]),
        "XIAOHU_WECOM_CORP_ID": str(connection["corp_id"]),
        "XIAOHU_WECOM_AGENT_ID": str(connection["agent_id"]),
        "XIAOHU_WECOM_SECRET": str(connection["secret"]),
        "XIAOHU_WECOM_TOKEN": str(connection["token"]),
        "XIAOHU_WECOM_AES_KEY": str(connection["aes_key"]),
    } | others


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str


async def run_command(
    *arguments: str,
    cwd: Path,
    settings: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    within_s: float = START_S,
) -> Finished:
    """Run ``python -m bot …`` to its end, in a folder without an ``.env``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *arguments,
        cwd=cwd,
        env=clean_environment(**(settings or {})),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(within_s):
            out, err = await process.communicate(stdin)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    return Finished(code=process.returncode or 0, out=out.decode(), err=err.decode())


async def until(truth: Callable[[], Any | Awaitable[Any]], *, what: str, within_s: float = 60) -> Any:
    """Wait until ``truth()`` is true and return its value."""
    deadline = time.monotonic() + within_s
    while True:
        value = truth()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {within_s} s: {what}")
        await asyncio.sleep(0.05)


@dataclass(slots=True, kw_only=True)
class Program:
    """``python -m bot serve`` as a child process that can be killed and started again."""

    settings: dict[str, str]
    cwd: Path
    port: int
    http: aiohttp.ClientSession
    log: list[dict[str, Any]] = field(default_factory=list)
    _process: asyncio.subprocess.Process | None = None
    _reader: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it serves."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "serve",
            cwd=self.cwd,
            env=clean_environment(**self.settings),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._read_log())
        await until(self._ready, what="the program is ready", within_s=START_S)

    async def sigkill(self) -> None:
        """End it as a power cut would; nothing in it gets another instruction."""
        assert self._process is not None
        self._process.kill()
        assert await self._ended(START_S) == -signal.SIGKILL

    async def sigterm(self, *, within_s: float) -> int:
        """Ask it to stop and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        return await self._ended(within_s)

    async def close(self) -> None:
        """End it if it still runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._ended(START_S)

    async def api(self, method: str, path: str, body: Any = None, *, expect: tuple[int, ...] = (200,)) -> Any:
        """Call the JSON API."""
        headers = {"Authorization": f"Bearer {API_KEY}"}
        async with self.http.request(
            method, f"{self.url}/api/v1{path}", json=body, headers=headers
        ) as response:
            answer = await response.json(content_type=None)
            assert response.status in expect, (response.status, answer)
            return answer

    async def metrics(self) -> str:
        async with self.http.get(f"{self.url}/metrics") as response:
            return await response.text()

    async def _ready(self) -> bool:
        assert self._process is not None
        if self._process.returncode is not None:
            raise AssertionError(f"the program ended with {self._process.returncode}: {self.log}")
        try:
            async with self.http.get(f"{self.url}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def _ended(self, within_s: float) -> int:
        assert self._process is not None
        assert self._reader is not None
        async with asyncio.timeout(within_s):
            code = await self._process.wait()
        await self._reader
        return code

    async def _read_log(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            try:
                self.log.append(json.loads(line))
            except ValueError:
                self.log.append({"event": "not structured", "line": line.decode("utf-8", "replace")})


@asynccontextmanager
async def served_program(
    sandbox: Sandbox, *, database_url: str, cwd: Path, api_base: str | None = None, **settings: str
) -> AsyncIterator[Program]:
    """Run the program for this tenant until the block ends; callbacks go to it."""
    port = free_port()
    connection = sandbox.connection | ({"api_base": api_base} if api_base else {})
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        program = Program(
            settings=settings_of(connection, database_url=database_url, port=port, **settings),
            cwd=cwd,
            port=port,
            http=http,
        )
        sandbox.callbacks.url = f"{program.url}/wecom/callback"
        sandbox.tenant.rules.callbacks_configured = True
        try:
            await program.start()
            yield program
        finally:
            await program.close()


class Wire:
    """Passes calls on to WeCom. A held request has not reached WeCom; a held answer has not come back.

    A hold is for the next call of one API. ``arrived`` is set when it is held; ``release`` lets it go on,
    which does nothing for a caller that is dead.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._holds: dict[tuple[str, str], Hold] = {}
        self._http: aiohttp.ClientSession | None = None
        self.url = ""

    def hold_request(self, api: str) -> Hold:
        """Keep the next call of ``api`` from WeCom."""
        return self._holds.setdefault(("request", api), Hold())

    def hold_answer(self, api: str) -> Hold:
        """Let WeCom act on the next call of ``api``, and keep its answer."""
        return self._holds.setdefault(("answer", api), Hold())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Wire]:
        """Serve on a free port until the block ends; what is held then is cut."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        async with aiohttp.ClientSession(auto_decompress=False) as self._http:
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                yield self
            finally:
                await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        assert self._http is not None
        api = request.path.removeprefix("/cgi-bin/")
        body = await request.read()
        before = self._holds.pop(("request", api), None)
        after = None if before else self._holds.pop(("answer", api), None)
        if before is not None and not await before.wait():
            return _cut(request)
        async with self._http.request(
            request.method,
            URL(f"{self._target}{request.raw_path}", encoded=True),
            data=body,
            headers={"Content-Type": request.headers.get("Content-Type", "application/octet-stream")},
        ) as answer:
            content, status, content_type = await answer.read(), answer.status, answer.headers["Content-Type"]
        if after is not None and not await after.wait():
            return _cut(request)
        return web.Response(body=content, status=status, headers={"Content-Type": content_type})


class Hold:
    """One call that waits on the wire."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self._goes_on: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def reached(self, *, within_s: float = 60) -> None:
        """Return when the call is held."""
        async with asyncio.timeout(within_s):
            await self.arrived.wait()

    def release(self) -> None:
        """Let it go on."""
        self._goes_on.set_result(True)

    def cut(self) -> None:
        """Drop it: it never reaches WeCom, or its answer never the caller."""
        self._goes_on.set_result(False)

    async def wait(self) -> bool:
        self.arrived.set()
        return await self._goes_on


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
