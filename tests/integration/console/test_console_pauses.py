"""暂停: switches with a reason, a strip on every page, and who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.console_driver import Desk

HERE = "/console/pauses"
STRIP = "全部发送已暂停"


async def test_everything_is_paused_with_a_reason_and_every_page_says_so(desk_anywhere: Desk) -> None:
    desk = desk_anywhere
    page = await desk.get(HERE)
    assert "正在正常发送" in page.text
    assert STRIP not in (await desk.get("/console/")).text

    answer = await desk.send(page, HERE, scope="all", reason="客户投诉")

    assert (answer.status, answer.location) == (303, HERE)
    shown = await desk.get(HERE)
    assert "已暂停：从现在起不再向客户发送" in shown.text
    assert "管理员 暂停了全部发送客户投诉" in shown.text
    for path in ("/console/", "/console/review", "/console/staff", "/console/nowhere"):
        assert STRIP in (await desk.get(path)).text, path

    answer = await desk.send(shown, f"{HERE}/lift", scope="all")
    after = await desk.get(HERE)
    assert "已恢复" in after.text
    assert "管理员 恢复了全部发送" in after.text
    assert STRIP not in (await desk.get("/console/")).text


async def test_one_persona_is_paused_and_the_strip_names_it(desk: Desk) -> None:
    await desk.send(await desk.get(HERE), HERE, scope="persona:doctor-zhang", reason="先核对一下")

    home = (await desk.get("/console/")).text
    assert "有暂停的发送“张医生”" in home


@pytest.mark.parametrize("scope", ["persona:nobody", "x", "plan:nothing"])
async def test_what_cannot_be_paused_is_refused(desk: Desk, scope: str) -> None:
    answer = await desk.send(await desk.get(HERE), HERE, scope=scope, reason="试试")

    assert answer.status == 422
