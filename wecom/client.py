"""The way to talk to WeCom: one client per app, its APIs as attributes.

    async with open_session() as session:
        wecom = WeComClient(session, api_base=…, credentials=Credentials(corp_id=…, secret=…, agent_id=…))
        detail = await wecom.contacts.get("wm…")

See ``wecom.errors`` for what can go wrong and ``wecom.api`` for what each group promises.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import aiohttp

from wecom.api.acquisition import Acquisition
from wecom.api.contact_ways import ContactWays
from wecom.api.contacts import Contacts
from wecom.api.group_welcomes import GroupWelcomes
from wecom.api.groups import Groups
from wecom.api.identity import Identity
from wecom.api.intercepts import Intercepts
from wecom.api.join_ways import JoinWays
from wecom.api.kf import Kf
from wecom.api.kf_accounts import KfAccounts
from wecom.api.kf_customers import KfPeople
from wecom.api.kf_knowledge import KfKnowledge
from wecom.api.mass import Mass
from wecom.api.media import MediaApi
from wecom.api.members import Members
from wecom.api.messages import Messages
from wecom.api.moments import Moments
from wecom.api.statistics import Statistics
from wecom.api.tags import Tags
from wecom.api.transfers import Transfers
from wecom.budget import Budgets, OnWait
from wecom.tokens import Credentials
from wecom.transport import OnCall, Transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from wecom.exchange import Exchange
    from wecom.tokens import TokenStore

__all__ = ["Budgets", "Credentials", "OnCall", "OnWait", "WeComClient", "open_session"]

KEEP_ALIVE_S = 10.0


def open_session() -> aiohttp.ClientSession:
    """Return a session fit for WeCom; use it in ``async with``.

    Idle connections are dropped early: a creating call sent down a connection that the other side just
    closed has an unknown outcome. Cookies are refused: the platform needs none, and they would outlive the
    token.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(keepalive_timeout=KEEP_ALIVE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


class WeComClient:
    """All APIs of one self-built app. Cheap to build, holds the token; only the session needs closing."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        api_base: str,
        credentials: Credentials,
        token_store: TokenStore | None = None,
        on_call: OnCall | None = None,
        budgets: Budgets | None = None,
        exchange: Exchange | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Build a client; nothing is sent.

        Args:
            api_base: scheme, host and perhaps a path; ``/cgi-bin/…`` is added.
            token_store: shared by processes that use the same app; by default this client's own.
            on_call: told of each call's outcome and seconds, for metrics.
            budgets: how often and how many at once; by default WeCom's published rates, unobserved. Share
                one among the clients of a corp, or give one with an ``on_wait`` for metrics.
            exchange: how one request is made; by default over ``session``.
            now: Unix time, for the token's age; a program that moves its clock moves the default budgets'
                windows with it.

        Raises:
            ValueError: ``api_base`` is no absolute http(s) URL.
        """
        self.transport = Transport(
            session,
            api_base=api_base,
            credentials=credentials,
            token_store=token_store,
            on_call=on_call,
            now=now,
            budgets=budgets or Budgets(clock=time.monotonic if now is time.time else now),
            exchange=exchange,
        )
        self.contacts = Contacts(self.transport)
        self.tags = Tags(self.transport)
        self.groups = Groups(self.transport)
        self.mass = Mass(self.transport)
        self.moments = Moments(self.transport)
        self.messages = Messages(self.transport)
        self.media = MediaApi(self.transport)
        self.members = Members(self.transport)
        self.transfers = Transfers(self.transport)
        self.contact_ways = ContactWays(self.transport)
        self.join_ways = JoinWays(self.transport)
        self.acquisition = Acquisition(self.transport)
        self.group_welcomes = GroupWelcomes(self.transport)
        self.statistics = Statistics(self.transport)
        self.intercepts = Intercepts(self.transport)
        self.identity = Identity(self.transport, now=now)
        self.kf = Kf(self.transport)
        self.kf_accounts = KfAccounts(self.transport)
        self.kf_customers = KfPeople(self.transport)
        self.kf_knowledge = KfKnowledge(self.transport)

    async def check_token(self) -> None:
        """Make sure that WeCom issues a token to us; cheap while one is fresh.

        Raises:
            TokenRejected: it does not; ``remedy`` says what to change.
            NotDone: it could not be asked.
        """
        await self.transport.tokens.get()
