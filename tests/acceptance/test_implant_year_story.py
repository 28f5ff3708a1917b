"""Implant patients through a year and more: cared for, reminded, left in peace once they have booked."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from sqlalchemy import select

from bot.explain_command import instant, show
from clinic.tables import Patient
from sop import standing
from sop.explaining import explain, find
from sop.plan_tables import Enrolment, Touch
from sop.tables import Post
from tests.support.clinic import Clinic, running_clinic
from tests.support.databases import fresh_database_url
from tests.support.days import ONE_TO_ONE, ZONE, Days, at
from tests.support.quiet import quiet, rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack

SEND = "externalcontact/add_msg_template"


@pytest.fixture
async def clinic(tmp_path: Path, pack: Pack) -> AsyncIterator[Clinic]:
    """Whose only plan is the care of implants; on SQLite, as the other stories."""
    plans = tuple(plan for plan in pack.plans if plan.key == "recall.implant")
    with fresh_database_url("sqlite", tmp_path) as url:
        async with running_clinic(url, replace(pack, plans=plans), journeys=True) as running:
            yield running


async def adds(clinic: Clinic, name: str, *userids: str) -> str:
    """Let somebody add these members, one after the other."""
    known: dict[str, Any] = {"name": name}
    for userid in userids:
        added = await clinic.act("patient-adds-member", userid=userid, **known)
        known = {"external_userid": added["external_userid"]}
    await quiet(clinic)
    return str(known["external_userid"])


async def visits(
    clinic: Clinic,
    who: str,
    number: str,
    treatment: str,
    *,
    when: datetime | None = None,
    status: str = "done",
) -> None:
    """Let the clinic's own system tell of a visit."""
    visit = {
        "number": number,
        "at": (when or clinic.clock.now()).isoformat(),
        "status": status,
        "treatment": treatment,
        "patient": {"external_userid": who},
    }
    async with clinic.http.post(
        f"{clinic.url}/api/v1/visits", json=visit, headers={"Authorization": "Bearer test-api-key"}
    ) as answer:
        assert answer.status in (200, 201), await answer.text()
    await quiet(clinic)


async def stand_for(clinic: Clinic, *steps: str) -> None:
    """Approve what these steps said for good, as a reviewer does at the post."""
    for post in await rows(clinic, select(Post).where(Post.step.in_(steps))):
        async with clinic.runtime.database.write() as session:
            await standing.grant(session, post.id, digest=post.digest, actor="admin", now=clinic.clock.now())


async def steps_of(clinic: Clinic, who: str) -> list[Touch]:
    query = select(Touch).join(Patient, Patient.id == Touch.patient_id)
    return await rows(clinic, query.where(Patient.external_userid == who).order_by(Touch.due_at, Touch.id))


async def explained(clinic: Clinic, who: str, *, on: str) -> str:
    """Return what ``xiaohu explain`` prints."""
    paper = StringIO()
    async with clinic.runtime.database.read() as session:
        patient = await find(session, who)
        assert patient is not None
        said = await explain(session, patient, pack=clinic.pack, at=instant(on, ZONE))
    show(said, Console(file=paper, width=200), zone=ZONE)
    return paper.getvalue()


def days_of(touches: list[Touch]) -> dict[str, date]:
    return {one.step: one.at.astimezone(ZONE).date() for one in touches if one.state == "sent"}


async def test_implant_patients_are_cared_for_through_more_than_a_year(clinic: Clinic) -> None:
    qing = await adds(clinic, "晓晴", "xiaohu", "zhang.wei")
    yuan = await adds(clinic, "阿远", "zhang.wei")
    for who in (qing, yuan):
        await visits(clinic, who, f"S-{who}", "implant.surgery")
    looked_at: list[int] = []
    days = Days(
        clinic, kinds=("direct",), ticks=ONE_TO_ONE, approving=lambda post: not looked_at.append(post["id"])
    )

    # The first week is looked at; what it said is then approved for good, and the next one needs nobody.
    await days.leap(at(date(2026, 11, 30), 15))
    assert len(looked_at) == 6, "three steps, two members"
    await stand_for(clinic, "day-1", "day-3", "day-7")
    man = await adds(clinic, "小满", "xiaohu")
    await visits(clinic, man, f"S-{man}", "implant.surgery")
    await days.leap(at(date(2026, 12, 3), 15))
    assert days_of(await steps_of(clinic, man)) == {"day-1": date(2026, 12, 1), "day-3": date(2026, 12, 3)}
    assert len(looked_at) == 6
    await clinic.act("patient-deletes-member", userid="xiaohu", external_userid=man)
    await quiet(clinic)

    # 晓晴 books the check of the third month before she is reminded of it, and comes.
    await days.leap(at(date(2027, 2, 10), 12))
    await visits(clinic, qing, "C-1", "implant.care", when=at(date(2027, 3, 1), 10), status="booked")
    await days.leap(at(date(2027, 3, 1), 12))
    await visits(clinic, qing, "C-1", "implant.care", when=at(date(2027, 3, 1), 10))
    await days.leap(at(date(2028, 11, 28), 12))

    mine, his = await steps_of(clinic, qing), await steps_of(clinic, yuan)
    care = {
        "day-1": date(2026, 11, 24),
        "day-3": date(2026, 11, 26),
        "day-7": date(2026, 11, 30),
        "day-14": date(2026, 12, 7),
        "month-1": date(2026, 12, 23),
    }
    checks = {"month-6": date(2027, 5, 23), "month-12": date(2027, 11, 23), "year-2": date(2028, 11, 23)}
    assert list(days_of(mine).items()) == list((care | checks).items())
    assert list(days_of(his).items()) == list((care | {"month-3": date(2027, 2, 23)} | checks).items())
    assert {one.step: one.reason for one in mine if one.state == "skipped"} == {
        "month-3": "不符合条件：没有预约",
        "month-3-again-2": "不符合条件：不能是（28 天内来过）",
    }
    assert {one.at.astimezone(ZONE).hour for one in mine + his if one.state == "sent"} == {10}
    told = Counter(
        (call.body["sender"], who, call.body["text"]["content"])
        for call in clinic.journal(SEND)
        for who in call.body["external_userid"]
    )
    assert set(told.values()) == {1}
    assert {(sender, who) for sender, who, _ in told} == {
        ("xiaohu", qing),
        ("zhang.wei", yuan),
        ("xiaohu", man),
    }

    # Another tooth: the new journey replaces the old one, from its first day.
    await visits(clinic, qing, "S-2", "implant.surgery")
    journeys = await rows(
        clinic, select(Enrolment).where(Enrolment.patient_id == mine[0].patient_id).order_by(Enrolment.id)
    )
    assert [(one.state, one.step) for one in journeys] == [("stopped", None), ("active", "day-1")]

    now = await explained(clinic, qing, on="2028-11-28T13:00")
    assert "种植回访（recall.implant）：正在走，11-28 12:00 开始\n  2028-11-28 做了种植一期手术" in now
    assert "种植回访（recall.implant）：提前结束，11-23 08:40 开始\n  2028-11-28 已经来过" in now
    then = await explained(clinic, qing, on="2027-03-20")
    assert "不能是（28 天内来过）" in then
    assert "month-6" not in then
    assert "没有在走的计划" not in then, "she was in it then"
