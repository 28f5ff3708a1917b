"""Warnings in the console and on cards: each is answered for by somebody, none slips through with the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from clinic.tables import AuditEntry
from sop import cards, review
from sop.life import PostState
from sop.roster import load_roster
from sop.tables import Batch, Post, ReviewCard
from tests.support.api_driver import MONDAY

if TYPE_CHECKING:
    from tests.support.console_driver import Desk

WARNED = "这周洗牙活动，名额有限！"


async def warned(desk: Desk) -> Post:
    """The assistant's first post of the week, edited into one with a warning."""
    first = next(post for post in await desk.plan() if post.persona == "assistant")
    path = f"/console/posts/{first.id}/edit"
    await desk.send(await desk.get(path), path, text=WARNED)
    return await desk.one(first.id)


async def test_the_page_asks_for_a_reason_and_keeps_it_with_the_name(desk: Desk) -> None:
    post = await warned(desk)
    page = await desk.get(f"/console/posts/{post.id}")
    assert "写明理由并通过" in page.text

    refused = await desk.send(page, f"/console/posts/{post.id}/approve")
    assert (refused.status, "“名额有限”有提醒" in refused.text) == (409, True)
    done = await desk.send(page, f"/console/posts/{post.id}/approve", reason="一共 20 个号，海报上写着")

    assert done.status == 303
    assert (await desk.one(post.id)).state == PostState.APPROVED
    shown = (await desk.get(f"/console/posts/{post.id}")).text
    assert "带着提醒通过" in shown
    assert "一共 20 个号" in shown


async def test_approving_all_leaves_the_warned_one_waiting_and_says_so(desk: Desk) -> None:
    post = await warned(desk)
    batch = f"/console/review/{post.batch_id}"
    page = await desk.get(batch)
    assert "其中 1 条内容检查有提醒，会留下来" in page.text

    done = await desk.follow(await desk.send(page, f"{batch}/approve"))

    assert "1 条留着没有通过" in done.text
    states = {one.id: one.state for one in await desk.posts() if one.batch_id == post.batch_id}
    assert states.pop(post.id) == PostState.IN_REVIEW
    assert set(states.values()) == {PostState.APPROVED}


async def test_a_tap_on_a_card_approves_the_rest_and_sends_the_reviewer_to_the_console(desk: Desk) -> None:
    post = await warned(desk)

    async with desk.database.write() as session:
        batch = await session.get_one(Batch, post.batch_id)
        tap = review.Tap(
            userid="chen.jing",
            key=cards.APPROVE,
            task_id=cards.task_id(batch.id, batch.revision),
            response_code="code",
        )
        roster = await load_roster(session, desk.pack)
        outcome = await review.tapped(session, tap, roster=roster, now=MONDAY, public_url="https://c.example")

    assert outcome == "已通过 2 条"
    assert (await desk.one(post.id)).state == PostState.IN_REVIEW
    open_cards = [card for card in await desk.rows(ReviewCard) if card.closed_at is None]
    assert open_cards  # whoever else reviews still has the card: something waits


async def test_a_tap_when_nothing_but_warnings_waits_decides_nothing(desk: Desk) -> None:
    post = await warned(desk)
    async with desk.database.write() as session:
        for row in await session.scalars(select(Post).where(Post.id != post.id)):
            row.state = PostState.REJECTED
        batch = await session.get_one(Batch, post.batch_id)
        tap = review.Tap(
            userid="chen.jing",
            key=cards.APPROVE,
            task_id=cards.task_id(batch.id, batch.revision),
            response_code="code",
        )
        roster = await load_roster(session, desk.pack)
        outcome = await review.tapped(session, tap, roster=roster, now=MONDAY, public_url="https://c.example")

    assert outcome == "请到控制台审核"
    assert (await desk.one(post.id)).state == PostState.IN_REVIEW
    async with desk.database.read() as session:
        assert (
            await session.scalars(select(AuditEntry).where(AuditEntry.action == "post.approve"))
        ).all() == []
