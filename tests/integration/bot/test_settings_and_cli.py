"""The command line as an operator meets it: what is wrong is told at once and in full, and nothing is started."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from content.loader import PACKAGED
from tests.support.process import free_port, run_command, settings_of

if TYPE_CHECKING:
    from pathlib import Path

CONNECTION = {
    "api_base": "http://127.0.0.1:9",
    "corp_id": "wwclicorp",
    "agent_id": 1000002,
    "secret": "cli-secret",
    "token": "cliToken",
    "aes_key": "qWERtyUI0pasDFghJKLzxcVBNM1234567890abcDEFg",
}
REQUIRED = {
    "XIAOHU_SECRET_KEY",
    "XIAOHU_ADMIN_PASSWORD",
    "XIAOHU_WECOM_CORP_ID",
    "XIAOHU_WECOM_AGENT_ID",
    "XIAOHU_WECOM_SECRET",
    "XIAOHU_WECOM_TOKEN",
    "XIAOHU_WECOM_AES_KEY",
}
MALFORMED = {
    "XIAOHU_DATABASE_URL": "mysql://root:leaked1@db/xiaohu",
    "XIAOHU_REDIS_URL": "http://leaked2",
    "XIAOHU_PORT": "leaked3",
    "XIAOHU_PUBLIC_URL": "ftp://leaked4",
    "XIAOHU_SECRET_KEY": "leaked5",
    "XIAOHU_WECOM_API_BASE": "leaked6",
    "XIAOHU_WECOM_CORP_ID": "leaked 7",
    "XIAOHU_WECOM_AGENT_ID": "leaked8",
    "XIAOHU_WECOM_TOKEN": "leaked-9",
    "XIAOHU_WECOM_AES_KEY": "leaked10",
}


def named(text: str) -> set[str]:
    """Return the variables that a complaint lists, one a line."""
    return {line.strip().split("：")[0] for line in text.splitlines() if line.startswith("  ")}


def contents(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def usable(tmp_path: Path, **others: str) -> dict[str, str]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'data' / 'xiaohu.db'}"
    return settings_of(CONNECTION, database_url=url, port=free_port(), **others)


@pytest.mark.parametrize("command", [["serve"], ["db", "upgrade"]])
async def test_all_missing_settings_are_listed_at_once(tmp_path: Path, command: list[str]) -> None:
    ended = await run_command(*command, cwd=tmp_path)

    assert ended.code == 2
    assert named(ended.err) == REQUIRED
    assert "Traceback" not in ended.err
    assert contents(tmp_path) == []


async def test_all_malformed_settings_are_listed_at_once_and_no_value_is_printed(tmp_path: Path) -> None:
    ended = await run_command("serve", cwd=tmp_path, settings=usable(tmp_path) | MALFORMED)

    assert ended.code == 2
    assert named(ended.err) == set(MALFORMED)
    assert "leaked" not in ended.err + ended.out
    assert contents(tmp_path) == []


async def test_missing_and_malformed_ones_are_listed_together(tmp_path: Path) -> None:
    settings = usable(tmp_path, XIAOHU_PORT="70000", XIAOHU_WECOM_SECRET="", XIAOHU_ADMIN_PASSWORD="")
    del settings["XIAOHU_WECOM_TOKEN"]

    ended = await run_command("serve", cwd=tmp_path, settings=settings)

    assert ended.code == 2
    assert named(ended.err) == {
        "XIAOHU_PORT",
        "XIAOHU_WECOM_SECRET",
        "XIAOHU_WECOM_TOKEN",
        "XIAOHU_ADMIN_PASSWORD",
    }


async def test_an_env_file_in_the_folder_is_read(tmp_path: Path) -> None:
    lines = [f"{name}={value}" for name, value in usable(tmp_path).items()]
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")

    ended = await run_command("db", "upgrade", cwd=tmp_path)

    assert ended.code == 0
    assert (tmp_path / "data" / "xiaohu.db").exists()


@pytest.mark.parametrize(
    "command", [pytest.param(["serve"], id="serve"), pytest.param(["check"], id="check")]
)
async def test_a_broken_pack_is_told_by_file_line_field_and_remedy_and_nothing_starts(
    tmp_path: Path, command: list[str]
) -> None:
    pack = tmp_path / "pack"
    shutil.copytree(PACKAGED / "dental", pack)
    text = (pack / "channels.yaml").read_text(encoding="utf-8")
    line = next(n for n, one in enumerate(text.splitlines(), start=1) if "tags:" in one)
    broken = [
        one if n != line else one[: one.index("tags:")] + "tags: [来源/没有这个标签]"
        for n, one in enumerate(text.splitlines(), start=1)
    ]
    (pack / "channels.yaml").write_text("\n".join(broken) + "\n", encoding="utf-8")
    settings = usable(tmp_path, XIAOHU_CONTENT_PACK=str(pack))

    ended = await run_command(*command, cwd=tmp_path, settings=settings)

    told = "".join((ended.out + ended.err).split())
    assert f"channels.yaml:{line}" in told
    assert "tags" in told
    assert "没有这个标签" in told
    assert ended.code == {"serve": 2, "check": 1}[command[0]]
    assert not (tmp_path / "data").exists()


async def test_a_pack_that_does_not_exist_is_told(tmp_path: Path) -> None:
    ended = await run_command(
        "serve", cwd=tmp_path, settings=usable(tmp_path, XIAOHU_CONTENT_PACK="no-such-pack")
    )

    assert ended.code == 2
    assert "no-such-pack" in ended.err
    assert "Traceback" not in ended.err


async def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = await run_command(
            "serve", cwd=tmp_path, settings=usable(tmp_path) | {"XIAOHU_PORT": str(port)}
        )

    assert ended.code == 2
    assert str(port) in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("sqlite+aiosqlite:////proc/no/such/place.db", id="a folder that cannot be made"),
        pytest.param(f"sqlite+aiosqlite:///{__file__}", id="a file that is no database"),
        pytest.param("postgresql+asyncpg://xiaohu:leaked@127.0.0.1:9/xiaohu", id="no server there"),
    ],
)
@pytest.mark.parametrize("command", [["serve"], ["db", "upgrade"]])
async def test_a_database_that_cannot_be_opened_is_told_without_its_password(
    tmp_path: Path, url: str, command: list[str]
) -> None:
    ended = await run_command(
        *command, cwd=tmp_path, settings=settings_of(CONNECTION, database_url=url, port=free_port())
    )

    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert "数据库" in ended.err
    assert "leaked" not in ended.err + ended.out


@pytest.mark.parametrize("role", ["web", "worker", "scheduler"])
async def test_a_part_of_the_program_needs_redis(tmp_path: Path, role: str) -> None:
    ended = await run_command("serve", "--role", role, cwd=tmp_path, settings=usable(tmp_path))

    assert ended.code == 2
    assert "XIAOHU_REDIS_URL" in ended.err


async def test_a_database_is_upgraded_once_and_again_does_no_harm(database_url: str, tmp_path: Path) -> None:
    settings = settings_of(CONNECTION, database_url=database_url)

    first = await run_command("db", "upgrade", cwd=tmp_path, settings=settings)
    again = await run_command("db", "upgrade", cwd=tmp_path, settings=settings)

    assert (first.code, again.code) == (0, 0)
    assert "空 →" in first.out
    assert "已是最新" in again.out


@pytest.mark.parametrize("command", [["serve"], ["db", "upgrade"]])
async def test_a_database_of_a_newer_version_is_left_alone_and_told(
    tmp_path: Path, command: list[str]
) -> None:
    settings = usable(tmp_path)
    assert (await run_command("db", "upgrade", cwd=tmp_path, settings=settings)).code == 0
    with closing(sqlite3.connect(tmp_path / "data" / "xiaohu.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()

    ended = await run_command(*command, cwd=tmp_path, settings=settings)

    assert ended.code == 2
    assert "9999" in ended.err
    assert "Traceback" not in ended.err


async def test_lint_reads_json_lines_from_stdin_and_answers_each(tmp_path: Path) -> None:
    lines = [
        {"id": "clean", "text": "今天门诊到六点。", "persona": "assistant", "channel": "group"},
        {"id": 7, "text": "全国第一的种植专家，包治百病！", "persona": "doctor", "channel": "moment"},
    ]
    source = "\n\n".join(json.dumps(line, ensure_ascii=False) for line in lines)

    ended = await run_command("lint", "-", cwd=tmp_path, stdin=source.encode())

    clean, found = [json.loads(line) for line in ended.out.splitlines()]
    assert clean == {"id": "clean", "findings": []}
    assert found["id"] == 7
    assert "block" in {finding["level"] for finding in found["findings"]}
    first = found["findings"][0]
    assert set(first) == {"level", "start", "end", "rule", "ground", "advice"}
    assert 0 <= first["start"] < first["end"] <= len(str(lines[1]["text"]))
    assert ended.code == 1


@pytest.mark.parametrize(
    ("source", "place"),
    [
        pytest.param(b'{"id": 1, "text": "a"}\n{"id": 2}\n', "第 2 行的 text", id="a field is missing"),
        pytest.param(b'{"id": [], "text": "a"}\n', "第 1 行的 id：要有", id="no such id"),
        pytest.param(b"no json\n", "第 1 行：不是 UTF-8 的 JSON 对象", id="no JSON"),
        pytest.param(b"[]\n", "第 1 行：不是 UTF-8 的 JSON 对象", id="no object"),
        pytest.param(b'{"id": 1, "text": "\xff"}\n', "第 1 行：", id="no UTF-8"),
        pytest.param(
            b'{"id": 1, "text": "a", "persona": "nurse"}\n', "第 1 行的 persona", id="unknown persona"
        ),
    ],
)
async def test_lint_names_the_line_it_cannot_read(tmp_path: Path, source: bytes, place: str) -> None:
    ended = await run_command("lint", cwd=tmp_path, stdin=source)

    assert ended.code == 2
    assert place in ended.err
    assert not re.search(r"[A-Z][a-z]+ ", ended.err)  # neither a traceback nor a library's words


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        pytest.param("gone.jsonl", "没有这个文件", id="none"),
        pytest.param(".", "这是一个文件夹", id="a folder"),
    ],
)
async def test_a_file_that_cannot_be_read_is_told_in_chinese(tmp_path: Path, path: str, reason: str) -> None:
    ended = await run_command("lint", path, cwd=tmp_path)

    assert (ended.code, ended.err.strip()) == (2, f"读不到 {path}：{reason}")


async def test_the_sandbox_tells_its_connection_in_one_line_and_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = await run_command("sandbox", "--port", str(port), cwd=tmp_path)

    assert ended.code == 2
    assert str(port) in ended.err


async def test_an_unknown_command_is_wrong_usage(tmp_path: Path) -> None:
    assert (await run_command("serv", cwd=tmp_path)).code == 2
