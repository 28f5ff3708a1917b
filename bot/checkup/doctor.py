"""Runs every check and shows each line as soon as it is known."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.text import Text

from bot.checkup.callback import check_callback
from bot.checkup.findings import Finding, Level, bad, failed
from bot.checkup.host import (
    check_content,
    check_database,
    check_disk,
    check_events,
    check_redis,
    check_settings,
)
from bot.checkup.tenant import TenantCheck, check_network
from bot.settings import SettingsProblem, load_settings
from sop.roster import Roster, load_roster
from store.clock import SystemClock
from store.database import Database
from wecom.client import WeComClient, open_session
from wecom.tokens import Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from aiohttp import ClientSession
    from rich.console import Console

    from bot.settings import Settings
    from content.pack import Pack
    from store.clock import Clock

_MARKS: Final = {
    Level.OK: ("✓", "bold green"),
    Level.WARN: ("!", "bold yellow"),
    Level.FAIL: ("✗", "bold red"),
}
_AREA_CELLS: Final = 13


async def examine(settings: Settings, *, clock: Clock) -> AsyncIterator[Finding]:
    """Check an installation whose settings are usable. Changes nothing, neither here nor in WeCom."""
    for finding in await asyncio.to_thread(check_settings, settings):
        yield finding
    pack, findings = await asyncio.to_thread(check_content, settings.content_pack)
    for finding in findings:
        yield finding
    async with _opened(settings) as database:
        readable, finding = await check_database(database)
        yield finding
        yield await check_redis(settings.redis_url.get_secret_value() if settings.redis_url else None)
        yield await asyncio.to_thread(check_disk, database)
        async with open_session() as session:
            reachable, finding = await check_network(session, api_base=settings.wecom_api_base, clock=clock)
            yield finding
            kf = False
            if reachable:
                roster = await _roster(database, pack, readable=readable) if pack else None
                tenant = TenantCheck(_client(session, settings, clock), roster=roster, clock=clock)
                async for finding in tenant.findings():
                    yield finding
                kf = tenant.kf
            async for finding in check_callback(session, settings, clock=clock):
                yield finding
        if readable and pack is not None:
            async for finding in check_events(database, now=clock.now(), zone=pack.timezone, kf=kf):
                yield finding


async def run_doctor(console: Console, *, json_file: Path | None = None, clock: Clock | None = None) -> int:
    """Check this installation; return the exit code: 0 fine, 1 something is ✗, 2 unusable settings."""
    clock = clock or SystemClock()
    try:
        settings = load_settings()
    except SettingsProblem as exc:
        await report(_each(unusable(str(exc))), console, json_file=json_file, clock=clock)
        return 2
    return 0 if await report(examine(settings, clock=clock), console, json_file=json_file, clock=clock) else 1


async def _each(findings: Sequence[Finding]) -> AsyncIterator[Finding]:
    for finding in findings:
        yield finding


def unusable(problem: str) -> list[Finding]:
    """Return the findings for settings that the program cannot start with, one per variable."""
    remedy = "写进 .env 或环境变量；每个值在哪里，见 docs/operations.md 的“五个值在哪里”。"
    lines = [line.strip() for line in problem.splitlines() if line.startswith(" ")]
    return [bad("设置", line, remedy) for line in lines or [problem]]


async def report(
    findings: AsyncIterator[Finding], console: Console, *, json_file: Path | None, clock: Clock
) -> bool:
    """Show findings as they come, and the verdict; return whether there is no ✗.

    A ``json_file`` that cannot be written is said, after everything has been shown.
    """
    found: list[Finding] = []
    console.print(Text("小护自检", style="bold"), Text("（只看不改）", style="dim"))
    with console.status("正在检查…"):
        async for finding in findings:
            found.append(finding)
            show(finding, console)
    _verdict(found, console)
    if json_file is not None:
        problem = await asyncio.to_thread(_written, json_file, as_json(found, clock=clock))
        if problem:
            console.print(Text(problem, style="red"))
            return False
    return not failed(found)


def _written(file: Path, text: str) -> str | None:
    """Write the file; return what went wrong."""
    try:
        file.write_text(text, "utf-8")
    except OSError as exc:
        return f"不能写 {file}：{exc.strerror or exc}"
    return None


def show(finding: Finding, console: Console) -> None:
    """Print one finding: mark, area, what was seen; below it what to do."""
    mark, style = _MARKS[finding.level]
    # Not a table: rich breaks Chinese only at spaces, terminals break it anywhere and copy it whole.
    pad = " " * max(1, _AREA_CELLS - cell_len(finding.area))
    console.print(Text.assemble((mark, style), " ", finding.area, pad, finding.text), soft_wrap=True)
    if finding.remedy:
        indent = " " * (_AREA_CELLS + 2)
        console.print(Text.assemble(indent, (f"→ {finding.remedy}", "cyan")), soft_wrap=True)


def as_json(findings: Sequence[Finding], *, clock: Clock) -> str:
    """Return the report for machines."""
    document = {
        "checked_at": clock.now().isoformat(),
        "ok": not failed(findings),
        "findings": [
            {"level": str(f.level), "area": f.area, "text": f.text, "remedy": f.remedy} for f in findings
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _verdict(findings: Sequence[Finding], console: Console) -> None:
    counts = Counter(finding.level for finding in findings)
    words = f"✓ {counts[Level.OK]}　! {counts[Level.WARN]}　✗ {counts[Level.FAIL]}"
    if counts[Level.FAIL]:
        console.print(Text(f"{words}　有 ✗ 的先改，改好再查一次。", style="bold red"))
    elif counts[Level.WARN]:
        console.print(Text(f"{words}　能用；带 ! 的请看一眼。", style="bold yellow"))
    else:
        console.print(Text(f"{words}　一切正常。", style="bold green"))


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database_url.get_secret_value())
    try:
        yield database
    finally:
        await database.close()


async def _roster(database: Database, pack: Pack, *, readable: bool) -> Roster:
    if readable:
        async with database.read() as session:
            return await load_roster(session, pack)
    return Roster(
        pack=pack,
        speakers={p.key: p.members for p in pack.personas},
        delegates={p.key: p.delegates for p in pack.personas},
        approvers={p.key: p.approvers for p in pack.personas},
        serving=frozenset(),
    )


def _client(session: ClientSession, settings: Settings, clock: Clock) -> WeComClient:
    return WeComClient(
        session,
        api_base=settings.wecom_api_base,
        credentials=Credentials(
            corp_id=settings.wecom_corp_id,
            secret=settings.wecom_secret.get_secret_value(),
            agent_id=settings.wecom_agent_id,
        ),
        now=lambda: clock.now().timestamp(),
    )
