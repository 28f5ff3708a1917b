"""年历: the year's months, its campaigns changed by form and undone, the calendar file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import icalendar

if TYPE_CHECKING:
    from tests.support.console_driver import Desk

HERE = "/console/year?year=2027"
VALENTINE = "/console/year/2027/of/valentine"


async def test_the_year_shows_days_campaigns_and_when_to_prepare(desk: Desk) -> None:
    page = await desk.get("/console/year?year=2026")

    assert page.status == 200
    for told in (
        "2026 年历",
        "春节放假",
        "春节调休上班",
        "世界口腔健康日",
        "寒假",
        "立春",
        "618",
        "本周主题",
    ):
        assert told in page.text
    assert "暂定" not in page.text
    assert "还没有人改过" in page.text
    assert "开始准备 新年洁牙季 2027-01-04 开始" in page.text  # December prepares what January brings


async def test_the_year_is_this_one_unless_asked_and_says_what_is_provisional(desk: Desk) -> None:
    assert "2025 年历" in (await desk.get("/console/year")).text
    assert "标“暂定”的日子按往年推算" in (await desk.get(HERE)).text


async def test_a_campaign_is_moved_and_put_back_with_undo(desk_anywhere: Desk) -> None:
    desk = desk_anywhere
    page = await desk.get(HERE)

    after = await desk.follow(await desk.send(page, VALENTINE, start="2027-02-11", days="3"))

    assert "已改：02-11 开始，办 3 天" in after.text
    assert "“情人节·清新口气”改为 02-11 开始、办 3 天" in after.text
    assert dict(after.form(VALENTINE))["start"] == "2027-02-11"
    (undo,) = {part.split('"')[0] for part in after.html.split('action="')[1:] if "/undo/" in part[:60]}
    undone = await desk.follow(await desk.send(after, undo))
    assert "已撤销" in undone.text
    assert dict(undone.form(VALENTINE))["start"] == "2027-02-14"


async def test_a_campaign_is_dropped_and_restored(desk: Desk) -> None:
    after = await desk.follow(await desk.send(await desk.get(HERE), f"{VALENTINE}/drop"))
    assert "情人节·清新口气 这一年不办" in after.text
    assert 'id="c-valentine"' not in after.html

    back = await desk.follow(await desk.send(after, f"{VALENTINE}/restore"))
    assert 'id="c-valentine"' in back.html


async def test_what_breaks_a_rule_is_shown(desk: Desk) -> None:
    page = await desk.get("/console/year?year=2027")
    action = "/console/year/2027/of/spring-implant"

    after = await desk.follow(await desk.send(page, action, start="2027-01-28", days="10"))

    assert "处要留意" in after.text
    assert "“春季缺牙修复月”不合时宜：年前做手术" in after.text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"start": "情人节那天"}, "第一天要写成", id="a date in words"),
        pytest.param({"start": "2028-02-14"}, "第一天要在 2027 年里", id="another year"),
        pytest.param({"days": "0"}, "天数写 1 到 31 的整数", id="no days"),
        pytest.param({"seen": "2027-01-01/1/"}, "刚被别人改过", id="somebody else was first"),
    ],
)
async def test_a_form_that_cannot_be_is_told_and_changes_nothing(
    desk: Desk, changes: dict[str, str], says: str
) -> None:
    after = await desk.follow(await desk.send(await desk.get(HERE), VALENTINE, **changes))

    assert f"没有改：{says}" in after.text.replace("这个活动", "")
    assert "还没有人改过" in after.text


@pytest.mark.parametrize("year", ["1999", "2099", "abcd", "20260", "²⁰²⁷"])
async def test_a_year_that_cannot_be_planned_is_refused(desk: Desk, year: str) -> None:
    page = await desk.get(f"/console/year?year={year}")

    assert page.status == 422
    assert "2001 到 2098" in page.text


@pytest.mark.parametrize("year", ["2001", "2098"])
async def test_the_first_and_the_last_year_are_shown(desk: Desk, year: str) -> None:
    assert (await desk.get(f"/console/year?year={year}")).status == 200


async def test_the_calendar_file_has_the_edits(desk: Desk) -> None:
    await desk.send(await desk.get(HERE), VALENTINE, start="2027-02-11", days="3")

    file = await desk.get("/console/year/2027.ics")

    assert file.headers["Content-Type"].startswith("text/calendar")
    assert "xiaohu-2027.ics" in file.headers["Content-Disposition"]
    read = icalendar.read(file.html.encode())
    (event,) = [event for event in read.events if event["SUMMARY"] == "情人节·清新口气"]
    assert event["DTSTART"] == "20270211"
