"""Customers: lists, details, remarks, welcome (external-contact.md §2, §3, §7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

from .content import read_content
from .endpoint import get, post
from .paging import cursor_at, offset_of, page

if TYPE_CHECKING:
    from wecom.sandbox.state import Customer, Follow, Json
    from wecom.sandbox.tenant import Tenant

    from .endpoint import Call

FOLLOWERS_PER_PAGE = 500


def get_follow_user_list(call: Call) -> Json:
    return {"follow_user": [member.userid for member in call.tenant.corp.serving_members()]}


def list_customers(call: Call) -> Json:
    corp = call.tenant.corp
    member = corp.contact_member(call.query.get("userid", ""))
    book = corp.follows_of_member.get(member.userid)
    ids = book.confirmed_ids() if book is not None else []
    if not ids:
        raise Refusal(84061)
    return {"external_userid": ids}


def get_customer(call: Call) -> Json:
    corp = call.tenant.corp
    external_userid = call.query.get("external_userid", "")
    if not external_userid:
        raise Refusal(41035)
    customer = corp.customers.get(external_userid)
    follows = corp.listed_follows(external_userid)
    if customer is None:
        raise Refusal(40096)
    if not follows:
        half = any(f.half for f in corp.follows_of_customer.get(external_userid, {}).values())
        raise Refusal(84061 if half else 40096)
    shown, cursor = page(follows, cursor=call.query.get("cursor", ""), limit=FOLLOWERS_PER_PAGE)
    answer: Json = {
        "external_contact": _contact(customer),
        "follow_user": [_follow(call.tenant, follow) for follow in shown],
    }
    return answer | ({"next_cursor": cursor} if cursor else {})


def _contact(customer: Customer) -> Json:
    contact: Json = {
        "external_userid": customer.external_userid,
        "name": customer.name,
        "type": customer.type,
        "gender": customer.gender,
        "avatar": "",
    }
    if customer.type == 1 and customer.unionid:
        contact["unionid"] = customer.unionid
    if customer.type == 2:
        contact |= {"corp_name": customer.corp_name, "corp_full_name": customer.corp_name, "position": ""}
    return contact


def _relation(follow: Follow) -> Json:
    shown: Json = {
        "userid": follow.userid,
        "remark": follow.remark,
        "description": follow.description,
        "createtime": int(follow.createtime.timestamp()),
        "remark_mobiles": follow.remark_mobiles,
        "oper_userid": follow.oper_userid,
        "add_way": follow.add_way,
    }
    if follow.remark_company:
        shown["remark_corp_name"] = follow.remark_company
    if follow.state:
        shown["state"] = follow.state
    return shown


def _follow(tenant: Tenant, follow: Follow) -> Json:
    tags = [tag for tag in (tenant.tags.find(tag_id) for tag_id in follow.tags) if tag]
    return _relation(follow) | {
        "tags": [
            {
                "group_name": tenant.tags.group_of(tag).name,
                "tag_name": tag.name,
                "tag_id": tag.id,
                "type": 1,
            }
            for tag in tags
        ]
    }


def batch_get_by_user(call: Call) -> Json:
    """Return pairs of customer and relation; here a relation is one object and tags are bare ids."""
    corp = call.tenant.corp
    userids = call.body.texts("userid_list", at_most=100, required=True)
    limit = call.body.integer("limit", default=50, low=1, high=100)
    cursor = call.body.text("cursor")
    for userid in userids:
        corp.contact_member(userid)
    shown, following = follows_slice(call.tenant, list(dict.fromkeys(userids)), offset_of(cursor), limit)
    return {
        "external_contact_list": [
            {
                "external_contact": _contact(corp.customers[follow.external_userid]),
                "follow_info": _relation(follow) | {"tag_id": list(follow.tags)},
            }
            for follow in shown
            if not follow.half
        ],
        "next_cursor": following,
        "fail_info": {"unlicensed_userid_list": []},
    }


def follows_slice(tenant: Tenant, userids: list[str], start: int, limit: int) -> tuple[list[Follow], str]:
    """Return one page of all members' relations in a row, and the cursor after it: see Corp.follow_page."""
    found, following = tenant.corp.follow_page(userids, start, limit)
    return found, "" if following is None else cursor_at(following)


def remark(call: Call) -> Json:
    body = call.body
    userid = body.text("userid", required=True, missing=40003)
    external_userid = body.text("external_userid", required=True, missing=41035)
    text = body.text("remark", max_chars=20)
    description = body.text("description", max_chars=150)
    company = body.text("remark_company", max_chars=20)
    mobiles = body.texts("remark_mobiles", at_most=10)
    picture = body.text("remark_pic_mediaid")
    given = [k for k in ("remark", "description", "remark_company", "remark_mobiles") if body.has(k)]
    if not given and not picture:
        raise Refusal(40058, "invalid Request Parameter: nothing to change")
    follow = call.tenant.corp.relation(userid, external_userid)
    if picture:
        call.tenant.media.require(picture, kind="image", scene="upload")
    if "remark" in given:
        follow.remark = text
    if "description" in given:
        follow.description = description
    if "remark_company" in given:
        follow.remark_company = company
    if "remark_mobiles" in given:
        follow.remark_mobiles = [mobile for mobile in mobiles if mobile]  # [""] clears them
    call.tenant.corp.changed("contact.edited", members=[userid], patients=[external_userid])
    return {}


def send_welcome_msg(call: Call) -> Json:
    """Greet; a refused content does not spend the code."""
    tenant = call.tenant
    welcome = tenant.people.welcome(call.body.text("welcome_code"))
    text, attachments = read_content(tenant, call.body)
    tenant.people.greet(welcome, text, attachments)
    return {}


ENDPOINTS = (
    get("externalcontact/get_follow_user_list", get_follow_user_list),
    get("externalcontact/list", list_customers),
    get("externalcontact/get", get_customer),
    post("externalcontact/batch/get_by_user", batch_get_by_user),
    post("externalcontact/remark", remark),
    post("externalcontact/send_welcome_msg", send_welcome_msg),
)
