"""An implant patient through a year and more, and an outage of 36 hours over a busy day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from content.pack import Pack
from content.plans.documents import plan_of
from sop.plan_tables import Enrolment, Touch
from tests.support.clinic import Clinic, running_clinic
from tests.support.databases import fresh_database_url
from tests.support.days import ZONE, Days
from tests.support.quiet import quiet, rows

SEND = "externalcontact/add_msg_template"
MONDAY = datetime(2026, 11, 23, 0, 40, tzinfo=UTC)


async def implanted(clinic: Clinic, name: str = "晓晴") -> str:
    """Let somebody add the doctor and have an implant; return her id."""
    added = await clinic.act("patient-adds-member", userid="zhang.wei", state="dr-zhang-card", name=name)
    await quiet(clinic)
    visit = {
        "number": f"V-{name}",
        "at": clinic.clock.now().isoformat(),
        "status": "done",
        "treatment": "implant.surgery",
        "patient": {"external_userid": added["external_userid"]},
    }
    await clinic.api("POST", "/visits", visit, expect=201)
    await quiet(clinic)
    return str(added["external_userid"])


async def touched(clinic: Clinic) -> list[Touch]:
    return await rows(clinic, select(Touch).order_by(Touch.due_at, Touch.id))


@pytest.fixture
async def implants(tmp_path: Path, pack: Pack) -> AsyncIterator[Clinic]:
    """A clinic whose only plan is the care of implants."""
    plans = tuple(plan for plan in pack.plans if plan.key == "recall.implant")
    with fresh_database_url("sqlite", tmp_path) as url:
        async with running_clinic(url, replace(pack, plans=plans), journeys=True) as clinic:
            yield clinic


@pytest.mark.timeout(400)
async def test_an_implant_patient_is_cared_for_through_a_year(implants: Clinic) -> None:
    began = implants.clock.now().astimezone(ZONE).date()
    who = await implanted(implants)

    await Days(implants, kinds=("direct",)).leap(implants.clock.now() + timedelta(days=100))

    (journey,) = await rows(implants, select(Enrolment))
    sent = [touch for touch in await touched(implants) if touch.state == "sent"]
    days = [(touch.at.astimezone(ZONE).date() - began).days for touch in sent]
    assert days[:4] == [1, 3, 7, 14]
    assert 28 <= days[4] <= 33
    hours = {touch.at.astimezone(ZONE).hour for touch in sent}
    assert all(9 <= hour < 21 for hour in hours)
    mass = [call.body for call in implants.journal(SEND) if call.body.get("chat_type") == "single"]
    assert [body["external_userid"] for body in mass] == [[who]] * len(mass)
    assert len({body["text"]["content"] for body in mass}) == len(mass)

    # She books when the check of the third month is due: nobody reminds her of it once more.
    booked = {
        "number": "V-check",
        "at": (implants.clock.now() + timedelta(days=5)).isoformat(),
        "status": "booked",
        "treatment": "implant.care",
        "patient": {"external_userid": who},
    }
    await implants.api("POST", "/visits", booked, expect=201)
    await Days(implants, kinds=("direct",)).leap(implants.clock.now() + timedelta(days=290))
    later = await touched(implants)
    assert {touch.state for touch in later} <= {
        "sent",
        "done",
        "skipped",
        "dropped",
        "queued",
        "held",
        "ready",
        "expired",
    }
    assert all(touch.reason for touch in later if touch.state in ("skipped", "dropped", "expired"))
    assert journey.patient_id == later[-1].patient_id
    assert len({(touch.enrolment_id, touch.step) for touch in later}) == len(later)


BUSY = {
    "key": "busy-day",
    "kind": "journey",
    "title": "忙的一天",
    "trigger": [{"on": "added"}],
    "steps": [
        {
            "key": "soon",
            "channel": "mass",
            "after": {"days": 2},
            "at": "10:00",
            "text": "认识两天啦，想问的随时说。",
            "late": {"hours": 48},
        },
        {
            "key": "gone",
            "channel": "mass",
            "after": {"days": 2},
            "at": "14:00",
            "text": "下午好，今天门诊到六点。",
            "late": "skip",
        },
        {
            "key": "asked",
            "channel": "mass",
            "after": {"days": 2},
            "at": "16:00",
            "text": "明天讲换牙，来听吗？",
            "late": "ask",
        },
    ],
}


async def test_after_an_outage_of_36_hours_every_missed_step_follows_its_late_policy(
    tmp_path: Path, pack: Pack
) -> None:
    plans = (plan_of(BUSY),)
    with fresh_database_url("sqlite", tmp_path) as url:
        async with running_clinic(url, replace(pack, plans=plans), journeys=True, start=MONDAY) as clinic:
            for name in ("甲", "乙", "丙"):
                await clinic.act("patient-adds-member", userid="xiaohu", name=name)
            await quiet(clinic)

            # Nothing runs from the morning before the busy day, when nobody has decided anything yet, till the
            # evening of it: the clock jumps, and no tick comes between.
            clinic.clock.advance(timedelta(hours=22) + timedelta(hours=36))
            days = Days(clinic, kinds=("direct",))
            await days.look()
            await days.leap(clinic.clock.now() + timedelta(hours=40))

            states: dict[str, set[str]] = {}
            for touch in await touched(clinic):
                states.setdefault(touch.step, set()).add(touch.state)
            assert states["soon"] == {"sent"}
            assert states["gone"] == {"skipped"}
            assert states["asked"] <= {"asked", "expired"}
            assert all(touch.reason for touch in await touched(clinic) if touch.state != "sent")
            assert len(clinic.journal(SEND)) == 1
