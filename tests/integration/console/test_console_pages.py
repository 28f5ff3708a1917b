"""The start page, the week, lists and details: what needs a person, and what became of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from clinic.tables import AuditEntry, Member
from sop import push as pushes
from sop.life import PostState
from sop.plan_tables import Pause
from sop.receipts import Look, Seen, record
from sop.tables import Batch, Post, Push
from store.inbox import InboxEvent
from store.outbox import OutboxEffect
from tests.support.api_driver import MONDAY
from tests.support.console_driver import Desk

if TYPE_CHECKING:
    from collections.abc import Sequence


async def test_a_new_clinic_is_told_that_nothing_waits(desk: Desk) -> None:
    shown = await desk.get("/console/")

    assert shown.status == 200
    assert "今天没有要你处理的事" in shown.text
    assert "都审核完了" in shown.text
    assert "生成本周内容" in shown.text  # it is Monday morning


async def test_planning_on_the_start_page_drafts_the_week_once(desk: Desk) -> None:
    start = await desk.get("/console/")
    planned = await desk.follow(await desk.send(start, "/console/plan"))

    assert "已排好 06-02 起一周的 4 条内容，等待审核" in planned.text
    assert "有 4 条内容等你看一眼" in planned.text
    assert desk.wakes
    assert {entry.actor for entry in await desk.rows(AuditEntry) if entry.action == "week.draft"} == {"admin"}

    again = await desk.follow(await desk.send(start, "/console/plan"))
    assert "早已排好 4 条，没有改动" in again.text
    assert len(await desk.posts()) == 4


async def test_a_week_that_cannot_be_planned_says_why(desk: Desk) -> None:
    desk.unplannable = "企业微信暂时连不上，请稍后再试"

    told = await desk.follow(await desk.send(await desk.get("/console/"), "/console/plan"))

    assert "企业微信暂时连不上，请稍后再试" in told.text
    assert await desk.posts() == []


async def test_what_nobody_foresaw_is_a_page_with_a_number_and_without_the_words(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.broken = RuntimeError("王芳 said something")

    told = await desk.send(await desk.get("/console/"), "/console/plan")

    assert told.status == 500
    assert "什么都没有改变" in told.text
    said = capsys.readouterr().out
    assert "RuntimeError" in said
    assert "王芳" not in told.html + said


async def test_a_later_week_can_be_planned_from_its_calendar_page(desk: Desk) -> None:
    page = await desk.get("/console/week?start=2025-06-09")
    assert "这一周还没有内容" in page.text

    planned = await desk.send(page, "/console/plan")

    assert planned.location == "/console/week?start=2025-06-09"
    assert "4 条" in (await desk.follow(planned)).text
    assert [batch.week for batch in await desk.rows(Batch)] == [date(2025, 6, 9)] * 2


@pytest.mark.parametrize("start", ["0001-01-01", "2025-05-26", "2150-01-04", "9999-12-31"])
async def test_a_week_that_is_over_or_beyond_every_calendar_is_not_planned(desk: Desk, start: str) -> None:
    refused = await desk.send(await desk.get("/console/"), "/console/plan", week=start)

    assert (refused.status, "只能排这一周" in refused.text) == (422, True)
    assert await desk.rows(Batch) == []


async def test_a_character_that_no_database_can_hold_is_refused_wherever_it_comes(
    desk_anywhere: Desk,
) -> None:
    page = await desk_anywhere.get("/console/pauses")

    refused = [
        await desk_anywhere.send(page, "/console/pauses", reason="a\0b"),
        await desk_anywhere.get("/console/posts?persona=a%00b"),
        await desk_anywhere.get("/console/groups?q=%00"),
        await desk_anywhere.get("/console/patients?member=%00"),
    ]

    assert [one.status for one in refused] == [400] * 4
    assert "没有看懂这次提交" in refused[0].text
    assert await desk_anywhere.rows(Pause) == []


async def test_tasks_that_wait_for_a_tap_name_the_member(desk: Desk) -> None:
    first, *_ = await desk.plan()
    await pushed(desk, first.id)
    desk.clock.moment = MONDAY + timedelta(hours=5)

    shown = await desk.get("/console/")

    assert "小护 还没有点发送" in shown.text
    assert "已等 5 小时" in shown.text


async def test_troubles_are_listed_and_a_dead_event_can_be_handled_again(desk: Desk) -> None:
    first, *_ = await desk.plan()
    async with desk.database.write() as session:
        post = await session.get_one(Post, first.id)
        post.state, post.reason = PostState.FAILED, "企业微信拒绝了任务"
        session.add(dead_event())
        session.add(refused_effect())
    desk.wakes.clear()

    shown = await desk.get("/console/")
    assert "企业微信拒绝了任务" in shown.text
    assert "回调事件 #1 没有处理成" in shown.text
    assert "创建发送任务：企业微信没有接受" in shown.text
    assert "错误码 84061" in shown.text

    done = await desk.follow(await desk.send(shown, "/console/inbox/1/replay"))
    assert "已重新排队" in done.text
    assert [(event.state, event.attempts) for event in await desk.rows(InboxEvent)] == [("new", 0)]
    assert desk.wakes
    assert "已经不在失败列表里" in (await desk.follow(await desk.send(shown, "/console/inbox/1/replay"))).text


async def test_the_week_shows_each_post_on_its_day_with_its_state_in_words(desk: Desk) -> None:
    await desk.plan()

    week = await desk.get("/console/week?start=2025-06-04")

    assert "2025-06-02 至 2025-06-08 · 4 条" in week.text
    assert week.text.index("周一 06-02") < week.text.index("下雨天路滑") < week.text.index("周二 06-03")
    assert week.html.count("待审核") >= 4
    assert "/console/week?start=2025-05-26" in week.html
    assert "/console/week?start=2025-06-09" in week.html

    doctors = await desk.get("/console/week?start=2025-06-02&persona=doctor-zhang")
    assert "刷牙时把刷毛" in doctors.text
    assert "下雨天路滑" not in doctors.text


@pytest.mark.parametrize("query", ["start=next", "start=0001-01-01", "start=9999-12-31", "start=2025-13-01"])
async def test_a_week_that_is_no_date_is_a_clear_error(desk: Desk, query: str) -> None:
    refused = await desk.get(f"/console/week?{query}")

    assert refused.status == 422
    assert "日期要" in refused.text


async def test_the_list_filters_by_state_persona_and_days(desk: Desk) -> None:
    first, *_ = await desk.plan()
    await desk.send(await desk.get("/console/review/1"), f"/console/posts/{first.id}/approve")

    def found(html: str) -> list[int]:
        return [post.id for post in posts if f'href="/console/posts/{post.id}"' in html]

    posts = await desk.posts()
    assert found((await desk.get("/console/posts")).html) == [post.id for post in posts]
    assert found((await desk.get("/console/posts?state=approved")).html) == [first.id]
    doctors = [post.id for post in posts if post.persona == "doctor-zhang"]
    assert found((await desk.get("/console/posts?persona=doctor-zhang")).html) == doctors
    assert found((await desk.get("/console/posts?from=2025-06-02&to=2025-06-02")).html) == [first.id]
    assert "没有符合条件的内容" in (await desk.get("/console/posts?state=failed")).text


async def test_a_long_list_goes_on_where_it_stopped(desk: Desk) -> None:
    await desk.plan()
    await copies(desk, 40)

    page = await desk.get("/console/posts")
    more = page.html.split('class="more"><a class="btn" role="button" href="')[1].split('"')[0]
    rest = await desk.get(more.replace("&amp;", "&"))

    assert page.html.count('class="row"') == 30
    assert rest.html.count('class="row"') == 14
    assert 'class="more"' not in rest.html


@pytest.mark.parametrize("query", ["state=lost", "from=x", "cursor=zz", "cursor=p99999"])
async def test_a_filter_that_makes_no_sense_is_a_clear_error(desk: Desk, query: str) -> None:
    assert (await desk.get(f"/console/posts?{query}")).status == 422


async def test_a_posts_page_tells_its_story_and_what_arrived(desk: Desk) -> None:
    posts = await desk.plan()
    group = next(post for post in posts if post.kind == "group")
    await desk.send(await desk.get("/console/review/1"), f"/console/posts/{group.id}/approve")
    push_id = await pushed(desk, group.id)
    waiting = await desk.get(f"/console/posts/{group.id}")
    assert "小护 还没有点发送" in waiting.text

    async with desk.database.write() as session:
        rows = (Seen(recipient="wr-1", status="sent", at=MONDAY),)
        await record(session, push_id, Look(tapped=True, rows=rows), now=MONDAY)
    shown = await desk.get(f"/console/posts/{group.id}")

    assert "已发布" in shown.text
    assert "小护 已点发送" in shown.text
    assert "微笑口腔·护牙福利社已送达" in shown.text
    assert "管理员 通过 （控制台）" in shown.text
    assert "由周计划生成" in shown.text


async def test_patients_are_counted_never_named_on_a_posts_page(desk: Desk) -> None:
    first, *_ = await desk.plan()
    push_id = await pushed(desk, first.id)
    rows = [("wm-1", "sent"), ("wm-2", "sent"), ("wm-3", "not_friend"), ("wm-4", "capped")]
    async with desk.database.write() as session:
        seen = tuple(Seen(recipient=who, status=status) for who, status in rows)
        await record(session, push_id, Look(tapped=True, rows=seen), now=MONDAY + timedelta(hours=1))

    shown = await desk.get(f"/console/posts/{first.id}")

    assert "已送达 2" in shown.text.replace("已送达2", "已送达 2")
    assert "已不是好友" in shown.text
    assert "本月次数已满" in shown.text
    assert "wm-" not in shown.html


async def test_pictures_of_the_pack_are_served_to_staff_only(visitor: Desk) -> None:
    assert (await visitor.get("/console/assets/brush-card")).status == 303
    await visitor.login()

    async with visitor.http.get(f"{visitor.url}/console/assets/brush-card") as answer:
        assert (answer.status, answer.content_type) == (200, "image/png")
        assert (await answer.read()).startswith(b"\x89PNG")
        tag = answer.headers["ETag"]
    async with visitor.http.get(f"{visitor.url}/console/assets/booking") as cover:
        assert (cover.status, cover.headers["ETag"]) == (200, tag)
    same = {"If-None-Match": tag}
    async with visitor.http.get(f"{visitor.url}/console/assets/brush-card", headers=same) as answer:
        assert (answer.status, await answer.read()) == (304, b"")


@pytest.mark.parametrize("key", ["nope", "..%2Fpack.yaml", "%2e%2e%2f%2e%2e%2fpack.yaml", "brush.png", "%00"])
async def test_only_what_the_pack_names_is_served(desk: Desk, key: str) -> None:
    assert (await desk.get(f"/console/assets/{key}")).status == 404


async def test_the_pages_are_chinese_and_tell_screen_readers_so(desk: Desk) -> None:
    await desk.plan()
    paths: Sequence[str] = (
        "/console/",
        "/console/review",
        "/console/week",
        "/console/posts",
        "/console/accounts",
    )
    for path in paths:
        html = (await desk.get(path)).html
        assert '<html lang="zh-CN"' in html
        assert html.count("<h1") == 1
        assert 'aria-current="page"' in html


async def pushed(desk: Desk, post_id: int) -> int:
    """Let a post be approved and its task created."""
    async with desk.database.write() as session:
        post = await session.get_one(Post, post_id)
        post.state = PostState.CREATING
        push = await pushes.created(session, post, now=MONDAY, remote_id=f"task-{post_id}")
        await session.flush()
        found: Push = push
        return found.id


async def copies(desk: Desk, count: int) -> None:
    first, *_ = await desk.posts()
    names = [column.name for column in Post.__table__.columns if column.name not in ("id", "slot")]
    async with desk.database.write() as session:
        for number in range(count):
            session.add(Post(slot=f"copy-{number}", **{name: getattr(first, name) for name in names}))


def dead_event() -> InboxEvent:
    return InboxEvent(
        digest="0" * 64,
        lane="",
        urgent=False,
        body=b"<xml/>",
        received_at=MONDAY,
        state="dead",
        attempts=6,
        kind="change_external_contact",
        error="Refused",
    )


def refused_effect() -> OutboxEffect:
    return OutboxEffect(
        kind="create_task",
        payload={},
        key="push:1",
        cause="内容 #1 已通过审核",
        state="refused",
        not_before=MONDAY,
        created_at=MONDAY,
        updated_at=MONDAY,
        errcode=84061,
    )


async def test_a_member_without_a_name_goes_by_the_userid(desk: Desk) -> None:
    async with desk.database.write() as session:
        (await session.get_one(Member, "xiaohu")).name = ""
    await desk.plan()

    assert "xiaohu的微信好友" in (await desk.get("/console/review/1")).text
