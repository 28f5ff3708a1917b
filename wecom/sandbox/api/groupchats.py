"""Customer groups (external-contact.md §8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

from .endpoint import post
from .paging import page

if TYPE_CHECKING:
    from wecom.sandbox.state import Group, GroupMember, Json
    from wecom.sandbox.tenant import Tenant

    from .endpoint import Call

WITHOUT_OWNERS = 1000  # members an app may see and still list all groups at once


def groupchat_list(call: Call) -> Json:
    body, corp, transfers = call.body, call.tenant.corp, call.tenant.transfers
    status = body.integer("status_filter", high=3)
    owners = body.part("owner_filter").texts("userid_list", at_most=100)
    limit = body.integer("limit", default=-1, low=1, high=1000)
    cursor = body.text("cursor")
    if limit < 0:
        raise Refusal(40058, "invalid Request Parameter: limit is required")
    if not owners and len(corp.visible_members()) > WITHOUT_OWNERS:
        raise Refusal(81017)
    wanted = {u for u in owners if (m := corp.members.get(u)) and (m.left_at or corp.member(u))}
    if owners and not wanted:
        raise Refusal(40003)
    groups = [
        group
        for group in corp.groups.values()
        if not group.dismissed
        and (group.owner in wanted if wanted else _may_see(call.tenant, group))
        and (status == 0 or transfers.group_status(group) == status)
    ]
    shown, following = page(groups, cursor=cursor, limit=limit)
    answer: Json = {"group_chat_list": [_line(call.tenant, group) for group in shown]}
    return answer | ({"next_cursor": following} if following else {})


def _line(tenant: Tenant, group: Group) -> Json:
    return {"chat_id": group.chat_id, "status": tenant.transfers.group_status(group)}


def _may_see(tenant: Tenant, group: Group) -> bool:
    """Tell whether the app sees a group: its owner is visible, or left and somebody must inherit it."""
    owner = tenant.corp.members[group.owner]
    return owner.visible or owner.left_at is not None


def groupchat_get(call: Call) -> Json:
    corp = call.tenant.corp
    chat_id = call.body.text("chat_id", required=True, missing=86003)
    named = call.body.flag("need_name")
    group = corp.group(chat_id)
    if group is None:
        raise Refusal(86001, "invalid chatid")
    if not _may_see(call.tenant, group):
        raise Refusal(60011)
    return {
        "group_chat": {
            "chat_id": group.chat_id,
            "name": group.name,
            "owner": group.owner,
            "create_time": int(group.create_time.timestamp()),
            "notice": group.notice,
            "member_list": [_member(call.tenant, seat, named=named) for seat in group.members.values()],
            "admin_list": [{"userid": userid} for userid in group.admins],
            "member_version": group.version,
        }
    }


def _member(tenant: Tenant, seat: GroupMember, *, named: bool) -> Json:
    shown: Json = {
        "userid": seat.userid,
        "type": seat.type,
        "join_time": int(seat.join_time.timestamp()),
        "join_scene": seat.join_scene,
        "group_nickname": "",
    }
    if seat.invitor in tenant.corp.members:
        shown["invitor"] = {"userid": seat.invitor}
    if seat.type == 2:
        customer = tenant.corp.customers[seat.userid]
        shown["name"] = customer.name
        if customer.unionid:
            shown["unionid"] = customer.unionid
        if seat.state:
            shown["state"] = seat.state
    else:
        shown["name"] = tenant.corp.members[seat.userid].name
    if not named:
        del shown["name"]
    return shown


ENDPOINTS = (
    post("externalcontact/groupchat/list", groupchat_list),
    post("externalcontact/groupchat/get", groupchat_get),
)
