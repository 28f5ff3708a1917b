"""Answers to members who write to the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from bot.deliveries.base import PlainDelivery, Sent
from sop.effects import AnswerStaff
from wecom.messages import Message, Text

if TYPE_CHECKING:
    from store.outbox import OutboxEffect
    from wecom.client import WeComClient


class AnswerDelivery(PlainDelivery):
    """Writes a text to one member. After a lost answer it is left at that: he asks again if he must.

    WeCom's own check for repeats is no help here, because it would swallow the answer to a second question.
    """

    kind: ClassVar[str] = AnswerStaff.kind
    when_unknown: ClassVar[Literal["again", "find", "assume_sent"]] = "assume_sent"

    def __init__(self, client: WeComClient) -> None:
        self._client = client

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = AnswerStaff.model_validate(effect.payload)
        sent = await self._client.messages.send(
            Message(content=Text(content=wanted.text), to_users=(wanted.to,))
        )
        return Sent(result={"missed": list(sent.invaliduser)})
