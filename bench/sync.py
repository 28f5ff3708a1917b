"""How fast a whole tenant is read: ``xiaohu sync`` against the sandbox's chain, and the memory it takes.

For each size a sandbox and a sync are started as processes of their own, the sync on an empty SQLite file:

* **bare**: only reads and parses the pages of all members, the least any sync must do,
* **first**: the first run, which writes everything,
* **again**: a second run, which finds nothing and writes nothing but its bookmark.

``python -m bench.sync`` prints rows/s (a row is one member's relation to one patient) while pages are read,
and peak memory. Linear time means that the larger tenant has about the rows/s of the smaller one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import resource
import signal
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from bot.logs import configure_logging
from bot.syncing.reading import TenantReader
from bot.syncing.reconciliation import PATIENTS, Reconciliation, Watching
from content.loader import load_pack
from store.clock import SystemClock
from store.database import Database
from store.schema import upgrade
from store.vault import Vault
from wecom.client import Credentials, WeComClient, open_session
from wecom.sandbox.server import running_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.syncing.reconciliation import Report

MEMORY_MB = 300
MODES = ("bare", "first", "again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One process's figures."""

    patients: int
    mode: str
    rows: int
    seconds: float
    paging_s: float
    cpu_s: float
    memory_mb: float
    calls: int

    @property
    def rate(self) -> float:
        """Rows/s while pages are read: members and groups cost the same at every size."""
        return self.rows / self.paging_s


class Stopwatch(Watching):
    """Takes the time of the stage that grows with the number of patients."""

    def __init__(self) -> None:
        self._last = (time.monotonic(), time.process_time())
        self.paging_s = self.cpu_s = 0.0

    def stage(self, name: str, done: int, total: int | None) -> None:
        del done, total
        now = (time.monotonic(), time.process_time())
        if name == PATIENTS:
            self.paging_s += now[0] - self._last[0]
            self.cpu_s += now[1] - self._last[1]
        self._last = now


async def serve(patients: int) -> None:
    """Be the tenant: say where on standard output, then wait to be ended."""
    async with running_sandbox(scene="chain", patients=patients, callback_url=None) as sandbox:
        sys.stdout.write(json.dumps(sandbox.connection) + "\n")
        sys.stdout.flush()
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await ended.wait()


async def measure(patients: int, mode: str, database_file: str, connection: dict[str, Any]) -> None:
    """Be the sync: print the figures as JSON."""
    configure_logging(level=logging.CRITICAL)
    clock, calls = SystemClock(), [0]

    def count(_api: str, _outcome: str, _seconds: float) -> None:
        calls[0] += 1

    database = Database(f"sqlite+aiosqlite:///{database_file}")
    await upgrade(database)
    async with open_session() as session:
        client = WeComClient(
            session,
            api_base=connection["api_base"],
            credentials=Credentials(
                corp_id=connection["corp_id"], secret=connection["secret"], agent_id=connection["agent_id"]
            ),
            on_call=count,
        )
        began, watch = time.monotonic(), Stopwatch()
        if mode == "bare":
            rows = await _read(TenantReader(client))
            watch.paging_s, watch.cpu_s = time.monotonic() - began, time.process_time()
        else:
            vault = Vault("bench-secret-key")
            pack = load_pack("dental")
            report = await Reconciliation(
                database,
                client,
                pack=pack,
                vault=vault,
                clock=clock,
                public_url="http://127.0.0.1:8080",
                watching=watch,
            ).run()
            rows = _checked(report, mode)
        seconds = time.monotonic() - began
    await database.close()
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {
        "rows": rows,
        "seconds": seconds,
        "paging_s": watch.paging_s,
        "cpu_s": watch.cpu_s,
        "memory_mb": memory_mb,
        "calls": calls[0],
    }
    sys.stdout.write(json.dumps({"patients": patients, "mode": mode, **figures}) + "\n")


async def _read(reader: TenantReader) -> int:
    rows, userids = 0, await reader.serving()
    for start in range(0, len(userids), 100):
        cursor = ""
        while True:
            page = await reader.page(userids[start : start + 100], cursor)
            rows += len(page.contacts)
            cursor = page.next_cursor
            if not cursor:
                break
    return rows


def _checked(report: Report, mode: str) -> int:
    follows = report.tallies["follows"]
    new = follows.added if mode == "first" else follows.seen - follows.added
    if new != follows.seen:
        raise RuntimeError(f"{mode}: {follows}")
    return follows.seen


@asynccontextmanager
async def tenant(patients: int) -> AsyncIterator[str]:
    """Run a sandbox process; yield its connection as JSON."""
    process = await _start("--serve", str(patients))
    try:
        assert process.stdout is not None
        async with asyncio.timeout(120):
            connection = (await process.stdout.readline()).decode()
        yield connection
    finally:
        process.terminate()
        await process.wait()


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.sync", *arguments, stdout=asyncio.subprocess.PIPE
    )


async def run(sizes: list[int]) -> list[Measured]:
    """Measure every mode at every size and print as it goes."""
    measured = []
    sys.stdout.write("patients   mode      rows  seconds  of pages  CPU s   rows/s  calls/s  peak MB\n")
    for patients in sizes:
        with tempfile.TemporaryDirectory() as folder:
            database_file = str(Path(folder) / "xiaohu.db")
            for mode in MODES:
                async with tenant(patients) as connection:
                    process = await _start("--measure", mode, str(patients), database_file, connection)
                    output, _ = await process.communicate()
                if process.returncode:
                    raise SystemExit(f"{mode} at {patients} failed")
                one = Measured(**json.loads(output))
                measured.append(one)
                sys.stdout.write(
                    f"{patients:8d}  {mode:>5} {one.rows:9d} {one.seconds:8.1f} {one.paging_s:9.1f}"
                    f" {one.cpu_s:6.1f} {one.rate:8.0f} {one.calls / one.seconds:8.1f} {one.memory_mb:8.0f}\n"
                )
                sys.stdout.flush()
    return measured


def verdict(measured: list[Measured]) -> str:
    """Say in a sentence whether time is linear and memory bounded."""
    first = [one for one in measured if one.mode == "first"]
    small, large = first[0], first[-1]
    bare = next(one for one in measured if one.mode == "bare" and one.patients == large.patients)
    per_row = (large.cpu_s / large.rows) / (small.cpu_s / small.rows)
    return (
        f"rows/s at {large.patients} / at {small.patients}: {large.rate / small.rate:.2f}, "
        f"CPU per row: {per_row:.2f} (1 = linear) · "
        f"first run / bare reading: {large.paging_s / bare.paging_s:.2f} · "
        f"peak memory {large.memory_mb:.0f} MB of {MEMORY_MB} MB: "
        f"{'ok' if large.memory_mb < MEMORY_MB else 'TOO MUCH'}\n"
    )


def main() -> None:
    """Run the bench, or be one of its processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000", help="numbers of patients, comma-separated")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        uvloop.run(serve(options.serve))
    elif options.measure is not None:
        mode, patients, database_file, connection = options.measure
        uvloop.run(measure(int(patients), mode, database_file, json.loads(connection)))
    else:
        sys.stdout.write(verdict(uvloop.run(run([int(size) for size in options.sizes.split(",")]))))


if __name__ == "__main__":
    main()
