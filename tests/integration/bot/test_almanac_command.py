"""``xiaohu almanac``: what a person at the terminal gets."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from bot.cli import cli
from content.almanac.themes import PACKAGED, packaged_themes
from content.almanac.year_plan import Edit
from sop import yearly
from store.database import Database
from store.schema import upgrade
from tests.support import icalendar

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["almanac", *arguments], env={**os.environ, "COLUMNS": "120"})


def test_a_year_and_its_plan_are_printed():
    result = run("2026", "--anniversary", "05-20")

    assert result.exit_code == 0
    for told in (
        "2026 年历",
        "02-15 至 02-23",
        "春节放假",
        "春节调休上班",
        "世界口腔健康日",
        "周年店庆",
        "每周主题",
        "主主题 13　次主题 22",
        "节气 24　每周主题 48",
    ):
        assert told in result.output
    assert "暂定" not in result.output
    assert "--anniversary" not in result.output


def test_a_year_without_a_published_arrangement_says_so():
    result = run("2027")

    assert result.exit_code == 0
    assert "春节放假（暂定）" in result.output
    assert "以国务院通知为准" in result.output
    assert "用 --anniversary MM-DD 换成自己的" in result.output


def test_the_calendar_file_is_written_and_valid(tmp_path: Path):
    file = tmp_path / "2027.ics"

    result = run("2027", "--ics", str(file))

    assert result.exit_code == 0
    read = icalendar.read(file.read_bytes())
    assert read.properties["X-WR-CALNAME"] == "小护 2027 年历与年度计划"
    assert {"春节", "全国爱牙日", "开始准备：周年店庆"} <= {event["SUMMARY"] for event in read.events}


def test_own_themes_are_used(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    text = (PACKAGED / "dental.yaml").read_text(encoding="utf-8").replace("新年洁牙季", "开门红洁牙")
    file.write_text(text, encoding="utf-8")

    result = run("2027", "--themes", str(file))

    assert result.exit_code == 0
    assert "开门红洁牙" in result.output


def test_the_edits_of_the_console_are_followed_where_a_database_is_configured(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XIAOHU_DATABASE_URL", database_url)
    asyncio.run(_move_valentine(database_url))
    file = tmp_path / "2027.ics"

    result = run("2027", "--ics", str(file))

    assert result.exit_code == 0, result.output
    assert "按控制台里改过的 1 个活动排的" in result.output
    events = icalendar.read(file.read_bytes()).events
    assert [e["DTSTART"] for e in events if e["SUMMARY"] == "情人节·清新口气"] == ["20270211"]


def test_a_database_that_is_not_ready_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XIAOHU_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path / 'new.db'}")

    result = run("2027")

    assert result.exit_code == 2
    assert "xiaohu db upgrade" in result.output


async def _move_valentine(url: str) -> None:
    database = Database(url)
    await upgrade(database)
    async with database.write() as session:
        await yearly.save(
            session,
            2027,
            Edit(key="valentine", start=date(2027, 2, 11), days=3),
            themes=packaged_themes(),
            seen="",
            by="chen.jing",
            now=datetime(2026, 11, 23, 1, tzinfo=UTC),
        )
    await database.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["1999"], "2001 到 2098", id="a year too early"),
        pytest.param(["2099"], "2001 到 2098", id="a year too late"),
        pytest.param(["2027", "--anniversary", "13-01"], "MM-DD", id="no such month"),
        pytest.param(["2027", "--anniversary", "5月20日"], "MM-DD", id="a date in words"),
        pytest.param(["2027", "--ics", "/no-such-folder/a.ics"], "写不了", id="a folder that is not there"),
        pytest.param(
            ["2027", "--themes", "/no-such-file.yaml"], "no-such-file.yaml", id="a file that is not there"
        ),
    ],
)
def test_wrong_use_is_explained_and_exits_with_2(arguments, says):
    result = run(*arguments)

    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output
