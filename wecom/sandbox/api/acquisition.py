"""Acquisition links, 获客助手 (external-contact.md §6)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

from .endpoint import get, post
from .paging import page
from .times import window

if TYPE_CHECKING:
    from wecom.sandbox.acquisition import Link
    from wecom.sandbox.state import Json

    from .endpoint import Call
    from .fields import Fields

MEMBERS = 500
PRIORITY = 1000


def _range(call: Call, reach: Fields) -> tuple[Json, list[str]]:
    """Return the range as it was given and the members it means: at most 500."""
    corp = call.tenant.corp
    users = reach.texts("user_list", at_most=MEMBERS)
    departments = reach.integers("department_list", at_most=MEMBERS)
    named = [corp.contact_member(userid).userid for userid in users]
    for department in departments:
        if department not in corp.departments:
            raise Refusal(60123)
        inside = corp.members_of_department(department)
        named += [member.userid for member in inside if member.visible and member.contact_enabled]
    found = list(dict.fromkeys(named))
    if not found or len(found) > MEMBERS:
        raise Refusal(40058, f"invalid Request Parameter: range must hold 1 to {MEMBERS} members")
    return {"user_list": users, "department_list": departments}, found


def _settings(call: Call) -> Json:
    body = call.body
    settings: Json = {
        "link_name": body.text("link_name", max_chars=30),
        "skip_verify": body.flag("skip_verify", default=True),
        "mark_source": body.flag("mark_source", default=True),
    }
    if body.has("priority_option"):
        option = body.part("priority_option")
        kind = option.integer("priority_type", default=-1, low=1, high=2)
        users = option.texts("priority_userid_list", at_most=PRIORITY)
        if kind < 0 or (kind == 2 and not users):
            raise Refusal(40058, "invalid Request Parameter: priority_option")
        for userid in users:
            call.tenant.corp.contact_member(userid)
        settings["priority_option"] = {"priority_type": kind, "priority_userid_list": users}
    return settings


def _shown(link: Link) -> Json:
    return {
        "link_id": link.link_id,
        "link_name": link.body["link_name"],
        "url": link.url,
        "create_time": int(link.created_at.timestamp()),
    }


def create_link(call: Call) -> Json:
    body = call.body
    body.text("link_name", required=True, max_chars=30)
    settings = _settings(call)
    reach, members = _range(call, body.part("range", required=True))
    if call.tenant.links.balance <= 0:
        raise Refusal(41095)
    link = call.tenant.links.create(settings | {"range": reach}, members, base_url=call.base_url)
    return {"link": _shown(link)}


def update_link(call: Call) -> Json:
    link = call.tenant.links.get(call.body.text("link_id", required=True))
    changed = {key: value for key, value in _settings(call).items() if call.body.has(key)}
    if call.body.has("range"):
        changed["range"], link.members = _range(call, call.body.part("range"))
    link.body |= changed
    return {}


def get_link(call: Call) -> Json:
    link = call.tenant.links.get(call.body.text("link_id", required=True))
    more = {key: link.body[key] for key in ("skip_verify", "mark_source")}
    answer: Json = {"link": _shown(link) | more, "range": link.body["range"]}
    if "priority_option" in link.body:
        answer["priority_option"] = link.body["priority_option"]
    return answer


def delete_link(call: Call) -> Json:
    call.tenant.links.delete(call.body.text("link_id", required=True))
    return {}


def list_link(call: Call) -> Json:
    limit, cursor = call.body.limit(default=100, most=100), call.body.text("cursor")
    shown, following = page(call.tenant.links.everyone(), cursor=cursor, limit=limit)
    return {"link_id_list": [link.link_id for link in shown], "next_cursor": following}


def customers(call: Call) -> Json:
    link = call.tenant.links.get(call.body.text("link_id", required=True))
    limit, cursor = call.body.limit(default=1000, most=1000), call.body.text("cursor")
    shown, following = page(list(link.customers.values()), cursor=cursor, limit=limit)
    return {
        "customer_list": [
            {
                "external_userid": customer.external_userid,
                "userid": customer.userid,
                "chat_status": int(customer.messages > 0),
                "state": customer.state,
            }
            for customer in shown
        ],
        "next_cursor": following,
    }


def statistic(call: Call) -> Json:
    link = call.tenant.links.get(call.body.text("link_id", required=True))
    start, end = window(call.body, longest=timedelta(days=30))
    if start < call.tenant.clock.now() - timedelta(days=181):
        raise Refusal(40058, "invalid Request Parameter: only the last 180 days")
    return {
        "click_link_customer_cnt": sum(start <= at <= end for at in link.clicks),
        "new_customer_cnt": sum(start <= c.added_at <= end for c in link.customers.values()),
    }


def get_chat_info(call: Call) -> Json:
    link, customer = call.tenant.links.chat_of(call.body.text("chat_key", required=True))
    return {
        "userid": customer.userid,
        "external_userid": customer.external_userid,
        "chat_info": {
            "recv_msg_cnt": customer.messages,
            "link_id": link.link_id,
            "state": customer.state,
        },
    }


def quota(call: Call) -> Json:
    links, expires = call.tenant.links, call.tenant.clock.now() + timedelta(days=365)
    midnight = int(expires.timestamp()) // 86_400 * 86_400
    return {
        "total": links.total,
        "balance": links.balance,
        "quota_list": [{"expire_date": midnight, "balance": links.balance}],
    }


BASE = "externalcontact/customer_acquisition"
ENDPOINTS = (
    post(f"{BASE}/create_link", create_link),
    post(f"{BASE}/update_link", update_link),
    post(f"{BASE}/get", get_link),
    post(f"{BASE}/delete_link", delete_link),
    post(f"{BASE}/list_link", list_link),
    post(f"{BASE}/customer", customers),
    post(f"{BASE}/statistic", statistic),
    post(f"{BASE}/get_chat_info", get_chat_info),
    get("externalcontact/customer_acquisition_quota", quota),
)
