"""员工: noting that somebody is away, and who stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sop.roster import load_roster
from tests.support.api_driver import MONDAY

if TYPE_CHECKING:
    from tests.support.console_driver import Desk

STAFF = "/console/staff"
HIS = f"{STAFF}/zhang.wei"
DAYS = {"since": "2025-06-02", "until": "2025-06-06"}


async def test_an_absence_is_noted_shown_and_ended(desk_anywhere: Desk) -> None:
    desk = desk_anywhere
    answer = await desk.send(await desk.get(HIS), f"{HIS}/away", **DAYS, substitute="zhao.min")

    assert (answer.status, answer.location) == (303, f"{HIS}#away")
    his = await desk.get(HIS)
    assert "周一 06-02 到 周五 06-06" in his.text
    assert "休假到 周五 06-06，zhao.min 代班" in (await desk.get(STAFF)).text
    async with desk.database.read() as session:
        roster = await load_roster(session, desk.pack, now=MONDAY)
    assert roster.stand_in("zhang.wei") == "zhao.min"

    await desk.send(his, f"{HIS}/back")
    assert "没有登记休假" in (await desk.get(HIS)).text


async def test_who_only_approves_and_was_never_seen_in_wecom_can_be_away_too(desk: Desk) -> None:
    page = await desk.get(f"{STAFF}/chen.jing")
    answer = await desk.send(page, f"{STAFF}/chen.jing/away", **DAYS, substitute="zhang.wei")

    assert answer.status == 303
    assert (await desk.get(f"{STAFF}/nobody")).status == 404


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"until": "2025-06-01"}, "回来的时间要晚于开始的时间", id="ends before it begins"),
        pytest.param({"substitute": "zhang.wei"}, "代班的要是另一位同事", id="himself"),
        pytest.param({"substitute": "nobody"}, "没有“nobody”这位在职的成员", id="nobody"),
        pytest.param({"until": "soon"}, "到哪天为止，要写成", id="no day"),
    ],
)
async def test_an_absence_that_cannot_be_is_refused_with_the_remedy(
    desk: Desk, fields: dict[str, str], said: str
) -> None:
    answer = await desk.send(await desk.get(HIS), f"{HIS}/away", **(DAYS | fields))

    assert (answer.status, said in answer.text) == (422, True)
