"""渠道: codes made, paused and ended by hand, their print, and which greeting is chosen."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import segno
from PIL import Image
from sqlalchemy import select

from clinic import acquisition, greetings, people
from clinic import channels as records
from clinic.care_tables import ChannelCode
from clinic.effects import CreateCode
from clinic.tables import AuditEntry
from content.qr import read_code
from sop import channel_ends
from store.outbox import OutboxEffect

if TYPE_CHECKING:
    from tests.support.console_driver import Desk, Page

LIST = "/console/channels"
DESK = "/console/channels/of/front-desk"
TRY = "/console/channels/greetings"
ADDRESS = "https://work.weixin.qq.com/ca/cawcde0123456789"


def drawn(content: str) -> bytes:
    out = io.BytesIO()
    segno.make(content, error="m", micro=False).save(out, kind="png", scale=5)
    return out.getvalue()


async def effects(desk: Desk) -> list[OutboxEffect]:
    return [effect for effect in await desk.rows(OutboxEffect) if "code" in effect.kind]


async def press(desk: Desk, verb: str) -> Page:
    """Press a button of the channel's page and read what the page says then."""
    return await desk.follow(await desk.send(await desk.get(DESK), f"{DESK}/{verb}"))


async def made(desk: Desk, picture: bytes | None = None) -> None:
    """Let WeCom have made the code that was asked for."""
    async with desk.database.write() as session:
        effect = (
            await session.scalars(select(OutboxEffect).where(OutboxEffect.kind == CreateCode.kind))
        ).one()
        wanted = CreateCode.model_validate(effect.payload)
        now = desk.clock.now()
        await channel_ends.created(session, wanted, config_id="way1", qr_code="https://q.example/1", now=now)
        row = await session.get_one(ChannelCode, wanted.state)
        row.picture = picture


async def test_channels_are_listed_with_what_can_be_done_about_their_codes(desk: Desk) -> None:
    shown = await desk.get(LIST)

    assert "前台扫码 front-desk还没建活码" in shown.text
    assert "抖音 douyin活码在别处" in shown.text
    elsewhere = await desk.get("/console/channels/of/douyin")
    assert "活码不是在这里建的" in elsewhere.text
    assert "建活码" not in elsewhere.text.replace("建活码、换人", "")
    assert (await desk.get("/console/channels/of/nowhere")).status == 404
    assert (await desk.get(f"{DESK}/code.png")).status == 404


async def test_a_code_is_asked_for_once_and_who_asked_is_written_down(desk: Desk) -> None:
    done = await press(desk, "create")

    assert "正在建活码" in done.text
    (effect,) = await effects(desk)
    assert (effect.kind, effect.payload["userids"], effect.payload["remark"]) == (
        "create_code",
        ["xiaohu"],
        "前台扫码",
    )
    assert desk.wakes
    again = await desk.follow(await desk.post(f"{DESK}/create", [("csrf", csrf(done))]))
    assert "这个渠道已经有活码了" in again.text
    assert len(await effects(desk)) == 1
    entries = [e for e in await desk.rows(AuditEntry) if e.subject == "channel:front-desk"]
    assert [(e.actor, e.action) for e in entries] == [("admin", "channel.create")]


def csrf(page: Page) -> str:
    return next(value for name, value in page.form("/console/logout") if name == "csrf")


async def test_a_code_is_printed_anew_with_room_for_a_logo(desk: Desk) -> None:
    await press(desk, "create")
    await made(desk, drawn(ADDRESS))

    shown = await desk.get(DESK)
    assert "下载 PNG" in shown.text
    async with desk.http.get(f"{desk.url}{DESK}/code.png?download") as answer:
        assert answer.headers["Content-Disposition"] == 'attachment; filename="front-desk.png"'
        png = await answer.read()
    assert read_code(png) == ADDRESS
    with Image.open(io.BytesIO(png)) as image:
        middle = image.convert("L").crop(
            (image.width * 9 // 20, image.height * 9 // 20, image.width * 11 // 20, image.height * 11 // 20)
        )
        assert middle.getextrema() == (255, 255)
    async with desk.http.get(f"{desk.url}{DESK}/code.svg") as answer:
        assert answer.content_type == "image/svg+xml"
        assert (await answer.text()).startswith("<svg")


async def test_a_picture_that_cannot_be_read_is_handed_out_as_it_came(desk: Desk) -> None:
    out = io.BytesIO()
    Image.new("RGB", (30, 30), "white").save(out, "PNG")
    await press(desk, "create")
    await made(desk, out.getvalue())

    async with desk.http.get(f"{desk.url}{DESK}/code.png") as answer:
        assert await answer.read() == out.getvalue()
    async with desk.http.get(f"{desk.url}{DESK}/code.svg") as answer:
        assert "data:image/png;base64," in await answer.text()


async def test_pausing_resuming_and_ending_follow_each_other(desk: Desk) -> None:
    await press(desk, "create")
    await made(desk)
    desk.clock.moment += timedelta(minutes=1)

    assert "已暂停 " in (await press(desk, "pause")).text
    desk.clock.moment += timedelta(minutes=1)
    assert "使用中" in (await press(desk, "resume")).text
    desk.clock.moment += timedelta(minutes=1)
    assert "正在停用" in (await press(desk, "end")).text

    assert [(e.kind, e.payload.get("skip_verify")) for e in await effects(desk)] == [
        ("create_code", True),
        ("shape_code", False),
        ("shape_code", True),
        ("drop_code", None),
    ]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        pytest.param("", "渠道不明，用小助理类角色的通用欢迎语", id="nothing known"),
        pytest.param(
            "?channel=douyin&persona=doctor-zhang&hour=23:10&contact=again&name=小满",
            "渠道「抖音」没有专用欢迎语，用医生类角色的通用欢迎语",
            id="the doctor, by a channel",
        ),
    ],
)
async def test_the_page_says_which_greeting_somebody_would_get_and_why(
    desk: Desk, query: str, said: str
) -> None:
    shown = await desk.get(TRY + query)

    assert said in shown.text
    assert "还没有发过欢迎语" in shown.text
    assert await effects(desk) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        pytest.param("hour=late", "时间要写成 20:30 的样子", id="no hour"),
        pytest.param("channel=moon", "没有这个渠道", id="no channel"),
        pytest.param("persona=nobody", "没有这个人设", id="no persona"),
    ],
)
async def test_a_question_that_makes_no_sense_is_told_so(desk: Desk, query: str, said: str) -> None:
    shown = await desk.get(f"{TRY}?{query}")

    assert shown.status == 422
    assert said in shown.text


async def test_a_channels_days_show_who_came_and_for_links_who_only_looked(desk: Desk) -> None:
    now, today = desk.clock.now(), desk.clock.moment.date()
    async with desk.database.write() as session:
        await people.added(
            session, external_userid="wm1", userid="xiaohu", channel="front-desk", at=now, now=now
        )
        await records.keep_days(session, today, {"front-desk": {"xiaohu": 1}})
        await records.keep_days(session, today, {"front-desk": {"xiaohu": 0}})  # never shrinks
        for kind in (acquisition.OPENED, acquisition.OPENED, acquisition.REQUESTED):
            await acquisition.count(session, "front-desk", today, kind)

    shown = await desk.get(DESK)

    assert "获客链接：最近 14 天打开 2 次，申请添加 1 次" in shown.text
    assert '<meter min="0" max="100" value="100" aria-hidden="true"></meter> 1' in shown.html


async def test_who_came_today_is_shown_before_the_day_is_counted(desk: Desk) -> None:
    now = desk.clock.now()
    async with desk.database.write() as session:
        await people.added(
            session, external_userid="wm1", userid="xiaohu", channel="front-desk", at=now, now=now
        )

    shown = await desk.get(DESK)

    assert '<meter min="0" max="100" value="100" aria-hidden="true"></meter> 1' in shown.html


async def test_each_wording_is_shown_with_how_it_did(desk_anywhere: Desk) -> None:
    desk = desk_anywhere
    ends: list[tuple[str, str, Any]] = [
        ("main", greetings.SENT, None),
        ("main", greetings.SENT, people.BY_PATIENT),
        ("warm", greetings.MISSED, None),
    ]
    async with desk.database.write() as session:
        now = desk.clock.now()
        for number, (variant, state, lost) in enumerate(ends):
            patient = await people.patient_of(session, f"wm{number}", now=now)
            await greetings.settled(
                session, key=f"welcome:{number}", patient=patient, userid="xiaohu", channel="douyin",
                persona="assistant", welcome="welcome.assistant", variant=variant, why="", state=state,
                cause="", at=now - timedelta(hours=1), now=now,
            )  # fmt: skip
            if lost:
                await people.lost(
                    session, external_userid=f"wm{number}", userid="xiaohu", by=lost, at=now, now=now
                )

    shown = await desk.get(TRY)

    assert "welcome.assistant正文200 0%0 0%1 50%" in shown.text
    assert "welcome.assistantwarm01000" in shown.text
