"""What pages say of greetings whose asset shows a patient who has not agreed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from content.group_specs import GroupWelcomeSpec
from content.library.importing import keep_up
from tests.integration.console.test_console_consents import PHOTO, agrees, link, shows
from tests.support.api_driver import MONDAY, Scene, copied
from tests.support.console_driver import Desk, console_desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack


@pytest.fixture
async def greeting(scene: Scene, tmp_path: Path) -> AsyncIterator[Desk]:
    """A clinic whose greetings carry the booking card, whose cover is a picture."""
    async with console_desk(replace(scene, pack=with_card(scene.pack)), copied(scene, tmp_path)) as desk:
        assert (await desk.login()).status == 303
        await keep_up(desk.database, desk.pack, now=MONDAY)
        yield desk


def with_card(pack: Pack) -> Pack:
    place = pack.welcomes[0].place
    welcome = GroupWelcomeSpec(text="欢迎 %NICKNAME%", attachment="booking", place=place)
    return replace(
        pack,
        welcomes=tuple(replace(welcome, attachments=("booking",)) for welcome in pack.welcomes),
        roles=tuple(replace(role, welcome=welcome) for role in pack.roles),
    )


async def test_pages_say_which_greetings_go_as_words_alone_and_why(greeting: Desk) -> None:
    desk = greeting
    plain = await desk.get("/console/channels/greetings")
    assert "在线预约" in plain.text
    assert "只发文字" not in (await desk.get("/console/groups")).text
    await shows(desk, "brush-card", "asset")

    why = "素材“在线预约”用到了患者，还没有登记患者的同意"
    assert f"只发文字：{why}" in (await desk.get("/console/groups")).text
    assert f"只发文字：{why}" in (await desk.get("/console/groups/wr-1")).text
    tried = await desk.get("/console/channels/greetings")
    assert f"少带了一样：{why}" in tried.text
    assert tried.text.count("在线预约") == 1, "the preview shows what would be sent"
    assert "欢迎语里现在不带它" in (await desk.get(PHOTO)).text

    await link(desk, await agrees(desk), PHOTO)
    assert "只发文字" not in (await desk.get("/console/groups")).text
    assert "少带了一样" not in (await desk.get("/console/channels/greetings")).text
