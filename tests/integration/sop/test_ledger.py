"""The ledger of contacts and the caps that journeys ask of it, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, select, update

from clinic.tables import Patient
from content.plans.specs import JourneyBody, Late, Plan, Step
from sop import decisions, posts, push
from sop.caps import ledger
from sop.caps.ledger import LedgerCaps
from sop.journeys.ports import Contact, Due, Verdict
from sop.life import PostState
from sop.plan_tables import Enrolment, LedgerEntry, PlanVersion, StoredPlan, Touch
from sop.receipts import Look, Seen, record
from tests.support.queue import TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from content.plans.specs import Purpose
    from tests.support.queue import Queue

STEP = Step(key="hello", channel="mass", text=TEXT, late=Late(hours=72))


def due(queue: Queue, patient_id: int, enrolment_id: int = 1, **changes: Any) -> Due:
    purpose: Purpose = changes.pop("purpose", "marketing")
    step: Step = changes.pop("step", STEP)
    values: dict[str, Any] = {
        "enrolment_id": enrolment_id,
        "patient_id": patient_id,
        "external_userid": f"wm-{patient_id}",
        "plan": Plan(
            key="spring",
            kind="journey",
            title="开春活动",
            body=JourneyBody(trigger=(), steps=(step,)),
            purpose=purpose,
        ),
        "version_id": 1,
        "step": step,
        "sender": "xiaohu",
        "persona": "assistant",
        "variant": "",
        "due_at": queue.now + timedelta(hours=2),
        "at": queue.now + timedelta(hours=2),
        "purpose": purpose,
        "why": "开春活动",
        "trigger_at": queue.now,
    }
    return Due(**(values | changes))


async def weigh(queue: Queue, *dues: Due) -> list[Verdict]:
    async with queue.database.write() as session:
        return list(await LedgerCaps(queue.pack).weigh(session, dues, now=queue.now))


async def record_contacts(queue: Queue, *contacts: Contact) -> None:
    async with queue.database.write() as session:
        await LedgerCaps(queue.pack).record(session, contacts, now=queue.now)


def contact(one: Due, touch_id: int, *, made: bool = False) -> Contact:
    return Contact(
        touch_id=touch_id,
        patient_id=one.patient_id,
        at=one.at,
        channel="mass",
        purpose=one.purpose,
        plan_key=one.plan.key,
        persona=one.persona,
        made=made,
    )


async def entries(queue: Queue) -> Sequence[LedgerEntry]:
    async with queue.database.read() as session:
        return (await session.scalars(select(LedgerEntry).order_by(LedgerEntry.key))).all()


async def states(queue: Queue) -> dict[str, str]:
    return {entry.key: entry.state for entry in await entries(queue)}


async def a_touch(queue: Queue, patient_id: int) -> Touch:
    """Store a journey's touch, as an engine that tries again finds it."""
    async with queue.database.write() as session:
        session.add(
            StoredPlan(
                key="spring",
                kind="journey",
                title="开春活动",
                state="active",
                created_at=queue.now,
                changed_at=queue.now,
            )
        )
        await session.flush()
        version = PlanVersion(
            plan_key="spring",
            number=1,
            document={},
            digest="d",
            origin="staff",
            created_at=queue.now,
            created_by="admin",
        )
        session.add(version)
        await session.flush()
        enrolment = Enrolment(
            patient_id=patient_id,
            plan_key="spring",
            version_id=version.id,
            fact="manual",
            state="active",
            trigger_at=queue.now,
            started_at=queue.now,
        )
        session.add(enrolment)
        await session.flush()
        touch = Touch(
            enrolment_id=enrolment.id,
            step="hello",
            patient_id=patient_id,
            plan_key="spring",
            version_id=version.id,
            channel="mass",
            purpose="marketing",
            state="held",
            due_at=queue.now,
            at=queue.now,
            created_at=queue.now,
            updated_at=queue.now,
        )
        session.add(touch)
    return touch


async def test_what_is_allowed_counts_for_what_follows_in_the_same_batch(queue: Queue) -> None:
    [patient] = await queue.ids_of(await queue.befriend(1))
    three = [due(queue, patient, number) for number in (1, 2, 3)]
    third = replace(three[2], step=replace(STEP, late=Late(hours=24)))

    first, second, last = await weigh(queue, three[0], three[1], third)

    assert first.allow
    assert (second.allow, second.until) == (False, three[0].at + timedelta(hours=48))
    assert second.reason == "与另一次营销（11-23 11:00）相隔不到 48 小时，顺延到 11-25 11:00"
    assert (last.allow, last.until) == (False, None)
    assert last.reason.endswith("顺延不到合适的时间，这一次不发")


async def test_care_goes_out_beside_marketing(queue: Queue) -> None:
    [patient] = await queue.ids_of(await queue.befriend(1))

    verdicts = await weigh(queue, due(queue, patient, 1), due(queue, patient, 2, purpose="care"))

    assert [verdict.allow for verdict in verdicts] == [True, True]


async def test_a_contact_that_is_tried_again_is_not_in_its_own_way(queue: Queue) -> None:
    [patient] = await queue.ids_of(await queue.befriend(1))
    touch = await a_touch(queue, patient)
    one = due(queue, patient, touch.enrolment_id)
    await record_contacts(queue, contact(one, touch.id))

    mine, other = await weigh(queue, one, due(queue, patient, touch.enrolment_id + 1))

    assert (mine.allow, other.allow) == (True, False)


async def test_contacts_of_a_record_that_was_merged_into_hers_are_hers(queue: Queue) -> None:
    head, other = await queue.ids_of(await queue.befriend(2))
    await record_contacts(queue, contact(due(queue, other), 7, made=True))
    assert (await weigh(queue, due(queue, head)))[0].allow
    async with queue.database.write() as session:
        await session.execute(update(Patient).where(Patient.id == other).values(merged_into=head))

    assert not (await weigh(queue, due(queue, head)))[0].allow


async def test_a_batch_costs_two_selects_however_many_contacts(queue: Queue) -> None:
    patients = await queue.ids_of(await queue.befriend(300))
    await record_contacts(queue, *(contact(due(queue, one), one) for one in patients))
    seen: list[str] = []
    event.listen(
        queue.database.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, *_: seen.append(statement),
    )

    verdicts = await weigh(queue, *(due(queue, one, 1000 + one) for one in patients))

    assert not any(verdict.allow for verdict in verdicts)
    assert len([one for one in seen if one.startswith("SELECT") and "advisory" not in one]) == 2


async def test_contacts_are_settled_by_their_touches(queue: Queue) -> None:
    patients = await queue.ids_of(await queue.befriend(3))
    await record_contacts(queue, *(contact(due(queue, one), n) for n, one in enumerate(patients)))
    async with queue.database.write() as session:
        await LedgerCaps(queue.pack).posted(session, {12: [0, 1]})
        await LedgerCaps(queue.pack).settle(session, made=[0, 99], void=[2], now=queue.now)

    assert await states(queue) == {"touch:0": "made", "touch:1": "planned", "touch:2": "void"}
    assert [entry.post_id for entry in await entries(queue)] == [12, 12, None]
    assert not (await weigh(queue, due(queue, patients[0])))[0].allow
    assert (await weigh(queue, due(queue, patients[2])))[0].allow


async def follow(queue: Queue) -> int:
    async with queue.database.write() as session:
        return await ledger.follow_posts(session, now=queue.now)


async def test_a_post_that_no_journey_queued_counts_for_each_of_its_patients(queue: Queue) -> None:
    names = await queue.befriend(2)
    patients = await queue.ids_of(names)
    post = await queue.post(names, purpose="marketing")

    assert await states(queue) == {f"post:{post.id}:{one}": "planned" for one in patients}
    assert not (await weigh(queue, due(queue, patients[0])))[0].allow

    async with queue.database.write() as session:
        later = queue.now + timedelta(days=9)
        await posts.edit_post(
            session,
            post.id,
            now=queue.now,
            actor="chen.jing",
            pack=queue.pack,
            checker=queue.checker,
            scheduled_at=later,
        )
    assert {entry.at for entry in await entries(queue)} == {later}
    assert (await weigh(queue, due(queue, patients[0])))[0].allow

    moved = await queue.read(post)
    async with queue.database.write() as session:
        await decisions.reject(
            session, post.id, digest=moved.digest, actor="chen.jing", via="console", now=queue.now
        )
    assert await follow(queue) == 1
    assert set((await states(queue)).values()) == {"void"}
    assert await follow(queue) == 0


async def test_a_post_of_a_journey_is_counted_by_its_touches_alone(queue: Queue) -> None:
    await queue.post(await queue.befriend(1), slot="journey:spring:1:hello::xiaohu:20261123T0400:0")

    assert await entries(queue) == []


async def test_what_became_of_a_task_becomes_of_its_contacts(queue: Queue) -> None:
    names = await queue.befriend(4)
    patients = await queue.ids_of(names)
    post = await queue.post(names, approve=True)
    queue.now += timedelta(hours=1)
    statuses = ("sent", "capped", "not_friend", "waiting")
    async with queue.database.write() as session:
        await push.start_due(session, now=queue.now)
        task = await push.created(
            session, await session.get_one(type(post), post.id), now=queue.now, remote_id="m"
        )
        rows = tuple(Seen(recipient=n, status=s) for n, s in zip(names, statuses, strict=True))
        await record(session, task.id, Look(tapped=True, rows=rows), now=queue.now)
        tapped_at = queue.now
        queue.now += timedelta(minutes=11)
        assert (
            await record(session, task.id, Look(tapped=True, rows=rows), now=queue.now) is PostState.PARTIAL
        )

    assert await follow(queue) == 1
    found = {entry.key: entry for entry in await entries(queue)}
    keys = [f"post:{post.id}:{one}" for one in patients]
    assert [found[key].state for key in keys] == ["made", "void", "void", "void"]
    assert found[keys[0]].at == tapped_at
    assert found[f"full:{post.id}:{patients[1]}"].state == "full"

    verdicts = await weigh(queue, *(due(queue, one, purpose="care") for one in patients))
    assert [verdict.allow for verdict in verdicts] == [True, False, True, True]
    assert verdicts[1].reason == "企业微信这段时间的群发次数已满，顺延到 12-01 12:11"
