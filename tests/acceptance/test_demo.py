"""The first command of the README, as a newcomer runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.process import run_command

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(300)  # the whole story, with a start of everything, on a busy machine
async def test_the_demo_plays_its_story_to_the_end_though_a_journey_speaks_before_the_week(
    tmp_path: Path,
) -> None:
    ended = await run_command("demo", "--exit", cwd=tmp_path, within_s=280)

    assert ended.code == 0, ended.out + ended.err
    assert "故事演完了" in ended.out
    assert "Traceback" not in ended.err
