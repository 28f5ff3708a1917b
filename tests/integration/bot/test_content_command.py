"""`xiaohu content export` and `import`: out as a pack, back without a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from bot.content_command import export_library, import_library
from bot.settings import Settings
from content.loader import load_pack
from tests.support.pack_factory import PackFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        database_url=SecretStr(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}"),
        secret_key=SecretStr("a secret of the tests that is long enough"),
        admin_password=SecretStr("password"),
        wecom_corp_id="ww0123456789abcdef",
        wecom_agent_id=1000002,
        wecom_secret=SecretStr("secret"),
        wecom_token=SecretStr("token"),
        wecom_aes_key=SecretStr("a" * 43),
    )


async def test_out_edited_and_in_again(settings: Settings, tmp_path: Path, capsys) -> None:
    pack = load_pack(PackFolder(tmp_path / "pack").root)
    out = tmp_path / "out"

    assert await export_library(settings, pack, out) == 0
    assert "3 个素材，1 个图片或视频文件" in capsys.readouterr().out
    assert await import_library(settings, pack, out) == 0
    assert "没有改动" in capsys.readouterr().out

    daily = out / "moments" / "daily.yaml"
    daily.write_text(daily.read_text("utf-8").replace("伞放门口就好。", "伞放在门口。"), "utf-8")
    assert await import_library(settings, pack, out) == 0
    assert "改动 1" in capsys.readouterr().out
    assert await export_library(settings, pack, tmp_path / "again") == 0
    assert (tmp_path / "again" / "moments" / "daily.yaml").read_bytes() == daily.read_bytes()


async def test_a_folder_in_use_and_a_broken_pack_are_refused(
    settings: Settings, tmp_path: Path, capsys
) -> None:
    folder = PackFolder(tmp_path / "pack")
    pack = load_pack(folder.root)

    assert await export_library(settings, pack, folder.root) == 2
    assert "换一个空文件夹" in capsys.readouterr().err
    folder.change("moments/daily.yaml", "category: 科普", "category: 诗歌")
    assert await import_library(settings, pack, folder.root) == 2
    assert "什么都没有读进来" in capsys.readouterr().err
