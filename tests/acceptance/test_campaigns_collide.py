"""Three campaigns want the same patients in one week: over real sockets, on the sandbox's clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from clinic.tables import Patient
from content.plans.specs import After, Late
from sop.plan_tables import Touch
from tests.support.clinic import MONDAY, Clinic, running_clinic
from tests.support.databases import fresh_database_url
from tests.support.days import ONE_TO_ONE, ZONE, Days
from tests.support.journeys import journey, step
from tests.support.quiet import quiet, rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack
    from content.plans.specs import Plan

SEND = "externalcontact/add_msg_template"
TEXTS = {
    "spring": "开春洗牙季，预约可选周末。",
    "kids": "小朋友涂氟日开始啦。",
    "tea": "周六有口腔健康讲座。",
}


def campaign(key: str, day: int, *, late: int) -> Plan:
    hello = step("hello", text=TEXTS[key], after=After(days=day), late=Late(hours=late))
    return journey(hello, key=key, purpose="marketing")


@pytest.fixture
async def clinic(request: pytest.FixtureRequest, tmp_path: Path, pack: Pack) -> AsyncIterator[Clinic]:
    """Whose only plans are three campaigns; ``param``: whether one is enough for a person at a time."""
    plans = (campaign("spring", 2, late=24), campaign("kids", 3, late=72), campaign("tea", 4, late=24))
    house = replace(pack.house, one_marketing_journey=request.param)
    with fresh_database_url("sqlite", tmp_path) as url:
        async with running_clinic(url, replace(pack, plans=plans, house=house), journeys=True) as running:
            yield running


async def adds(clinic: Clinic, name: str) -> str:
    added = await clinic.act("patient-adds-member", userid="xiaohu", name=name)
    await quiet(clinic)
    return str(added["external_userid"])


async def begin(clinic: Clinic, who: str, plan: str, *, expect: int = 201) -> Any:
    order = {"plan": plan, "mark": f"{plan}-1", "reason": "活动"}
    return await clinic.api("POST", f"/patients/{who}/journeys", order, expect=expect)


async def touches_of(clinic: Clinic, who: str) -> list[Touch]:
    query = select(Touch).join(Patient, Patient.id == Touch.patient_id)
    return await rows(clinic, query.where(Patient.external_userid == who).order_by(Touch.at))


@pytest.mark.parametrize("clinic", [False], indirect=True)
async def test_two_of_three_campaigns_reach_her_days_apart_and_the_third_says_why_not(clinic: Clinic) -> None:
    patients = [await adds(clinic, "晓晴"), await adds(clinic, "阿远")]
    for who in patients:
        for plan in TEXTS:
            await begin(clinic, who, plan)

    await Days(clinic, kinds=("direct",), ticks=ONE_TO_ONE).leap(MONDAY + timedelta(days=14))

    for who in patients:
        sent = [touch for touch in await touches_of(clinic, who) if touch.state == "sent"]
        left_out = [touch for touch in await touches_of(clinic, who) if touch.state != "sent"]
        assert len(sent) == 2
        assert all(later.at - earlier.at >= timedelta(hours=48) for earlier, later in pairwise(sent))
        assert all(9 <= touch.at.astimezone(ZONE).hour < 21 for touch in sent)
        [dropped] = left_out
        assert (dropped.state, "营销" in dropped.reason) == ("dropped", True)
        chats = (await clinic.phone("patients", who))["chats"]
        heard = [message["text"] for chat in chats for message in chat["messages"]]
        assert sorted(text for text in heard if text in TEXTS.values()) == sorted(
            TEXTS[touch.plan_key] for touch in sent
        )
    texts = [call.body["text"]["content"] for call in clinic.journal(SEND)]
    assert len(texts) == len(set(texts)) == 2, "one task for both of them, and none twice"


@pytest.mark.parametrize("clinic", [True], indirect=True)
async def test_who_is_in_one_campaign_begins_no_other_until_it_is_over(clinic: Clinic) -> None:
    who = await adds(clinic, "晓晴")
    await begin(clinic, who, "spring")

    ahead = await clinic.api("POST", f"/patients/{who}/journeys/preview", {"plan": "kids"})
    assert ahead["refused"]
    await begin(clinic, who, "kids", expect=409)

    await Days(clinic, kinds=("direct",), ticks=ONE_TO_ONE).leap(
        datetime.combine(MONDAY.date() + timedelta(days=4), MONDAY.timetz())
    )
    await begin(clinic, who, "kids")
