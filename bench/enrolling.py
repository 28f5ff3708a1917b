"""Measures ``xiaohu enrol``: letting many patients begin a journey with one command.

100 000 patients must be in within a minute, and the command told again must begin nobody twice. PostgreSQL
comes from the ``pgserver`` wheel. The command is a process of its own, as staff run it.

    python -m bench.enrolling                                  # 100 000 patients, both databases
    python -m bench.enrolling --patients 10000 --databases sqlite
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import resource
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import uvloop
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy import func, select

from bench.planning import PLAN, fill
from bot.enrol_command import enrol
from bot.logs import configure_logging
from bot.settings import Settings
from content.loader import load_pack
from content.plans.specs import Condition
from sop.plan_tables import Enrolment
from store.database import Database
from tests.support.databases import fresh_database_url

SECONDS = 60
SELECTIVE = replace(PLAN, body=replace(PLAN.journey, only=Condition(not_tags=("勿扰/勿扰",))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One process's figures."""

    database: str
    patients: int
    seconds: float
    again_s: float
    cpu_s: float
    memory_mb: float


def _settings(url: str) -> Settings:
    secret = SecretStr("a bench keeps no secrets, it is thrown away")
    return Settings(
        _env_file=None,
        database_url=SecretStr(url),
        secret_key=secret,
        admin_password=secret,
        public_url="https://clinic.example",
        wecom_api_base="http://bench.invalid",
        wecom_corp_id="wwbench",
        wecom_agent_id=1,
        wecom_secret=secret,
        wecom_token=SecretStr("token"),
        wecom_aes_key=SecretStr("a" * 43),
    )


async def measure(url: str, patients: int) -> None:
    """Be the command, twice: print the figures as JSON."""
    configure_logging(level=logging.CRITICAL)
    settings, pack = _settings(url), load_pack("dental")
    silent = Console(file=StringIO())
    began, worked = time.perf_counter(), time.process_time()
    await enrol(settings, pack, PLAN.key, run="bench", console=silent)
    first, cpu_s = time.perf_counter() - began, time.process_time() - worked
    await enrol(settings, pack, PLAN.key, run="bench", console=silent)
    again = time.perf_counter() - began - first
    database = Database(url)
    async with database.read() as session:
        inside = await session.scalar(select(func.count()).select_from(Enrolment))
    await database.close()
    if inside != patients:
        raise RuntimeError(f"{patients} patients were to begin, {inside} did")
    figures = {
        "seconds": first,
        "again_s": again,
        "cpu_s": cpu_s,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


async def run_one(kind: str, patients: int) -> Measured:
    """Fill a database, let a process enrol everybody, print and return the figures."""
    with tempfile.TemporaryDirectory() as folder, fresh_database_url(kind, Path(folder)) as url:
        database = Database(url)
        await fill(database, patients, patients, plan=SELECTIVE, inside=False)
        await database.close()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.enrolling", "--measure", url, str(patients),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await process.communicate()
        if process.returncode:
            raise SystemExit(f"{kind}, {patients} patients failed")
    one = Measured(database=kind, patients=patients, **json.loads(output))
    sys.stdout.write(
        f"{kind:>10} {patients:9d} {one.seconds:8.1f} {one.again_s:8.1f} {one.cpu_s:8.1f}"
        f" {one.seconds / patients * 1000:10.2f} {one.memory_mb:8.0f}\n"
    )
    sys.stdout.flush()
    return one


async def run(options: Any) -> None:
    sys.stdout.write("  database  patients  seconds  again s    CPU s  ms/patient  peak MB\n")
    for kind in options.databases.split(","):
        one = await run_one(kind, options.patients)
        allowed = SECONDS * max(options.patients / 100_000, 0.1)
        ok = "ok" if one.seconds < allowed else "TOO MUCH"
        sys.stdout.write(f"{kind}: {one.patients} patients: {one.seconds:.1f} s of {allowed:.0f} s: {ok}\n")


def main() -> None:
    """Run the bench, or be one of its processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--databases", default="postgresql,sqlite")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure is not None:
        url, patients = options.measure
        uvloop.run(measure(url, int(patients)))
    else:
        uvloop.run(run(options))


if __name__ == "__main__":
    main()
