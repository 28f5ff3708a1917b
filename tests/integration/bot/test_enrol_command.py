"""``xiaohu enrol``: many at once, by list, tag or all; run again it lets nobody begin twice."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from rich.console import Console
from sqlalchemy import func, select

from bot.enrol_command import enrol
from bot.settings import Settings
from clinic.tables import AuditEntry
from sop.plan_tables import Enrolment
from store.database import Database
from store.schema import upgrade
from tests.support.journeys import MONDAY, people
from tests.support.plans import journey, publish

if TYPE_CHECKING:
    from pathlib import Path

    from content.pack import Pack


async def test_all_begin_once_after_a_dry_run_and_a_list_names_who_is_unknown(
    database_url: str, tmp_path: Path, pack: Pack
) -> None:
    values: dict[str, Any] = {
        "database_url": SecretStr(database_url),
        "secret_key": SecretStr("a secret of the tests"),
        "admin_password": SecretStr("p"),
    }
    wecom = {
        "wecom_secret": SecretStr("x" * 43),
        "wecom_token": SecretStr("x" * 20),
        "wecom_aes_key": SecretStr("x" * 43),
    }
    settings = Settings(_env_file=None, wecom_corp_id="ww", wecom_agent_id=1, **values, **wecom)
    database = Database(database_url)
    await upgrade(database)
    async with database.write() as session:
        await people(session, 1205)
    await publish(database, pack, journey("care"), now=MONDAY)
    said = StringIO()
    console = Console(file=said, width=200)

    async def begun() -> int:
        async with database.read() as session:
            return await session.scalar(select(func.count()).select_from(Enrolment)) or 0

    assert await enrol(settings, pack, "care", dry_run=True, console=console) == 0
    assert (await begun(), "会加入 1205 位" in said.getvalue()) == (0, True)
    assert "第一次联系：选中 1 205 人，1 205 人可以按时收到。" in said.getvalue()
    for _ in range(2):
        assert await enrol(settings, pack, "care", console=console) == 0
    assert (await begun(), "早已在里面 1205 位" in said.getvalue()) == (1205, True)
    async with database.read() as session:
        told = await session.scalars(select(AuditEntry.reason).where(AuditEntry.action == "plan.enrol"))
        assert list(told) == ["手动加入 1205 位（所有人）"]

    file = tmp_path / "list.csv"
    file.write_text(f"企业微信ID,姓名\nwm{1:030d},甲\nwm-nobody,乙\n", encoding="utf-8")
    assert await enrol(settings, pack, "care", file=file, run="two", console=console) == 1
    assert "第 3 行" in said.getvalue()
    assert await enrol(settings, pack, "nothing", console=console) == 2
    await database.close()
