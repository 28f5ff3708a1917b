"""An outage of 36 hours over a busy day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from content.pack import Pack
from content.plans.documents import plan_of
from sop.plan_tables import Touch
from tests.support.clinic import Clinic, running_clinic
from tests.support.databases import fresh_database_url
from tests.support.days import Days
from tests.support.quiet import quiet, rows

SEND = "externalcontact/add_msg_template"
MONDAY = datetime(2026, 11, 23, 0, 40, tzinfo=UTC)


async def touched(clinic: Clinic) -> list[Touch]:
    return await rows(clinic, select(Touch).order_by(Touch.due_at, Touch.id))


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
