"""Handing over customers and groups (external-contact.md §10), and who was served (§3, §8)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

from .contacts import follows_slice
from .endpoint import post
from .paging import cursor_at, offset_of, page

if TYPE_CHECKING:
    from collections.abc import Callable

    from wecom.sandbox.state import Json

    from .endpoint import Call

PAGED_UP_TO = 50_000  # get_unassigned_list by page_id; more rows need the cursor
TMP_OPENID_S = 4 * 3600


def _transfer(call: Call, *, resigned: bool) -> Json:
    body = call.body
    handover = body.text("handover_userid", required=True, missing=40003)
    takeover = body.text("takeover_userid", required=True, missing=40003)
    customers = body.texts("external_userid", at_most=100, required=True, missing=41035)
    message = "" if resigned else body.text("transfer_success_msg", max_chars=200)
    answers = call.tenant.transfers.start(handover, takeover, customers, resigned=resigned, message=message)
    return {"customer": [{"external_userid": some_id, "errcode": code} for some_id, code in answers]}


def _result(call: Call, *, resigned: bool) -> Json:
    body = call.body
    handover = body.text("handover_userid", required=True, missing=40003)
    takeover = body.text("takeover_userid", required=True, missing=40003)
    found = call.tenant.transfers.results(handover, takeover, resigned=resigned)
    shown, following = page(found, cursor=body.text("cursor"), limit=1000)
    return {
        "customer": [
            {
                "external_userid": transfer.external_userid,
                "status": transfer.status,
                "takeover_time": int((transfer.ended_at or transfer.started_at).timestamp()),
            }
            for transfer in shown
        ],
        "next_cursor": following,
    }


def transfer_customer(call: Call) -> Json:
    return _transfer(call, resigned=False)


def transfer_result(call: Call) -> Json:
    return _result(call, resigned=False)


def resigned_transfer_customer(call: Call) -> Json:
    return _transfer(call, resigned=True)


def resigned_transfer_result(call: Call) -> Json:
    return _result(call, resigned=True)


def get_unassigned_list(call: Call) -> Json:
    body, corp = call.body, call.tenant.corp
    size = body.integer("page_size", default=1000, low=1, high=1000)
    number = body.integer("page_id")
    rows = call.tenant.transfers.unassigned()
    if body.text("cursor"):
        shown, following = page(rows, cursor=body.text("cursor"), limit=size)
    else:
        if number * size >= PAGED_UP_TO:
            raise Refusal(40058, "invalid Request Parameter: page with the cursor beyond 50000 rows")
        shown, following = page(rows, cursor=cursor_at(number * size), limit=size)
    return {
        "info": [
            {
                "handover_userid": follow.userid,
                "external_userid": follow.external_userid,
                "dimission_time": int((corp.members[follow.userid].left_at or corp.now).timestamp()),
            }
            for follow in shown
        ],
        "is_last": not following,
        "next_cursor": following,
    }


def _move(*, resigned: bool) -> Callable[[Call], Json]:
    def move(call: Call) -> Json:
        body = call.body
        chats = body.texts("chat_id_list", at_most=100, required=True)
        owner = body.text("new_owner", required=True, missing=40003)
        failed = call.tenant.transfers.move_groups(chats, owner, resigned=resigned)
        return {
            "failed_chat_list": [
                {"chat_id": chat_id, "errcode": code, "errmsg": why} for chat_id, code, why in failed
            ]
        }

    return move


def contact_list(call: Call) -> Json:
    """Return everybody who is served, once per member; the tmp_openid lives four hours."""
    body, tenant = call.body, call.tenant
    limit, start = body.limit(default=1000, most=1000), offset_of(body.text("cursor"))
    members = [member.userid for member in tenant.corp.serving_members()]
    shown, following = follows_slice(tenant, members, start, limit)
    shift = tenant.clock.timestamp() // TMP_OPENID_S
    return {
        "info_list": [
            {
                "is_customer": True,
                "tmp_openid": hashlib.sha256(f"{follow.external_userid}:{shift}".encode()).hexdigest()[:28],
                "external_userid": follow.external_userid,
                "name": tenant.corp.customers[follow.external_userid].name,
                "follow_userid": follow.userid,
                "add_time": int(follow.createtime.timestamp()),
            }
            for follow in shown
            if not follow.half
        ],
        "next_cursor": following,
    }


def opengid_to_chatid(call: Call) -> Json:
    """Return the group of a mini-program's opengid (the group view shows each group's)."""
    opengid, corp = call.body.text("opengid", required=True, missing=90511), call.tenant.corp
    for group in corp.groups.values():
        if group.opengid == opengid and not group.dismissed:
            if not corp.members[group.owner].visible:
                raise Refusal(60011)
            return {"chat_id": group.chat_id}
    raise Refusal(90511, "invalid opengid")


ENDPOINTS = (
    post("externalcontact/transfer_customer", transfer_customer),
    post("externalcontact/transfer_result", transfer_result),
    post("externalcontact/resigned/transfer_customer", resigned_transfer_customer),
    post("externalcontact/resigned/transfer_result", resigned_transfer_result),
    post("externalcontact/get_unassigned_list", get_unassigned_list),
    post("externalcontact/groupchat/transfer", _move(resigned=True)),
    post("externalcontact/groupchat/onjob_transfer", _move(resigned=False)),
    post("externalcontact/contact_list", contact_list),
    post("externalcontact/opengid_to_chatid", opengid_to_chatid),
)
