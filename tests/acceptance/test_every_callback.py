"""Every kind of callback through the encrypted endpoint: none is lost, none is dead, each does what it says."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pprint import pformat
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from clinic.care_tables import ChannelDay, Todo
from store import inbox
from store.inbox import InboxEvent
from tests.acceptance.test_week import card_of
from tests.support.callback_picture import calls_since, changes, last_call, look, news
from tests.support.callback_story import STORY
from tests.support.every_callback import EVERY, LINK, PATIENT
from tests.support.quiet import quiet, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.clinic import Clinic


# Who else parts from her, and how.
PARTED = {
    "change_external_contact.del_external_contact": "li.na",
    "change_external_contact.del_external_contact (DELETE_BY_TRANSFER)": "zhang.wei",
}
# What takes back what others ask for, or begins anew.
ENDING = frozenset(
    {
        "change_external_contact.add_external_contact",
        "change_external_contact.add_half_external_contact",
        "change_external_chat.update (del_member)",
        "customer_acquisition.balance_increased",
        "reopen_inactive_agent",
        "active_restored",
        "subscribe",
    }
)


async def emit(clinic: Clinic, kind: str) -> None:
    sender, fields = EVERY[kind]
    await clinic.act("emit-callback", sender=sender, fields=fields)


async def open_todos(clinic: Clinic) -> set[str]:
    return set(await rows(clinic, select(Todo.kind).where(Todo.state == "open")))


def filled(value: Any, known_as: Mapping[str, str]) -> Any:
    """Put what the story knows by now into the braces of a row's body."""
    match value:
        case str():
            return value.format_map(known_as)
        case dict():
            return {key: filled(one, known_as) for key, one in value.items()}
        case list():
            return [filled(one, known_as) for one in value]
        case _:
            return value


async def settled(clinic: Clinic) -> None:
    """Let the event be handled, and the readings that wait for WeCom's lag be made."""
    await quiet(clinic)
    clinic.clock.advance(timedelta(seconds=6))
    await quiet(clinic)


async def stage(clinic: Clinic, kind: str, named: dict[str, str]) -> bool:
    """Bring about, unwatched, what a kind needs to mean something; return whether it needs anything."""
    match kind:
        case "change_external_contact.msg_audit_approved":
            named["withheld"] = clinic.tenant.people._issue("xiaohu", named["her"]).code
        case "kf_msg_or_event":
            await clinic.act("kf-enter", open_kfid=named["open_kfid"], external_userid=named["her"])
        case "change_external_contact.transfer_fail":
            for userid in ("zhang.wei", "li.na"):
                await clinic.act("patient-adds-member", userid=userid, external_userid=named["her"])
        case _:
            return False
    await settled(clinic)
    return True


def test_the_story_has_every_kind_of_callback_once() -> None:
    assert sorted(row.kind for row in STORY) == sorted(EVERY)
    assert [row.kind for row in STORY if bool(row.told) == bool(row.silent)] == []


@pytest.mark.timeout(300)  # sixty callbacks, each waited for
async def test_every_kind_changes_the_rows_makes_the_calls_and_tells_the_timeline_what_the_story_says(
    clinic: Clinic,
) -> None:
    await clinic.until(clinic.tenant_read, what="members and groups are read")
    card = await card_of(clinic, "zhao.min", "张医生")
    named = {"reviewer": "zhao.min", "card": card["task_id"]}
    people: dict[str, str] = {}
    wrong: dict[str, Any] = {}
    await settled(clinic)
    before = await look(clinic, people)

    for row in STORY:
        if await stage(clinic, row.kind, named):
            before = await look(clinic, people)
        seq = last_call(clinic)
        act, body = row.callback()
        answer = await clinic.act(act, **filled(body, named))
        named |= {key: answer[key] for key in ("chat_id", "open_kfid") if key in answer}
        named["tag"] = answer.get("tag_ids", [named.get("tag", "")])[0]
        if row.meet:
            named[row.meet] = people[row.meet] = answer["external_userid"]
        await settled(clinic)

        after = await look(clinic, people)
        found = (changes(before, after), calls_since(clinic, seq), news(before, after))
        before = after
        if found != (row.rows, sorted(row.calls), sorted(row.told)):
            wrong[row.kind] = found

    assert not wrong, pformat(wrong)
    events = await rows(clinic, select(InboxEvent))
    assert [(event.kind, event.error) for event in events if event.state != inbox.DONE] == []


async def test_every_kind_told_again_with_another_time_stamp_asks_and_tells_nobody_twice(
    clinic: Clinic,
) -> None:
    await clinic.until(clinic.tenant_read, what="members and groups are read")
    her = str((await clinic.act("patient-adds-member", userid="xiaohu", name="晓晴"))["external_userid"])
    for userid in PARTED.values():
        await clinic.act("patient-adds-member", userid=userid, external_userid=her)
    people = {"her": her}
    hers = {"ExternalUserID": her, "MemChangeList": {"Item": [her]}, "WelcomeCode": ""}
    await settled(clinic)

    met = await look(clinic, people)
    again = EVERY["change_external_contact.add_external_contact"][1]
    await clinic.act("emit-callback", fields=again | hers | {"State": ""})
    await settled(clinic)
    assert news(met, await look(clinic, people)) == []

    pictures, seq = [], 0
    for _ in range(2):
        seq = last_call(clinic)
        for kind, (sender, fields) in EVERY.items():
            if kind not in ENDING:
                clinic.clock.advance(timedelta(seconds=1))
                mine = {key: value for key, value in hers.items() if key in fields}
                mine |= {"UserID": PARTED[kind]} if kind in PARTED else {}
                await clinic.act("emit-callback", sender=sender, fields=fields | mine)
        await settled(clinic)
        pictures.append(await look(clinic, people))

    assert news(*pictures) == []
    changed = changes(*pictures)
    # Staff's trail says what was told; at links WeCom names nobody, and two visits may be two people's.
    assert {key.split()[0] for key in changed} == {"audit", "count"}
    assert sorted(key for key in changed if key.startswith("count")) == [
        "count douyin opened",
        "count douyin requested",
        f"count link:{LINK} talked",
    ]
    # Who clicks, or taps a card's menu, once more is answered once more; who opens the app when something
    # waits is told so.
    assert Counter(calls_since(clinic, seq))["message/send"] == 3
    assert not {"send_welcome_msg", "mark_tag"} & set(calls_since(clinic, seq))


async def test_no_kind_about_members_and_people_whom_nobody_knows_is_dead(clinic: Clinic) -> None:
    for sender, fields in EVERY.values():
        whose = {"UserID": "nobody.knows"} if "UserID" in fields else {}
        await clinic.act(
            "emit-callback", sender="sys" if sender == "sys" else "nobody.knows", fields=fields | whose
        )
    await settled(clinic)

    events = await rows(clinic, select(InboxEvent))
    assert len(events) == len(EVERY)
    assert [(event.kind, event.error) for event in events if event.state != inbox.DONE] == []


async def test_links_without_quota_or_people_are_told_to_the_manager_until_there_is_quota(
    clinic: Clinic,
) -> None:
    for change in (
        "balance_low",
        "balance_exhausted",
        "quota_expire_soon",
        "link_unavailable",
        "delete_link",
    ):
        await emit(clinic, f"customer_acquisition.{change}")
    await quiet(clinic)
    told = await rows(clinic, select(Todo).where(Todo.kind.in_(("quota", "link"))))
    assert sorted(todo.kind for todo in told) == ["link", "link", "quota", "quota", "quota"]
    assert {todo.assignee for todo in told} == {"manager"}
    chat = str((await clinic.phone("members", "chen.jing"))["app_chat"]["messages"])
    assert "获客额度用完了" in chat

    await emit(clinic, "customer_acquisition.balance_increased")
    await quiet(clinic)

    assert await open_todos(clinic) & {"quota", "link"} == {"link"}


async def test_what_happens_at_links_is_counted_by_day_and_the_first_message_is_in_her_timeline(
    clinic: Clinic,
) -> None:
    added = await clinic.act("patient-adds-member", userid="xiaohu", state="douyin", name="晓晴")
    for change in ("open_profile", "friend_request", "message_from_customer"):
        await emit(clinic, f"customer_acquisition.{change}")
    clinic.clock.advance(timedelta(seconds=1))
    await emit(clinic, "customer_acquisition.open_profile")
    fields = EVERY["customer_acquisition.customer_start_chat"][1] | {
        "ExternalUserID": added["external_userid"]
    }
    await clinic.act("emit-callback", fields=fields)
    await quiet(clinic)

    days = await rows(clinic, select(ChannelDay).where(ChannelDay.kind != "added"))
    counts = {(day.channel, day.kind, day.userid): day.count for day in days}
    assert counts == {
        ("douyin", "opened", ""): 2,
        ("douyin", "requested", ""): 1,
        (f"link:{LINK}", "talked", ""): 1,
        ("douyin", "chatted", "xiaohu"): 1,
    }
    record = await clinic.api("GET", f"/patients/{added['external_userid']}")
    assert any("发了第一条消息" in entry["reason"] for entry in record["timeline"])


async def test_warnings_about_the_app_wait_for_the_manager_until_wecom_takes_them_back(
    clinic: Clinic,
) -> None:
    for warning in ("inactive_alert", "close_inactive_agent", "low_active_alert", "low_active"):
        await emit(clinic, warning)
    await quiet(clinic)
    assert await open_todos(clinic) >= {"agent_inactive", "agent_low_active"}

    clinic.clock.advance(timedelta(seconds=1))
    await emit(clinic, "reopen_inactive_agent")
    await quiet(clinic)
    assert await open_todos(clinic) & {"agent_inactive", "agent_low_active"} == {"agent_low_active"}

    await emit(clinic, "active_restored")
    await quiet(clinic)
    assert not await open_todos(clinic) & {"agent_inactive", "agent_low_active"}


async def test_a_reviewer_who_cannot_see_the_app_is_told_to_the_manager_until_he_can(clinic: Clinic) -> None:
    for sender in ("he.yan", "zhang.wei"):
        await clinic.act("emit-callback", sender=sender, fields=EVERY["unsubscribe"][1])
    await quiet(clinic)
    unseen = await rows(clinic, select(Todo).where(Todo.kind == "agent_unseen"))
    assert ["张医生" in todo.body for todo in unseen] == [True]

    await clinic.act("emit-callback", sender="zhang.wei", fields=EVERY["subscribe"][1])
    await quiet(clinic)

    assert "agent_unseen" not in await open_todos(clinic)


async def test_consent_to_archiving_is_in_her_timeline(clinic: Clinic) -> None:
    added = await clinic.act("patient-adds-member", userid="xiaohu", name="晓晴")
    fields = EVERY["change_external_contact.msg_audit_approved"][1]
    patient = {"ExternalUserID": added["external_userid"], "WelcomeCode": ""}
    await clinic.act("emit-callback", fields=fields | patient)
    await quiet(clinic)

    record = await clinic.api("GET", f"/patients/{added['external_userid']}")
    assert any("存档" in entry["reason"] for entry in record["timeline"])
    assert PATIENT not in str(record)
