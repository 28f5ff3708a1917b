"""The app's own affairs: token and IP lists (external-contact.md §1.1, callbacks.md §1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

from .endpoint import get

if TYPE_CHECKING:
    from wecom.sandbox.state import Json

    from .endpoint import Call


def gettoken(call: Call) -> Json:
    token, seconds = call.tenant.tokens.fetch(call.query.get("corpid", ""), call.query.get("corpsecret", ""))
    return {"access_token": token, "expires_in": seconds}


def ip_list(_: Call) -> Json:
    return {"ip_list": ["127.0.0.1"]}


def agent_get(call: Call) -> Json:
    """Tell about the app itself and whom it sees; 40056 no agentid, 301002 another app's."""
    asked, tenant = call.query.get("agentid", ""), call.tenant
    if not asked.isascii() or not asked.isdecimal():
        raise Refusal(40056)
    if asked != str(tenant.credentials.agent_id):
        raise Refusal(301002)
    return {
        "agentid": tenant.credentials.agent_id,
        "name": "小护助手",
        "square_logo_url": "",
        "description": "",
        "allow_userinfos": {"user": [{"userid": member.userid} for member in tenant.corp.visible_members()]},
        "allow_partys": {"partyid": []},
        "allow_tags": {"tagid": []},
        "close": 0,
        "redirect_domain": "",
        "report_location_flag": 0,
        "isreportenter": 1,
        "home_url": "",
    }


ENDPOINTS = (
    get("agent/get", agent_get),
    get("gettoken", gettoken, needs_token=False),
    get("get_api_domain_ip", ip_list),
    get("getcallbackip", ip_list),
)
