"""Many people for one journey: the budget first, then the start; and what caps held back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from sop.caps import ledger
from sop.plan_tables import Enrolment, PlanVersion, Touch
from store.vault import Vault
from tests.support.api_driver import MONDAY
from tests.support.plans import journey, meet_many, publish, todo

if TYPE_CHECKING:
    from tests.support.console_driver import Desk

PEOPLE = "/console/plans/of/sale/people"


async def scene(desk: Desk) -> None:
    """Four people, of whom one has had marketing yesterday, and one left."""
    sale = journey(
        "sale",
        purpose="marketing",
        persona="assistant",
        steps=[todo("one", after={"days": 1}, at="10:00", late="skip")],
    )
    await publish(desk.database, desk.pack, sale, now=MONDAY)
    async with desk.database.write() as session:
        people = await meet_many(session, Vault("a secret of the tests"), 4, at=MONDAY - timedelta(days=9))
        people[3].stage = "lost"
        entry = {
            "key": "test",
            "patient_id": people[0].id,
            "at": MONDAY - timedelta(hours=1),
            "channel": "mass",
            "purpose": "marketing",
            "quota": True,
            "plan_key": "",
            "persona": "assistant",
            "touch_id": None,
            "post_id": None,
            "state": "made",
        }
        await ledger.write(session, [entry])


async def test_the_budget_is_shown_before_a_crowd_begins_and_nobody_begins_twice(desk: Desk) -> None:
    await scene(desk)

    chosen = await desk.get(f"{PEOPLE}?tag=&stage=")
    assert "选中 3 人，2 人可以按时收到；1 人离上一次营销太近；其中 0 人顺延，1 人不会收到" in chosen.text
    assert "与我们都断开了联系1 人" in chosen.text
    assert await desk.rows(Enrolment) == [], "a look starts nothing"

    for _ in range(2):
        assert (await desk.send(chosen, f"{PEOPLE}/start")).location == "/console/plans/of/sale"
    assert len(await desk.rows(Enrolment)) == 3
    assert "手动加入 3 位（所有人）" in (await desk.get("/console/plans/of/sale")).text
    assert "已经在这个旅程里3 人" in (await desk.get(f"{PEOPLE}?tag=&stage=")).text
    assert (await desk.get(f"{PEOPLE}?stage=nowhere&tag=")).status == 422
    assert (await desk.get("/console/plans/of/nothing/people")).status == 404


async def test_what_caps_held_back_is_listed_with_its_reason(desk: Desk) -> None:
    assert "没有往后放的" in (await desk.get("/console/plans/held")).text
    await scene(desk)
    sent = await desk.send(await desk.get(f"{PEOPLE}?tag=&stage="), f"{PEOPLE}/start")
    assert sent.status == 303
    async with desk.database.write() as session:
        version = (await session.scalars(select(PlanVersion))).one()
        for one in (await session.scalars(select(Enrolment).order_by(Enrolment.id).limit(2))).all():
            state, reason = (
                ("held", "7 天内的营销已有 2 次") if one.id == 1 else ("dropped", "相隔太近，不发")
            )
            session.add(
                Touch(
                    enrolment_id=one.id,
                    step="one",
                    patient_id=one.patient_id,
                    plan_key="sale",
                    version_id=version.id,
                    channel="todo",
                    purpose="marketing",
                    state=state,
                    reason=reason,
                    due_at=MONDAY,
                    at=MONDAY + timedelta(days=3),
                    created_at=MONDAY,
                    updated_at=MONDAY,
                )
            )

    shown = (await desk.get("/console/plans/held")).text
    assert "往后放的 1 客户0 旅程 sale · 第 1 步（同事手发，第 1 天）7 天内的营销已有 2 次" in shown
    assert "最近没有发的 客户1 旅程 sale · 第 1 步（同事手发，第 1 天）相隔太近，不发" in shown
