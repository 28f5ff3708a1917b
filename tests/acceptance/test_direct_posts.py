"""Messages to single patients: queued once, approved, tapped, and told patient by patient."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from sop.direct import DirectRefused
from sop.posts import EditRefused
from sop.push import created, keep_receipts
from sop.receipts import counts_of
from sop.tables import Post, Receipt
from tests.support.clinic import MONDAY, Clinic, running_clinic
from tests.support.databases import Templates
from tests.support.direct import TEXT, befriend, draft_for, due, queue_drafts
from wecom.api.mass import MassSend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack

SEND = "externalcontact/add_msg_template"
MOMENT = "externalcontact/add_moment_task"
CANCEL = "externalcontact/cancel_groupmsg_send"
DELETED = "change_external_contact.del_external_contact"


@pytest.fixture
async def clinic(tmp_path: Path, started: Templates, pack: Pack) -> AsyncIterator[Clinic]:
    """On SQLite only, like the fault matrix; the receipts' statements are tested on both databases."""
    with started.copy("sqlite", tmp_path) as url:
        async with running_clinic(url, pack) as running:
            yield running


async def read(clinic: Clinic, post: dict[str, Any]) -> dict[str, Any]:
    await clinic.runtime.watcher.look()
    found: dict[str, Any] = await clinic.api("GET", f"/posts/{post['id']}")
    return found


async def tap(clinic: Clinic, post: dict[str, Any]) -> dict[str, Any]:
    """Let the member send, and return the post when its receipts have settled."""
    msgid = (await read(clinic, post))["push"]["remote_id"]
    await clinic.act("tap-mass", userid="xiaohu", msgid=msgid)
    for minutes in (1, 15):
        clinic.clock.advance(timedelta(minutes=minutes))
        await clinic.runtime.watcher.look()
    return await read(clinic, post)


async def test_a_message_is_queued_once_approved_created_for_its_patients_and_sent(clinic: Clinic) -> None:
    patients = await befriend(clinic, "晓晴", "阿远")
    draft = draft_for(clinic, patients)
    [post] = await queue_drafts(clinic, draft)
    [again] = await queue_drafts(clinic, draft_for(clinic, patients[:1], text="别的话"))

    assert again == post
    assert (post["kind"], post["state"], post["sender"]) == ("direct", "in_review", "xiaohu")
    await due(clinic, post)
    assert (await read(clinic, post))["state"] == "awaiting_sender"
    [call] = clinic.journal(SEND)
    assert (call.body["chat_type"], call.body["sender"]) == ("single", "xiaohu")
    assert sorted(call.body["external_userid"]) == sorted(patients)

    ended = await tap(clinic, post)
    assert (ended["state"], ended["reason"]) == ("published", "已发给 2 位客户")
    assert ended["push"]["counts"]["sent"] == 2
    for patient in patients:
        chats = (await clinic.phone("patients", patient))["chats"]
        assert TEXT in [message["text"] for chat in chats for message in chat["messages"]]


async def test_each_patient_who_was_not_reached_is_counted_with_the_reason(clinic: Clinic) -> None:
    patients = await befriend(clinic, "晓晴", "阿远", "安安", "小北")
    _reached, gone_before, gone_after, capped = patients
    [post] = await queue_drafts(clinic, draft_for(clinic, patients))
    clinic.tenant.faults.add("drop_callback", DELETED)
    await clinic.act("member-deletes-patient", userid="xiaohu", external_userid=gone_before)
    await due(clinic, post)
    await clinic.act("patient-deletes-member", userid="xiaohu", external_userid=gone_after)
    await clinic.act("fill-cap", id=capped, times=31)

    ended = await tap(clinic, post)

    assert ended["state"] == "partial"
    assert ended["push"]["counts"] == {
        "sent": 1,
        "waiting": 0,
        "not_friend": 1,
        "capped": 1,
        "unreachable": 1,
    }
    assert ended["reason"] == (
        "已发给 1 位客户，1 位客户已不是好友，1 位客户这段时间收到的群发已满，"
        "1 位客户被企业微信排除（已不是好友，或群发已满）"
    )


async def test_a_message_nobody_taps_is_reminded_of_and_taken_back_after_a_day(clinic: Clinic) -> None:
    [post] = await queue_drafts(clinic, draft_for(clinic, await befriend(clinic, "晓晴")))
    await due(clinic, post)
    for _ in range(26):
        clinic.clock.advance(timedelta(hours=1))
        await clinic.runtime.clockwork.remind()
        await clinic.runtime.watcher.look()
        await clinic.runtime.courier.drain()

    ended = await read(clinic, post)
    assert (ended["state"], "没有确认发送" in ended["reason"]) == ("expired", True)
    assert len(clinic.journal("externalcontact/remind_groupmsg_send")) == 2
    [task] = clinic.tenant.mass.tasks.values()
    assert task.cancelled_at is not None


async def test_a_list_of_posts_counts_patients_and_one_post_names_them(clinic: Clinic) -> None:
    patients = await befriend(clinic, "晓晴", "阿远")
    [post] = await queue_drafts(clinic, draft_for(clinic, patients))

    [listed] = [one for one in await clinic.posts() if one["kind"] == "direct"]

    assert listed["audience"] == {"count": 2}
    assert post["audience"] == {"count": 2, "external_userids": sorted(patients)}


async def test_a_week_is_planned_although_messages_to_patients_were_queued_for_it(clinic: Clinic) -> None:
    [post] = await queue_drafts(clinic, draft_for(clinic, await befriend(clinic, "晓晴")))

    planned = await clinic.plan()

    assert {p["kind"] for p in planned} == {"moment", "group"}
    assert post["batch_id"] in {p["batch_id"] for p in planned}


async def test_what_the_content_check_blocks_waits_for_an_editor(clinic: Clinic) -> None:
    patients = await befriend(clinic, "晓晴")
    [post] = await queue_drafts(clinic, draft_for(clinic, patients, text="种植牙百分百成功，保证终身不坏！"))

    assert (post["state"], post["reason"]) == ("draft", "内容检查未通过，请修改")
    assert [finding["level"] for finding in post["findings"]].count("block") >= 1


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"external_userids": ()}, "external_userids"),
    ({"external_userids": tuple(map(str, range(10_001)))}, "external_userids"),
    ({"external_userids": ("wm-stranger",)}, "external_userids"),
    ({"sender": "zhang.wei"}, "external_userids"),  # somebody else's patient
    ({"scheduled_at": MONDAY - timedelta(hours=1)}, "scheduled_at"),
    ({"text": "牙" * 1334}, "text"),
    ({"text": ""}, "text"),
]


async def test_a_draft_that_cannot_be_sent_is_refused_and_leaves_nothing(clinic: Clinic) -> None:
    patients = await befriend(clinic, "晓晴")

    for changes, field in REFUSED:
        good = draft_for(clinic, patients, slot="good")
        with pytest.raises((DirectRefused, EditRefused)) as refused:
            await queue_drafts(clinic, good, draft_for(clinic, patients, **changes))
        assert isinstance(refused.value, DirectRefused | EditRefused)
        assert refused.value.field == field, changes.keys()

    assert [post for post in await clinic.posts() if post["kind"] == "direct"] == []


# -- lost answers -------------------------------------------------------------------------------------------


async def settle(clinic: Clinic, *, steps: int = 12) -> None:
    for _ in range(steps):
        await clinic.runtime.courier.drain()
        await clinic.runtime.watcher.look()
        clinic.clock.advance(timedelta(seconds=62))


@pytest.mark.parametrize("kinds", [("reset_before", "reset_after"), ("reset_after", "reset_before")])
async def test_two_messages_with_one_text_never_take_each_others_task(
    clinic: Clinic, kinds: tuple[str, str]
) -> None:
    patients = await befriend(clinic, "晓晴", "阿远")
    drafts = [draft_for(clinic, (one,), slot=f"care:{one}") for one in patients]
    posts = await queue_drafts(clinic, *drafts)
    for kind in kinds:
        clinic.tenant.faults.add(kind, SEND)
    for post in posts:
        await clinic.api("POST", f"/posts/{post['id']}/approve", {"digest": post["digest"]})
    clinic.clock.advance(timedelta(hours=1, seconds=1))
    await clinic.runtime.clockwork.push_due()
    await settle(clinic)

    tasks = clinic.tenant.mass.tasks
    assert len(tasks) == 2
    for post in posts:
        read_again = await read(clinic, post)
        assert read_again["state"] == "awaiting_sender"
        recipients = tasks[read_again["push"]["remote_id"]].tasks["xiaohu"].recipients
        assert list(recipients) == post["audience"]["external_userids"]


async def test_two_group_messages_with_one_text_never_take_each_others_task(clinic: Clinic) -> None:
    planned = [p for p in await clinic.plan() if p["kind"] == "group" and p["sender"] == "xiaohu"][:2]
    at = (clinic.clock.now() + timedelta(hours=1)).isoformat()
    posts = []
    for post in planned:
        path = f"/posts/{post['id']}"
        change = {"scheduled_at": at, "text": "早安，今天也要好好刷牙。", "attachments": []}
        edited = await clinic.api("PATCH", path, change)
        posts.append(await clinic.api("POST", f"{path}/approve", {"digest": edited["digest"]}))
    for kind in ("reset_before", "reset_after"):
        clinic.tenant.faults.add(kind, SEND)
    clinic.clock.advance(timedelta(hours=1, seconds=1))
    await clinic.runtime.clockwork.push_due()
    await settle(clinic)

    tasks = clinic.tenant.mass.tasks
    assert len(tasks) == 2
    for post in posts:
        read_again = await read(clinic, post)
        recipients = tasks[read_again["push"]["remote_id"]].tasks["xiaohu"].recipients
        assert sorted(recipients) == sorted(post["audience"]["chat_ids"])


async def test_two_moments_with_one_text_wait_for_each_other_while_a_job_runs(clinic: Clinic) -> None:
    clinic.tenant.rules.moment_job_s = 100
    planned = [p for p in await clinic.plan() if p["kind"] == "moment" and p["persona"] == "assistant"][:2]
    at = (clinic.clock.now() + timedelta(hours=1)).isoformat()
    posts = []
    for post in planned:
        path = f"/posts/{post['id']}"
        change = {"scheduled_at": at, "text": "换季牙龈容易敏感，刷牙轻一点。", "attachments": []}
        edited = await clinic.api("PATCH", path, change)
        posts.append(await clinic.api("POST", f"{path}/approve", {"digest": edited["digest"]}))
    clinic.clock.advance(timedelta(hours=1, seconds=1))
    await clinic.runtime.clockwork.push_due()
    await clinic.runtime.courier.drain()

    assert len(clinic.journal(MOMENT)) == 1, "nobody knows yet which moment the first job makes"
    clinic.tenant.faults.add("reset_after", MOMENT)
    await settle(clinic)

    moments = [(await read(clinic, post))["push"]["remote_id"] for post in posts]
    assert len(set(moments)) == 2
    assert len(clinic.journal(MOMENT)) == 2
    assert {(await read(clinic, post))["state"] for post in posts} == {"awaiting_sender"}


async def test_a_task_older_than_the_call_is_not_taken_and_nothing_is_created_blindly(clinic: Clinic) -> None:
    patients = await befriend(clinic, "晓晴")
    [post] = await queue_drafts(clinic, draft_for(clinic, patients))
    await clinic.api("POST", f"/posts/{post['id']}/approve", {"digest": post["digest"]})
    clinic.clock.advance(timedelta(minutes=59, seconds=30))
    # Another program's, with the same words, half a minute earlier.
    same = MassSend(chat_type="single", sender="xiaohu", external_userids=patients, text=TEXT)
    await clinic.runtime.client.mass.create(same)
    clinic.clock.advance(timedelta(seconds=31))
    clinic.tenant.faults.add("reset_before", SEND)
    await clinic.runtime.clockwork.push_due()
    await settle(clinic, steps=4)

    ended = await read(clinic, post)
    assert (ended["state"], "不能确定" in ended["reason"]) == ("failed", True)
    assert len(clinic.tenant.mass.tasks) == 1


async def test_whom_a_lost_answer_named_as_failed_is_read_from_the_task_that_is_found(clinic: Clinic) -> None:
    patients = await befriend(clinic, "晓晴", "阿远")
    [post] = await queue_drafts(clinic, draft_for(clinic, patients))
    clinic.tenant.faults.add("drop_callback", DELETED)
    await clinic.act("member-deletes-patient", userid="xiaohu", external_userid=patients[0])
    clinic.tenant.faults.add("reset_after", SEND)
    await due(clinic, post)
    await settle(clinic, steps=2)

    found = await read(clinic, post)
    assert (found["state"], found["push"]["counts"]["unreachable"]) == ("awaiting_sender", 1)


async def test_ten_thousand_receipts_are_kept_and_changed_in_a_few_statements(
    database_url: str, pack: Pack
) -> None:
    async with running_clinic(database_url, pack) as clinic:
        planned = await clinic.plan()
        patients = [f"wm-{number}" for number in range(10_000)]
        now = clinic.clock.now()
        async with clinic.runtime.database.write() as session:
            post = await session.get_one(Post, planned[0]["id"])
            push = await created(session, post, now=now, remote_id="m-1", unreachable=patients[:3])
            for status in ("waiting", "sent"):
                rows = dict.fromkeys(patients, (status, now))
                await keep_receipts(session, push.id, post.sender, rows)
            counts = await counts_of(session, push.id)
            some = await session.scalars(select(Receipt).where(Receipt.recipient == "wm-9999"))
            assert [receipt.status for receipt in some] == ["sent"]
        assert counts == {"sent": 10_000}
