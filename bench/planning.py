"""Measures the journey engine: a run of ticks that finds what is due among many enrolments, and decides it.

Time per due step must not grow with the number of people in journeys, and a day on which 100 000 steps come
due must pass in a minute. PostgreSQL comes from the ``pgserver`` wheel. Each measurement is a process of its
own, so that its memory can be told.

    python -m bench.planning                      # 10 k, 100 k and 1 M enrolments, 10 k due; then 100 k due
    python -m bench.planning --sizes 10000 --databases sqlite --large 0
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
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop
from sqlalchemy import func, insert, select, text

from bot.logs import configure_logging
from clinic.tables import Member
from content.almanac.workdays import packaged_workdays
from content.compliance import Checker
from content.loader import load_pack
from content.plans.documents import digest_of
from content.plans.specs import After, Condition, JourneyBody, Plan, Step, Stop, Trigger
from content.plans.writing import of_spec
from content.render import Renderer
from sop import pauses
from sop.caps.ledger import LedgerCaps
from sop.journeys.engine import Engine
from sop.journeys.messages import Messages
from sop.journeys.timing import Hours
from sop.journeys.wording import MassChannel
from sop.plan_tables import Enrolment, PlanVersion, StoredPlan, Touch
from sop.plans.book import PlanBook
from sop.roster import load_roster
from sop.standing import StandingApprovals
from sop.tables import Post
from store.database import Database
from store.schema import upgrade
from tests.support.databases import fresh_database_url

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from content.pack import Pack

NOW = datetime(2026, 3, 4, 2, tzinfo=UTC)  # Wednesday, 10:00
MEMBERS = 20
DUE = 10_000
MEMORY_MB = 400
SECONDS = 60
RATIO = 1.5

PLAN = Plan(
    key="bench",
    kind="journey",
    title="洗牙回访",
    body=JourneyBody(
        trigger=(Trigger(kind="manual"),),
        steps=(
            Step(
                key="day-3",
                channel="mass",
                after=After(days=3),
                text="洗牙后第三天啦，牙龈还有不舒服吗？有问题随时找小护。",
                when=Condition(not_tags=("勿扰/勿扰",)),
            ),
            Step(key="month-6", channel="mass", after=After(months=6), text="半年啦，该洗牙了。"),
        ),
        stops=(Stop(on="booked"), Stop(on="replied")),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One process's figures."""

    database: str
    enrolments: int
    due: int
    decide_s: float
    gather_s: float
    cpu_s: float
    posts: int
    memory_mb: float

    @property
    def seconds(self) -> float:
        return self.decide_s + self.gather_s

    @property
    def ms_each(self) -> float:
        return self.seconds / self.due * 1000


async def fill(
    database: Database, enrolments: int, due: int, *, plan: Plan = PLAN, inside: bool = True
) -> None:
    """Put so many people into the plan; every so many-th of them is due.

    Args:
        inside: False: they are patients, and nobody has begun.
    """
    await upgrade(database)
    async with database.write() as session:
        session.add(
            StoredPlan(
                key=plan.key, kind=plan.kind, title=plan.title, state="active", version=1,
                created_at=NOW, changed_at=NOW,
            )
        )  # fmt: skip
        await session.flush()
        version = PlanVersion(
            plan_key=plan.key, number=1, document=of_spec(plan), digest=digest_of(plan), origin="staff",
            created_at=NOW, created_by="admin", published_at=NOW, published_by="admin",
        )  # fmt: skip
        session.add(version)
        await session.execute(
            insert(Member),
            [
                {"userid": f"member{n}", "name": f"成员{n}", "serves": True, "seen_at": NOW}
                for n in range(MEMBERS)
            ],
        )
        await session.flush()
        number = version.id
    async with database.connect() as connection:
        await _people(
            connection, enrolments, number, every=enrolments // due, sqlite=database.is_sqlite, inside=inside
        )
    async with database.engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE"))


async def _people(
    connection: AsyncConnection,
    enrolments: int,
    version: int,
    *,
    every: int,
    sqlite: bool,
    inside: bool = True,
) -> None:
    def moment(at: datetime) -> str:
        return f"'{at:%Y-%m-%d %H:%M:%S.%f}'" if sqlite else f"timestamptz '{at.isoformat()}'"

    numbers = (
        f"WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {enrolments})"
        if sqlite
        else f"WITH g(n) AS (SELECT * FROM generate_series(1, {enrolments}))"
    )
    began, trigger = moment(NOW - timedelta(days=90)), moment(NOW - timedelta(days=2))
    due_at, look_at = moment(NOW + timedelta(days=1)), moment(NOW - timedelta(hours=2))
    later = moment(NOW + timedelta(days=60))
    no = "0" if sqlite else "false"
    head = "INSERT INTO patients (id, external_userid, gender, stage, stage_at, first_seen_at, updated_at)"
    columns = "(patient_id, userid, channel, first_added_at, added_at, half, changed_at)"
    into = (
        "INSERT INTO enrolments (patient_id, plan_key, version_id, fact, userid, state, step, trigger_at,"
        " due_at, next_at, contacts, reason, started_at)"
    )
    due, member = f"n % {every} = 0", f"'member' || (n / {every} % {MEMBERS})"
    patients = f"{head} {numbers} SELECT n, 'wm' || n, 1, 'added', {began}, {began}, {began} FROM g"
    follows = (
        f"INSERT INTO follows {columns} {numbers}"
        f" SELECT n, {member}, 'front-desk', {began}, {began}, {no}, {began} FROM g"
    )
    begun = (
        f"{into} {numbers} SELECT n, 'bench', {version}, 'manual:1', {member}, 'active',"
        f" 'day-3', {trigger}, CASE WHEN {due} THEN {due_at} ELSE {later} END,"
        f" CASE WHEN {due} THEN {look_at} ELSE {later} END, 0, '', {trigger} FROM g"
    )
    for statement in (patients, follows, *([begun] if inside else [])):
        await connection.execute(text(statement))
    if not sqlite:
        await connection.execute(text("SELECT setval('patients_id_seq', (SELECT max(id) FROM patients))"))


def _engine(pack: Pack) -> tuple[Engine, Messages]:
    hours = Hours(
        zone=pack.timezone,
        workdays=packaged_workdays(),
        quiet=(pack.house.quiet_from, pack.house.quiet_until),
    )
    book, caps, renderer = PlanBook(), LedgerCaps(pack), Renderer()
    engine = Engine(
        pack=pack,
        hours=hours,
        book=book,
        caps=caps,
        pauses=pauses.load,
        channels={"mass": MassChannel(pack, renderer)},
    )
    messages = Messages(
        pack=pack,
        renderer=renderer,
        checker=Checker.load(),
        hours=hours,
        book=book,
        caps=caps,
        standing=StandingApprovals(),
        rosters=load_roster,
        public_url="https://clinic.example",
    )
    return engine, messages


async def measure(url: str, due: int) -> None:
    """Be the engine: print the figures as JSON."""
    configure_logging(level=logging.CRITICAL)
    database = Database(url)
    engine, messages = _engine(load_pack("dental"))
    began, worked = time.perf_counter(), time.process_time()
    looked = 0
    while True:
        async with database.write() as session:
            ticked = await engine.tick(session, now=NOW)
        looked += ticked.looked
        if not ticked.more:
            break
    decided = time.perf_counter()
    while True:
        async with database.write() as session:
            if not await messages.gather(session, now=NOW):
                break
    ended, cpu_s = time.perf_counter(), time.process_time() - worked
    async with database.read() as session:
        posts = await session.scalar(select(func.count()).select_from(Post)) or 0
        queued = await session.scalar(select(func.count()).where(Touch.state == "queued")) or 0
        gone_on = await session.scalar(select(func.count()).where(Enrolment.step == "month-6")) or 0
    await database.close()
    if not looked == queued == gone_on == due:
        raise RuntimeError(f"{due} were due; looked at {looked}, queued {queued}, went on {gone_on}")
    figures = {
        "decide_s": decided - began,
        "gather_s": ended - decided,
        "cpu_s": cpu_s,
        "posts": posts,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


async def run_one(kind: str, enrolments: int, due: int) -> Measured:
    """Fill a database, let a process run the engine on it, print and return the figures."""
    with tempfile.TemporaryDirectory() as folder, fresh_database_url(kind, Path(folder)) as url:
        database = Database(url)
        await fill(database, enrolments, due)
        await database.close()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.planning", "--measure", url, str(due),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await process.communicate()
        if process.returncode:
            raise SystemExit(f"{kind}, {enrolments} enrolments failed")
    one = Measured(database=kind, enrolments=enrolments, due=due, **json.loads(output))
    sys.stdout.write(
        f"{kind:>10} {enrolments:9d} {due:7d} {one.decide_s:9.1f} {one.gather_s:8.1f} {one.ms_each:9.2f}"
        f" {one.cpu_s:7.1f} {one.posts:6d} {one.memory_mb:8.0f}\n"
    )
    sys.stdout.flush()
    return one


def verdict(measured: list[Measured]) -> str:
    """Say in sentences whether time per step stays, and whether a large day passes in time."""
    lines = []
    for kind in dict.fromkeys(one.database for one in measured):
        mine = [one for one in measured if one.database == kind and one.due == DUE]
        if len(mine) > 1:
            ratio = mine[-1].ms_each / mine[0].ms_each
            held = kind == "sqlite" or ratio <= RATIO
            lines.append(
                f"{kind}: time per due step at {mine[-1].enrolments} / at {mine[0].enrolments} enrolments:"
                f" {ratio:.2f}"
                + (f" of {RATIO}" if kind != "sqlite" else "")
                + (": ok" if held else ": TOO MUCH")
            )
    for one in measured:
        if one.due > DUE:
            ok = one.seconds < SECONDS and one.memory_mb < MEMORY_MB
            lines.append(
                f"{one.database}: {one.due} due steps: {one.seconds:.1f} s of {SECONDS} s,"
                f" {one.memory_mb:.0f} MB of {MEMORY_MB} MB: {'ok' if ok else 'TOO MUCH'}"
            )
    return "\n".join(lines) + "\n"


async def run(options: Any) -> None:
    sys.stdout.write("  database  enrolled     due  decide s gather s   ms/step   CPU s  posts  peak MB\n")
    sizes = [int(size) for size in options.sizes.split(",")]
    wanted = [(size, DUE) for size in sizes]
    if options.large:
        wanted.append((max(options.large, sizes[-1]), options.large))
    measured = [
        await run_one(kind, size, due) for kind in options.databases.split(",") for size, due in wanted
    ]
    sys.stdout.write(verdict(measured))


def main() -> None:
    """Run the bench, or be one of its processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000", help="numbers of enrolments")
    parser.add_argument("--databases", default="postgresql,sqlite")
    parser.add_argument("--large", type=int, default=100_000, help="so many due steps at once; 0: leave out")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure is not None:
        url, due = options.measure
        uvloop.run(measure(url, int(due)))
    else:
        uvloop.run(run(options))


if __name__ == "__main__":
    main()
