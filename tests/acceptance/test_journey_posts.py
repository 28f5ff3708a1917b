"""A journey's message through the whole program: decided, approved, narrowed before it goes out, told by touch."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from clinic.tables import Patient
from content.plans.specs import After, Stop
from tests.support.clinic import Clinic, running_clinic
from tests.support.databases import fresh_database_url
from tests.support.direct import befriend
from tests.support.journeys import Journeys, journey, step

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack

SEND = "externalcontact/add_msg_template"
PLAN = journey(step("ask", after=After(hours=6)), stops=(Stop(on="booked"),), key="invite")


@pytest.fixture
async def clinic(tmp_path: Path, pack: Pack) -> AsyncIterator[Clinic]:
    with fresh_database_url("sqlite", tmp_path) as url:
        # The pack's own plans would write to these patients too.
        async with running_clinic(url, replace(pack, plans=())) as running:
            yield running


async def approved(clinic: Clinic, *names: str) -> tuple[Journeys, list[str], dict[str, Any]]:
    """Let patients begin a journey, its post be approved; return the engine, the patients and the post."""
    external = list(await befriend(clinic, *names))
    journeys = Journeys(clinic.runtime.database, clinic.pack)
    async with journeys.database.read() as session:
        rows = await session.execute(select(Patient.external_userid, Patient.id))
        ids = dict(rows.all())
    now = clinic.clock.now()
    await journeys.enrol(PLAN, await journeys.publish(PLAN), [ids[who] for who in external], at=now)
    await journeys.run(now)
    clinic.clock.advance(timedelta(hours=2, minutes=30))
    await journeys.run(clinic.clock.now())
    (stored,) = [post for post in await journeys.posts() if post.kind == "direct"]
    post = await clinic.api("GET", f"/posts/{stored.id}")
    post = await clinic.api("POST", f"/posts/{stored.id}/approve", {"digest": post["digest"]})
    return journeys, external, post


async def book(clinic: Clinic, external_userid: str) -> None:
    at = (clinic.clock.now() + timedelta(days=3)).isoformat()
    await clinic.api(
        "POST",
        "/visits",
        {
            "number": f"v-{external_userid[-4:]}",
            "patient": {"external_userid": external_userid},
            "status": "booked",
            "at": at,
        },
        expect=201,
    )


async def hour(clinic: Clinic) -> None:
    """Let the post's hour come."""
    clinic.clock.advance(timedelta(hours=4))
    await clinic.runtime.clockwork.push_due()
    await clinic.runtime.courier.drain()


async def test_who_booked_after_the_approval_is_left_out_of_the_task(clinic: Clinic) -> None:
    journeys, (first, second, third), post = await approved(clinic, "晓晴", "阿远", "小鱼")
    await book(clinic, second)
    await hour(clinic)

    (call,) = clinic.journal(SEND)
    assert sorted(call.body["external_userid"]) == sorted([first, third])
    now = await clinic.api("GET", f"/posts/{post['id']}")
    assert (now["state"], now["digest"]) == ("awaiting_sender", post["digest"])

    await clinic.runtime.watcher.look()
    msgid = (await clinic.api("GET", f"/posts/{post['id']}"))["push"]["remote_id"]
    await clinic.act("tap-mass", userid="xiaohu", msgid=msgid)
    clinic.clock.advance(timedelta(minutes=15))
    await clinic.runtime.watcher.look()
    # Two of two: who was left out is not missing.
    assert (await clinic.api("GET", f"/posts/{post['id']}"))["state"] == "published"
    assert sorted(state for _, state, _ in await journeys.told()) == ["sent", "sent", "skipped"]


async def test_a_message_that_nobody_needs_any_more_is_cancelled(clinic: Clinic) -> None:
    journeys, external, post = await approved(clinic, "晓晴")
    await book(clinic, external[0])
    await hour(clinic)
    assert clinic.journal(SEND) == []
    assert (await clinic.api("GET", f"/posts/{post['id']}"))["state"] == "cancelled"
    ((_, state, reason),) = await journeys.told()
    assert (state, "已经约了" in reason) == ("skipped", True)
