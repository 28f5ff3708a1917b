"""The review queue: what a reviewer sees is what is decided."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from clinic.tables import AuditEntry
from sop.life import PostState
from sop.posts import refresh_digest
from sop.tables import Approval, Post, ReviewCard
from store.outbox import OutboxEffect
from tests.support.console_driver import HTMX, Desk

if TYPE_CHECKING:
    from tests.support.console_driver import Page


async def test_the_queue_lists_each_batch_with_its_reviewers_and_earliest_hour(desk: Desk) -> None:
    await desk.plan()

    queue = await desk.get("/console/review")

    assert "小护" in queue.text
    assert "张医生" in queue.text
    assert "最早 今天 12:10 发送" in queue.text
    assert "审核人：chen.jing" in queue.text
    assert "审核人：张伟、zhao.min" in queue.text


async def test_an_empty_queue_says_so(desk: Desk) -> None:
    assert "没有等待审核的内容" in (await desk.get("/console/review")).text


async def test_a_batch_shows_its_posts_as_patients_will_see_them(desk: Desk) -> None:
    await desk.plan()

    shown = await desk.get("/console/review/1")

    assert "下雨天路滑，来微笑口腔的朋友慢慢走。" in shown.text
    assert "周一 06-02" in shown.text
    assert "/console/assets/brush-card" in shown.html
    assert "微笑口腔·护牙福利社" in shown.text
    assert "预约小程序" in shown.text
    assert "已处理 0 / 3 条，待审核 3 条" in shown.text


async def test_approving_a_post_in_the_console_approves_exactly_what_was_shown(desk_anywhere: Desk) -> None:
    desk = desk_anywhere
    first, *_ = await desk.plan()
    desk.wakes.clear()

    done = await desk.send(await desk.get("/console/review/1"), f"/console/posts/{first.id}/approve")

    assert done.location == "/console/review/1"
    assert f"已通过：内容 #{first.id}" in (await desk.follow(done)).text
    assert (await desk.one(first.id)).state == PostState.APPROVED
    (approval,) = await desk.rows(Approval)
    assert (approval.digest, approval.actor, approval.via) == (first.digest, "admin", "console")
    assert desk.wakes


async def test_a_note_is_shown_once(desk: Desk) -> None:
    first, *_ = await desk.plan()
    done = await desk.send(await desk.get("/console/review/1"), f"/console/posts/{first.id}/approve")

    assert "已通过：内容" in (await desk.follow(done)).text
    assert "已通过：内容" not in (await desk.follow(done)).text


async def test_htmx_gets_the_decided_card_and_the_new_numbers(desk: Desk) -> None:
    first, *_ = await desk.plan()
    batch = await desk.get("/console/review/1")

    answer = await desk.send(batch, f"/console/posts/{first.id}/approve", headers=HTMX)

    assert answer.status == 200
    assert "<html" not in answer.html
    assert f'id="post-{first.id}"' in answer.html
    assert "已处理 1 / 3 条，待审核 2 条" in answer.text
    assert 'id="batch-head" hx-swap-oob="true"' in answer.html
    assert 'id="nav-count" hx-swap-oob="true"' in answer.html


@pytest.mark.parametrize("verb", ["approve", "reject"])
@pytest.mark.parametrize("headers", [pytest.param({}, id="page"), pytest.param(HTMX, id="htmx")])
async def test_a_post_changed_since_it_was_shown_is_not_decided_but_shown_again(
    desk: Desk, verb: str, headers: dict[str, str]
) -> None:
    first, *_ = await desk.plan()
    batch = await desk.get("/console/review/1")
    await change(desk, first.id, "雨停了，路还滑。")

    answer = await desk.send(batch, f"/console/posts/{first.id}/{verb}", headers=headers, reason="不合适")

    assert answer.status == 409
    assert "已被修改" in answer.text
    assert "雨停了，路还滑。" in answer.text
    assert (await desk.one(first.id)).state == PostState.IN_REVIEW
    assert await desk.rows(Approval) == []

    # The form on that answer carries the new version, so the reviewer can decide at once.
    await desk.send(answer, f"/console/posts/{first.id}/approve")
    assert (await desk.one(first.id)).state == PostState.APPROVED


async def test_a_post_that_cannot_be_decided_any_more_says_where_it_stands(desk: Desk) -> None:
    first, *_ = await desk.plan()
    batch = await desk.get("/console/review/1")
    await desk.send(batch, f"/console/posts/{first.id}/reject", reason="换一条")

    answer = await desk.send(batch, f"/console/posts/{first.id}/approve")

    assert answer.status == 409
    assert "已退回" in answer.text
    assert (await desk.one(first.id)).state == PostState.REJECTED


async def test_a_rejection_needs_a_reason_and_keeps_it(desk: Desk) -> None:
    first, *_ = await desk.plan()
    batch = await desk.get("/console/review/1")

    refused = await desk.send(batch, f"/console/posts/{first.id}/reject", reason="  ")
    assert refused.status == 422
    assert "请写明退回的原因" in refused.text
    assert (await desk.one(first.id)).state == PostState.IN_REVIEW

    await desk.send(batch, f"/console/posts/{first.id}/reject", reason="口吻不像我们")
    post = await desk.one(first.id)
    assert (post.state, post.reason) == (PostState.REJECTED, "口吻不像我们")


async def test_an_error_of_a_fragment_goes_to_the_toast_not_into_the_card(desk: Desk) -> None:
    first, *_ = await desk.plan()

    refused = await desk.send(
        await desk.get("/console/review/1"), f"/console/posts/{first.id}/reject", headers=HTMX, reason=""
    )

    assert refused.status == 422
    assert refused.headers["HX-Retarget"] == "#toast"
    assert "<html" not in refused.html


async def test_approving_all_approves_every_waiting_post_and_withdraws_the_card(desk_anywhere: Desk) -> None:
    desk = desk_anywhere
    await desk.plan()

    done = await desk.send(await desk.get("/console/review/1"), "/console/review/1/approve")

    assert "已通过 3 条内容" in (await desk.follow(done)).text
    states = {post.persona: set() for post in await desk.posts()}
    for post in await desk.posts():
        states[post.persona].add(post.state)
    assert states == {"assistant": {PostState.APPROVED}, "doctor-zhang": {PostState.IN_REVIEW}}
    cards = {card.batch_id: card for card in await desk.rows(ReviewCard)}
    assert cards[1].closed_at is not None
    assert cards[2].closed_at is None
    queued = {effect.key: effect.state for effect in await desk.rows(OutboxEffect)}
    assert queued[f"card:{cards[1].task_id}"] == "cancelled"


async def test_approving_all_approves_nothing_when_one_post_was_changed_meanwhile(desk: Desk) -> None:
    first, *_ = await desk.plan()
    batch = await desk.get("/console/review/1")
    await change(desk, first.id, "雨停了，路还滑。")

    answer = await desk.send(batch, "/console/review/1/approve")

    assert answer.status == 409
    assert "这次没有通过任何内容" in answer.text
    assert "雨停了，路还滑。" in answer.text
    assert {post.state for post in await desk.posts()} == {PostState.IN_REVIEW}


async def test_approving_all_leaves_out_what_was_decided_or_is_too_late(desk: Desk) -> None:
    first, _doctors, second, _ = await desk.plan()
    batch = await desk.get("/console/review/1")
    await desk.send(batch, f"/console/posts/{second.id}/reject", reason="换一条")
    desk.clock.moment = first.scheduled_at + timedelta(minutes=1)

    done = await desk.follow(await desk.send(batch, "/console/review/1/approve"))

    assert "另有 1 条已过发送时间" in done.text
    assert (await desk.one(first.id)).state == PostState.IN_REVIEW
    assert "发送时间已经过去" in (await desk.get("/console/review/1")).text


@pytest.mark.parametrize("path", ["/console/review/99", "/console/posts/99", "/console/posts/99/edit"])
async def test_what_does_not_exist_is_a_404_in_the_consoles_frame(desk: Desk, path: str) -> None:
    missing = await desk.get(path)

    assert missing.status == 404
    assert "回到今日" in missing.text


async def test_an_unsent_form_with_a_foreign_digest_is_refused(desk: Desk) -> None:
    first, *_ = await desk.plan()

    refused = await desk.send(
        await desk.get("/console/review/1"), f"/console/posts/{first.id}/approve", digest="zz"
    )

    assert refused.status == 422
    assert (await desk.one(first.id)).state == PostState.IN_REVIEW


async def test_an_approved_post_can_be_cancelled_with_a_reason(desk: Desk) -> None:
    first, *_ = await desk.plan()
    await approve(desk, first)

    done = await desk.send(
        await desk.get(f"/console/posts/{first.id}"), f"/console/posts/{first.id}/cancel", reason="诊所停电"
    )

    assert "已取消" in (await desk.follow(done)).text
    assert (await desk.one(first.id)).state == PostState.CANCELLED
    last = (await desk.rows(AuditEntry))[-1]
    assert (last.action, last.actor, last.reason) == ("post.cancel", "admin", "诊所停电")


async def approve(desk: Desk, post: Post) -> Page:
    return await desk.send(await desk.get("/console/review/1"), f"/console/posts/{post.id}/approve")


async def change(desk: Desk, post_id: int, text: str) -> None:
    """Let somebody else change a post."""
    async with desk.database.write() as session:
        post = (await session.scalars(select(Post).where(Post.id == post_id))).one()
        post.text, post.revision = text, post.revision + 1
        refresh_digest(post)
