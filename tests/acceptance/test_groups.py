"""Customer groups: who came, how and by whom; who went; who must be told; what greets newcomers."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from bot.sync import TenantSync
from clinic.care_tables import GroupMove, GroupWelcome, Todo
from clinic.group_moves import UNSEEN
from clinic.tables import AuditEntry, CustomerGroup, GroupMember
from store.outbox import OutboxEffect
from tests.support.quiet import quiet, rows

if TYPE_CHECKING:
    from tests.support.clinic import Clinic

GET = "externalcontact/groupchat/get"
ADD_TEMPLATE = "externalcontact/group_welcome_template/add"
EDIT_TEMPLATE = "externalcontact/group_welcome_template/edit"
LAG = timedelta(seconds=5)


async def new_patient(clinic: Clinic, userid: str = "xiaohu", name: str = "晓晴") -> str:
    added = await clinic.act("patient-adds-member", userid=userid, name=name)
    return str(added["external_userid"])


async def new_group(clinic: Clinic, name: str, owner: str, people: list[str]) -> str:
    """Open a group before the program's eyes, which have seen what was there at its start."""
    await clinic.until(clinic.tenant_read, what="members and groups are read")
    made = await clinic.act("create-group", name=name, owner=owner, people=people)
    await read(clinic)
    return str(made["chat_id"])


async def read(clinic: Clinic) -> None:
    """Let the events be handled, and the readings that wait for WeCom's lag be made."""
    await quiet(clinic)
    clinic.clock.advance(LAG)
    await quiet(clinic)


async def group(clinic: Clinic, chat_id: str) -> CustomerGroup:
    found: CustomerGroup = (
        await rows(clinic, select(CustomerGroup).where(CustomerGroup.chat_id == chat_id))
    )[0]
    return found


async def moves(clinic: Clinic, chat_id: str) -> list[tuple[str, str, int, str]]:
    found = await rows(
        clinic, select(GroupMove).where(GroupMove.chat_id == chat_id).order_by(GroupMove.at, GroupMove.id)
    )
    return [(move.person, move.kind, move.scene, move.inviter) for move in found]


async def seated(clinic: Clinic, chat_id: str) -> set[str]:
    return set(await rows(clinic, select(GroupMember.person).where(GroupMember.chat_id == chat_id)))


async def asked(clinic: Clinic, kind: str) -> list[Todo]:
    return await rows(clinic, select(Todo).where(Todo.kind == kind))


async def timeline(clinic: Clinic, patient: str) -> list[str]:
    record = await clinic.api("GET", f"/patients/{patient}")
    return [entry["reason"] for entry in record["timeline"]]


def reads(clinic: Clinic, chat_id: str) -> int:
    """Count how often the program read this group."""
    return sum(call.body["chat_id"] == chat_id for call in clinic.journal(GET))


async def test_a_change_that_continues_ours_is_applied_without_reading_the_group(clinic: Clinic) -> None:
    first, second = await new_patient(clinic), await new_patient(clinic, name="阿远")
    chat_id = await new_group(clinic, "护牙福利社 7 群", "xiaohu", [first])
    before = reads(clinic, chat_id)

    await clinic.act("join-group", chat_id=chat_id, people=[second], scene=3)
    await read(clinic)
    await clinic.act("leave-group", chat_id=chat_id, people=[first])
    await read(clinic)

    assert reads(clinic, chat_id) == before
    assert await seated(clinic, chat_id) == {"xiaohu", second}
    assert (await moves(clinic, chat_id))[-2:] == [(second, "joined", 3, ""), (first, "left", 0, "")]
    assert (await group(clinic, chat_id)).members == 2
    assert "进入客户群“护牙福利社 7 群”（扫群二维码）" in await timeline(clinic, second)
    assert "离开客户群“护牙福利社 7 群”（自己退出）" in await timeline(clinic, first)


async def test_a_group_of_which_an_event_was_lost_is_read_and_tells_what_was_missed(clinic: Clinic) -> None:
    first, second = await new_patient(clinic), await new_patient(clinic, name="阿远")
    chat_id = await new_group(clinic, "护牙福利社 7 群", "xiaohu", [first])
    await lose_next(clinic, "change_external_chat")
    await clinic.act("leave-group", chat_id=chat_id, people=[first])
    before = reads(clinic, chat_id)

    await clinic.act("join-group", chat_id=chat_id, people=[second], scene=3)
    await read(clinic)

    assert reads(clinic, chat_id) == before + 1
    assert await seated(clinic, chat_id) == {"xiaohu", second}
    assert {move[:2] for move in await moves(clinic, chat_id)} == {
        ("xiaohu", "joined"),
        (first, "joined"),
        (first, "left"),
        (second, "joined"),
    }


async def test_what_no_event_told_is_found_within_the_hour_with_all_that_follows(clinic: Clinic) -> None:
    patient = await new_patient(clinic)
    vip = await new_group(clinic, "种植VIP 3 群", "zhang.wei", [patient])
    clinic.tenant.groups.leave(vip, [patient], silent=True)

    clinic.clock.advance(timedelta(minutes=61))
    await clinic.runtime.clockwork.read_tenant()
    await quiet(clinic)

    assert (await moves(clinic, vip))[-1] == (patient, "left", UNSEEN, "")
    assert "离开客户群“种植VIP 3 群”" in await timeline(clinic, patient)
    assert await seated(clinic, vip) == {"zhang.wei"}
    assert [todo.assignee for todo in await asked(clinic, "group_quit")] == ["zhang.wei"]


async def lose_next(clinic: Clinic, event: str) -> None:
    """Let WeCom lose the next callback of an event, whatever its kind."""
    async with clinic.http.post(
        f"{clinic.sandbox.api_base}/sandbox/api/faults",
        json={"kind": "drop_callback", "target": f"{event}.update.del_member", "times": 1},
    ) as response:
        assert response.status == 200


async def test_who_invited_a_patient_is_read_because_the_event_does_not_say(clinic: Clinic) -> None:
    first, second = await new_patient(clinic), await new_patient(clinic, name="阿远")
    chat_id = await new_group(clinic, "种植VIP 3 群", "zhang.wei", [first])

    await clinic.act("join-group", chat_id=chat_id, people=[second], scene=1, invitor="zhao.min")
    await read(clinic)

    assert (await moves(clinic, chat_id))[-1] == (second, "joined", 1, "zhao.min")
    assert "进入客户群“种植VIP 3 群”（被邀请，成员 赵敏 邀请）" in await timeline(clinic, second)


async def test_the_same_news_again_and_in_the_wrong_order_is_one_move(clinic: Clinic) -> None:
    patient = await new_patient(clinic)
    chat_id = await new_group(clinic, "护牙福利社 7 群", "xiaohu", [])
    await clinic.act("join-group", chat_id=chat_id, people=[patient], scene=3)
    await read(clinic)

    for _ in range(2):
        clinic.clock.advance(timedelta(seconds=2))
        await clinic.act(
            "emit-callback",
            fields={
                "MsgType": "event",
                "Event": "change_external_chat",
                "ChatId": chat_id,
                "ChangeType": "update",
                "UpdateDetail": "add_member",
                "JoinScene": 3,
                "MemChangeList": {"Item": [patient]},
                "LastMemVer": "0" * 32,
                "CurMemVer": "1" * 32,
            },
        )
        await read(clinic)

    assert [move for move in await moves(clinic, chat_id) if move[0] == patient] == [
        (patient, "joined", 3, "")
    ]
    assert await seated(clinic, chat_id) == {"xiaohu", patient}


async def test_name_and_owner_are_read_anew_and_the_change_is_told(clinic: Clinic) -> None:
    chat_id = await new_group(clinic, "护牙福利社 7 群", "xiaohu", [])

    await clinic.act("change-group", chat_id=chat_id, name="种植VIP 7 群", owner="zhang.wei")
    await read(clinic)

    found = await group(clinic, chat_id)
    assert (found.name, found.owner) == ("种植VIP 7 群", "zhang.wei")
    told = await rows(clinic, select(AuditEntry.reason).where(AuditEntry.subject == f"group:{chat_id}"))
    assert "群名从“护牙福利社 7 群”改为“种植VIP 7 群”" in told
    assert "群主从 xiaohu 换成 zhang.wei" in told


async def test_a_dismissed_group_stays_gone_even_when_its_beginning_comes_later(clinic: Clinic) -> None:
    chat_id = await new_group(clinic, "护牙福利社 7 群", "xiaohu", [])
    await clinic.act("dismiss-group", chat_id=chat_id)
    await read(clinic)
    ghost = "wr" + "Q" * 30
    for change in ("dismiss", "create"):
        await clinic.act(
            "emit-callback",
            fields={
                "MsgType": "event",
                "Event": "change_external_chat",
                "ChatId": ghost,
                "ChangeType": change,
            },
        )
        await read(clinic)

    assert (await group(clinic, chat_id)).dismissed_at is not None
    assert (await group(clinic, ghost)).dismissed_at is not None
    fetches = await rows(
        clinic, select(OutboxEffect).where(OutboxEffect.key.startswith(f"fetch-group:{ghost}"))
    )
    assert [effect.state for effect in fetches] == ["cancelled"]


async def test_what_happens_while_the_hourly_reading_is_under_way_stands(clinic: Clinic) -> None:
    """A group that ends after it was read stays gone; one that begins after the listing is not taken for gone."""
    for number in (7, 8):
        await new_group(clinic, f"护牙福利社 {number} 群", "xiaohu", [])
    clinic.tenant.faults.add("delay", GET, times=2, delay_s=2)
    before = len(clinic.journal(GET))

    reading = asyncio.create_task(
        TenantSync(clinic.runtime.database, clinic.runtime.client, clock=clinic.clock).read()
    )
    await clinic.until(lambda: len(clinic.journal(GET)) >= before + 2, what="the second group is asked for")
    ended = clinic.journal(GET)[before].body["chat_id"]
    await clinic.act("dismiss-group", chat_id=ended)
    begun = await new_group(clinic, "护牙福利社 9 群", "xiaohu", [])
    assert not reading.done()
    await reading

    assert (await group(clinic, ended)).dismissed_at is not None
    assert (await group(clinic, begun)).dismissed_at is None


async def test_a_patient_who_quits_a_vip_group_is_told_to_its_owner_only(clinic: Clinic) -> None:
    patient = await new_patient(clinic)
    vip = await new_group(clinic, "种植VIP 3 群", "zhang.wei", [patient])
    community = await new_group(clinic, "护牙福利社 7 群", "xiaohu", [patient])

    await clinic.act("leave-group", chat_id=vip, people=[patient])
    await clinic.act("leave-group", chat_id=community, people=[patient])
    await read(clinic)

    quits = await asked(clinic, "group_quit")
    assert [(todo.assignee, "种植VIP 3 群" in todo.body) for todo in quits] == [("zhang.wei", True)]
    chat = (await clinic.phone("members", "zhang.wei"))["app_chat"]["messages"]
    assert any("退出了" in str(message["payload"]) for message in chat)


async def test_joining_a_group_puts_the_tags_of_its_role_on_her_with_the_rules_reason(
    clinic: Clinic,
) -> None:
    patient = await new_patient(clinic)
    chat_id = await new_group(clinic, "儿牙成长营 1 群", "li.na", [])

    await clinic.act("join-group", chat_id=chat_id, people=[patient], scene=3)
    await read(clinic)

    record = await clinic.api("GET", f"/patients/{patient}")
    assert "儿童口腔" in {tag["name"] for tag in record["tags"]}
    assert any("need.kids-group" in reason for reason in await timeline(clinic, patient))
    shown = await clinic.phone("patients", patient)
    assert "儿童口腔" in {tag["name"] for chat in shown["chats"] for tag in chat["follow"]["tags"]}


async def test_who_is_in_a_group_from_its_beginning_joined_it_once_whoever_tells(clinic: Clinic) -> None:
    first, second = await new_patient(clinic), await new_patient(clinic, name="阿远")
    told = await new_group(clinic, "儿牙成长营 1 群", "li.na", [first])
    unheard = clinic.tenant.groups.create("儿牙成长营 2 群", "li.na", [second], silent=True).chat_id

    for change in ("create", "update"):  # the change, which comes late, and the creation once more
        seat = {"MemChangeCnt": 1, "MemChangeList": {"Item": [first]}, "CurMemVer": "1" * 32}
        fields = {"ChatId": told, "ChangeType": change, "UpdateDetail": "add_member", "JoinScene": 0}
        await clinic.act(
            "emit-callback", fields={"MsgType": "event", "Event": "change_external_chat"} | fields | seat
        )
        await read(clinic)
    await clinic.runtime.clockwork._sync.read()
    await read(clinic)

    for chat_id, name, patient in ((told, "1", first), (unheard, "2", second)):
        assert sorted(await moves(clinic, chat_id)) == sorted(
            (who, "joined", 1, "li.na") for who in ("li.na", patient)
        )
        line = f"进入客户群“儿牙成长营 {name} 群”（被邀请，成员 李娜 邀请）"
        assert (await timeline(clinic, patient)).count(line) == 1
        record = await clinic.api("GET", f"/patients/{patient}")
        assert "儿童口腔" in {tag["name"] for tag in record["tags"]}


async def test_a_coming_told_before_the_group_is_known_follows_the_rules_of_the_role_it_turns_out_to_have(
    clinic: Clinic,
) -> None:
    await clinic.until(clinic.tenant_read, what="members and groups are read")
    patient = await new_patient(clinic)
    kids = clinic.tenant.groups.create("儿牙成长营 1 群", "li.na", silent=True)
    kids.create_time -= timedelta(days=30)

    await clinic.act("join-group", chat_id=kids.chat_id, people=[patient], scene=3)
    await read(clinic)

    assert await moves(clinic, kids.chat_id) == [(patient, "joined", 3, "")]
    record = await clinic.api("GET", f"/patients/{patient}")
    assert "儿童口腔" in {tag["name"] for tag in record["tags"]}


async def test_a_patient_in_two_groups_of_one_role_is_told_to_the_owner(clinic: Clinic) -> None:
    patient = await new_patient(clinic)
    await new_group(clinic, "护牙福利社 7 群", "xiaohu", [patient])
    second = await new_group(clinic, "护牙福利社 8 群", "xiaohu", [])
    vip = await new_group(clinic, "种植VIP 3 群", "zhang.wei", [])

    for chat_id in (second, vip):
        await clinic.act("join-group", chat_id=chat_id, people=[patient], scene=3)
    await read(clinic)

    twice = await asked(clinic, "group_twice")
    assert [todo.assignee for todo in twice] == ["xiaohu"]
    assert "护牙福利社 7 群" in twice[0].body


async def test_newcomers_of_every_role_have_a_greeting_that_owners_are_asked_to_apply_once(
    clinic: Clinic,
) -> None:
    patient = await new_patient(clinic)
    chat_id = await new_group(clinic, "儿牙成长营 1 群", "li.na", [])
    for _ in range(2):
        await clinic.runtime.group_care.keep()
        await quiet(clinic)

    templates = {row.role: row.template_id for row in await rows(clinic, select(GroupWelcome))}
    assert set(templates) == {"community", "kids", "vip"}
    assert len(clinic.journal(ADD_TEMPLATE)) == 3
    assert len(clinic.journal(EDIT_TEMPLATE)) == 0
    mine = [todo for todo in await asked(clinic, "group_welcome") if todo.assignee == "li.na"]
    assert ["儿牙成长营 1 群" in todo.body for todo in mine].count(True) == 1

    await clinic.act("apply-template", template_id=templates["kids"], chat_id=chat_id)
    await clinic.act("join-group", chat_id=chat_id, people=[patient], scene=3)
    shown = await clinic.phone("groups", chat_id)
    assert any("欢迎 晓晴 加入儿牙成长营" in message["text"] for message in shown["messages"])


async def test_a_greeting_that_somebody_deleted_is_made_again_the_next_day(clinic: Clinic) -> None:
    await clinic.runtime.group_care.keep()
    await quiet(clinic)
    kids = (await rows(clinic, select(GroupWelcome).where(GroupWelcome.role == "kids")))[0]
    clinic.tenant.templates.delete(kids.template_id)

    clinic.clock.advance(timedelta(days=1, minutes=1))
    await clinic.runtime.group_care.keep()
    await quiet(clinic)

    again = (await rows(clinic, select(GroupWelcome).where(GroupWelcome.role == "kids")))[0]
    assert again.template_id != kids.template_id
    assert len(clinic.journal(ADD_TEMPLATE)) == 4


async def test_a_greeting_whose_answer_was_lost_is_made_again_and_kept(clinic: Clinic) -> None:
    async with clinic.http.post(
        f"{clinic.sandbox.api_base}/sandbox/api/faults",
        json={"kind": "reset_after", "target": ADD_TEMPLATE, "times": 1},
    ) as response:
        assert response.status == 200

    await clinic.runtime.group_care.keep()

    async def kept() -> Any:
        clinic.clock.advance(timedelta(seconds=2))
        found = await rows(clinic, select(GroupWelcome.template_id))
        return len(found) == 3 and all(found)

    await clinic.until(kept, what="three greetings")
    assert len(clinic.journal(ADD_TEMPLATE)) == 4
