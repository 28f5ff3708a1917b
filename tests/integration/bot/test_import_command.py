"""``xiaohu import`` as an operator meets it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bot.import_command import import_file
from bot.settings import Settings
from clinic.imports.files import MAX_BYTES
from tests.integration.bot.test_settings_and_cli import usable
from tests.support.process import run_command

if TYPE_CHECKING:
    from pathlib import Path

    from content.pack import Pack

FILE = """\
就诊号,病历号,姓名,电话,就诊日期,治疗项目,状态,金额
J1,B001,王小雨,13800138000,2026-11-20 09:30,洗牙,已完成,128.5
J2,B002,李大海,电话没留,2026-11-20,补牙,已完成,300
"""


def counted(tmp_path: Path, table: str) -> int:
    with closing(sqlite3.connect(tmp_path / "data" / "xiaohu.db")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


async def test_a_dry_run_tells_every_fault_and_leaves_nothing_behind_then_the_import_records(
    tmp_path: Path,
) -> None:
    (tmp_path / "就诊.csv").write_text(FILE, "gb18030")
    settings = usable(tmp_path)

    looked = await run_command("import", "visits", "就诊.csv", "--dry-run", cwd=tmp_path, settings=settings)

    assert looked.code == 1
    assert "不是电话号码" in looked.out
    assert "只是检查，什么都没有记下" in looked.out
    assert [counted(tmp_path, table) for table in ("visits", "patients", "imports")] == [0, 0, 0]

    done = await run_command("import", "visits", "就诊.csv", cwd=tmp_path, settings=settings)
    again = await run_command("import", "visits", "就诊.csv", cwd=tmp_path, settings=settings)

    assert (done.code, again.code) == (1, 1)
    assert "2 行：新增 1，更新 0，没有变化 0，有问题 1；新建档案 1" in done.out
    assert "2 行：新增 0，更新 0，没有变化 1，有问题 1；新建档案 0" in again.out
    assert [counted(tmp_path, table) for table in ("visits", "patients")] == [1, 1]
    assert "13800138000" not in looked.out + done.out + done.err


async def test_a_kind_that_does_not_exist_ends_with_2_and_names_those_that_do(tmp_path: Path) -> None:
    ended = await run_command("import", "secrets", "x.csv", cwd=tmp_path, settings=usable(tmp_path))

    assert (ended.code, "visits、patients、answers" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("nowhere.csv", "读不到", id="no file"),
        pytest.param("huge.csv", "20 MB", id="a huge file"),
        pytest.param("words.csv", "没有认出表头", id="no table"),
    ],
)
async def test_a_file_that_cannot_be_imported_ends_with_2_and_a_remedy(
    tmp_path: Path, pack: Pack, capsys: pytest.CaptureFixture[str], name: str, says: str
) -> None:
    with (tmp_path / "huge.csv").open("wb") as huge:
        huge.truncate(MAX_BYTES + 1)
    (tmp_path / "words.csv").write_text("只是一段话\n", "utf-8")
    fields = usable(tmp_path).items()
    settings = Settings(
        _env_file=None, **{key.removeprefix("XIAOHU_").lower(): value for key, value in fields}
    )

    code = await import_file(settings, pack, "visits", tmp_path / name, dry_run=False)

    told = capsys.readouterr()
    assert code == 2
    assert says in "".join((told.out + told.err).split("\n"))
