"""Customers and groups that change hands (继承): of members who left, and of members who stay
(external-contact.md §10; doc 92124-92127, 93098, 94096).
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from wecom.answers import Answer, Instant, Page
from wecom.exchange import Endpoint
from wecom.limits import check_chars, check_count, check_present
from wecom.transport import Transport

BATCH = 100
PAGE = 1000
WAITING, DONE = 2, 1

UNASSIGNED = Endpoint(path="externalcontact/get_unassigned_list")
# A second try meets its own first one (40100): the result tells which of the two it was.
TRANSFER = Endpoint(path="externalcontact/transfer_customer", creates=True)
RESULT = Endpoint(path="externalcontact/transfer_result")
RESIGNED_TRANSFER = Endpoint(path="externalcontact/resigned/transfer_customer", creates=True)
RESIGNED_RESULT = Endpoint(path="externalcontact/resigned/transfer_result")
GROUPS_OF_RESIGNED = Endpoint(path="externalcontact/groupchat/transfer", creates=True)
GROUPS_ON_JOB = Endpoint(path="externalcontact/groupchat/onjob_transfer", creates=True)


class Unassigned(Answer):
    """A customer whose member left and whom nobody took over."""

    handover_userid: str
    external_userid: str
    dimission_time: Instant = None


class TransferStarted(Answer):
    """What WeCom says about one customer at once: ``errcode`` 0 started, else why not (40100, 40128, …)."""

    external_userid: str
    errcode: int = 0

    @property
    def is_started(self) -> bool:
        return self.errcode == 0


class TransferResult(Answer):
    """How far one customer is: 1 done, 2 waiting, 3 refused by the customer, 4 member full, 5 no record."""

    external_userid: str
    status: int = 5
    takeover_time: Instant = None

    @property
    def is_done(self) -> bool:
        return self.status == DONE


class FailedGroup(Answer):
    """A group that was not handed over, and why: 90500 to 90508."""

    chat_id: str
    errcode: int = 0
    errmsg: str = ""


class _UnassignedPage(Page):
    info: tuple[Unassigned, ...] = ()
    is_last: bool = False


class _Started(Answer):
    customer: tuple[TransferStarted, ...] = ()


class _Results(Page):
    customer: tuple[TransferResult, ...] = ()


class _Groups(Answer):
    failed_chat_list: tuple[FailedGroup, ...] = ()


class Transfers:
    """Handing customers and groups to another member, who must be visible, activated and verified."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def unassigned(self) -> AsyncIterator[Unassigned]:
        """Yield the customers of members who left, by cursor, 1000 a page (doc 92124).

        Raises:
            Refused: 50100 the cursor is forgotten: begin again.
        """
        async for page in self._transport.pages(UNASSIGNED, _UnassignedPage, {"page_size": PAGE}):
            for customer in page.info:
                yield customer
            if page.is_last:
                return

    async def start(
        self, handover: str, takeover: str, external_userids: Sequence[str], *, message: str = ""
    ) -> list[TransferStarted]:
        """Offer up to 100 customers of a member who stays to another one (doc 92125).

        Done by itself after 24 h unless the customer refuses; at most twice per customer in 90 days.
        ``message``, at most 200 characters, is what the customer reads. Each customer's ``errcode`` says
        whether she was offered: 40096 bad id, 40131 not a follower, 40100, 40129 on the way already, 40128
        too often, 40099 the new member is full.

        Raises:
            OutcomeUnknown: no answer; look with ``result``.
            Refused: 40130 the same member twice; 40003 no such member.
            NeedsAdmin: 40098, 41054 the new member is not verified, 40143 banned; 60011 one is outside the
                visible range, 84074 outside 客户联系's 使用范围.
        """
        check_chars("message", message, 200)
        body = _handover(handover, takeover, external_userids)
        if message:
            body["transfer_success_msg"] = message
        return [*(await self._transport.ask(TRANSFER, _Started, body=body)).customer]

    async def result(self, handover: str, takeover: str) -> AsyncIterator[TransferResult]:
        """Yield how far each customer between two members who stay is (doc 94088).

        Raises:
            Refused: 40003 no such member; 50100 the cursor is forgotten: begin again.
            NeedsAdmin: 60011 the new member is outside the visible range.
        """
        async for result in self._results(RESULT, handover, takeover):
            yield result

    async def start_resigned(
        self, handover: str, takeover: str, external_userids: Sequence[str]
    ) -> list[TransferStarted]:
        """Give up to 100 customers of a member who left to another one (doc 94081).

        Each customer's ``errcode`` is as in ``start``.

        Raises:
            OutcomeUnknown: no answer; look with ``resigned_result``.
            Refused: 40097 the member has not left; 40130 the same member twice; 40003 no such member.
            NeedsAdmin: 40098, 41054 the new member is not verified, 40143 banned, 60011 outside the visible
                range, 84074 outside 客户联系's 使用范围.
        """
        body = _handover(handover, takeover, external_userids)
        return [*(await self._transport.ask(RESIGNED_TRANSFER, _Started, body=body)).customer]

    async def resigned_result(self, handover: str, takeover: str) -> AsyncIterator[TransferResult]:
        """Yield how far each customer of a member who left is (doc 94082).

        Raises:
            Refused: 40003 no such member; 50100 the cursor is forgotten: begin again.
            NeedsAdmin: 60011 the new member is outside the visible range.
        """
        async for result in self._results(RESIGNED_RESULT, handover, takeover):
            yield result

    async def _results(
        self, endpoint: Endpoint, handover: str, takeover: str
    ) -> AsyncIterator[TransferResult]:
        body = {"handover_userid": handover, "takeover_userid": takeover}
        async for page in self._transport.pages(endpoint, _Results, body):
            for result in page.customer:
                yield result

    async def give_groups_of_resigned(self, chat_ids: Sequence[str], new_owner: str) -> list[FailedGroup]:
        """Give up to 100 groups whose owner left to a member; return those that failed (doc 92127).

        About 300 groups per new owner and day (45009 per group beyond). The owner must have left (90500 per
        group otherwise).

        Raises:
            Refused: 40003 the new owner is no member.
            NeedsAdmin: 40098, 41054 the new owner is not verified, 60011 outside the visible range, 84074
                outside 客户联系's 使用范围.
        """
        return await self._give(GROUPS_OF_RESIGNED, chat_ids, new_owner)

    async def give_groups(self, chat_ids: Sequence[str], new_owner: str) -> list[FailedGroup]:
        """Give up to 100 groups of owners who stay to a member; return those that failed (doc 95703).

        Each group at most twice in 90 days (40128 per group beyond).

        Raises:
            Refused: 40003 the new owner is no member.
            NeedsAdmin: 40098, 41054 the new owner is not verified, 60011 outside the visible range, 84074
                outside 客户联系's 使用范围.
        """
        return await self._give(GROUPS_ON_JOB, chat_ids, new_owner)

    async def _give(self, endpoint: Endpoint, chat_ids: Sequence[str], new_owner: str) -> list[FailedGroup]:
        check_count("chat_ids", chat_ids, BATCH, least=1)
        check_present("new_owner", new_owner)
        body = {"chat_id_list": [*chat_ids], "new_owner": new_owner}
        return [*(await self._transport.ask(endpoint, _Groups, body=body)).failed_chat_list]


def _handover(handover: str, takeover: str, external_userids: Sequence[str]) -> dict[str, Any]:
    check_present("handover", handover)
    check_present("takeover", takeover)
    check_count("external_userids", external_userids, BATCH, least=1)
    return {
        "handover_userid": handover,
        "takeover_userid": takeover,
        "external_userid": [*external_userids],
    }
