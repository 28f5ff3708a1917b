"""The app's own affairs: token and IP lists (external-contact.md §1.1, callbacks.md §1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .endpoint import get

if TYPE_CHECKING:
    from wecom.sandbox.state import Json

    from .endpoint import Call


def gettoken(call: Call) -> Json:
    token, seconds = call.tenant.tokens.fetch(call.query.get("corpid", ""), call.query.get("corpsecret", ""))
    return {"access_token": token, "expires_in": seconds}


def ip_list(_: Call) -> Json:
    return {"ip_list": ["127.0.0.1"]}


ENDPOINTS = (
    get("gettoken", gettoken, needs_token=False),
    get("get_api_domain_ip", ip_list),
    get("getcallbackip", ip_list),
)
