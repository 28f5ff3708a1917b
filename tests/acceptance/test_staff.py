"""Members join, change, get another userid and leave; what was theirs goes on with somebody."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from clinic import people, transfers
from clinic import todos as asking
from clinic.care_tables import Todo, Transfer
from clinic.tables import CustomerGroup, Follow, Member, Patient
from clinic.transfers import Order, TransferState
from tests.support.quiet import quiet, rows

if TYPE_CHECKING:
    from tests.support.clinic import Clinic

TRANSFER = "externalcontact/transfer_customer"
RESIGNED = "externalcontact/resigned/transfer_customer"
RESIGNED_RESULT = "externalcontact/resigned/transfer_result"
GIVE_GROUPS = "externalcontact/groupchat/transfer"
ON_THE_JOB = "externalcontact/groupchat/onjob_transfer"


async def member(clinic: Clinic, userid: str) -> Member | None:
    found = await rows(clinic, select(Member).where(Member.userid == userid))
    return found[0] if found else None


async def todos(clinic: Clinic, kind: str, *, state: str = "open") -> list[Todo]:
    return await rows(clinic, select(Todo).where(Todo.kind == kind, Todo.state == state))


async def add_patient(clinic: Clinic, userid: str, name: str = "晓晴") -> str:
    added = await clinic.act("patient-adds-member", userid=userid, name=name)
    return str(added["external_userid"])


async def hand_over(clinic: Clinic, order: Order) -> None:
    async with clinic.runtime.database.write() as session:
        await transfers.begin(session, order, now=clinic.clock.now())
    clinic.runtime.courier.wake()
    await quiet(clinic)


async def states(clinic: Clinic, run: str) -> dict[str, str]:
    found = await rows(clinic, select(Transfer).where(Transfer.run == run))
    return {row.subject: row.state for row in found}


async def app_chat(clinic: Clinic, userid: str) -> list[dict[str, Any]]:
    return list((await clinic.phone("members", userid))["app_chat"]["messages"])


async def test_a_member_who_joins_and_changes_is_known_by_name_and_position(clinic: Clinic) -> None:
    await clinic.act("member-joins", userid="he.yan", name="何燕", position="护士")
    await quiet(clinic)
    await clinic.act("member-changes", userid="he.yan", position="护士长")
    await quiet(clinic)

    found = await member(clinic, "he.yan")

    assert found is not None
    assert (found.name, found.position, found.active) == ("何燕", "护士长", True)


async def test_a_new_userid_takes_patients_groups_posts_and_personas_along(clinic: Clinic) -> None:
    await clinic.plan()
    patient = await add_patient(clinic, "zhang.wei")
    group = await clinic.act("create-group", name="种植VIP 9 群", owner="zhang.wei", people=[patient])
    await quiet(clinic)
    clinic.clock.advance(timedelta(seconds=5))
    await quiet(clinic)
    mine = [post for post in await clinic.posts() if post["sender"] == "zhang.wei"]
    approved = mine[0]
    await clinic.api("POST", f"/posts/{approved['id']}/approve", {"digest": approved["digest"]})

    await clinic.act("member-changes", userid="zhang.wei", new_userid="zhang.w")
    await quiet(clinic)

    follows = await rows(
        clinic, select(Follow.userid).join(Patient).where(Patient.external_userid == patient)
    )
    owner = await rows(clinic, select(CustomerGroup.owner).where(CustomerGroup.chat_id == group["chat_id"]))
    assert (follows, owner) == (["zhang.w"], ["zhang.w"])
    assert await member(clinic, "zhang.wei") is None
    posts = {post["id"]: post for post in await clinic.posts()}
    assert {posts[post["id"]]["sender"] for post in mine} == {"zhang.w"}
    assert posts[approved["id"]]["state"] == "in_review"
    assert posts[approved["id"]]["digest"] != approved["digest"]

    greeted = await clinic.act("patient-adds-member", userid="zhang.w", name="阿远")
    await quiet(clinic)
    shown = (await clinic.phone("patients", greeted["external_userid"]))["chats"][0]["messages"]
    assert "张医生" in next(message["text"] for message in shown if message["origin"] == "welcome")

    await clinic.act("patient-deletes-member", userid="zhang.w", external_userid=patient)
    await quiet(clinic)
    record = await clinic.api("GET", f"/patients/{patient}")
    assert record["stage"] == "lost"


async def test_a_leavers_patients_and_groups_wait_for_the_manager_who_hands_them_over(clinic: Clinic) -> None:
    patient = await add_patient(clinic, "li.na")
    group = await clinic.act("create-group", name="儿牙成长营 1 群", owner="li.na", people=[patient])
    await quiet(clinic)  # her event is handled; the group itself is read three seconds later
    clinic.clock.advance(timedelta(seconds=5))
    await quiet(clinic)

    await clinic.act("member-leaves", userid="li.na")
    await quiet(clinic)

    asked = await todos(clinic, "handover")
    gone = await member(clinic, "li.na")
    assert gone is not None
    assert (gone.active, gone.serves) == (False, False)
    assert len(asked) == 1
    assert "离职" in asked[0].title
    assert any("离职" in str(message["payload"]) for message in await app_chat(clinic, "chen.jing"))

    async with clinic.runtime.database.read() as session:
        mine = await transfers.patients_of(session, "li.na")
    order = Order(
        run="run-1",
        handover="li.na",
        takeover="xiaohu",
        resigned=True,
        patients=tuple(mine),
        groups=(group["chat_id"],),
    )
    await hand_over(clinic, order)
    await hand_over_again(clinic, order)

    assert len(clinic.journal(RESIGNED)) == 1
    assert len(clinic.journal(GIVE_GROUPS)) == 1
    assert (await states(clinic, "run-1"))[patient] == TransferState.WAITING
    assert (await states(clinic, "run-1"))[group["chat_id"]] == TransferState.DONE

    clinic.clock.advance(timedelta(hours=25))
    clinic.tenant.settle()
    await clinic.runtime.handovers.look()
    await quiet(clinic)

    assert set((await states(clinic, "run-1")).values()) == {TransferState.DONE}
    standing = await rows(
        clinic,
        select(Follow.userid)
        .join(Patient)
        .where(Patient.external_userid == patient, Follow.lost_at.is_(None)),
    )
    assert standing == ["xiaohu"]


async def test_a_look_at_handovers_takes_the_patient_before_her_handover(clinic: Clinic) -> None:
    patient = await add_patient(clinic, "li.na")
    await quiet(clinic)
    await clinic.act("member-leaves", userid="li.na")
    await quiet(clinic)
    await run_of(clinic, "run-1", [patient], handover="li.na", takeover="xiaohu", resigned=True)
    clinic.clock.advance(timedelta(hours=25))
    clinic.tenant.settle()
    asked = len(clinic.journal(RESIGNED_RESULT))

    async with clinic.runtime.database.write() as session:  # as whoever handles an event does
        await people.hold(session, [patient])
        looking = asyncio.create_task(clinic.runtime.handovers.look())
        await clinic.until(lambda: len(clinic.journal(RESIGNED_RESULT)) > asked, what="WeCom is asked")
        await asyncio.sleep(1)  # it comes as far as it can
        await session.scalars(select(Transfer).where(Transfer.subject == patient).with_for_update())
    async with asyncio.timeout(30):
        await looking

    assert await states(clinic, "run-1") == {patient: TransferState.DONE}


async def hand_over_again(clinic: Clinic, order: Order) -> None:
    """Send the same form once more: nothing is left to hand over."""
    async with clinic.runtime.database.write() as session:
        try:
            await transfers.begin(session, order, now=clinic.clock.now())
        except transfers.CannotTransfer:
            return
    raise AssertionError("the same run was begun twice")


async def run_of(clinic: Clinic, run: str, patients: list[str], **order: Any) -> None:
    """Hand patients of xiaohu over to li.na."""
    values = {"handover": "xiaohu", "takeover": "li.na", "resigned": False, "groups": ()} | order
    await hand_over(clinic, Order(run=run, patients=tuple(patients), **values))


async def test_what_was_asked_of_a_leaver_and_what_would_be_is_asked_of_the_manager(clinic: Clinic) -> None:
    async def named() -> bool:
        found = await member(clinic, "zhang.wei")
        return found is not None and bool(found.name)

    await clinic.until(named, what="his name is read")
    patient = await add_patient(clinic, "zhang.wei")
    async with clinic.runtime.database.write() as session:
        await asking.ask(
            session,
            key="handoff:1",
            kind="handoff",
            assignee="zhang.wei",
            title="顾客开始治疗，请医生接手",
            body="请确认下次时间。",
            now=clinic.clock.now(),
        )
    await clinic.act("member-leaves", userid="zhang.wei")
    await quiet(clinic)

    (passed,) = await todos(clinic, "handoff")
    assert (passed.assignee, passed.body) == ("manager", "（张伟 已离职，请安排别的同事）请确认下次时间。")

    clinic.clock.advance(timedelta(minutes=5))
    await clinic.act("patient-deletes-member", userid="zhang.wei", external_userid=patient)
    await quiet(clinic)
    (lost,) = await todos(clinic, "lost")
    assert lost.assignee == "manager"
    assert "一位顾客删除了 张医生（已离职），与我们都断开了联系" in lost.body

    other = await add_patient(clinic, "xiaohu")
    await clinic.act("member-leaves", userid="chen.jing")  # the pack sends first visitors to him
    await quiet(clinic)
    visit = {"number": "V1", "at": clinic.clock.now().isoformat(), "status": "arrived"}
    await clinic.api("POST", "/visits", {**visit, "patient": {"external_userid": other}}, expect=201)
    assert {todo.assignee for todo in await todos(clinic, "handoff")} == {"manager"}
    assert len(await todos(clinic, "handoff")) == 2


async def test_a_patient_who_refuses_stays_and_the_manager_reads_why(clinic: Clinic) -> None:
    stays, goes = await add_patient(clinic, "xiaohu"), await add_patient(clinic, "xiaohu", "阿远")
    await quiet(clinic)
    await run_of(clinic, "run-1", [stays, goes], message="以后由李医生照顾您")
    await clinic.act("patient-refuses-transfer", external_userid=stays)
    clinic.clock.advance(timedelta(hours=25))
    clinic.tenant.settle()
    await quiet(clinic)

    assert await states(clinic, "run-1") == {stays: TransferState.REFUSED, goes: TransferState.DONE}
    assert clinic.journal(TRANSFER)[0].body["transfer_success_msg"] == "以后由李医生照顾您"
    told = await todos(clinic, "transfer")
    assert [todo.title for todo in told] == ["交接结束：1 个成功，1 个没有成功"]
    record = await clinic.api("GET", f"/patients/{stays}")
    reasons = [entry["reason"] for entry in record["timeline"]]
    assert any("开始从成员 小护 交接给成员 李娜" in reason for reason in reasons)
    assert any("顾客不同意更换" in reason for reason in reasons)
    moved = await clinic.api("GET", f"/patients/{goes}")
    assert moved["stage"] != "lost"


LOST_HANDOVERS = [
    pytest.param(TRANSFER, "patient", False, TransferState.WAITING, id="a patient, on the job"),
    pytest.param(RESIGNED, "patient", True, TransferState.WAITING, id="a patient of a leaver"),
    pytest.param(ON_THE_JOB, "group", False, TransferState.DONE, id="a group, on the job"),
    pytest.param(GIVE_GROUPS, "group", True, TransferState.DONE, id="a group of a leaver"),
]


@pytest.mark.parametrize(("api", "kind", "resigned", "state"), LOST_HANDOVERS)
async def test_a_handover_whose_answer_was_lost_is_found_and_not_begun_twice(
    clinic: Clinic, api: str, kind: str, resigned: bool, state: TransferState
) -> None:
    patient = await add_patient(clinic, "zhang.wei")
    group = await clinic.act("create-group", name="种植VIP 9 群", owner="zhang.wei", people=[patient])
    subject = {"patient": patient, "group": group["chat_id"]}[kind]
    await quiet(clinic)
    clinic.clock.advance(timedelta(seconds=5))  # the group is read three seconds after its event
    await quiet(clinic)
    for userid in ["zhang.wei"] * resigned:
        await clinic.act("member-leaves", userid=userid)
        await quiet(clinic)
    clinic.tenant.faults.add("reset_after", api)
    order = Order(
        run="run-1",
        handover="zhang.wei",
        takeover="li.na",
        resigned=resigned,
        patients=(patient,) * (kind == "patient"),
        groups=(subject,) * (kind == "group"),
    )
    async with clinic.runtime.database.write() as session:
        await transfers.begin(session, order, now=clinic.clock.now())
    clinic.runtime.courier.wake()

    async def begun() -> bool:
        clinic.clock.advance(timedelta(seconds=2))
        return (await states(clinic, "run-1"))[subject] == state

    await clinic.until(begun, what="the handover found under way")
    assert len(clinic.journal(api)) == 1
    assert clinic.tenant.faults.waiting() == []


async def test_a_patient_handed_over_twice_in_90_days_is_not_offered_a_third_time(clinic: Clinic) -> None:
    patient = await add_patient(clinic, "xiaohu")
    await quiet(clinic)
    pairs = [("xiaohu", "li.na"), ("li.na", "xiaohu"), ("xiaohu", "li.na")]
    for number, (handover, takeover) in enumerate(pairs):
        await run_of(clinic, f"run-{number}", [patient], handover=handover, takeover=takeover)
        clinic.clock.advance(timedelta(hours=25))
        clinic.tenant.settle()
        await quiet(clinic)

    ended = [(await states(clinic, f"run-{number}"))[patient] for number in range(3)]
    assert ended == [TransferState.DONE, TransferState.DONE, TransferState.FAILED]
    assert len(clinic.journal(TRANSFER)) == 2


async def test_a_failure_of_a_handover_that_we_did_not_begin_is_told_to_the_manager(clinic: Clinic) -> None:
    patient = await add_patient(clinic, "xiaohu")
    fields = {
        "MsgType": "event",
        "Event": "change_external_contact",
        "ChangeType": "transfer_fail",
        "FailReason": "customer_limit_exceed",
        "UserID": "li.na",
        "ExternalUserID": patient,
    }
    for _ in range(2):
        await clinic.act("emit-callback", fields=fields)
    await quiet(clinic)

    told = await todos(clinic, "transfer")
    assert len(told) == 1
    assert "已到上限" in told[0].body


async def test_a_persona_without_a_member_is_an_alarm_until_somebody_speaks_for_it(clinic: Clinic) -> None:
    await clinic.until(clinic.tenant_read, what="members and groups are read")
    await clinic.act("member-leaves", userid="zhang.wei")
    await quiet(clinic)
    await clinic.runtime.clockwork.watch_personas()

    assert ["张医生" in todo.title for todo in await todos(clinic, "vacancy")] == [True]
    async with clinic.http.get(f"{clinic.url}/metrics") as response:
        assert "xiaohu_personas_vacant 1.0" in await response.text()

    clinic.clock.advance(timedelta(seconds=1))
    await clinic.act(
        "emit-callback",
        fields={
            "MsgType": "event",
            "Event": "change_contact",
            "ChangeType": "create_user",
            "UserID": "zhang.wei",
        },
    )
    await quiet(clinic)
    async with clinic.runtime.database.write() as session:
        back = await session.get_one(Member, "zhang.wei")
        back.serves = True  # as the hourly reading writes it
    await clinic.runtime.clockwork.watch_personas()

    assert await todos(clinic, "vacancy") == []
    assert await todos(clinic, "handover") == []


async def test_a_leaver_of_whom_no_event_came_is_found_by_his_patients(clinic: Clinic) -> None:
    await add_patient(clinic, "li.na")
    await quiet(clinic)
    async with clinic.http.post(
        f"{clinic.sandbox.api_base}/sandbox/api/faults",
        json={"kind": "drop_callback", "target": "change_contact.delete_user", "times": 1},
    ) as response:
        assert response.status == 200
    await clinic.act("member-leaves", userid="li.na")
    await quiet(clinic)
    assert await todos(clinic, "handover") == []

    assert await clinic.runtime.handovers.find_leavers() == 1
    assert await clinic.runtime.handovers.find_leavers() == 0
    await quiet(clinic)

    assert len(await todos(clinic, "handover")) == 1
    gone = await member(clinic, "li.na")
    assert gone is not None
    assert gone.left_at is not None


async def test_news_about_a_member_older_than_what_we_know_changes_nothing(clinic: Clinic) -> None:
    now = int(clinic.clock.now().timestamp())
    change = {"MsgType": "event", "Event": "change_contact", "UserID": "he.yan"}
    for fields in (
        {"ChangeType": "create_user", "Name": "何燕", "CreateTime": now},
        {"ChangeType": "delete_user", "CreateTime": now - 60},
        {"ChangeType": "update_user", "Name": "旧名字", "CreateTime": now - 30},
        {"ChangeType": "delete_user", "CreateTime": now + 60},
        {"ChangeType": "update_user", "Position": "护士", "CreateTime": now + 30},
    ):
        await clinic.act("emit-callback", fields=change | fields)
        await quiet(clinic)

    found = await member(clinic, "he.yan")
    assert found is not None
    assert (found.name, found.position, found.active) == ("何燕", "", False)
