"""Calls to the sandbox without sockets: the real client, the real endpoints, only the wire is left out."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from wecom.budget import Budgets, Rate
from wecom.client import WeComClient
from wecom.exchange import Exchange
from wecom.sandbox.api import ENDPOINTS
from wecom.sandbox.api.endpoint import Call
from wecom.sandbox.api.fields import Fields
from wecom.sandbox.refusal import Refusal
from wecom.tokens import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import ClientSession
    from aiohttp.payload import Payload

    from wecom.exchange import Endpoint
    from wecom.sandbox.tenant import Tenant

BASE = "http://rehearsal.invalid"


class Wireless(Exchange):
    """Answers from a tenant of this process, under its rules."""

    def __init__(self, session: ClientSession, tenant: Tenant) -> None:
        super().__init__(session, api_base=BASE)
        self._tenant = tenant
        self._endpoints = {endpoint.path: endpoint for endpoint in ENDPOINTS}

    async def send(
        self,
        endpoint: Endpoint,
        *,
        params: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        form: Callable[[], Payload] | None = None,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """Return the tenant's answer; what it refuses has an errcode, as over the wire."""
        del timeout_s
        if form is not None:
            raise ValueError(
                f"{endpoint.path}: the rehearsal uploads nothing, its pictures are in the tenant"
            )
        tenant = self._tenant
        tenant.settle()
        call = Call(tenant=tenant, query=params, body=Fields(dict(body or {})), base_url=BASE)
        try:
            if endpoint.path != "gettoken":
                tenant.tokens.check(params.get("access_token", ""))
            answered = self._endpoints[endpoint.path].handler(call)
            result: Any = await answered if inspect.isawaitable(answered) else answered
        except Refusal as refusal:
            return {"errcode": refusal.errcode, "errmsg": refusal.why or "refused"}
        return {"errcode": 0, "errmsg": "ok", **result}


def client_of(session: ClientSession, tenant: Tenant, now: Callable[[], float]) -> WeComClient:
    """Return a client that speaks with a tenant of this process; ``session`` is never used.

    Hours pass between two calls of a rehearsal, so no rate of WeCom's is ever near.
    """
    known = tenant.credentials
    return WeComClient(
        session,
        api_base=BASE,
        credentials=Credentials(corp_id=known.corp_id, secret=known.secret, agent_id=known.agent_id),
        budgets=Budgets(rates={}, default=Rate(windows=((10**9, 60.0),)), clock=now),
        exchange=Wireless(session, tenant),
        now=now,
    )
