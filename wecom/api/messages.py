"""Messages and cards to staff (messages-and-cards.md §1, §2; doc 90236, 94888)."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from wecom.answers import Answer, Joined
from wecom.cards import Card
from wecom.exchange import Endpoint
from wecom.limits import check_count, check_present
from wecom.messages import Message
from wecom.transport import Transport

# Message.drop_repeats_for_s makes a second send harmless, but only the caller knows whether it was set.
SEND = Endpoint(path="message/send", creates=True)
# A response_code works once: a second try would be refused with 60140 although the first one worked.
UPDATE_CARD = Endpoint(path="message/update_template_card", creates=True)

RECALL = Endpoint(path="message/recall")  # a recalled message stays recalled


class MessageSent(Answer):
    """A sent message. The ``invalid…`` ids got nothing; userids come back in lower case."""

    msgid: str = ""
    response_code: str = ""  # cards only: updates them once, within 72 h, also for who did not tap
    invaliduser: Joined = ()
    invalidparty: Joined = ()
    invalidtag: Joined = ()
    unlicenseduser: Joined = Field((), repr=False)


class _Updated(Answer):
    invaliduser: Joined = ()


class Messages:
    """What the app says to members. Beyond 30 a minute to one member WeCom drops silently."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, message: Message) -> MessageSent:
        """Send to members of the app's visible range; some of them may be invalid in a good answer
        (doc 90236).

        Raises:
            OutcomeUnknown: no answer.
            Refused: 81013 no receiver is valid; 81012, 82001 none was named, 40031 their list is broken;
                40007 media too old or of the wrong upload, 41072 an album's; 42014 the card's task id was
                used, 42015 to 42020 that or a button's key is wrong; 42027 to 42051 a card field; 40056,
                301002 the agent id is not the secret's.
            NeedsAdmin: 43012 cards need a callback URL; 60020 this server's IP is not trusted; 50002, 60011
                scope; 90206, 90207 a mini-program that is not linked, or none; 90200 to 90205, 90208 a field
                of its notice.
        """
        body = message.to_wecom(self._transport.agent_id)
        return await self._transport.ask(SEND, MessageSent, body=body)

    async def recall(self, msgid: str) -> None:
        """Take back a message of this app within 24 h (doc 94867); only in WeCom, not on WeChat's side.

        Raises:
            Refused: 42052 it is older; 40058 another app sent it.
        """
        check_present("msgid", msgid)
        await self._transport.call(RECALL, body={"msgid": msgid})

    async def update_card(
        self,
        response_code: str,
        *,
        userids: Sequence[str] = (),
        party_ids: Sequence[int] = (),
        tag_ids: Sequence[int] = (),
        everybody: bool = False,
        replace_name: str | None = None,
        card: Card | None = None,
    ) -> list[str]:
        """Change a sent card for some of its receivers and return the userids for whom that failed (doc
        94888).

        Either ``replace_name`` turns the tapped button into that disabled text, or ``card`` takes the place
        of the whole card. ``response_code`` is the one of the tap or of ``send``: each works once, within
        72 h.

        Raises:
            ValueError: neither or both of ``replace_name`` and ``card``; nobody named.
            Refused: 60140 the code is used or too old: send a new card; 82101, 82102 not a receiver, 40031
                their list is broken; 42017 another app's card, 42018 no such task; 42027 to 42051 a field of
                ``card``; 40056, 301002 the agent id is not the secret's.
            OutcomeUnknown: no answer.
        """
        check_present("response_code", response_code)
        if (replace_name is None) == (card is None):
            raise ValueError("replace_name: give either a replace_name or a card")
        check_count("userids", userids, 1000)
        check_count("party_ids", party_ids, 100)
        check_count("tag_ids", tag_ids, 100)
        body: dict[str, Any] = {"agentid": self._transport.agent_id, "response_code": response_code}
        receivers = {"userids": [*userids], "partyids": [*party_ids], "tagids": [*tag_ids]}
        body |= {name: ids for name, ids in receivers.items() if ids}
        if everybody:
            body["atall"] = 1
        elif not any(receivers.values()):
            raise ValueError("userids: name receivers, or say everybody")
        if card is not None:
            body["template_card"] = card.to_wecom()
        else:
            body["button"] = {"replace_name": replace_name}
        return [*(await self._transport.ask(UPDATE_CARD, _Updated, body=body)).invaliduser]
