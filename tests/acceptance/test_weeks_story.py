"""A festival week, and a doctor's week with one post sent back: planned, reviewed, tapped, accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest

from content.pack import Pack
from tests.support.clinic import Clinic, running_clinic
from tests.support.days import ZONE, Days, at

MOMENT = "externalcontact/add_moment_task"
SOLSTICE = date(2026, 12, 22)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(ZONE)


@pytest.fixture
async def december(database_url: str, pack: Pack) -> AsyncIterator[Clinic]:
    """The Sunday before 冬至, in the evening."""
    start = datetime(2026, 12, 20, 12, tzinfo=UTC)
    async with running_clinic(database_url, pack, start=start) as clinic:
        yield clinic


async def test_a_festival_week_says_what_belongs_to_its_days_and_each_once(december: Clinic) -> None:
    days = Days(december)

    await days.until(at(date(2026, 12, 28), 16))

    week = [
        post for post in await december.posts() if local(post["scheduled_at"]).date() <= date(2026, 12, 27)
    ]
    ended = {post["state"] for post in week if post["kind"] != "direct"}
    assert ended <= {"published", "partial"}
    on_the_day = [
        post["content_key"]
        for post in week
        if post["persona"] == "assistant" and local(post["scheduled_at"]).date() == SOLSTICE
    ]
    assert "moment.assistant.term-dongzhi" in on_the_day
    told = Counter(call.body["text"]["content"] for call in december.journal(MOMENT))
    assert {told[post["text"]] for post in week if post["kind"] == "moment"} == {1}
    assert "活动" not in {post["category"] for post in week if post["persona"].startswith("doctor")}


async def test_a_doctors_week_goes_out_but_for_what_was_sent_back(clinic: Clinic) -> None:
    posts = [post for post in await clinic.plan() if post["persona"] == "doctor-zhang"]
    moments = [post for post in posts if post["kind"] == "moment"]
    refused = moments[2]
    await clinic.api(
        "POST",
        f"/posts/{refused['id']}/reject",
        {"digest": refused["digest"], "reason": "这一句说得太满，换一条"},
    )

    days = Days(clinic, approving=lambda post: post["persona"] == "doctor-zhang")
    await days.until(clinic.clock.now() + timedelta(days=8, hours=4))

    states = {post["id"]: post["state"] for post in await clinic.posts() if post["persona"] == "doctor-zhang"}
    assert states.pop(refused["id"]) == "rejected"
    assert {states[post["id"]] for post in moments if post is not refused} == {"published"}
    told = [call.body["text"]["content"] for call in clinic.journal(MOMENT)]
    assert refused["text"] not in told
    record = await clinic.api("GET", f"/posts/{refused['id']}")
    assert record["reason"] == "这一句说得太满，换一条"
    # Nobody looked at the others: not one of them went out.
    others = [
        post for post in await clinic.posts() if post["persona"] == "doctor-li" and post["kind"] == "moment"
    ]
    assert {post["state"] for post in others if local(post["scheduled_at"]).date() < date(2026, 11, 30)} == {
        "expired"
    }
