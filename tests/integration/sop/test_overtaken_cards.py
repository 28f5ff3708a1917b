"""A card that was closed while it was on its way says so as soon as its code is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from sop import review
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
