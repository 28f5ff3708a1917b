"""What the sandbox's scene ``chain`` costs: start, memory, and a full listing of 100 000 patients over HTTP.

The server is a process of its own, so that its memory is its own; the client lists every member's customers
with ``externalcontact/batch/get_by_user``, 100 a page. ``python -m bench.sandbox_chain`` prints the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

AT_ONCE = 100  # members in one userid_list, customers on one page


def memory_mb(pid: int, what: str = "VmRSS") -> float:
    """Return a process's memory now, or its peak (VmHWM), in MB (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith(what))
    return int(line.split()[1]) / 1024


async def serve(patients: int) -> None:
    """Serve the scene until the pipe to the parent closes."""
    from wecom.sandbox import running_sandbox  # noqa: PLC0415 - its import is part of what is measured

    async with running_sandbox(scene="chain", patients=patients, callback_url=None) as sandbox:
        sandbox.tenant.rules.rate_limits = False  # 10 000 pages a minute is WeCom's limit, not ours
        sys.stdout.write(json.dumps(sandbox.connection) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


class Listing:
    """Lists everybody and keeps count."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self._http = http
        self._base = base
        self._token = ""
        self.people: set[str] = set()
        self.relations = 0
        self.took: list[float] = []  # seconds of every page, in order

    async def _ask(self, method: str, api: str, *, body: Any = None, **query: str) -> dict[str, Any]:
        if self._token:
            query["access_token"] = self._token
        async with self._http.request(
            method, f"{self._base}/cgi-bin/{api}", params=query, json=body
        ) as answer:
            found: dict[str, Any] = await answer.json()
            assert found["errcode"] == 0, found
            return found

    async def run(self, connection: dict[str, Any]) -> None:
        login = await self._ask(
            "GET", "gettoken", corpid=connection["corp_id"], corpsecret=connection["secret"]
        )
        self._token = login["access_token"]
        members = (await self._ask("GET", "externalcontact/get_follow_user_list"))["follow_user"]
        for start in range(0, len(members), AT_ONCE):
            await self._list(members[start : start + AT_ONCE])

    async def _list(self, userids: list[str]) -> None:
        cursor = ""
        while True:
            began = time.perf_counter()
            page = await self._ask(
                "POST",
                "externalcontact/batch/get_by_user",
                body={"userid_list": userids, "cursor": cursor, "limit": AT_ONCE},
            )
            self.took.append(time.perf_counter() - began)
            rows = page["external_contact_list"]
            self.relations += len(rows)
            self.people.update(row["external_contact"]["external_userid"] for row in rows)
            cursor = page["next_cursor"]
            if not cursor:
                return


async def measure(patients: int) -> None:
    """Start the server, list everybody, print what it took."""
    began = time.perf_counter()
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.sandbox_chain", "--serve", "--patients", str(patients)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    connection = json.loads(await server.stdout.readline())
    print(f"start       {time.perf_counter() - began:6.2f} s   {memory_mb(server.pid):6.0f} MB")
    async with aiohttp.ClientSession() as http:
        listing = Listing(http, connection["api_base"])
        began = time.perf_counter()
        await listing.run(connection)
        seconds = time.perf_counter() - began
    pages, tenth = len(listing.took), max(1, len(listing.took) // 10)
    first, last = sum(listing.took[:tenth]) / tenth, sum(listing.took[-tenth:]) / tenth
    print(f"listing     {seconds:6.2f} s   {memory_mb(server.pid, 'VmHWM'):6.0f} MB at most")
    print(f"            {len(listing.people)} patients, {listing.relations} relations, {pages} pages")
    print(f"            {pages / seconds:.0f} pages/s, {listing.relations / seconds:.0f} relations/s")
    print(f"            first tenth {first * 1000:.2f} ms a page, last tenth {last * 1000:.2f} ms")
    server.stdin.close()
    await server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.patients) if arguments.serve else measure(arguments.patients))


if __name__ == "__main__":
    main()
