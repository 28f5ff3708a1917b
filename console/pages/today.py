"""The start page: what needs a person now, and drafting the coming week."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from aiohttp import web

from clinic import audit, todos
from console.api.weeks import WEEKS_AHEAD
from console.deps import WeekNotPlannable
from console.duties import load_duties
from console.forms import FormRefused, PlanForm, local_path, parse
from console.frame import actor_of, deps_of, go, hours_of, page
from console.pages import todos as todo_pages
from console.views import face_of
from sop.planner import coming_week, monday_of
from sop.weeks import drafted
from store import inbox

if TYPE_CHECKING:
    from collections.abc import Iterable

# Kinds of effects and callbacks in words; what is not here is shown by its name.
EFFECTS: Final = {
    "create_task": "创建发送任务",
    "cancel_task": "撤销发送任务",
    "remind_sender": "提醒成员发送",
    "notify_staff": "通知员工",
    "send_review_card": "发送审核卡片",
    "update_review_card": "更新审核卡片",
    "send_welcome": "发送欢迎语",
    "mark_tags": "打标签",
    "fetch_contact": "读取客户详情",
    "fetch_corp_tags": "读取企业标签",
    "fetch_group": "读取客户群",
    "put_group_welcome": "准备入群欢迎语",
    "drop_group_welcome": "删除入群欢迎语",
    "transfer_patients": "交接顾客",
    "transfer_groups": "交接客户群",
    "fetch_kf": "读取微信客服",
    "answer_staff": "回复员工",
    "kf_send": "微信客服消息",
    "look_again": "旅程里改标签、阶段",
}
STATES: Final = {
    "refused": "企业微信没有接受",
    "expired": "过了时限，没有发出",
    "unknown": "没有回音，正在核对",
}
NOTICES_SHOWN: Final = 2
TODOS_SHOWN: Final = 5


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/", today),
        web.post("/plan", plan),
        web.post(r"/inbox/{id:\d{1,18}}/replay", replay),
    )


async def today(request: web.Request) -> web.StreamResponse:
    """What waits for review, for a tap, and what went wrong."""
    deps, hours = deps_of(request), hours_of(request)
    week = coming_week(hours.today)
    async with deps.database.read() as session:
        duties = await load_duties(session, pack=await deps.library.pack(session), hours=hours)
        planned = await drafted(session, week)
        mine, _ = await todo_pages.reach(session, deps, actor_of(request))
        asked = await todos.listed(session, assignees=mine, limit=TODOS_SHOWN)
        asked_count = await todos.open_count(session, mine)
    return page(
        request,
        "today.html",
        duties=duties,
        face=lambda key: face_of(deps.pack, key),
        week=week,
        drafted=planned,
        effects=EFFECTS,
        effect_states=STATES,
        waiting=duties.waiting,
        todos=asked,
        todo_count=asked_count,
    )


async def plan(request: web.Request) -> web.StreamResponse:
    """Draft a week, by default the coming one, and say what came of it."""
    deps = deps_of(request)
    form = await request.post()
    wanted = parse(PlanForm, form).week
    today = hours_of(request).today
    if wanted and not monday_of(today) <= wanted <= today + timedelta(weeks=WEEKS_AHEAD):
        raise FormRefused("week", f"只能排这一周，和往后 {WEEKS_AHEAD} 周以内的内容")
    week = monday_of(wanted) if wanted else coming_week(today)
    back = local_path(str(form.get("back", "")))
    try:
        planned = await deps.plan_week(week, actor_of(request))
    except WeekNotPlannable as exc:
        return go(request, back, note=f"没有生成 {week:%m-%d} 起这一周的内容：{exc}", tone="bad")
    deps.wake()
    if not planned.created:
        return go(
            request,
            back,
            note=f"{week:%m-%d} 起这一周早已排好 {len(planned.posts)} 条，没有改动。",
            tone="warn",
        )
    notices = "；".join(planned.notices[:NOTICES_SHOWN])
    more = f" 等 {len(planned.notices)} 项" if len(planned.notices) > NOTICES_SHOWN else ""
    note = f"已排好 {week:%m-%d} 起一周的 {len(planned.posts)} 条内容，等待审核。"
    if notices:
        note += f"请留意：{notices}{more}"
    return go(request, back, note=note, tone="warn" if notices else "good")


async def replay(request: web.Request) -> web.StreamResponse:
    """Put a dead event back in line."""
    deps, event_id = deps_of(request), int(request.match_info["id"])
    now = deps.clock.now()
    async with deps.database.write() as session:
        done = await inbox.replay(session, event_id)
        if done:
            audit.record(
                session,
                at=now,
                actor=actor_of(request),
                action="inbox.replay",
                subject=f"inbox:{event_id}",
                reason="在控制台让它重新处理",
            )
    if not done:
        return go(request, "/console/", note=f"事件 #{event_id} 已经不在失败列表里。", tone="warn")
    deps.wake()
    return go(request, "/console/", note=f"事件 #{event_id} 已重新排队。")
