"""What happens to a patient begins her journeys and ends them, in the transaction that records it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from clinic import people
from clinic.care_tables import KfMessage, Todo
from clinic.lookup import known_patient
from clinic.surveys import SheetFact
from clinic.tables import AuditEntry, Follow, PatientTag, Tag
from clinic.visits import VisitFact, VisitStatus
from clinic.whose import PersonRef
from sop import kf_words
from sop.intake import SheetReport, VisitReport, open_intake
from sop.journeys.leaving import leave
from sop.plan_tables import Enrolment, Touch
from tests.support.history import NOW, PUBLIC, WHO, Teller, added, left
from tests.support.plans import journey, publish

if TYPE_CHECKING:
    from content.pack import Pack
    from store.database import Database
    from store.vault import Vault

HER = PersonRef(external_userid=WHO)


@pytest.fixture
def teller(database: Database, pack: Pack) -> Teller:
    return Teller(database=database, pack=pack)


async def visit(
    teller: Teller,
    vault: Vault,
    number: str,
    status: str,
    *,
    at: datetime = NOW,
    code: str = "种植一期",
    now: datetime = NOW,
) -> None:
    fact = VisitFact(number=number, status=VisitStatus(status), at=at, changed_at=now, code=code)
    await intake(teller, vault, VisitReport(person=HER, visit=fact), now=now)


async def answer(teller: Teller, vault: Vault, number: str, said: str, *, now: datetime = NOW) -> None:
    sheet = SheetFact(survey="after-visit", number=number, at=now, answers={"满意度": said})
    await intake(teller, vault, SheetReport(person=HER, sheet=sheet), now=now)


async def intake(teller: Teller, vault: Vault, report: VisitReport | SheetReport, *, now: datetime) -> None:
    async with teller.database.write() as session:
        desk = await open_intake(
            session, pack=teller.pack, vault=vault, public_url=PUBLIC, actor="api", now=now
        )
        if isinstance(report, VisitReport):
            await desk.expect(people=[report.person], visits_=[report.visit])
            await desk.visit(report)
        else:
            await desk.expect(people=[report.person], sheets=[report.sheet])
            await desk.sheet(report)


async def stand(teller: Teller) -> list[tuple[str, str, str]]:
    async with teller.database.read() as session:
        rows = await session.scalars(select(Enrolment).order_by(Enrolment.id))
        return [(one.plan_key, one.state, one.reason or one.cause) for one in rows]


async def refusals(teller: Teller) -> list[str]:
    async with teller.database.read() as session:
        query = select(AuditEntry.reason).where(AuditEntry.action == "journey.refused")
        return list(await session.scalars(query))


async def test_who_adds_us_begins_by_channel_and_persona_once(teller: Teller) -> None:
    plans = [
        journey("any", {"on": "added"}),
        journey("douyin", {"on": "added", "channel": "douyin"}),
        journey("doctor", {"on": "added", "persona": "doctor"}),
    ]
    await publish(teller.database, teller.pack, *plans, now=NOW)

    for _ in range(2):
        await teller.tell(added("xiaohu", NOW, state="douyin"))
    await teller.tell(added("zhang.wei", NOW + timedelta(minutes=1)), now=NOW + timedelta(minutes=1))

    assert await stand(teller) == [
        ("any", "active", "添加了成员 xiaohu"),
        ("douyin", "active", "添加了成员 xiaohu"),
        ("doctor", "active", "添加了成员 zhang.wei"),
    ]
    assert await refusals(teller) == ["没有开始旅程“旅程 any”（添加了成员 zhang.wei）：已经在这个旅程里"]


async def test_a_treatment_begins_its_care_and_a_cancelled_visit_ends_it(
    teller: Teller, vault: Vault
) -> None:
    care = journey("implant", {"on": "visit", "treatment": "implant.*"}, goal=[{"on": "booked"}])
    await publish(teller.database, teller.pack, care, now=NOW)
    await teller.tell(added("xiaohu", NOW - timedelta(days=9)), now=NOW - timedelta(days=9))

    await visit(teller, vault, "V1", "done", code="洁牙")
    assert await stand(teller) == []
    await visit(teller, vault, "V2", "done")
    assert await stand(teller) == [("implant", "active", "2026-11-23 做了种植一期手术")]

    later = NOW + timedelta(hours=2)
    await visit(teller, vault, "V2", "cancelled", now=later)
    assert await stand(teller) == [("implant", "stopped", "那次就诊现在是“已取消”")]


async def test_a_booking_is_the_goal_of_a_recall_and_her_coming_stops_a_follow_up(
    teller: Teller, vault: Vault
) -> None:
    recall = journey("recall", {"on": "visit"}, goal=["booked"])
    follow_up = journey("follow-up", {"on": "added"}, stops=["visited", "replied"])
    await publish(teller.database, teller.pack, recall, follow_up, now=NOW)
    await teller.tell(added("xiaohu", NOW - timedelta(days=1)), now=NOW - timedelta(days=1))
    await visit(teller, vault, "V1", "done")
    assert await stand(teller) == [
        ("follow-up", "stopped", "2026-11-23 已经来过"),
        ("recall", "active", "2026-11-23 做了种植一期手术"),
    ]

    tomorrow = NOW + timedelta(days=1)
    await visit(teller, vault, "V2", "booked", at=NOW + timedelta(days=9), now=tomorrow)
    assert (await stand(teller))[1][:2] == ("recall", "goal")


async def test_what_she_writes_stops_what_waits_for_an_answer(teller: Teller) -> None:
    await publish(teller.database, teller.pack, journey("ask", {"on": "added"}, stops=["replied"]), now=NOW)
    await teller.tell(added("xiaohu", NOW))
    async with teller.database.write() as session:
        at = NOW + timedelta(minutes=5)
        session.add(KfMessage(msgid="m", open_kfid="wk", external_userid=WHO, origin=3, kind="image", at=at))
        patient = await known_patient(session, WHO)
        assert patient is not None
        await kf_words.heed(session, patient, [(at, "")], pack=teller.pack, public_url=PUBLIC, now=at)

    assert await stand(teller) == [("ask", "stopped", "她已经回复")]


async def test_who_deletes_us_leaves_every_journey_and_her_return_revives_none(teller: Teller) -> None:
    plans = [journey("one", {"on": "added"}), journey("two", {"on": "added"}, again={"after_days": 90})]
    await publish(teller.database, teller.pack, *plans, now=NOW)
    await teller.tell(added("xiaohu", NOW))
    at = NOW + timedelta(hours=1)
    async with teller.database.write() as session:
        [first, *_] = await session.scalars(select(Enrolment))
        todo = Todo(key="k", kind="touch", assignee="xiaohu", title="问一声", state="open", created_at=at)
        session.add(todo)
        await session.flush()
        session.add(touch_of(first, todo, at))

    await teller.tell(left("xiaohu", at), now=at)
    reason = "与我们都断开了联系"
    assert await stand(teller) == [("one", "stopped", reason), ("two", "stopped", reason)]
    async with teller.database.read() as session:
        [touch] = await session.scalars(select(Touch))
        [asked] = await session.scalars(select(Todo).where(Todo.kind == "touch"))
    assert (touch.state, touch.reason, asked.state) == ("skipped", reason, "dropped")

    back = at + timedelta(hours=1)
    await teller.tell(added("xiaohu", back), now=back)
    assert [state for _, state, _ in await stand(teller)] == ["stopped", "stopped"]


def touch_of(enrolment: Enrolment, todo: Todo, at: datetime, **fields: Any) -> Touch:
    values: dict[str, Any] = {
        "enrolment_id": enrolment.id,
        "step": "one",
        "patient_id": enrolment.patient_id,
        "plan_key": enrolment.plan_key,
        "version_id": enrolment.version_id,
        "channel": "todo",
        "purpose": "care",
        "state": "queued",
        "due_at": at,
        "at": at,
        "todo_id": todo.id,
        "created_at": at,
        "updated_at": at,
    }
    return Touch(**(values | fields))


async def test_a_tag_she_gets_and_a_stage_she_comes_to_begin_journeys(teller: Teller, vault: Vault) -> None:
    plans = [
        journey("tagged", {"on": "tag_gained", "tags": "待跟进/种植待跟进"}),
        journey("untagged", {"on": "tag_lost", "tags": "待跟进/种植待跟进"}),
        journey("closed", {"on": "stage", "stage": "closed"}),
    ]
    await publish(teller.database, teller.pack, *plans, now=NOW)
    await teller.tell(added("xiaohu", NOW - timedelta(days=1)), now=NOW - timedelta(days=1))

    await visit(teller, vault, "V1", "done", code="拔牙")
    await visit(teller, vault, "V1", "done", code="拔牙")
    begun = {key for key, _, _ in await stand(teller)}
    assert begun == {"tagged", "closed"}
    later = NOW + timedelta(hours=1)
    await visit(teller, vault, "V2", "done", at=later, code="种植一期", now=later)
    assert {key for key, _, _ in await stand(teller)} == {"tagged", "closed", "untagged"}


async def test_a_tag_that_a_member_put_on_by_hand_counts_while_it_is_news(teller: Teller) -> None:
    await publish(
        teller.database,
        teller.pack,
        journey("vip", {"on": "tag_gained", "tags": "顾客层级/重要顾客"}),
        now=NOW,
    )
    await teller.tell(added("xiaohu", NOW))
    async with teller.database.write() as session:
        tag = Tag(group_name="顾客层级", name="重要顾客", wecom_id="et-vip")
        session.add(tag)
        await session.flush()
        [follow] = await session.scalars(select(Follow))
        session.add(
            PatientTag(
                patient_id=follow.patient_id,
                userid="xiaohu",
                tag_id=tag.id,
                origin="staff",
                reason="手机上加的",
                at=NOW + timedelta(minutes=1),
            )
        )
        follow.tags_asked = [*(follow.tags_asked or []), tag.path]

    for minutes in (2, 3):
        now = NOW + timedelta(minutes=minutes)
        await teller.tell(added("zhang.wei", now), now=now)

    assert [key for key, _, _ in await stand(teller)] == ["vip"]


async def test_an_answer_begins_one_journey_and_ends_another(teller: Teller, vault: Vault) -> None:
    sorry = journey("sorry", {"on": "survey", "survey": "after-visit", "answers": {"mood": "unhappy"}})
    recommend = journey(
        "recommend",
        {"on": "added"},
        stops=[{"on": "survey", "survey": "after-visit", "answers": {"mood": "unhappy"}}],
    )
    await publish(teller.database, teller.pack, sorry, recommend, now=NOW)
    await teller.tell(added("xiaohu", NOW - timedelta(days=1)), now=NOW - timedelta(days=1))

    await answer(teller, vault, "S1", "一般")
    assert await stand(teller) == [("recommend", "active", "添加了成员 xiaohu")]
    await answer(teller, vault, "S2", "不满意", now=NOW + timedelta(minutes=1))

    assert await stand(teller) == [
        ("recommend", "stopped", "她已经填了问卷"),
        ("sorry", "active", "填了问卷“就诊感受”"),
    ]


async def test_an_appointment_made_at_short_notice_is_reminded_of_and_moved_with_it(
    teller: Teller, vault: Vault
) -> None:
    remind = journey(
        "remind",
        {"on": "date", "date": "appointment", "offset_days": -1},
        steps=[{"key": "one", "channel": "todo", "text": "请提醒", "to": ["member"], "at": "18:00"}],
    )
    await publish(teller.database, teller.pack, remind, now=NOW)
    await teller.tell(added("xiaohu", NOW))
    tomorrow = NOW + timedelta(days=1)

    await visit(teller, vault, "V1", "booked", at=tomorrow)
    await visit(teller, vault, "V2", "booked", at=NOW + timedelta(days=5))
    assert await stand(teller) == [("remind", "active", "约了 2026-11-24 09:00 种植一期手术")]

    now = NOW + timedelta(minutes=10)
    await visit(teller, vault, "V1", "booked", at=tomorrow + timedelta(hours=2), now=now)
    assert await stand(teller) == [
        ("remind", "stopped", "预约改了时间"),
        ("remind", "active", "约了 2026-11-24 11:00 种植一期手术"),
    ]


async def test_care_that_is_still_due_begins_when_she_adds_us_after_her_visit(
    teller: Teller, vault: Vault
) -> None:
    care = journey(
        "implant",
        {"on": "visit", "treatment": "implant.*"},
        steps=[
            {"key": "month", "channel": "todo", "text": "请问一声", "to": ["member"], "after": {"days": 30}}
        ],
    )
    await publish(teller.database, teller.pack, care, now=NOW)
    async with teller.database.write() as session:
        await people.patient_of(session, WHO, now=NOW)
    await visit(teller, vault, "V1", "done", at=NOW - timedelta(days=3))
    await visit(teller, vault, "V0", "done", at=NOW - timedelta(days=90))
    assert await stand(teller) == []
    assert "还没有加上企业微信好友" in (await refusals(teller))[0]

    await teller.tell(added("xiaohu", NOW))

    assert await stand(teller) == [("implant", "active", "2026-11-20 做了种植一期手术")]


async def test_leaving_twice_is_leaving_once(teller: Teller) -> None:
    await publish(teller.database, teller.pack, journey("one", {"on": "added"}), now=NOW)
    await teller.tell(added("xiaohu", NOW))

    for expected in (1, 0):
        async with teller.database.write() as session:
            ids = list(await session.scalars(select(Enrolment.id)))
            assert await leave(session, ids, reason="同事停的", now=NOW) == expected
