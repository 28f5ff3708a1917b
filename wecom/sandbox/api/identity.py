"""OAuth and JS-SDK tickets (identity.md §2, §4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

from .endpoint import get, post

if TYPE_CHECKING:
    from wecom.sandbox.state import Json

    from .endpoint import Call


def getuserinfo(call: Call) -> Json:
    return call.tenant.identity.redeem(call.query.get("code", ""))


def getuserdetail(call: Call) -> Json:
    member = call.tenant.identity.detail(call.body.text("user_ticket", required=True, missing=84015))
    return {
        "userid": member.userid,
        "gender": "0",
        "avatar": "",
        "qr_code": "",
        "mobile": "",
        "email": "",
        "biz_mail": f"{member.userid}@sandbox.example",
        "address": "",
    }


def get_jsapi_ticket(call: Call) -> Json:
    ticket, seconds = call.tenant.identity.ticket("corp")
    return {"ticket": ticket, "expires_in": seconds}


def ticket_get(call: Call) -> Json:
    if call.query.get("type") != "agent_config":
        raise Refusal(91040)
    ticket, seconds = call.tenant.identity.ticket("app")
    return {"ticket": ticket, "expires_in": seconds}


ENDPOINTS = (
    get("auth/getuserinfo", getuserinfo),
    post("auth/getuserdetail", getuserdetail),
    get("get_jsapi_ticket", get_jsapi_ticket),
    get("ticket/get", ticket_get),
)
