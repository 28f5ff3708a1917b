"""Moments plans and group plans, published in the database, make the week."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clinic.tables import CustomerGroup
from content.almanac.themes import packaged_themes
from content.almanac.year_plan import Edit
from content.pack import Pack
from content.plans.specs import CalendarSlot, DaySlot, GroupBody, MomentsBody, Plan, Slot
from sop import yearly
from tests.support.clinic import Clinic, running_clinic
from tests.support.quiet import quiet

ZONE = ZoneInfo("Asia/Shanghai")
MOMENT = "externalcontact/add_moment_task"
HELLO = "group.community.topic-brush"
PLANS = (
    Plan(
        key="week.zhang",
        kind="moments",
        title="张医生的朋友圈",
        persona="doctor-zhang",
        body=MomentsBody(
            slots=(Slot(day=2, at=time(12), categories=("科普",)),),
            calendar=(CalendarSlot(on="11-26", at=time(9, 30), content="moment.zhang.implant-no-decay"),),
        ),
    ),
    Plan(
        key="week.implant",
        kind="moments",
        title="给想种牙的人",
        persona="doctor-zhang",
        body=MomentsBody(
            slots=(Slot(day=3, at=time(12), categories=("科普",)),), tags=("需求/种植", "来源/抖音")
        ),
    ),
    Plan(
        key="week.community",
        kind="group",
        title="社群",
        body=GroupBody(
            roles=("community",),
            slots=(Slot(day=4, at=time(19, 30), categories=("科普",)),),
            after_creation=(DaySlot(day=1, at=time(10), content=HELLO),),
            max_a_week=2,
        ),
    ),
)


@pytest.fixture
async def clinic(database_url: str, pack: Pack) -> AsyncIterator[Clinic]:
    async with running_clinic(database_url, replace(pack, plans=PLANS)) as clinic:
        yield clinic


def told(posts: list[dict[str, Any]], kind: str, persona: str) -> list[tuple[int, str | None]]:
    return [
        (datetime.fromisoformat(post["scheduled_at"]).astimezone(ZONE).isoweekday(), post["content_key"])
        for post in posts
        if post["kind"] == kind and post["persona"] == persona
    ]


async def test_plans_make_the_week_and_what_has_none_follows_the_pack(clinic: Clinic) -> None:
    posts = await clinic.plan()

    zhang = told(posts, "moment", "doctor-zhang")
    assert [day for day, _ in zhang] == [2, 3, 4]
    assert zhang[-1] == (4, "moment.zhang.implant-no-decay")
    assert [day for day, _ in told(posts, "moment", "doctor-li")] == [1, 2, 3, 4, 5, 6, 7]
    (for_few,) = [post for post in posts if post["audience"].get("tags")]
    assert for_few["audience"]["tags"] == ["来源/抖音", "需求/种植"]


async def test_a_moment_for_some_is_shown_to_those_who_wear_the_tags(clinic: Clinic) -> None:
    await clinic.act("patient-adds-member", userid="zhang.wei", name="小雨", state="douyin")
    await quiet(clinic)
    await clinic.runtime.client.tags.add("需求", ["种植"])
    posts = await clinic.plan()
    (few,) = [post for post in posts if post["audience"].get("tags")]
    await clinic.api("POST", f"/posts/{few['id']}/approve", {"digest": few["digest"]})

    clinic.clock.advance(datetime.fromisoformat(few["scheduled_at"]) - clinic.clock.now())
    await clinic.state_of(few["id"], "awaiting_sender")

    (call,) = [c for c in clinic.journal(MOMENT) if c.body["text"]["content"] == few["text"]]
    listed = [
        tag.id
        for group in await clinic.runtime.client.tags.list()
        for tag in group.tag
        if tag.name in ("抖音", "种植")
    ]
    assert sorted(call.body["visible_range"]["external_contact_list"]["tag_list"]) == sorted(listed)


async def test_a_moment_for_tags_that_the_corp_lacks_is_not_shown_to_everybody(clinic: Clinic) -> None:
    posts = await clinic.plan()
    (few,) = [post for post in posts if post["audience"].get("tags")]
    await clinic.api("POST", f"/posts/{few['id']}/approve", {"digest": few["digest"]})

    clinic.clock.advance(datetime.fromisoformat(few["scheduled_at"]) - clinic.clock.now())
    post = await clinic.state_of(few["id"], "failed")

    assert "企业微信里没有标签" in post["reason"]
    assert few["text"] not in [call.body["text"]["content"] for call in clinic.journal(MOMENT)]


async def test_a_group_made_in_the_middle_of_the_week_is_greeted_on_its_first_day(clinic: Clinic) -> None:
    await clinic.plan()
    made = await clinic.act("create-group", name="护牙福利社二群", owner="xiaohu")

    async def known() -> bool:
        async with clinic.runtime.database.read() as session:
            group = await session.get(CustomerGroup, made["chat_id"])
        return group is not None and group.created_at is not None

    await clinic.until(known, what="the group is read")
    assert await clinic.runtime.planning.extend() == 1
    assert await clinic.runtime.planning.extend() == 0

    mine = [post for post in await clinic.posts() if post["audience"].get("chat_ids") == [made["chat_id"]]]
    assert [(post["content_key"], post["state"]) for post in mine] == [(HELLO, "in_review")]


async def test_a_slot_for_a_campaign_follows_what_staff_changed_of_the_year(
    database_url: str, pack: Pack
) -> None:
    plan = Plan(
        key="week.thanks",
        kind="moments",
        title="感恩老朋友",
        persona="doctor-zhang",
        body=MomentsBody(
            slots=(),
            calendar=(
                CalendarSlot(
                    on="theme:thanksgiving", at=time(9, 30), content="moment.zhang.implant-no-decay"
                ),
            ),
        ),
    )
    async with running_clinic(database_url, replace(pack, plans=(plan,))) as clinic:
        async with clinic.runtime.database.write() as session:
            await yearly.save(
                session,
                2026,
                Edit(key="thanksgiving", start=date(2026, 11, 27), days=1),
                themes=packaged_themes(),
                seen="",
                by="chen.jing",
                now=clinic.clock.now(),
            )

        posts = await clinic.plan()

    assert told(posts, "moment", "doctor-zhang") == [(5, "moment.zhang.implant-no-decay")]
