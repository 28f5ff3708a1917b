"""Who somebody is, and the JS-SDK's tickets (identity.md §2, §4; doc 91023, 95833, 90506)."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from wecom.answers import Answer
from wecom.exchange import Endpoint
from wecom.identity import Signature, sign_page
from wecom.limits import check_present
from wecom.transport import Transport

EARLY_S = 300.0

# A code works once: a second try is refused although the first one worked.
VISITOR = Endpoint(path="auth/getuserinfo", method="GET", creates=True)
DETAIL = Endpoint(path="auth/getuserdetail")
CORP_TICKET = Endpoint(path="get_jsapi_ticket", method="GET")
APP_TICKET = Endpoint(path="ticket/get", method="GET")
CALLBACK_IPS = Endpoint(path="getcallbackip", method="GET")


class Visitor(Answer):
    """Who opened a page: a member (``userid``), or somebody outside (``openid``, unique within the corp).

    ``external_userid`` only for a customer with a follower in the app's visible range.
    """

    userid: str = ""
    user_ticket: str = Field("", repr=False)  # only after consent; 1800 s
    openid: str = ""
    external_userid: str = ""

    @property
    def is_member(self) -> bool:
        return bool(self.userid)


class VisitorDetail(Answer):
    """What a member agreed to show; empty where they did not, or the app's 敏感信息 is off."""

    userid: str
    gender: str = ""
    avatar: str = Field("", repr=False)
    qr_code: str = Field("", repr=False)
    mobile: str = Field("", repr=False)
    email: str = Field("", repr=False)
    biz_mail: str = Field("", repr=False)
    address: str = Field("", repr=False)


class _Ticket(Answer):
    ticket: str = Field(min_length=1, repr=False)
    expires_in: int = 7200


class _Ips(Answer):
    ip_list: tuple[str, ...] = ()


@dataclass(slots=True)
class _Kept:
    ticket: str = field(default="", repr=False)
    until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Identity:
    """Logins and page signatures of this app. See ``wecom.identity`` for the addresses to send people to."""

    def __init__(self, transport: Transport, *, now: Callable[[], float]) -> None:
        """``now`` is Unix time: it ages the tickets and stamps signatures."""
        self._transport = transport
        self._now = now
        self._tickets = {"corp": _Kept(), "app": _Kept()}

    async def visitor(self, code: str) -> Visitor:
        """Redeem a login's code, once, within 5 minutes (doc 91023).

        Raises:
            Refused: 40029, 42003, 42022 the code is bad, old or used: send them to log in again.
            NeedsAdmin: 50001 the page is not on the app's trusted domain.
            OutcomeUnknown: no answer; the code may be used: send them to log in again.
        """
        check_present("code", code)
        return await self._transport.ask(VISITOR, Visitor, params={"code": code})

    async def detail(self, user_ticket: str) -> VisitorDetail:
        """Return the private details a member agreed to show (doc 95833).

        Raises:
            Refused: 84014, 84015 the ticket is old or bad: log in again.
        """
        check_present("user_ticket", user_ticket)
        return await self._transport.ask(DETAIL, VisitorDetail, body={"user_ticket": user_ticket})

    async def sign(self, url: str, *, identity: Literal["corp", "app"] = "app") -> Signature:
        """Sign one page for ``ww.register`` (doc 90506): ``corp`` for getConfigSignature, ``app`` for
        getAgentConfigSignature. The ticket stays here, is kept for its life, and is fetched by one at a time.

        Raises:
            RateLimited: 45009 the 400 fetches an hour per corp, or 100 per app, are used.
        """
        ticket = await self._ticket(identity)
        return sign_page(ticket=ticket, nonce=secrets.token_hex(8), timestamp=int(self._now()), url=url)

    async def callback_ips(self) -> list[str]:
        """Return the addresses that WeCom's callbacks come from; ask daily if you firewall (doc 90930)."""
        return [*(await self._transport.ask(CALLBACK_IPS, _Ips)).ip_list]

    async def _ticket(self, identity: Literal["corp", "app"]) -> str:
        kept = self._tickets[identity]
        async with kept.lock:
            if self._now() >= kept.until:
                asked_at = self._now()
                if identity == "corp":
                    answer = await self._transport.ask(CORP_TICKET, _Ticket)
                else:
                    answer = await self._transport.ask(APP_TICKET, _Ticket, params={"type": "agent_config"})
                kept.ticket = answer.ticket
                kept.until = asked_at + answer.expires_in - min(EARLY_S, answer.expires_in / 2)
            return kept.ticket
