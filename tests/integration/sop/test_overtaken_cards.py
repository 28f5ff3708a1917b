"""A card that was closed while it was on its way says so as soon as its code is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from clinic import audit
from sop import cards, review
from sop.tables import Batch, ReviewCard
from store.outbox import OutboxEffect
from tests.support.queue import PUBLIC

if TYPE_CHECKING:
    from tests.support.queue import Queue


async def test_a_card_that_the_batch_overtook_on_its_way_is_made_void(queue: Queue) -> None:
    await queue.post(await queue.befriend(1))
    roster = await queue.roster()
    async with queue.database.write() as session:
        batch = (await session.scalars(select(Batch))).one()
        card = (await session.scalars(select(ReviewCard))).one()
        await review.extended(session, batch, roster=roster, now=queue.now, public_url=PUBLIC)
        assert card.closed_at is not None
        await review.sent(session, card.id, response_code="CODE", now=queue.now)
        await session.refresh(card)
        await review.overtaken(session, card, roster=roster, now=queue.now, public_url=PUBLIC)

    async with queue.database.read() as session:
        told = await session.scalars(select(OutboxEffect).where(OutboxEffect.kind == "update_review_card"))
        [effect] = told.all()
    assert (effect.payload["outcome"], effect.payload["response_code"]) == ("内容已更新", "CODE")


async def test_who_tapped_before_the_answer_was_written_down_keeps_what_her_tap_was_told(
    queue: Queue,
) -> None:
    await queue.post(await queue.befriend(1))
    roster = await queue.roster()
    async with queue.database.write() as session:
        card = (await session.scalars(select(ReviewCard))).one()
        who = card.receivers[0]
        card.receivers = [*card.receivers, "colleague", "stranger"]
        for userid in ("stranger", who):
            tap = review.Tap(
                userid=userid, key=cards.APPROVE, task_id=card.task_id, response_code=f"TAP-{userid}"
            )
            said = await review.tapped(session, tap, roster=roster, now=queue.now, public_url=PUBLIC)
            audit.record(
                session,
                at=queue.now,
                actor=userid,
                action=review.TAPPED,
                subject=f"card:{card.task_id}",
                reason=said,
            )
        assert "已通过" in said
        await review.sent(session, card.id, response_code="CODE", now=queue.now)
        await session.refresh(card)
        await review.overtaken(session, card, roster=roster, now=queue.now, public_url=PUBLIC)

    async with queue.database.read() as session:
        told = await session.scalars(select(OutboxEffect).where(OutboxEffect.kind == "update_review_card"))
        said_to = {
            userid: (effect.payload["outcome"], effect.payload["detail"])
            for effect in told
            for userid in effect.payload["userids"]
        }
    assert "已通过" in said_to[who][0]
    assert said_to["stranger"][0] == "没有审核权限"
    outcome, detail = said_to["colleague"]
    assert outcome == "已处理"
    assert who in detail
    assert "stranger" not in detail
