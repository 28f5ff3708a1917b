"""微信客服: accounts, links, servicers (customer-service-kf.md §2), customers and numbers (§7)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from wecom.sandbox.kf import DEPARTMENTS, SERVICERS
from wecom.sandbox.refusal import USUAL, Refusal

from .endpoint import get, post
from .times import window

if TYPE_CHECKING:
    from wecom.sandbox.kf_state import Account, Item
    from wecom.sandbox.state import Json

    from .endpoint import Call

NAME_CHARS = 16
_SCENE = re.compile(r"[0-9a-zA-Z_-]*", re.ASCII)
DAY = timedelta(days=1)


def _account(call: Call) -> Account:
    return call.tenant.kf.account(call.body.text("open_kfid"))


def _name(call: Call, *, required: bool) -> str:
    name = call.body.text("name", required=required, missing=95006, max_chars=NAME_CHARS, too_long=95006)
    return name.strip()


def _avatar(call: Call) -> str:
    media_id = call.body.text("media_id", required=True, missing=41006)
    return call.tenant.media.require(media_id, kind="image", scene="upload").media_id


def account_add(call: Call) -> Json:
    if not call.tenant.rules.kf_granted:
        raise Refusal(48002)
    return {"open_kfid": call.tenant.kf.open(_name(call, required=True), _avatar(call)).open_kfid}


def account_update(call: Call) -> Json:
    account = _account(call)
    name = _name(call, required=False)
    if call.body.has("media_id"):
        account.media_id = _avatar(call)
    account.name = name or account.name
    return {}


def account_del(call: Call) -> Json:
    call.tenant.kf.close(_account(call).open_kfid)
    return {}


def account_list(call: Call) -> Json:
    offset, limit = call.body.integer("offset"), call.body.limit(default=100, most=100)
    accounts = list(call.tenant.kf.accounts.values())[offset : offset + limit]
    return {
        "account_list": [
            {
                "open_kfid": account.open_kfid,
                "name": account.name,
                "avatar": f"{call.base_url}/sandbox/media/{account.media_id}",
                "manage_privilege": account.granted and call.tenant.rules.kf_granted,
            }
            for account in accounts
        ]
    }


def add_contact_way(call: Call) -> Json:
    account, scene = _account(call), call.body.text("scene", max_bytes=32)
    if not _SCENE.fullmatch(scene):
        raise Refusal(40058, "invalid Request Parameter: scene takes 0-9a-zA-Z_-")
    return {"url": call.tenant.kf.contact_url(account, scene, base_url=call.base_url)}


def _row(key: str, value: str | int, errcode: int, *, ignored: bool = False) -> Json:
    why = "ignored" if ignored else "success" if errcode == 0 else USUAL.get(errcode, "refused")
    return {key: value, "errcode": errcode, "errmsg": why}


def _named(call: Call, departments: int) -> tuple[list[str], list[int]]:
    users = call.body.texts("userid_list", at_most=100)
    parties = call.body.integers("department_id_list", at_most=departments)
    if not users and not parties:
        raise Refusal(40058, "invalid Request Parameter: userid_list and department_id_list are empty")
    return list(dict.fromkeys(users)), list(dict.fromkeys(parties))


def servicer_add(call: Call) -> Json:
    account = _account(call)
    users, parties = _named(call, DEPARTMENTS)
    if len(account.servicers | dict.fromkeys(users)) > SERVICERS:
        raise Refusal(40058, f"invalid Request Parameter: at most {SERVICERS} servicers")
    if len({*account.departments, *parties}) > DEPARTMENTS:
        raise Refusal(40058, f"invalid Request Parameter: at most {DEPARTMENTS} departments")
    rows = []
    for userid in users:
        ignored = userid in account.servicers
        code = 0 if ignored else call.tenant.kf.add_servicer(account, userid)
        rows.append(_row("userid", userid, code, ignored=ignored))
    for party in parties:
        ignored, known = party in account.departments, party in call.tenant.corp.departments
        if known and not ignored:
            account.departments.append(party)
        rows.append(_row("department_id", party, 0 if known else 60123, ignored=ignored))
    return {"result_list": rows}


def servicer_del(call: Call) -> Json:
    account = _account(call)
    users, parties = _named(call, 100)
    rows = []
    for userid in users:
        seat = account.servicers.pop(userid, None)
        rows.append(_row("userid", userid, 0, ignored=seat is None))
    for party in parties:
        known = party in account.departments
        if known:
            account.departments.remove(party)
        rows.append(_row("department_id", party, 0, ignored=not known))
    return {"result_list": rows}


def servicer_list(call: Call) -> Json:
    account = call.tenant.kf.account(call.query.get("open_kfid", ""))
    seats: list[Json] = []
    for seat in account.servicers.values():
        row: Json = {"userid": seat.userid, "status": 0 if seat.receiving else 1}
        seats.append(row if seat.receiving else row | {"stop_type": int(seat.suspended)})
    return {"servicer_list": seats + [{"department_id": party} for party in account.departments]}


def customer_batchget(call: Call) -> Json:
    tenant = call.tenant
    wanted = call.body.texts("external_userid_list", at_most=100, required=True)
    context = call.body.flag("need_enter_session_context")
    found: list[Json] = []
    invalid = []
    for some_id in dict.fromkeys(wanted):
        chat, customer = tenant.kf.recent(some_id), tenant.corp.customers.get(some_id)
        if chat is None or customer is None:
            invalid.append(some_id)
            continue
        row: Json = {
            "external_userid": some_id,
            "nickname": customer.name,
            "avatar": "",
            "gender": customer.gender,
        }
        if customer.unionid:
            row["unionid"] = customer.unionid
        if context and chat.context:
            row["enter_session_context"] = chat.context
        found.append(row)
    return {"customer_list": found, "invalid_external_userid": invalid}


def _days(call: Call) -> list[tuple[datetime, datetime]]:
    """Return the days asked for: at most 31, ending yesterday, from the last 180 days."""
    start, end = window(call.body, longest=timedelta(days=31))
    now = call.tenant.clock.now()
    if start < now - timedelta(days=181) or end >= now:
        raise Refusal(40058, "invalid Request Parameter: from 180 days ago to yesterday")
    return [(start + DAY * n, start + DAY * (n + 1)) for n in range((end - start).days + 1)]


def _of_day(account: Account, day: tuple[datetime, datetime]) -> list[Item]:
    return [item for item in account.items if day[0] <= item.at < day[1]]


def get_corp_statistic(call: Call) -> Json:
    account = _account(call)
    rows = []
    for day in _days(call):
        bodies = [item.body for item in _of_day(account, day)]
        written = [body for body in bodies if body["origin"] == 3]
        customers = {body["external_userid"] for body in written}
        statistic = {
            "session_cnt": len(customers),
            "customer_cnt": len(customers),
            "customer_msg_cnt": len(written),
            "upgrade_service_customer_cnt": 0,
        }
        rows.append({"stat_time": int(day[0].timestamp()), "statistic": statistic})
    return {"statistic_list": rows}


def get_servicer_statistic(call: Call) -> Json:
    account = _account(call)
    userid = call.body.text("servicer_userid")
    if userid and userid not in account.servicers:
        raise Refusal(60253)
    rows = []
    for day in _days(call):
        bodies = [item.body for item in _of_day(account, day)]
        answers = [b for b in bodies if b["origin"] == 5 and userid in {"", b["servicer_userid"]}]
        customers = {body["external_userid"] for body in answers}
        written = [b for b in bodies if b["origin"] == 3 and b["external_userid"] in customers]
        statistic = {
            "session_cnt": len(customers),
            "customer_cnt": len(customers),
            "customer_msg_cnt": len(written),
            "reply_rate": 1 if customers else 0,
        }
        rows.append({"stat_time": int(day[0].timestamp()), "statistic": statistic})
    return {"statistic_list": rows}


ENDPOINTS = (
    post("kf/account/add", account_add),
    post("kf/account/update", account_update),
    post("kf/account/del", account_del),
    post("kf/account/list", account_list),
    post("kf/add_contact_way", add_contact_way),
    post("kf/servicer/add", servicer_add),
    post("kf/servicer/del", servicer_del),
    get("kf/servicer/list", servicer_list),
    post("kf/customer/batchget", customer_batchget),
    post("kf/get_corp_statistic", get_corp_statistic),
    post("kf/get_servicer_statistic", get_servicer_statistic),
)
