"""微信客服: customers, the upgrade service and numbers (customer-service-kf.md §7; doc 95159, 94674, 95489,
95490).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from wecom.answers import Answer, Instant
from wecom.api.posted import window
from wecom.exchange import Endpoint
from wecom.limits import check_count, check_present
from wecom.transport import Transport

BATCH = 100
SPAN = timedelta(days=31)

GET = Endpoint(path="kf/customer/batchget")
UPGRADES = Endpoint(path="kf/customer/get_upgrade_service_config", method="GET")
UPGRADE = Endpoint(path="kf/customer/upgrade_service", creates=True)  # the customer sees each one
CANCEL_UPGRADE = Endpoint(path="kf/customer/cancel_upgrade_service")
CORP_NUMBERS = Endpoint(path="kf/get_corp_statistic")
SERVICER_NUMBERS = Endpoint(path="kf/get_servicer_statistic")


class EnterContext(Answer):
    """Through which link the customer came last."""

    scene: str = ""
    scene_param: str = Field("", repr=False)


class KfCustomer(Answer):
    """Somebody who wrote or entered in the last 48 h; ``unionid`` needs a bound developer account."""

    external_userid: str
    nickname: str = Field("", repr=False)
    avatar: str = Field("", repr=False)
    gender: int = 0
    unionid: str = Field("", repr=False)
    enter_session_context: EnterContext | None = None


class KfCustomers(Answer):
    """The customers found, and the ids of those who were not there in the last 48 h."""

    found: tuple[KfCustomer, ...] = Field((), alias="customer_list")
    absent: tuple[str, ...] = Field((), alias="invalid_external_userid")


class MemberRange(Answer):
    """Members that may be offered."""

    userid_list: tuple[str, ...] = ()
    department_id_list: tuple[int, ...] = ()


class GroupRange(Answer):
    """Groups that may be offered."""

    chat_id_list: tuple[str, ...] = ()


class UpgradeConfig(Answer):
    """Whom and what the console allows to offer as 专属服务."""

    member_range: MemberRange = MemberRange()
    groupchat_range: GroupRange = GroupRange()


class KfNumbers(Answer):
    """One day; ``statistic`` as WeCom names the numbers."""

    stat_time: Instant = None
    statistic: dict[str, Any] = Field(default_factory=dict)


class _Numbers(Answer):
    statistic_list: tuple[KfNumbers, ...] = ()


class KfPeople:
    """Customers of 微信客服."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, external_userids: Sequence[str], *, with_context: bool = False) -> KfCustomers:
        """Return up to 100 customers who wrote or entered in the last 48 h (doc 95159)."""
        check_count("external_userids", external_userids, BATCH, least=1)
        body = {
            "external_userid_list": [*external_userids],
            "need_enter_session_context": 1 if with_context else 0,
        }
        return await self._transport.ask(GET, KfCustomers, body=body)

    async def upgrade_config(self) -> UpgradeConfig:
        """Return which members and groups may be offered (doc 94674)."""
        return await self._transport.ask(UPGRADES, UpgradeConfig)

    async def offer_member(
        self, open_kfid: str, external_userid: str, userid: str, *, wording: str = ""
    ) -> None:
        """Offer a customer to add a member (doc 94674).

        Raises:
            OutcomeUnknown: no answer; the customer may have seen it.
            Refused: 95031 the customer did not write in 48 h; 40003 no such member; 41035, 40096 no such
                customer; 60251, 95000, 95004 no such account.
            NeedsAdmin: 95015 the console offers somebody already; 48007 the account is not granted to this
                app; 60011, 84074 the member is outside the visible range, or of 客户联系's 使用范围.
        """
        check_present("userid", userid)
        member = {"userid": userid} | ({"wording": wording} if wording else {})
        body = {"open_kfid": open_kfid, "external_userid": external_userid, "type": 1, "member": member}
        await self._transport.call(UPGRADE, body=body)

    async def offer_group(
        self, open_kfid: str, external_userid: str, chat_id: str, *, wording: str = ""
    ) -> None:
        """Offer a customer to join a customer group (doc 94674).

        Raises:
            OutcomeUnknown: no answer; the customer may have seen it.
            Refused: 95031 the customer did not write in 48 h; 86001 no such group; 41035, 40096 no such
                customer; 60251, 95000, 95004 no such account.
            NeedsAdmin: 95015 the console offers somebody already; 48007 the account is not granted to this
                app.
        """
        check_present("chat_id", chat_id)
        group = {"chat_id": chat_id} | ({"wording": wording} if wording else {})
        body = {"open_kfid": open_kfid, "external_userid": external_userid, "type": 2, "groupchat": group}
        await self._transport.call(UPGRADE, body=body)

    async def cancel_offer(self, open_kfid: str, external_userid: str) -> None:
        """Take back what was offered to a customer (doc 94674).

        Raises:
            Refused: 60251, 95000, 95004 no such account; 41035, 40096 no such customer.
            NeedsAdmin: 48007 the account is not granted to this app.
        """
        body = {"open_kfid": open_kfid, "external_userid": external_userid}
        await self._transport.call(CANCEL_UPGRADE, body=body)

    async def numbers(self, open_kfid: str, start: datetime, end: datetime) -> list[KfNumbers]:
        """Return an account's days, at most 31, from 180 days ago to yesterday (doc 95489).

        Raises:
            ValueError: a window of no zone, reversed or longer than 31 days.
            Refused: 40058 days that WeCom does not keep; 60251, 95000, 95004 no such account.
        """
        body = {"open_kfid": open_kfid, **window(start, end, longest=SPAN)}
        return [*(await self._transport.ask(CORP_NUMBERS, _Numbers, body=body)).statistic_list]

    async def servicer_numbers(
        self, open_kfid: str, start: datetime, end: datetime, *, servicer: str = ""
    ) -> list[KfNumbers]:
        """Return a servicer's days, or those of all of them, as ``numbers`` (doc 95490).

        Raises:
            ValueError: a window of no zone, reversed or longer than 31 days.
            Refused: 40058 days that WeCom does not keep; 60253 no servicer of the account; 60251, 95000,
                95004 no such account.
        """
        body: dict[str, Any] = {"open_kfid": open_kfid, **window(start, end, longest=SPAN)}
        if servicer:
            body["servicer_userid"] = servicer
        return [*(await self._transport.ask(SERVICER_NUMBERS, _Numbers, body=body)).statistic_list]
