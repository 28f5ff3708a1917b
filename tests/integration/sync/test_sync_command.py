"""``xiaohu sync`` as an operator runs it, kills it and runs it again; and the run of every night."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from contextlib import closing
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from bot.syncing.command import sync
from bot.syncing.nightly import NightlySync
from tests.support.clinic import settings_for
from tests.support.process import clean_environment, run_command, settings_of, until
from wecom.errors import WeComError
from wecom.sandbox.server import running_sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.sync.conftest import Desk

BATCH = "externalcontact/batch/get_by_user"
ZONE = ZoneInfo("Asia/Shanghai")
PATIENTS = 400


def rows_of(folder: Path) -> list[Any]:
    with closing(sqlite3.connect(folder / "xiaohu.db")) as database:
        return database.execute(
            "SELECT external_userid, userid, channel, lost_at FROM patients JOIN follows"
            " ON patient_id = patients.id ORDER BY 1, 2"
        ).fetchall()


async def test_sigkill_in_the_middle_costs_nothing(tmp_path: Path) -> None:
    async with running_sandbox(callback_url=None) as sandbox:
        tenant = sandbox.tenant
        for number in range(PATIENTS):
            patient = tenant.people.create_patient(f"多{number}")
            tenant.people.patient_adds_member(patient.external_userid, "xiaohu", silent=True)
        settings = settings_of(
            sandbox.connection, database_url=f"sqlite+aiosqlite:///{tmp_path / 'xiaohu.db'}"
        )
        tenant.rules.latency_s = 0.05  # long enough to stand between two pages
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "sync",
            cwd=tmp_path,
            env=clean_environment(**settings),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await until(lambda: len(list(tenant.journal.calls(BATCH))) >= 2, what="two pages were asked for")
        process.kill()
        assert await process.wait() == -signal.SIGKILL
        tenant.rules.latency_s = 0.0

        again = await run_command("sync", cwd=tmp_path, settings=settings)

        assert again.code == 0, again.err
        assert "从上次停下的地方继续" in again.out
        relations = sum(len(book) for book in tenant.corp.follows_of_member.values())
        assert len(rows_of(tmp_path)) == relations
        pages = -(-relations // 100)
        # At most the one page whose answer nobody lived to record is asked for twice.
        assert len(list(tenant.journal.calls(BATCH))) <= pages + 1


async def test_the_difference_is_printed_in_chinese(desk: Desk, tmp_path: Path) -> None:
    settings = settings_for(desk.sandbox, f"sqlite+aiosqlite:///{tmp_path / 'other.db'}")
    out = StringIO()

    code = await sync(settings, desk.pack, clock=desk.clock, console=Console(file=out, width=100))

    assert code == 0
    lines = out.getvalue().splitlines()
    (patients,) = [line for line in lines if line.startswith("│ 患者 ")]
    assert [part.strip() for part in patients.strip("│").split("│")] == ["患者", "30", "30", "0", "0"]
    assert "患者详情：39 / 39" in lines, "where nobody watches, progress is plain lines"


async def test_a_tenant_that_refuses_is_exit_code_2_with_the_remedy(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.tenant.faults.add("errcode", BATCH, errcode=48002)
    settings = settings_for(desk.sandbox, f"sqlite+aiosqlite:///{tmp_path / 'other.db'}")

    code = await sync(settings, desk.pack, clock=desk.clock, console=Console(file=StringIO()))

    assert code == 2
    said = capsys.readouterr().err
    assert "48002" in said
    assert "再运行一次" in said


async def test_the_night_run_is_done_once_a_night_and_tried_again_after_a_failure(desk: Desk) -> None:
    wakes: list[str] = []
    nightly = NightlySync(
        desk.database,
        desk.reconciliation().run,
        clock=desk.clock,
        zone=ZONE,
        on_found=lambda: wakes.append("found"),
    )
    assert not await nightly.keep(), "a new installation waits for its night"
    evening = desk.clock.now().astimezone(ZONE)
    desk.clock.advance_to(evening.replace(hour=3, minute=31) + timedelta(days=1))
    desk.tenant.faults.add("errcode", BATCH, errcode=48002)
    with pytest.raises(WeComError):
        await nightly.keep()
    assert not await nightly.keep(), "not again every minute"
    desk.clock.advance(timedelta(minutes=31))

    assert await nightly.keep()
    assert wakes == ["found"]
    assert not await nightly.keep()
    desk.clock.advance(timedelta(days=1, hours=6))
    assert await nightly.keep(), "the night it was missed is caught up in the morning"
    assert wakes == ["found"], "nothing was different"
