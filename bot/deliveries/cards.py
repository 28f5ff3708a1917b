"""Deliveries to staff: review cards, their updates, and notices."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from bot.deliveries.base import Outcome, PlainDelivery, Sent, Withdrawn
from sop import cards, review
from sop.effects import NotifyStaff, SendReviewCard, UpdateReviewCard
from sop.roster import load_roster
from sop.tables import Batch, ReviewCard
from store import outbox
from wecom.errors import Refused
from wecom.lost_answers import LONGEST_DUPLICATE_CHECK
from wecom.messages import Message, TextCard

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from store.database import Database
    from store.outbox import OutboxEffect
    from wecom.client import WeComClient

# WeCom drops a repeat within 4 h, so until then a second try after a lost answer is harmless.
REPEAT: Final = LONGEST_DUPLICATE_CHECK
REPEAT_S: Final = int(REPEAT.total_seconds())
# Its clock began when the first call arrived, and a second one takes its time too.
AGAIN_WITHIN: Final = REPEAT - timedelta(minutes=2)
TASK_ID_USED: Final = 42014
CODE_USED: Final = 60140


class ReviewCardDelivery(PlainDelivery):
    """Sends a batch's card as it stands at that moment, or not at all when it was overtaken.

    Its words may have changed since an unanswered try, so the duplicate check is not enough: the task id
    names what is shown and works once.
    """

    kind: ClassVar[str] = SendReviewCard.kind

    def __init__(self, client: WeComClient, database: Database, *, pack: Pack, public_url: str) -> None:
        self._client = client
        self._database = database
        self._pack = pack
        self._public_url = public_url

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = SendReviewCard.model_validate(effect.payload)
        async with self._database.read() as session:
            card = await session.get_one(ReviewCard, wanted.card_id)
            batch = await session.get_one(Batch, card.batch_id)
            roster = await load_roster(session, self._pack)
            summary = await review.summarize(session, batch, roster=roster, public_url=self._public_url)
            waiting = await review.waiting(session, batch.id, lock=False)
        if card.revision != batch.revision or card.closed_at is not None:
            raise Withdrawn("批次已有更新的版本")
        if not waiting:
            raise Withdrawn("批次里已经没有待审核的内容")
        message = Message(
            content=cards.review_card(summary), to_users=tuple(card.receivers), drop_repeats_for_s=REPEAT_S
        )
        try:
            sent = await self._client.messages.send(message)
        except Refused as exc:
            # On a second try the task id says that the first one arrived, only its answer did not.
            if exc.errcode != TASK_ID_USED or effect.attempts == 1:
                raise
            return Sent(result={"already": True})
        return Sent(result={"missed": list(sent.invaliduser)}, facts=sent.response_code or None)

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        if outcome.state == outbox.SENT:
            wanted = SendReviewCard.model_validate(effect.payload)
            await review.sent(session, wanted.card_id, response_code=outcome.facts, now=now)
            card = await session.get_one(ReviewCard, wanted.card_id, populate_existing=True)
            if card.closed_at is not None:  # while it was on its way
                roster = await load_roster(session, self._pack)
                await review.overtaken(session, card, roster=roster, now=now, public_url=self._public_url)


class CardUpdateDelivery(PlainDelivery):
    """Replaces a card by its outcome; the response code works once, so a used one means it was done."""

    kind: ClassVar[str] = UpdateReviewCard.kind

    def __init__(self, client: WeComClient) -> None:
        self._client = client

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = UpdateReviewCard.model_validate(effect.payload)
        card = cards.outcome_card(
            wanted.summary, outcome=wanted.outcome, detail=wanted.detail, shown_task_id=wanted.task_id
        )
        try:
            await self._client.messages.update_card(wanted.response_code, userids=wanted.userids, card=card)
        except Refused as exc:
            if exc.errcode != CODE_USED or effect.attempts == 1:
                raise
            return Sent(result={"already": True})
        return Sent()


class NoticeDelivery(PlainDelivery):
    """Writes to members through the app's chat."""

    kind: ClassVar[str] = NotifyStaff.kind
    again_within: ClassVar[timedelta | None] = AGAIN_WITHIN

    def __init__(self, client: WeComClient) -> None:
        self._client = client

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = NotifyStaff.model_validate(effect.payload)
        content = TextCard(title=wanted.title, description=wanted.body, url=wanted.url, button="去看看")
        message = Message(content=content, to_users=tuple(wanted.to), drop_repeats_for_s=REPEAT_S)
        sent = await self._client.messages.send(message)
        return Sent(result={"missed": list(sent.invaliduser)})
