"""旅程 on a patient's page: a look ahead, a start, a stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.vault import Vault
from tests.support.plans import journey, publish, todo
from tests.support.records import NOW, meet

if TYPE_CHECKING:
    from tests.support.console_driver import Desk

HERE = "/console/patients/1"
START = f"{HERE}/journeys/start"


async def test_a_journey_is_looked_at_started_and_stopped_on_her_page(desk: Desk) -> None:
    await publish(desk.database, desk.pack, journey("care"), now=NOW)
    async with desk.database.write() as session:
        await meet(session, Vault("a secret of the tests"), "wm-fang", "芳芳", at=NOW)
    assert "现在没有在走的旅程" in (await desk.get(HERE)).text

    ahead = await desk.get(f"{START}?plan=care")
    assert "开始“旅程 care”" in ahead.text
    assert "请问一声" in ahead.text
    started = await desk.send(ahead, START, reason="外院做的")
    assert started.location == f"{HERE}#journeys"
    twice = await desk.send(ahead, START)
    assert twice.status == 303
    shown = await desk.get(HERE)
    assert "没有再开始一次" in shown.text
    assert "同事手动开始：外院做的" in shown.text
    assert "不能开始：已经在这个旅程里" in (await desk.get(f"{START}?plan=care")).text

    await desk.send(shown, f"{HERE}/journeys/1/stop", reason="加错了")
    shown = await desk.get(HERE)
    assert "现在没有在走的旅程" in shown.text
    assert "手动停止旅程“旅程 care”：加错了" in shown.text


async def test_staff_read_what_steps_are_called_and_not_their_keys(desk: Desk) -> None:
    await publish(desk.database, desk.pack, journey("care"), now=NOW)
    async with desk.database.write() as session:
        await meet(session, Vault("a secret of the tests"), "wm-fang", "芳芳", at=NOW)

    ahead = await desk.get(f"{START}?plan=care")
    await desk.send(ahead, START)

    assert "第 1 步 同事手发" in ahead.text
    assert "第 2 步 同事手发" in ahead.text
    assert "下一步：第 1 步（同事手发，第 1 天）" in (await desk.get(HERE)).text
    assert "第 2 步 同事手发" in (await desk.get("/console/plans/of/care")).text


async def test_a_journey_that_is_not_there_leads_nowhere(desk: Desk) -> None:
    async with desk.database.write() as session:
        await meet(session, Vault("a secret of the tests"), "wm-fang", "芳芳", at=NOW)

    assert (await desk.get(f"{START}?plan=nothing")).status == 404


async def test_a_look_ahead_says_where_branches_lead_and_goes_her_way(desk: Desk) -> None:
    steps = [
        {
            "key": "fork",
            "channel": "branch",
            "ways": [
                {"go": "women", "when": {"gender": "female"}},
                {"go": "half", "share": 1},
                {"go": "end", "share": 3},
            ],
        },
        todo("half", after={"days": 1}, text="这一半的人", next="end"),
        todo("women", after={"days": 2}, text="请女士看这个"),
    ]
    await publish(desk.database, desk.pack, journey("care", steps=steps), now=NOW)
    async with desk.database.write() as session:
        patient = await meet(session, Vault("a secret of the tests"), "wm-fang", "芳芳", at=NOW)
        patient.gender = 2

    ahead = (await desk.get(f"{START}?plan=care")).text

    assert "如果性别女，就到“第 3 步（同事手发，第 2 天）”" in ahead
    assert "其余的人按份数分：到“第 2 步（同事手发，第 1 天）”（1 份） 或 结束（3 份）" in ahead
    assert "照现在的情况 到“第 3 步（同事手发，第 2 天）”" in ahead
    assert "走哪条路看她到时候的情况" in ahead
    assert "请女士看这个" in ahead
    assert "这一半的人" not in ahead
    plan = (await desk.get("/console/plans/of/care")).text
    assert "如果性别女，就到“第 3 步（同事手发，第 2 天）”" in plan


async def test_a_look_ahead_without_branches_speaks_of_none(desk: Desk) -> None:
    await publish(desk.database, desk.pack, journey("care"), now=NOW)
    async with desk.database.write() as session:
        await meet(session, Vault("a secret of the tests"), "wm-fang", "芳芳", at=NOW)

    assert "走哪条路" not in (await desk.get(f"{START}?plan=care")).text
