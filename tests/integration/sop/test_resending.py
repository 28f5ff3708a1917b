"""Sending again to those alone whom a task did not reach."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from clinic.tables import Follow
from sop import push, resending
from sop.audience import recipients_of
from sop.life import NotPossible
from sop.receipts import Look, Seen, record
from sop.resending import NothingToResend
from sop.tables import Post
from tests.support.queue import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.queue import Queue


async def sent(queue: Queue, post: Post, rows: Sequence[tuple[str, str]]) -> None:
    """Let the task of a post be tapped with this result, and settle."""
    async with queue.database.write() as session:
        await session.execute(update(Post).where(Post.id == post.id).values(state="creating"))
        task = await push.created(
            session, await session.get_one(Post, post.id), now=queue.now, remote_id=f"m-{post.id}"
        )
        look = Look(tapped=True, rows=tuple(Seen(recipient=who, status=status) for who, status in rows))
        await record(session, task.id, look, now=queue.now)
        queue.now += timedelta(minutes=11)
        await record(session, task.id, look, now=queue.now)


async def resend(queue: Queue, post: Post, **options: Any) -> Post:
    roster = await queue.roster()
    async with queue.database.write() as session:
        return await resending.resend(
            session,
            post.id,
            actor="chen.jing",
            roster=roster,
            checker=queue.checker,
            public_url=PUBLIC,
            now=queue.now,
            **options,
        )


async def partly_sent(queue: Queue) -> tuple[Post, tuple[str, ...]]:
    names = await queue.befriend(5)
    post = await queue.post(names, approve=True)
    statuses = ("sent", "waiting", "capped", "not_friend")  # of the fifth nothing is said
    await sent(queue, post, list(zip(names, statuses, strict=False)))
    return post, names


async def test_only_who_was_not_sent_to_gets_it_again_after_another_review(queue: Queue) -> None:
    post, names = await partly_sent(queue)

    fresh = await resend(queue, post)

    assert (fresh.state, fresh.text, fresh.sender) == ("in_review", post.text, post.sender)
    assert recipients_of("direct", fresh.audience) == (names[1], names[4])
    assert fresh.reason == f"补发内容 #{post.id} 没有收到的 2 个"
    assert (await resend(queue, post)).id == fresh.id, "the same people get it once"
    assert (await queue.story(f"post:{post.id}"))[-1][0] == "post.resend"


async def test_who_was_refused_is_tried_again_only_when_asked_for(queue: Queue) -> None:
    post, names = await partly_sent(queue)

    fresh = await resend(queue, post, also=["capped"])

    assert recipients_of("direct", fresh.audience) == (names[1], names[2], names[4])


async def test_who_got_it_by_an_earlier_resend_is_left_out_and_then_nobody_is_left(queue: Queue) -> None:
    post, names = await partly_sent(queue)
    fresh = await resend(queue, post)
    await sent(queue, fresh, [(names[1], "sent"), (names[4], "sent")])

    with pytest.raises(NothingToResend):
        await resend(queue, post)


async def test_who_left_meanwhile_is_left_out(queue: Queue) -> None:
    post, names = await partly_sent(queue)
    [gone] = await queue.ids_of(names[1:2])
    async with queue.database.write() as session:
        await session.execute(update(Follow).where(Follow.patient_id == gone).values(lost_at=queue.now))

    assert recipients_of("direct", (await resend(queue, post)).audience) == (names[4],)


async def test_groups_that_were_not_sent_to_are_those_without_a_row(queue: Queue) -> None:
    post = await queue.post(await queue.befriend(1))
    async with queue.database.write() as session:
        await session.execute(
            update(Post)
            .where(Post.id == post.id)
            .values(kind="group", audience={"chat_ids": ["wr-1", "wr-2", "wr-3"]})
        )
    await sent(queue, post, [("wr-1", "sent"), ("wr-2", "capped")])

    assert recipients_of("group", (await resend(queue, post)).audience) == ("wr-3",)


async def test_what_is_not_partly_sent_cannot_be_sent_again(queue: Queue) -> None:
    post = await queue.post(await queue.befriend(1))

    with pytest.raises(NotPossible):
        await resend(queue, post)
