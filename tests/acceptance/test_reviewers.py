"""Who reviews can change while something waits; what was approved is exactly what is sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from clinic.tables import Member
from sop.review import rebound
from sop.roster import load_roster
from sop.tables import PersonaBinding
from tests.acceptance.test_week import approve, card_of, outcome_of
from tests.support.clinic import Clinic

if TYPE_CHECKING:
    from content.pack import Pack

MOMENT = "externalcontact/add_moment_task"


async def test_a_newly_bound_assistant_gets_the_card_and_the_old_one_says_so(
    clinic: Clinic, pack: Pack
) -> None:
    await clinic.plan()
    old = await card_of(clinic, "zhao.min", "张医生")
    await clinic.runtime.courier.drain()  # its code is written down
    async with clinic.runtime.database.write() as session:
        session.add_all(
            PersonaBinding(persona="doctor-zhang", userid=userid, role=role)
            for userid, role in (("zhang.wei", "speaker"), ("sun.yue", "delegate"))
        )
        await session.flush()
        roster = await load_roster(session, pack)
        await rebound(
            session,
            "doctor-zhang",
            roster=roster,
            now=clinic.clock.now(),
            public_url=clinic.settings.public_url,
        )

    fresh = await card_of(clinic, "sun.yue", "张医生")

    await outcome_of(clinic, "zhao.min", old["task_id"], "审核人已调整")
    await clinic.act("tap-card", userid="sun.yue", task_id=fresh["task_id"], key="approve")
    await outcome_of(clinic, "sun.yue", fresh["task_id"], "已通过")


async def test_a_picture_changed_after_the_approval_is_not_sent(clinic: Clinic) -> None:
    posts = await clinic.plan()
    post = next(p for p in posts if p["kind"] == "moment" and any(a.get("sha256") for a in p["attachments"]))
    await approve(clinic, post)
    async with clinic.runtime.database.write() as session:
        # As if the pack on disk held another picture than the one that was shown and approved.
        from sop.posts import get_post

        row = await get_post(session, post["id"], lock=True)
        row.attachments = [{**card, "sha256": "0" * 64} for card in row.attachments]

    clinic.clock.advance_to(datetime.fromisoformat(post["scheduled_at"]) + timedelta(seconds=1))

    ended = await clinic.state_of(post["id"], "failed")
    assert "不是审核时的那一张" in ended["reason"]
    assert clinic.journal(MOMENT) == []


async def test_an_outage_of_an_hour_does_not_cost_a_post_its_day(clinic: Clinic) -> None:
    posts = await clinic.plan()
    post = next(p for p in posts if p["kind"] == "group")
    await approve(clinic, post)
    async with clinic.http.post(
        f"{clinic.sandbox.api_base}/sandbox/api/faults",
        json={"kind": "errcode", "target": "externalcontact/add_msg_template", "errcode": -1},
    ) as response:
        fault: dict[str, Any] = await response.json()
    clinic.clock.advance_to(datetime.fromisoformat(post["scheduled_at"]) + timedelta(seconds=1))
    await clinic.state_of(post["id"], "creating")
    for _ in range(12):
        clinic.clock.advance(timedelta(minutes=6))
        await clinic.runtime.courier.drain()
    await clinic.http.delete(f"{clinic.sandbox.api_base}/sandbox/api/faults")
    assert fault

    clinic.clock.advance(timedelta(minutes=6))

    await clinic.state_of(post["id"], "awaiting_sender")


async def test_a_member_is_known_by_name_after_the_first_reading(clinic: Clinic) -> None:
    async def named() -> Any:
        async with clinic.runtime.database.read() as session:
            member = await session.get(Member, "zhang.wei")
            return member.name if member else None

    assert await clinic.until(named, what="the member's name") == "张伟"
