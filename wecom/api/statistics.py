"""Numbers about members and groups (external-contact.md §8, §11; doc 92132, 92133). Data of a day is there
the next day, for 180 days.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from wecom.answers import Answer, Instant
from wecom.api.posted import window
from wecom.exchange import Endpoint
from wecom.limits import check_count
from wecom.transport import Transport

SPAN = timedelta(days=30)
OWNERS = 100
PAGE = 1000

BEHAVIOUR = Endpoint(path="externalcontact/get_user_behavior_data")
GROUPS = Endpoint(path="externalcontact/groupchat/statistic")
GROUPS_BY_DAY = Endpoint(path="externalcontact/groupchat/statistic_group_by_day")


class Order(IntEnum):
    """What groups' owners are ordered by."""

    NEW_GROUPS = 1
    GROUPS = 2
    NEW_MEMBERS = 3
    MEMBERS = 4


class Behaviour(Answer):
    """One day of the members asked for, summed. The reply fields are None on a day without chats."""

    stat_time: Instant = None
    chat_cnt: int = 0
    message_cnt: int = 0
    reply_percentage: float | None = None
    avg_reply_time: int | None = None  # minutes
    negative_feedback_cnt: int = 0  # customers who blocked or deleted a member
    new_apply_cnt: int = 0
    new_contact_cnt: int = 0


class GroupNumbers(Answer):
    """The numbers of an owner's groups, or of a day."""

    new_chat_cnt: int = 0
    chat_total: int = 0
    chat_has_msg: int = 0
    new_member_cnt: int = 0
    member_total: int = 0
    member_has_msg: int = 0
    msg_total: int = 0


class OwnerNumbers(Answer):
    """The numbers of one owner's groups."""

    owner: str
    data: GroupNumbers = GroupNumbers()


class DayNumbers(Answer):
    """The numbers of one day."""

    stat_time: Instant = None
    data: GroupNumbers = GroupNumbers()


class _Behaviours(Answer):
    behavior_data: tuple[Behaviour, ...] = ()


class _Owners(Answer):
    total: int = 0
    next_offset: int = 0
    items: tuple[OwnerNumbers, ...] = ()


class _Days(Answer):
    items: tuple[DayNumbers, ...] = ()


class Statistics:
    """Numbers of whole days; spans of at most 30 days, both ends counted."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def behaviour(
        self,
        start: datetime,
        end: datetime,
        *,
        userids: Sequence[str] = (),
        department_ids: Sequence[int] = (),
    ) -> list[Behaviour]:
        """Return what up to 100 members and 100 departments did, day by day, summed (doc 92132).

        Raises:
            Refused: 40003, 60111 bad member; 60123 bad department; 40058 a span WeCom does not keep.
            NeedsAdmin: 84074 a member outside 客户联系's 使用范围, 60011 outside the visible range.
        """
        check_count("userids", userids, 100)
        check_count("department_ids", department_ids, 100)
        if not userids and not department_ids:
            raise ValueError("userids: is required, unless there are department_ids")
        body: dict[str, Any] = window(start, end, longest=SPAN)
        lists: dict[str, list[Any]] = {"userid": [*userids], "partyid": [*department_ids]}
        body |= {name: ids for name, ids in lists.items() if ids}
        return [*(await self._transport.ask(BEHAVIOUR, _Behaviours, body=body)).behavior_data]

    async def groups_by_owner(
        self,
        start: datetime,
        end: datetime,
        owner_ids: Sequence[str],
        *,
        order_by: Order = Order.NEW_GROUPS,
        ascending: bool = False,
    ) -> AsyncIterator[OwnerNumbers]:
        """Yield the numbers of up to 100 owners' groups, 1000 a page (doc 92133).

        Raises:
            Refused: 40003 no such owner; 40058 a span WeCom does not keep.
            NeedsAdmin: 60011 an owner outside the visible range.
        """
        body = _days(start, end, owner_ids)
        body |= {"order_by": int(order_by), "order_asc": 1 if ascending else 0, "limit": PAGE}
        offset, total = 0, 1
        while offset < total:
            page = await self._transport.ask(GROUPS, _Owners, body={**body, "offset": offset})
            for owner in page.items:
                yield owner
            if page.next_offset <= offset:
                return
            offset, total = page.next_offset, page.total

    async def groups_by_day(
        self, start: datetime, end: datetime, owner_ids: Sequence[str]
    ) -> list[DayNumbers]:
        """Return the summed numbers of up to 100 owners' groups, day by day (doc 92133).

        Raises:
            Refused: 40003 no such owner; 40058 a span WeCom does not keep.
            NeedsAdmin: 60011 an owner outside the visible range.
        """
        return [*(await self._transport.ask(GROUPS_BY_DAY, _Days, body=_days(start, end, owner_ids))).items]


def _days(start: datetime, end: datetime, owner_ids: Sequence[str]) -> dict[str, Any]:
    check_count("owner_ids", owner_ids, OWNERS, least=1)
    seconds = window(start, end, longest=SPAN)
    return {
        "day_begin_time": seconds["start_time"],
        "day_end_time": seconds["end_time"],
        "owner_filter": {"userid_list": [*owner_ids]},
    }
