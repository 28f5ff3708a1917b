"""计划: read in words, edited with every fault named, published with a word for who is inside, switched."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from typing import TYPE_CHECKING, Any

import yaml
from sqlalchemy import select

from content.plans.specs import After, Campaign, Condition, GroupBody, JourneyBody, Plan, Step, Stop, Trigger
from content.plans.writing import of_spec
from sop.plan_tables import PlanVersion, StoredPlan
from sop.plans import store

if TYPE_CHECKING:
    from tests.support.console_driver import Desk

LIST = "/console/plans"
CARE = Plan(
    key="care.scaling",
    kind="journey",
    title="洗牙后回访",
    summary="洗完牙问一声",
    body=JourneyBody(
        trigger=(Trigger(kind="visit", treatment=("scaling",)),),
        steps=(
            Step(
                key="day-3",
                title="第 3 天问候",
                channel="mass",
                after=After(days=3),
                text="洗完牙这几天感觉怎么样？有不舒服随时告诉我们。",
            ),
            Step(key="mark", channel="tag", after=After(days=4), add=("来源/前台扫码",)),
        ),
        stops=(Stop(on="booked"),),
    ),
)
HERE = f"{LIST}/of/{CARE.key}"


async def kept(desk: Desk, plan: Plan = CARE, *, published: bool = True) -> None:
    async with desk.database.write() as session:
        now = desk.clock.now()
        await store.save_draft(session, of_spec(plan), pack=desk.pack, actor="admin", now=now)
        if published:
            await store.publish(session, plan.key, pack=desk.pack, actor="admin", now=now)


def typed(**changes: Any) -> str:
    return yaml.safe_dump(of_spec(CARE) | changes, allow_unicode=True, sort_keys=False)


async def row(desk: Desk) -> StoredPlan:
    async with desk.database.read() as session:
        return await session.get_one(StoredPlan, CARE.key)


async def test_without_plans_the_page_says_where_they_come_from(desk: Desk) -> None:
    assert "还没有计划" in (await desk.get(LIST)).text


async def test_a_plan_is_told_in_words(desk: Desk) -> None:
    await kept(desk)

    listed, page = (await desk.get(LIST)).text, (await desk.get(HERE)).text

    assert "洗牙后回访" in listed
    assert "就诊完成（洁牙）" in listed
    for words in (
        "第 3 天",
        "洗完牙这几天感觉怎么样",
        "加上 来源/前台扫码",
        "约了时间：提前结束",
        "每个人只走一次",
    ):
        assert words in page
    assert (await desk.get(f"{LIST}/of/nobody")).status == 404


async def test_what_a_plan_names_by_key_is_told_by_its_title_or_its_words(desk: Desk) -> None:
    body = CARE.journey
    moved = Step(key="moved", channel="stage", after=After(days=5), stage="member")
    stops = (Stop(on="visited", treatment=("scaling",)), Stop(on="stage", stage=("lost",)))
    only = Condition(group_role=("community",), persona=("doctor",))
    await kept(desk, replace(CARE, body=replace(body, steps=(*body.steps, moved), stops=stops, only=only)))
    post = desk.pack.group_posts[0]
    campaign = Campaign(on=date(2027, 3, 1), at=time(10), content=post.key)
    group = Plan(
        key="talk", kind="group", title="社群", body=GroupBody(roles=("community",), campaigns=(campaign,))
    )
    await kept(desk, group)

    journey, talk = (await desk.get(HERE)).text, (await desk.get(f"{LIST}/of/talk")).text

    for words in ("第 3 步 换阶段 复诊/会员", "来过了（洁牙）", "到了阶段（流失）", "加了“医生”的好友"):
        assert words in journey
    assert f"在“{desk.pack.roles[0].title}”客户群里" in journey
    assert post.key not in talk
    assert " ".join(post.text.split())[:12] in talk


async def test_a_draft_is_saved_compared_and_published(desk: Desk) -> None:
    await kept(desk)
    form = await desk.get(f"{HERE}/edit")
    saved = await desk.send(form, f"{HERE}/edit", document=typed(title="洁牙后回访"))
    page = await desk.follow(saved)
    assert "第 2 版草稿" in page.text
    assert "title: 洁牙后回访" in page.text

    published = await desk.follow(await desk.send(page, f"{HERE}/publish", inside="stay"))

    assert "第 2 版已发布" in published.text
    assert (await row(desk)).version == 2


async def test_a_fault_is_named_with_its_place_and_nothing_is_saved(desk: Desk) -> None:
    await kept(desk)
    broken = typed(steps=[{"key": "a", "channel": "mass", "after": {"days": 1}, "content": "direct.nothing"}])

    form = await desk.get(f"{HERE}/edit")
    answer = await desk.send(form, f"{HERE}/edit", document=broken)

    assert answer.status == 422
    assert "direct.nothing" in answer.text
    assert "改好才能保存" in answer.text
    async with desk.database.read() as session:
        assert len((await session.scalars(select(PlanVersion))).all()) == 1


async def test_a_plan_keeps_its_key_and_a_broken_document_its_line(desk: Desk) -> None:
    await kept(desk)
    form = await desk.get(f"{HERE}/edit")

    other = await desk.send(form, f"{HERE}/edit", document=typed(key="other"))
    torn = await desk.send(form, f"{HERE}/edit", document="key: [a\ntitle: b")

    assert "key 不能改，这里应是 care.scaling" in other.text
    assert "第 2 行" in torn.text


async def test_somebody_elses_draft_is_not_overwritten(desk: Desk) -> None:
    await kept(desk)
    mine = await desk.get(f"{HERE}/edit")
    theirs = await desk.get(f"{HERE}/edit")
    assert (await desk.send(theirs, f"{HERE}/edit", document=typed(title="她的"))).status == 303

    answer = await desk.send(mine, f"{HERE}/edit", document=typed(title="我的"))

    assert answer.status == 409
    assert "刚被改过" in answer.text
    assert "我的" in answer.text  # what was typed is not lost


async def test_a_plan_is_paused_resumed_and_retired(desk: Desk) -> None:
    await kept(desk)

    for wanted in ("paused", "active", "retired"):
        page = await desk.get(HERE)
        await desk.follow(await desk.send(page, f"{HERE}/state", state=wanted))
        assert (await row(desk)).state == wanted


async def test_a_draft_can_be_thrown_away(desk: Desk) -> None:
    await kept(desk, published=False)

    page = await desk.follow(await desk.send(await desk.get(HERE), f"{HERE}/drop"))

    assert "草稿已删掉" in page.text
    assert (await desk.get(HERE)).status == 404


async def test_the_check_answers_while_somebody_types(desk: Desk) -> None:
    page = await desk.get(f"{LIST}/new")
    csrf = dict(page.form(f"{LIST}/new"))["csrf"]

    good = await desk.post(f"{LIST}/check", [("csrf", csrf), ("document", typed())])
    bad = await desk.post(f"{LIST}/check", [("csrf", csrf), ("document", "kind: journey")])

    assert "没有发现问题" in good.text
    assert "改好才能保存" in bad.text
