"""Three campaigns meet in one week, on the real engine with the real caps, ledger and standing approvals."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from content.plans.specs import After, Late
from content.render import Renderer
from sop import decisions, pauses, standing
from sop.caps.ledger import LedgerCaps
from sop.journeys.engine import Engine
from sop.journeys.messages import Messages
from sop.journeys.wording import MassChannel
from sop.plan_tables import LedgerEntry
from sop.roster import load_roster
from sop.standing import StandingApprovals
from tests.support.checking import packaged_checker
from tests.support.journeys import TEXT, Journeys, hours, journey, step

if TYPE_CHECKING:
    from datetime import datetime

    from content.pack import Pack
    from content.plans.specs import Plan
    from store.database import Database


@pytest.fixture
def capped(database: Database, pack: Pack) -> Journeys:
    """Journeys with the caps, the ledger and the standing approvals that the program has."""
    journeys = Journeys(database, pack)
    caps = LedgerCaps(pack)
    journeys.engine = Engine(
        pack=pack,
        hours=journeys.hours,
        book=journeys.book,
        caps=caps,
        pauses=pauses.load,
        channels={"mass": MassChannel(pack, Renderer()), **journeys.done},
    )
    journeys.messages = Messages(
        pack=pack,
        renderer=Renderer(),
        checker=packaged_checker(),
        hours=journeys.hours,
        book=journeys.book,
        caps=caps,
        standing=StandingApprovals(),
        rosters=load_roster,
        public_url="https://clinic.example",
    )
    return journeys


def campaign(key: str, day: int, *, late: int) -> Plan:
    text = {
        "spring": "开春洗牙季，预约可选周末。",
        "kids": "小朋友涂氟日开始啦。",
        "tea": "周六有口腔健康讲座。",
    }
    hello = step("hello", text=text[key], after=After(days=day), late=Late(hours=late))
    return journey(hello, key=key, purpose="marketing")


async def contacts(journeys: Journeys) -> dict[str, datetime]:
    """Return when each plan's contact stands in the ledger; void ones are left out."""
    async with journeys.database.read() as session:
        rows = await session.scalars(select(LedgerEntry).where(LedgerEntry.state != "void"))
        return {row.plan_key: row.at for row in rows}


async def test_three_campaigns_in_a_week_keep_the_caps_and_say_what_became_of_each(capped: Journeys) -> None:
    (patient,) = await capped.patients()
    plans = [campaign("spring", 2, late=24), campaign("kids", 3, late=72), campaign("tea", 4, late=24)]
    for plan in plans:
        await capped.enrol(plan, await capped.publish(plan), [patient])

    for day in range(14):
        for hour in (0, 8):
            await capped.run(hours(days=day, hours=hour))

    planned = await contacts(capped)
    assert len(planned) == 2
    assert all(
        later - earlier >= timedelta(hours=48) for earlier, later in pairwise(sorted(planned.values()))
    )
    ended = {touch.plan_key: touch for touch in await capped.touches()}
    assert sorted(touch.state for touch in ended.values()) == ["dropped", "queued", "queued"]
    (left_out,) = ended.keys() - planned.keys()
    assert "营销" in ended[left_out].reason, "a nurse reads what stood in the way"


async def test_care_passes_while_campaigns_collide_and_what_was_approved_for_good_needs_nobody(
    capped: Journeys,
) -> None:
    first, second = await capped.patients(2)
    care = journey(step("day-3", text=TEXT, after=After(days=3)), key="care")
    version = await capped.publish(care)
    await capped.enrol(care, version, [first])
    for key in ("spring", "kids"):
        plan = campaign(key, 3, late=24)
        await capped.enrol(plan, await capped.publish(plan), [first])
    await capped.run(hours(days=2))
    (post,) = [one for one in await capped.posts() if one.plan_key == "care"]
    assert post.state == "in_review"
    async with capped.database.write() as session:
        await decisions.approve(
            session, post.id, digest=post.digest, actor="chen.jing", via="console", now=hours(days=2)
        )
        await standing.grant(session, post.id, digest=post.digest, actor="chen.jing", now=hours(days=2))

    await capped.enrol(care, version, [second], at=hours(days=1))
    await capped.run(hours(days=3))

    posts = [one for one in await capped.posts() if one.plan_key == "care"]
    assert [one.state for one in posts] == ["approved", "approved"]
    assert {"care", "spring"} <= (await contacts(capped)).keys()


async def test_what_a_switch_holds_waits_and_goes_out_when_it_is_lifted(capped: Journeys) -> None:
    care = journey(step("day-3", text=TEXT, after=After(days=3), late=Late(hours=72)), key="care")
    await capped.begin(care)
    async with capped.database.write() as session:
        await pauses.throw(
            session, "plan:care", pack=capped.pack, by="chen.jing", reason="改措辞", now=hours()
        )

    await capped.run(hours(days=2))
    (touch,) = await capped.touches()
    assert (touch.state, "改措辞" in touch.reason) == ("held", True)
    assert await capped.posts() == []

    async with capped.database.write() as session:
        await pauses.lift(session, "plan:care", by="chen.jing", now=hours(days=2, hours=1))
    await capped.run(hours(days=2, hours=8))
    assert [one.state for one in await capped.posts()] == ["in_review"]
