"""``xiaohu plans`` as an operator meets it."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from bot import plans_command
from bot.settings import Settings
from sop.plans import store
from sop.plans.states import PlanState
from store.database import Database
from tests.integration.bot.test_settings_and_cli import usable
from tests.support.process import run_command

if TYPE_CHECKING:
    from pathlib import Path

    from content.pack import Pack

NOW = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)


class Desk:
    """Runs the commands on one database and reads what they print."""

    def __init__(self, url: str, pack: Pack, settings: Settings) -> None:
        self.url, self.pack, self.settings = url, pack, settings

    async def __call__(self, work: plans_command.Work) -> tuple[int, str]:
        out = StringIO()
        code = await plans_command.run_plans(
            self.settings, self.pack, work, console=Console(file=out, width=160)
        )
        return code, out.getvalue()

    async def draft(self, **fields: object) -> None:
        database = Database(self.url)
        try:
            async with database.write() as session:
                versions = await store.versions_of(session, "birthday")
                document = dict(versions[0].document) | fields
                await store.save_draft(session, document, pack=self.pack, actor="chen.jing", now=NOW)
        finally:
            await database.close()


@pytest.fixture
def desk(pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    environment = usable(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Desk(environment["XIAOHU_DATABASE_URL"], pack, Settings())


async def test_plans_are_listed_shown_published_paused_and_retired(desk: Desk) -> None:
    code, listed = await desk(plans_command.show_list)
    assert code == 0
    assert "种植回访" in listed
    assert [line.split("│")[4].strip() for line in listed.splitlines() if "live-stream" in line] == ["草稿"]

    _, shown = await desk(plans_command.show("recall.implant", None))
    assert "由 内容包 发布　← 现在用的" in shown
    assert "就诊 done implant.surgery" in shown
    assert "第 14 天 10:30" in shown
    assert "direct.implant.month-12" in shown

    await desk.draft(title="生日祝福")
    code, told = await desk(plans_command.publish("birthday", None, "restart", None))
    assert (code, told.strip()) == (0, "已发布 birthday 第 2 版，状态：启用")

    code, told = await desk(plans_command.become("birthday", PlanState.PAUSED, "过年"))
    assert (code, told.strip()) == (0, "生日祝福（birthday）：暂停")
    code, told = await desk(plans_command.become("birthday", PlanState.RETIRED, ""))
    assert (code, told.strip()) == (0, "生日祝福（birthday）：停用")


async def test_what_cannot_be_done_says_why_and_changes_nothing(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (await desk(plans_command.show("birthdy", None)))[0] == 1
    assert "没有计划 birthdy" in capsys.readouterr().err
    assert (await desk(plans_command.publish("birthday", None, "stay", None)))[0] == 1
    assert "没有可以发布的草稿" in capsys.readouterr().err
    assert (await desk(plans_command.publish("birthday", 1, "stay", None)))[0] == 1
    assert "已经发布过" in capsys.readouterr().err


async def test_the_commands_work_from_a_terminal(tmp_path: Path) -> None:
    settings = usable(tmp_path)

    paused = await run_command("plans", "pause", "happy", "--reason", "试试", cwd=tmp_path, settings=settings)
    wrong = await run_command("plans", "resume", "hapy", cwd=tmp_path, settings=settings)

    assert (paused.code, paused.out.strip()) == (0, "满意之后（happy）：暂停")
    assert (wrong.code, "没有计划 hapy" in wrong.err) == (1, True)
