"""Journeys started and stopped by hand, by the API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from clinic import people
from tests.support.plans import journey, publish, todo

if TYPE_CHECKING:
    from tests.support.api_driver import ApiClinic

HERE = "/api/v1/patients/wm1/journeys"


async def scene(clinic: ApiClinic) -> None:
    now = clinic.clock.now()
    sale = journey(
        "sale",
        purpose="marketing",
        persona="assistant",
        steps=[todo(key, after={"days": day}, at="10:00", late="skip") for key, day in (("a", 1), ("b", 2))],
    )
    elders = journey("elders", only={"age": {"from": 60}})
    await publish(clinic.database, clinic.pack, journey("care"), sale, elders, now=now)
    async with clinic.database.write() as session:
        await people.added(
            session, external_userid="wm1", userid="xiaohu", channel="", at=now, now=now, half=False
        )


async def test_a_journey_is_looked_at_started_once_and_stopped(clinic_anywhere: ApiClinic) -> None:
    clinic = clinic_anywhere
    await scene(clinic)

    ahead = (await clinic.post(f"{HERE}/preview", {"plan": "care"})).json
    assert (ahead["refused"], [(one["key"], one["sender"]) for one in ahead["steps"]]) == (
        "",
        [("one", "xiaohu"), ("two", "xiaohu")],
    )
    assert (await clinic.get(HERE)).json["items"] == [], "a look starts nothing"

    order = {"plan": "care", "mark": "crm:17", "reason": "外院做的"}
    started, again = await clinic.post(HERE, order), await clinic.post(HERE, order)
    assert (started.status, again.status) == (201, 200)
    [one] = again.json["items"]
    assert (one["plan"], one["by_hand"], one["cause"]) == ("care", True, "同事手动开始：外院做的")
    assert one["next_at"] == ahead["steps"][0]["at"]
    refused = await clinic.post(HERE, order | {"mark": "crm:18"})
    assert (refused.status, refused.json["detail"]) == (409, "不能开始：已经在这个旅程里")

    for _ in range(2):
        assert (await clinic.post(f"{HERE}/{one['id']}/stop", {"reason": "加错了"})).json["items"] == []
    assert (await clinic.post(f"{HERE}/4711/stop", {})).status == 404
    told = [entry["reason"] for entry in (await clinic.get("/api/v1/patients/wm1")).json["timeline"]]
    assert told.count("手动开始旅程“旅程 care”：外院做的") == 1
    assert told.count("手动停止旅程“旅程 care”：加错了") == 1


async def test_a_look_says_what_caps_would_hold_and_who_may_not_begin(clinic: ApiClinic) -> None:
    await scene(clinic)

    sale = (await clinic.post(f"{HERE}/preview", {"plan": "sale"})).json
    held = {one["key"]: one["held"] for one in sale["steps"]}
    assert held["a"] == ""
    assert "相隔不到 48 小时" in held["b"]
    assert held["b"].endswith("会不发")

    elders = (await clinic.post(f"{HERE}/preview", {"plan": "elders"})).json
    assert elders["refused"] == "不在范围里：要年龄满 60 岁"


@pytest.mark.parametrize("path", [HERE, f"{HERE}/preview"])
async def test_a_journey_that_nobody_published_is_refused(clinic: ApiClinic, path: str) -> None:
    await scene(clinic)
    mark = {"mark": "m"} if path == HERE else {}
    refused = await clinic.post(path, {"plan": "nothing", **mark})

    assert (refused.status, refused.fields) == (422, ["plan"])


async def test_a_start_told_many_times_at_once_is_one(clinic_anywhere: ApiClinic) -> None:
    clinic = clinic_anywhere
    await scene(clinic)
    order = {"plan": "care", "mark": "crm:17"}

    told = await asyncio.gather(*(clinic.post(HERE, order) for _ in range(6)))

    assert sorted(one.status for one in told) == [200] * 5 + [201]
    [running] = (await clinic.get(HERE)).json["items"]
    ended = await asyncio.gather(*(clinic.post(f"{HERE}/{running['id']}/stop", {}) for _ in range(6)))
    assert {one.status for one in ended} == {200}
    said = [entry["reason"] for entry in (await clinic.get("/api/v1/patients/wm1")).json["timeline"]]
    assert (said.count("手动开始旅程“旅程 care”"), said.count("手动停止旅程“旅程 care”")) == (1, 1)
