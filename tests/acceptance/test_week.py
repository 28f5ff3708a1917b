"""Steps 2 to 5 of the story: a week is planned, reviewed, pushed, tapped and accounted for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from store.inbox import InboxEvent
from store.outbox import OutboxEffect
from tests.support.clinic import Clinic
from tests.support.quiet import rows

ZONE = ZoneInfo("Asia/Shanghai")
MOMENT = "externalcontact/add_moment_task"
MASS = "externalcontact/add_msg_template"


async def card_of(clinic: Clinic, member: str, persona: str) -> dict[str, Any]:
    """Wait for the review card on a member's phone and return it."""

    async def shown() -> Any:
        phone = await clinic.phone("members", member)
        cards = [
            m["card"] for m in phone["app_chat"]["messages"] if m["kind"] == "template_card" and m["card"]
        ]
        mine = [card for card in cards if persona in card["card"]["main_title"]["title"]]
        return mine[-1] if mine else None

    found: dict[str, Any] = await clinic.until(shown, what=f"a review card for {persona} at {member}")
    return found


async def tap(clinic: Clinic, member: str, card: dict[str, Any], key: str) -> None:
    await clinic.act("tap-card", userid=member, task_id=card["task_id"], key=key)


async def outcome_of(clinic: Clinic, member: str, task_id: str, words: str) -> dict[str, Any]:
    """Wait until a member's copy of a card says ``words``."""

    async def says() -> Any:
        phone = await clinic.phone("members", member)
        for message in phone["app_chat"]["messages"]:
            card = message.get("card")
            if card and card["task_id"] == task_id and words in str(card["card"]):
                return card
        return None

    try:
        found: dict[str, Any] = await clinic.until(says, what=f"the card of {member} saying {words}")
    except AssertionError as exc:
        shown = (await clinic.phone("members", member))["app_chat"]["messages"]
        open_ = [
            (effect.kind, effect.state, effect.attempts, effect.not_before, effect.error)
            for effect in await rows(clinic, select(OutboxEffect).where(OutboxEffect.state != "sent"))
        ]
        events = [
            (event.kind, event.state, event.error)
            for event in await rows(clinic, select(InboxEvent).where(InboxEvent.state != "done"))
        ]
        raise AssertionError(f"{exc}; the phone shows {shown}; open: {open_}, {events}") from exc
    return found


async def test_seven_days_for_every_persona_and_posts_for_every_group_wait_in_review(clinic: Clinic) -> None:
    posts = await clinic.plan()

    days: dict[str, set[int]] = {}
    for post in posts:
        if post["kind"] == "moment":
            at = datetime.fromisoformat(post["scheduled_at"]).astimezone(ZONE)
            days.setdefault(post["persona"], set()).add(at.isoweekday())
    chats = {chat for post in posts if post["kind"] == "group" for chat in post["audience"]["chat_ids"]}
    assert {persona: sorted(seen) for persona, seen in days.items()} == {
        persona: [1, 2, 3, 4, 5, 6, 7] for persona in ("assistant", "doctor-zhang", "doctor-li")
    }
    assert len(chats) == 3
    assert {post["state"] for post in posts} == {"in_review"}


async def test_a_doctor_never_carries_a_promotion(clinic: Clinic) -> None:
    posts = await clinic.plan()

    doctors = [post for post in posts if post["persona"].startswith("doctor-")]
    assert doctors
    assert "活动" not in {post["category"] for post in doctors}


async def test_planning_a_week_twice_gives_what_stands(clinic: Clinic) -> None:
    first = await clinic.plan()

    again = await clinic.api("POST", "/plans/week", {"start": "2026-11-23"}, expect=200)

    assert [post["id"] for post in again["items"]] == [post["id"] for post in first]


async def test_each_reviewer_gets_one_card_per_batch_and_a_tap_approves_it(clinic: Clinic) -> None:
    posts = await clinic.plan()
    card = await card_of(clinic, "zhao.min", "张医生")
    await card_of(clinic, "zhang.wei", "张医生")

    await tap(clinic, "zhao.min", card, "approve")

    await outcome_of(clinic, "zhao.min", card["task_id"], "已通过")
    await outcome_of(clinic, "zhang.wei", card["task_id"], "赵敏")
    approved = await clinic.posts(state="approved")
    mine = {post["id"] for post in posts if post["persona"] == "doctor-zhang"}
    assert {post["id"] for post in approved} == mine
    record = await clinic.api("GET", f"/posts/{approved[0]['id']}")
    assert [(a["actor"], a["via"], a["digest"]) for a in record["approvals"]] == [
        ("zhao.min", "card", approved[0]["digest"])
    ]


@pytest.mark.parametrize(
    ("member", "words"),
    [
        pytest.param("zhao.min", "已处理过", id="a second tap"),
        pytest.param("li.na", "没有审核权限", id="a stranger's tap"),
    ],
)
async def test_a_tap_that_cannot_decide_changes_nothing_and_says_so(
    clinic: Clinic, member: str, words: str
) -> None:
    await clinic.plan()
    card = await card_of(clinic, "zhao.min", "张医生")
    await tap(clinic, "zhao.min", card, "approve")
    await outcome_of(clinic, "zhao.min", card["task_id"], "已通过")
    before = await clinic.posts()

    await tap(clinic, member, card, "reject")

    await outcome_of(clinic, member, card["task_id"], words)
    assert await clinic.posts() == before


async def test_a_tap_on_an_outdated_revision_changes_nothing_and_says_so(clinic: Clinic) -> None:
    posts = await clinic.plan()
    old = await card_of(clinic, "sun.yue", "李医生")
    edited = next(post for post in posts if post["persona"] == "doctor-li")
    await clinic.api("PATCH", f"/posts/{edited['id']}", {"text": "今天门诊结束得早，整理了一些刷牙小提示。"})

    await tap(clinic, "sun.yue", old, "approve")

    await outcome_of(clinic, "sun.yue", old["task_id"], "内容已更新")
    assert await clinic.posts(state="approved") == []
    clinic.clock.advance(timedelta(seconds=61))
    new = await clinic.until(
        lambda: _newer(clinic, "sun.yue", "李医生", old["task_id"]), what="a card for the new revision"
    )
    await tap(clinic, "sun.yue", new, "approve")
    await clinic.until(lambda: clinic.posts(state="approved"), what="the approval of the new revision")


async def _newer(clinic: Clinic, member: str, persona: str, than: str) -> dict[str, Any] | None:
    card = await card_of(clinic, member, persona)
    return card if card["task_id"] != than else None


async def approve(clinic: Clinic, post: dict[str, Any]) -> None:
    await clinic.api("POST", f"/posts/{post['id']}/approve", {"digest": post["digest"]})


async def due(clinic: Clinic, post: dict[str, Any]) -> None:
    """Move the clinic's clock to the post's hour."""
    clinic.clock.advance_to(datetime.fromisoformat(post["scheduled_at"]) + timedelta(seconds=1))


async def test_an_approved_moment_becomes_a_task_is_tapped_and_ends_published(clinic: Clinic) -> None:
    posts = await clinic.plan()
    post = next(p for p in posts if p["persona"] == "doctor-zhang" and p["attachments"])
    await approve(clinic, post)
    await due(clinic, post)

    await clinic.state_of(post["id"], "awaiting_sender")
    phone = await clinic.phone("members", "zhang.wei")
    moment = next(m for m in phone["moments"] if m["state"] == "pending")
    assert moment["text"] == post["text"]
    await clinic.act("publish-moment", userid="zhang.wei", moment_id=moment["moment_id"])
    clinic.clock.advance(timedelta(minutes=15))

    ended = await clinic.state_of(post["id"], "published", "partial")
    assert ended["state"] == "published"
    assert ended["push"]["counts"]["sent"] > 0


async def test_a_group_post_reaches_its_groups_and_counts_each(clinic: Clinic) -> None:
    posts = await clinic.plan()
    post = next(p for p in posts if p["kind"] == "group" and p["sender"] == "xiaohu")
    await approve(clinic, post)
    await due(clinic, post)
    await clinic.state_of(post["id"], "awaiting_sender")

    task = next(t for t in (await clinic.phone("members", "xiaohu"))["mass_tasks"] if t["state"] == "pending")
    await clinic.act("tap-mass", userid="xiaohu", msgid=task["msgid"])
    clinic.clock.advance(timedelta(minutes=15))

    ended = await clinic.state_of(post["id"], "published", "partial")
    assert ended["state"] == "published"
    assert {k: n for k, n in ended["push"]["counts"].items() if n} == {
        "sent": len(post["audience"]["chat_ids"])
    }
    group = await clinic.phone("groups", post["audience"]["chat_ids"][0])
    assert post["text"] in [message["text"] for message in group["messages"]]


async def test_a_capped_group_makes_the_post_partial(clinic: Clinic) -> None:
    posts = await clinic.plan()
    post = next(p for p in posts if p["kind"] == "group")
    await approve(clinic, post)
    await due(clinic, post)
    await clinic.state_of(post["id"], "awaiting_sender")
    await clinic.act("fill-cap", id=post["audience"]["chat_ids"][0], times=31)
    task = next(
        t for t in (await clinic.phone("members", post["sender"]))["mass_tasks"] if t["state"] == "pending"
    )

    await clinic.act("tap-mass", userid=post["sender"], msgid=task["msgid"])
    clinic.clock.advance(timedelta(minutes=15))

    ended = await clinic.state_of(post["id"], "published", "partial")
    assert ended["state"] == "partial"
    assert ended["push"]["counts"]["capped"] == 1


async def test_what_was_rejected_or_never_approved_is_never_sent(clinic: Clinic) -> None:
    posts = await clinic.plan()
    rejected = posts[0]
    await clinic.api(
        "POST", f"/posts/{rejected['id']}/reject", {"digest": rejected["digest"], "reason": "不合适"}
    )

    clinic.clock.advance(timedelta(days=8))
    await clinic.until(lambda: _all_ended(clinic), what="every post at its end")

    assert clinic.journal(MOMENT) == []
    assert clinic.journal(MASS) == []
    states = {post["state"] for post in await clinic.posts()}
    assert states == {"rejected", "expired"}


async def _all_ended(clinic: Clinic) -> bool:
    return not await clinic.posts(state="in_review")


async def test_an_edit_after_the_approval_needs_a_new_one(clinic: Clinic) -> None:
    posts = await clinic.plan()
    post = posts[0]
    await approve(clinic, post)

    edited = await clinic.api("PATCH", f"/posts/{post['id']}", {"text": "换一句更温和的话。"})

    assert edited["state"] == "in_review"
    assert edited["digest"] != post["digest"]
    assert edited["revision"] == post["revision"] + 1
    await clinic.api("POST", f"/posts/{post['id']}/approve", {"digest": post["digest"]}, expect=409)
    await due(clinic, post)
    ended = await clinic.state_of(post["id"], "expired")
    assert "审核" in ended["reason"]


async def test_a_member_who_lets_a_task_wait_is_reminded_and_then_the_manager_told(clinic: Clinic) -> None:
    posts = await clinic.plan()
    post = next(p for p in posts if p["kind"] == "group")
    await approve(clinic, post)
    await due(clinic, post)
    await clinic.state_of(post["id"], "awaiting_sender")

    for wait in (timedelta(hours=1, minutes=5), timedelta(hours=2), timedelta(hours=3)):
        clinic.clock.advance(wait)
        await clinic.runtime.clockwork.remind()
        await clinic.runtime.courier.drain()

    assert len(clinic.journal("externalcontact/remind_groupmsg_send")) >= 1


async def test_a_task_nobody_taps_expires_and_is_cancelled_in_wecom(clinic: Clinic) -> None:
    posts = await clinic.plan()
    post = next(p for p in posts if p["kind"] == "moment")
    await approve(clinic, post)
    await due(clinic, post)
    await clinic.state_of(post["id"], "awaiting_sender")

    clinic.clock.advance(timedelta(hours=25))

    await clinic.state_of(post["id"], "expired")
    await clinic.until(lambda: clinic.journal("externalcontact/cancel_moment_task"), what="the cancellation")
