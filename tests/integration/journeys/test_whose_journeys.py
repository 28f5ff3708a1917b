"""Journeys follow the person: told in her timeline, merged with her records, emptied when she is forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from clinic import benefits, erasing, merging, timeline
from clinic.benefits import BenefitFact
from clinic.care_tables import Benefit
from clinic.tables import AuditEntry, Patient
from sop import forgetting
from sop.journeys import joining
from sop.journeys.leaving import leave
from sop.plan_tables import Enrolment, Touch
from sop.touches import TOLD
from tests.support.journeys import MONDAY, Journeys, hours, journey, step

if TYPE_CHECKING:
    from content.pack import Pack
    from store.database import Database
    from store.vault import Vault


async def test_her_timeline_tells_why_she_began_what_was_done_and_why_it_ended(
    database: Database, pack: Pack, vault: Vault
) -> None:
    care = Journeys(database, pack)
    ids = await care.begin(journey(step("one", "card", title="提醒前台"), step("two", "card")))
    await care.run(MONDAY)
    async with database.write() as session:
        await leave(session, ids, reason="她来过了", now=hours(1))

    async with database.read() as session:
        [patient] = await session.scalars(select(Patient))
        person = timeline.person_of([patient], vault, now=hours(2))
        told = [one.reason for one in (await timeline.read(session, person, more=TOLD)).moments]
    assert "旅程“洗牙回访”的“提醒前台”：已完成" in told
    assert any(reason.startswith("开始旅程“洗牙回访”") for reason in told)
    assert any(reason.startswith("旅程走完了“洗牙回访”") for reason in told)


async def test_two_records_of_one_person_go_one_way_and_a_forgotten_one_tells_nothing(
    database: Database, pack: Pack
) -> None:
    care = Journeys(database, pack)
    plan = journey(step("one", "todo", text="x", at=None))
    version = await care.publish(plan)
    first, second = await care.patients(2)
    await care.enrol(plan, version, [first], at=hours(3))
    await care.enrol(plan, version, [second], at=hours(4))
    async with database.write() as session:
        keep, other = await session.get_one(Patient, first), await session.get_one(Patient, second)
        head = await joining.merge(session, keep, other, actor="admin", reason="同一人", now=hours(5))

    rows = await care.enrolments()
    assert {one.patient_id for one in rows} == {head.id}
    assert sorted((one.state, one.reason) for one in rows) == [
        ("active", ""),
        ("stopped", "两份档案合并了，旅程只走一份"),
    ]

    async with database.write() as session:
        card = {"number": "K1", "title": "洁牙次卡", "issued_on": MONDAY.date(), "changed_at": MONDAY}
        fact, other = BenefitFact(**card), await session.get_one(Patient, second)
        benefits.record(session, other, fact, {}, actor="api", now=MONDAY)
        patient = await session.get_one(Patient, head.id)
        family = await merging.family_of(session, patient)
        traces = await erasing.find_traces(session, [one.external_userid for one in family])
        await forgetting.forget(
            session,
            patient,
            traces=traces,
            actor="admin",
            reason="本人要求",
            now=hours(6) + timedelta(minutes=1),
        )
    async with database.read() as session:
        left = (await session.scalars(select(Enrolment))).all()
        touches = (await session.scalars(select(Touch))).all()
        cards = (await session.scalars(select(Benefit))).all()
        told = await session.scalars(select(AuditEntry.reason).where(AuditEntry.action == "benefit.added"))
    assert {(one.cause, one.reason, one.fact[:7]) for one in left} == {("", "", "erased:")}
    assert all(one.reason == "" for one in touches)
    assert (cards, list(told)) == ([], [""])
