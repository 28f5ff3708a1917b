"""Acquisition links (获客助手): links that add a member, paid per customer (external-contact.md §6; doc
97297, 97375). The customer-contact system secret is never accepted here.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from wecom.answers import Answer, Instant, Page
from wecom.api.posted import window
from wecom.exchange import Endpoint
from wecom.limits import check_bytes, check_chars, check_count, check_present
from wecom.transport import Transport

LINKS_PAGE = 100
CUSTOMERS_PAGE = 1000
CHANNEL_BYTES = 64  # from memory
SPAN = timedelta(days=30)

CREATE = Endpoint(path="externalcontact/customer_acquisition/create_link", creates=True)
UPDATE = Endpoint(path="externalcontact/customer_acquisition/update_link")
GET = Endpoint(path="externalcontact/customer_acquisition/get")
LIST = Endpoint(path="externalcontact/customer_acquisition/list_link")
DELETE = Endpoint(path="externalcontact/customer_acquisition/delete_link")
CUSTOMERS = Endpoint(path="externalcontact/customer_acquisition/customer")
STATISTIC = Endpoint(path="externalcontact/customer_acquisition/statistic")
CHAT_INFO = Endpoint(path="externalcontact/customer_acquisition/get_chat_info")
QUOTA = Endpoint(path="externalcontact/customer_acquisition_quota", method="GET")


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquisitionLink:
    """A link that adds one of some members; at most 500 members, those of departments counted in.

    Raises:
        ValueError: WeCom would refuse it; the message names the field.
    """

    name: str  # at most 30 characters
    userids: tuple[str, ...] = ()
    department_ids: tuple[int, ...] = ()
    skip_verify: bool = True

    def __post_init__(self) -> None:
        check_present("name", self.name)
        check_chars("name", self.name, 30)
        check_count("userids", self.userids, 500)
        if not self.userids and not self.department_ids:
            raise ValueError("userids: is required, unless there are department_ids")

    def to_wecom(self) -> dict[str, Any]:
        lists = {"user_list": [*self.userids], "department_list": [*self.department_ids]}
        return {
            "link_name": self.name,
            "range": {name: ids for name, ids in lists.items() if ids},
            "skip_verify": self.skip_verify,
        }


class LinkInfo(Answer):
    """A link as WeCom keeps it."""

    link_id: str = ""
    link_name: str = ""
    url: str = ""
    create_time: Instant = None
    skip_verify: bool = True


class LinkRange(Answer):
    """Whom a link may add."""

    user_list: tuple[str, ...] = ()
    department_list: tuple[int, ...] = ()


class LinkDetail(Answer):
    """A link and whom it may add."""

    link: LinkInfo
    range: LinkRange = LinkRange()


class LinkCustomer(Answer):
    """Somebody who came through a link; ``chat_status`` 1 once they wrote something."""

    external_userid: str
    userid: str = ""
    chat_status: int = 0
    state: str = ""


class LinkStatistic(Answer):
    """How many opened a link and how many became customers."""

    click_link_customer_cnt: int = 0
    new_customer_cnt: int = 0


class ChatInfo(Answer):
    """The chat behind a ``chat_key``."""

    recv_msg_cnt: int = 0
    link_id: str = ""
    state: str = ""


class LinkChat(Answer):
    """Who chats with whom after coming through a link."""

    userid: str
    external_userid: str
    chat_info: ChatInfo = ChatInfo()


class QuotaPart(Answer):
    """A part of the quota that ends on one day."""

    expire_date: Instant = None
    balance: int = 0


class Quota(Answer):
    """How many customers can still be added; at 0 links stop adding."""

    total: int = 0
    balance: int = 0
    quota_list: tuple[QuotaPart, ...] = ()


class _Link(Answer):
    link: LinkInfo


class _Ids(Page):
    link_id_list: tuple[str, ...] = ()


class _Customers(Page):
    customer_list: tuple[LinkCustomer, ...] = ()


def with_channel(url: str, channel: str) -> str:
    """Return a link's URL for one channel, at most 64 bytes; it comes back as the contact's ``state``."""
    check_present("channel", channel)
    check_bytes("channel", channel, CHANNEL_BYTES)
    return f"{url}{'&' if '?' in url else '?'}customer_channel={quote(channel, safe='')}"


def in_wechat(url: str) -> str:
    """Return the scheme URL that opens a link's URL inside WeChat."""
    return f"weixin://biz/ww/profile/{quote(url, safe='')}"


class Acquisition:
    """Acquisition links of this app."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, link: AcquisitionLink) -> LinkInfo:
        """Create a link (doc 97297). After a lost answer look with ``list``.

        Raises:
            OutcomeUnknown: no usable answer.
            Refused: 40003 no such member; 40066, 60123 bad departments (which is not documented); 40058 more
                than 500 members, or none.
            NeedsAdmin: 41095 quota; 48002 the app may not use 获客助手; 60011 a member is out of sight;
                84074 may serve no customers.
        """
        return (await self._transport.ask(CREATE, _Link, body=link.to_wecom())).link

    async def update(self, link_id: str, link: AcquisitionLink) -> None:
        """Replace name and range of a link of this app (doc 97297).

        Raises:
            Refused: 40058 no such link of this app, or too many members; 40003, 40066, 60123 as ``create``.
            NeedsAdmin: 60011, 84074 as ``create``.
        """
        check_present("link_id", link_id)
        await self._transport.call(UPDATE, body={"link_id": link_id, **link.to_wecom()})

    async def get(self, link_id: str) -> LinkDetail:
        """Return one link (doc 97297).

        Raises:
            Refused: 40058 no such link.
        """
        check_present("link_id", link_id)
        return await self._transport.ask(GET, LinkDetail, body={"link_id": link_id})

    async def list(self) -> AsyncIterator[str]:
        """Yield the ids of all links, 100 a page (doc 97297).

        Raises:
            Refused: 50100 the cursor is forgotten.
        """
        async for page in self._transport.pages(LIST, _Ids, {"limit": LINKS_PAGE}):
            for link_id in page.link_id_list:
                yield link_id

    async def delete(self, link_id: str) -> None:
        """Delete a link (doc 97297); no event comes back.

        Raises:
            Refused: 40058 no such link.
        """
        check_present("link_id", link_id)
        await self._transport.call(DELETE, body={"link_id": link_id})

    async def customers(self, link_id: str) -> AsyncIterator[LinkCustomer]:
        """Yield who came through a link, 1000 a page (doc 97297).

        Raises:
            Refused: 40058 no such link; 50100 the cursor is forgotten.
        """
        check_present("link_id", link_id)
        body = {"link_id": link_id, "limit": CUSTOMERS_PAGE}
        async for page in self._transport.pages(CUSTOMERS, _Customers, body):
            for customer in page.customer_list:
                yield customer

    async def statistic(self, link_id: str, start: datetime, end: datetime) -> LinkStatistic:
        """Return a link's numbers for at most 30 days of the last 180 (doc 97375).

        Raises:
            Refused: 40058 no such link, or longer than 180 days ago.
        """
        check_present("link_id", link_id)
        body = {"link_id": link_id, **window(start, end, longest=SPAN)}
        return await self._transport.ask(STATISTIC, LinkStatistic, body=body)

    async def quota(self) -> Quota:
        """Return how many customers can still be added (doc 97375)."""
        return await self._transport.ask(QUOTA, Quota)

    async def chat_info(self, chat_key: str) -> LinkChat:
        """Return whose chat a ``chat_key`` of an event is, good for 30 minutes (doc 97375).

        Raises:
            Refused: 40058 no such key, or an old one.
        """
        check_present("chat_key", chat_key)
        return await self._transport.ask(CHAT_INFO, LinkChat, body={"chat_key": chat_key})
