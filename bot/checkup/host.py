"""What can be checked without WeCom: settings, content pack, database, Redis, disk."""

from __future__ import annotations

import asyncio
import os
import shutil
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from redis.asyncio import Redis
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from bot.checkup.findings import bad, doubt, good
from content.report import check_pack
from store import inbox
from store.inbox import InboxEvent
from store.schema import SCRIPTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime, tzinfo

    from sqlalchemy.engine import Connection

    from bot.checkup.findings import Finding
    from bot.settings import Settings
    from content.pack import Pack
    from store.database import Database

DISK_LEAST: Final = 1024**3
ANSWER_S: Final = 5.0
SECRET_KEY_CHARS: Final = 32
STUCK: Final = timedelta(minutes=5)
READABLE_BY_OTHERS: Final = 0o077

CUSTOMERS: Final = "change_external_contact."
GROUPS: Final = "change_external_chat."
SWITCH: Final = (
    "在 应用管理 → 本应用 → 接收消息 → 设置 API 接收 里勾选“外部联系人变更回调”，"
    "再用自己的微信加一下小助理试试。"
)


def check_settings(settings: Settings, *, env_file: Path = Path(".env")) -> list[Finding]:
    """Judge settings that are well-formed (else the program would not have come here)."""
    area = "设置"
    findings = [good(area, "必填的都填了，格式正确")]
    if not settings.wecom_corp_id.startswith(("ww", "wx", "wp")):
        findings.append(
            doubt(
                area, "企业 ID 通常以 ww 开头", "核对 XIAOHU_WECOM_CORP_ID：我的企业 → 企业信息 → 企业 ID。"
            )
        )
    if len(settings.secret_key.get_secret_value()) < SECRET_KEY_CHARS:
        findings.append(
            doubt(
                area,
                "XIAOHU_SECRET_KEY 偏短",
                "还没有患者数据时，换成 openssl rand -hex 32 的结果；已有数据就不要换（换了姓名解不开）。",
            )
        )
    if env_file.is_file() and env_file.stat().st_mode & READABLE_BY_OTHERS:
        findings.append(doubt(area, ".env 能被这台机器上的其他用户读到", "执行 chmod 600 .env。"))
    return findings


def check_content(name: str) -> tuple[Pack | None, list[Finding]]:
    """Load and lint the content pack as ``xiaohu check`` does."""
    area = "内容包"
    report = check_pack(name)
    more = f"执行 xiaohu check {name} 看全部，改好再启动。"
    if report.errors:
        text = f"有 {len(report.errors)} 处错误，例如 {report.errors[0]}"
        return None, [bad(area, text, more)]
    worse = [found for found in report.findings if found.finding.level != "hint"]
    if worse:
        return report.pack, [doubt(area, f"有 {len(worse)} 处用语可能不合规", more)]
    title = report.pack.title if report.pack else name
    return report.pack, [good(area, f"{title}（{name}）没有错误")]


async def check_database(database: Database) -> tuple[bool, Finding]:
    """Tell whether the database takes writes and fits this version; nothing is created or migrated.

    Returns:
        Whether its tables can be read, and the finding.
    """
    area = "数据库"
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    missing = await asyncio.to_thread(_missing_file, database)
    if missing is not None:
        return False, missing
    try:
        async with asyncio.timeout(ANSWER_S), database.connect() as connection:
            now, head, known = await connection.run_sync(_revisions)
    except Exception as exc:  # the drivers' own errors are many, and may print the URL with its password
        return False, bad(
            area,
            f"{kind} 打不开或写不进去（{type(exc).__name__}）",
            "检查 XIAOHU_DATABASE_URL、数据库是否在运行、用户名密码、磁盘空间和文件权限。",
        )
    return _fits(kind, now=now, head=head, known=known)


def _missing_file(database: Database) -> Finding | None:
    """Return what there is to say about an SQLite file that does not exist; None when there is one."""
    area, file = "数据库", _file(database)
    if file is None or file.exists():
        return None
    home = next(folder for folder in file.absolute().parents if folder.exists())
    if not os.access(home, os.W_OK | os.X_OK):
        return bad(area, f"文件夹 {home} 不能写", "让运行小护的用户拥有这个文件夹。")
    return doubt(area, "SQLite 文件还不存在", "第一次启动 xiaohu serve 时会建好，不用处理。")


def _fits(kind: str, *, now: str | None, head: str, known: bool) -> tuple[bool, Finding]:
    area = "数据库"
    if now is None:
        return False, doubt(area, f"{kind} 是空的", "第一次启动 xiaohu serve 时会建表，不用处理。")
    if not known:
        return False, bad(area, f"{kind} 的结构（{now}）比程序新", "换回更新的程序版本，或恢复升级前的备份。")
    if now != head:
        return False, doubt(area, f"{kind} 的结构是 {now}，程序要 {head}", "重启 xiaohu serve 时自动升级。")
    return True, good(area, f"{kind} 可写，结构是最新的（{head}）")


def _revisions(connection: Connection) -> tuple[str | None, str, bool]:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    scripts = ScriptDirectory.from_config(config)
    now = MigrationContext.configure(connection).get_current_revision()
    return now, scripts.get_current_head() or "", now in {s.revision for s in scripts.walk_revisions()}


def _file(database: Database) -> Path | None:
    name = make_url(str(database.engine.url)).database
    return Path(name) if database.is_sqlite and name and name != ":memory:" else None


async def check_redis(url: str | None) -> Finding:
    """Ask Redis for a sign of life."""
    area = "Redis"
    if url is None:
        return good(area, "没有设置：全部在一个进程里运行")
    redis = Redis.from_url(url)
    try:
        async with asyncio.timeout(ANSWER_S):
            await redis.ping()
    except Exception as exc:  # as above: the URL may hold a password
        return bad(
            area,
            f"连不上（{type(exc).__name__}）",
            "检查 XIAOHU_REDIS_URL 和 Redis 是否在运行；只有一个进程时可以不设。",
        )
    finally:
        await redis.aclose()
    return good(area, "可用")


def check_disk(database: Database) -> Finding:
    """Look at the space where the database grows (PostgreSQL: where the program runs)."""
    area = "磁盘"
    file = _file(database)
    folder = Path.cwd() if file is None else next(p for p in file.absolute().parents if p.exists())
    free = shutil.disk_usage(folder).free
    text = f"剩余 {free / 1024**3:.1f} GB"
    if free < DISK_LEAST:
        return bad(area, text, f"{folder} 所在的磁盘少于 1 GB，写满后收不了回调：请清理或扩容。")
    return good(area, text)


async def check_events(
    database: Database, *, now: datetime, zone: tzinfo, kf: bool
) -> AsyncIterator[Finding]:
    """Tell from the inbox which callbacks have ever come: WeCom does not say which switches are on."""
    async with database.read() as session:
        rows = await session.execute(
            select(InboxEvent.kind, func.max(InboxEvent.received_at))
            .where(InboxEvent.kind.is_not(None))
            .group_by(InboxEvent.kind)
        )
        last: dict[str, datetime] = {kind: at for kind, at in rows.all() if kind}
        dead = await session.scalar(select(func.count()).where(InboxEvent.state == inbox.DEAD)) or 0
        stuck = await session.scalar(
            select(func.count()).where(InboxEvent.state == inbox.NEW, InboxEvent.received_at < now - STUCK)
        )

    def latest(prefix: str) -> str | None:
        times = [at for kind, at in last.items() if kind.startswith(prefix)]
        return f"{max(times).astimezone(UTC).astimezone(zone):%Y-%m-%d %H:%M}" if times else None

    area = "回调事件"
    customers, groups = latest(CUSTOMERS), latest(GROUPS)
    if customers is None and groups is None:
        yield doubt(area, "从未收到客户和客户群的事件", SWITCH)
    else:
        # One switch for both, so one kind that came shows that it is on.
        yield good(area, f"最近一次：客户 {customers or '还没有'}，客户群 {groups or '还没有'}")
    if kf and latest("kf_msg_or_event") is None:
        yield doubt(
            area,
            "从未收到微信客服消息",
            "用微信客服的话，在 应用管理 → 本应用 → 接收消息 里勾选“微信客服消息和事件”。",
        )
    if dead:
        yield doubt(area, f"有 {dead} 条回调处理不了", "在控制台首页的“异常”里看原因，修好后点“重新处理”。")
    if stuck:
        yield bad(
            area,
            f"有 {stuck} 条回调等了 5 分钟以上还没有处理",
            "确认 xiaohu serve（或 --role worker 的进程）在运行，并看它的日志。",
        )
