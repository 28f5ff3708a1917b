"""``xiaohu pause`` and ``xiaohu resume`` as an operator meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.bot.test_settings_and_cli import usable
from tests.support.process import run_command

if TYPE_CHECKING:
    from pathlib import Path


async def test_switches_are_thrown_and_lifted_where_no_console_is_at_hand(tmp_path: Path) -> None:
    settings = usable(tmp_path)

    paused = await run_command("pause", "--reason", "客户投诉", cwd=tmp_path, settings=settings)
    again = await run_command("pause", cwd=tmp_path, settings=settings)
    resumed = await run_command("resume", cwd=tmp_path, settings=settings)

    assert (paused.code, again.code, resumed.code) == (0, 0, 0)
    assert "已暂停：all" in paused.out
    assert "command-line：客户投诉" in paused.out
    assert "没有改变：all 本来就停着" in again.out
    assert "已恢复：all" in resumed.out
    assert "正常发送" in resumed.out


async def test_a_scope_that_does_not_exist_ends_with_2_and_says_what_there_is(tmp_path: Path) -> None:
    ended = await run_command("pause", "persona:nobody", cwd=tmp_path, settings=usable(tmp_path))

    assert (ended.code, "没有这个角色；有 assistant" in ended.err) == (2, True)
