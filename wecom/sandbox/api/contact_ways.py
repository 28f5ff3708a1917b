"""Contact ways (external-contact.md §5).

WeCom documents 41037-41044 as errors of their parameters; which code is which field is ours here, except
41041 (more than 100 members) and 41044 (config_id).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

from .content import read_appid, read_url
from .endpoint import post
from .paging import page
from .times import window

if TYPE_CHECKING:
    from wecom.sandbox.state import ContactWay, Json

    from .endpoint import Call
    from .fields import Fields

TYPE, SCENE, STYLE, TOO_MANY_MEMBERS, NO_MEMBER, TEMPORARY = 41037, 41038, 41039, 41041, 41042, 41043
MEMBERS = 100
LONGEST_S = 14 * 86_400


def add_contact_way(call: Call) -> Json:
    body = call.body
    kind = body.integer("type", default=-1, low=1, high=2, bad=TYPE)
    scene = body.integer("scene", default=-1, low=1, high=2, bad=SCENE)
    if kind < 0 or scene < 0:
        raise Refusal(TYPE if kind < 0 else SCENE)
    members = _members(call, body)
    if not members:
        raise Refusal(NO_MEMBER, "user and party are both empty")
    if kind == 1 and len(members) > 1:
        raise Refusal(TOO_MANY_MEMBERS, "type 1 takes one member")
    fields: Json = {"type": kind, "scene": scene, "style": body.integer("style", high=3, bad=STYLE)}
    fields |= _common(call, body) | {"user": body.texts("user", at_most=MEMBERS)}
    fields |= {"party": body.integers("party", at_most=MEMBERS), "is_temp": body.flag("is_temp")}
    if fields["is_temp"] and len(members) > 1:
        raise Refusal(TEMPORARY, "a temporary session takes one member")
    way = call.tenant.ways.add(fields, members)
    answer: Json = {"config_id": way.config_id}
    return answer | ({"qr_code": _qr(call, way)} if scene == 2 else {})


def _qr(call: Call, way: ContactWay) -> str:
    return f"{call.base_url}/sandbox/qr/{way.config_id}"


def _members(call: Call, body: Fields) -> list[str]:
    """Return the members of ``user`` and ``party``, expanded: visible, verified, at most 100."""
    corp = call.tenant.corp
    named = [corp.contact_member(u) for u in body.texts("user", at_most=MEMBERS, too_many=TOO_MANY_MEMBERS)]
    for department in body.integers("party", at_most=MEMBERS):
        if department not in corp.departments:
            raise Refusal(60123)
        inside = corp.members_of_department(department)
        named += [member for member in inside if member.visible and member.contact_enabled]
    if any(not member.verified for member in named):
        raise Refusal(41054)
    found = list(dict.fromkeys(member.userid for member in named))
    if len(found) > MEMBERS:
        raise Refusal(TOO_MANY_MEMBERS, "at most 100 members")
    return found


def _common(call: Call, body: Fields) -> Json:
    fields: Json = {
        "remark": body.text("remark", max_chars=30),
        "skip_verify": body.flag("skip_verify", default=True),
        "state": body.text("state", max_chars=30),
        "is_exclusive": body.flag("is_exclusive"),
        "expires_in": body.integer("expires_in", default=7 * 86_400, low=1, high=LONGEST_S, bad=TEMPORARY),
        "chat_expires_in": body.integer(
            "chat_expires_in", default=86_400, low=1, high=LONGEST_S, bad=TEMPORARY
        ),
        "unionid": body.text("unionid", max_bytes=128),
    }
    conclusions = body.part("conclusions")
    if conclusions.raw:
        fields["conclusions"] = _conclusions(call, conclusions)
    return fields


def _conclusions(call: Call, part: Fields) -> Json:
    """Return the closing words: a text and the first of image, link, miniprogram."""
    media = call.tenant.media
    closing: Json = {"text": {"content": part.part("text").text("content", max_bytes=4000, too_long=45002)}}
    if part.has("image"):
        picture = part.part("image").text("media_id")
        closing["image"] = {"media_id": media.require(picture, kind="image", scene="upload").media_id}
    elif part.has("link"):
        link = part.part("link")
        closing["link"] = {
            "title": link.text("title", required=True, max_bytes=128),
            "picurl": link.text("picurl", max_bytes=2048),
            "desc": link.text("desc", max_bytes=512),
            "url": read_url(link),
        }
    elif part.has("miniprogram"):
        program = part.part("miniprogram")
        cover = media.require(program.text("pic_media_id"), kind="image", scene="upload")
        closing["miniprogram"] = {
            "title": program.text("title", required=True, max_bytes=64),
            "pic_media_id": cover.media_id,
            "appid": read_appid(call.tenant, program),
            "page": program.text("page", required=True),
        }
    return closing


def get_contact_way(call: Call) -> Json:
    way = call.tenant.ways.get(call.body.text("config_id"))
    shown: Json = {"config_id": way.config_id, **way.body}
    if way.body["scene"] == 2:
        shown["qr_code"] = _qr(call, way)
    return {"contact_way": shown}


def list_contact_way(call: Call) -> Json:
    body, now = call.body, call.tenant.clock.now()
    if body.has("start_time") or body.has("end_time"):
        start, end = window(body, longest=timedelta(days=366 * 20))
    else:
        start, end = now - timedelta(days=90), now
    ways = call.tenant.ways.listed(max(start, datetime(2021, 7, 10, tzinfo=UTC)), end)
    limit, cursor = body.limit(default=100, most=1000), body.text("cursor")
    shown, following = page(ways, cursor=cursor, limit=limit)
    return {"contact_way": [{"config_id": way.config_id} for way in shown], "next_cursor": following}


def update_contact_way(call: Call) -> Json:
    body = call.body
    way = call.tenant.ways.get(body.text("config_id"))
    members = _members(call, body) if body.has("user") or body.has("party") else None
    if members is not None and (not members or (way.body["type"] == 1 and len(members) > 1)):
        raise Refusal(TOO_MANY_MEMBERS if members else NO_MEMBER)
    if members is not None and way.body["is_temp"] and len(members) > 1:
        raise Refusal(TEMPORARY, "a temporary session takes one member")
    fields = {key: value for key, value in _common(call, body).items() if body.has(key)}
    if members is not None:
        fields |= {
            "user": body.texts("user", at_most=MEMBERS),
            "party": body.integers("party", at_most=MEMBERS),
        }
    call.tenant.ways.update(way.config_id, fields, members)
    return {}


def del_contact_way(call: Call) -> Json:
    call.tenant.ways.delete(call.body.text("config_id"))
    return {}


def close_temp_chat(call: Call) -> Json:
    userid = call.body.text("userid", required=True, missing=40003)
    external_userid = call.body.text("external_userid", required=True, missing=41035)
    call.tenant.ways.close_temp_chat(userid, external_userid)
    return {}


ENDPOINTS = (
    post("externalcontact/add_contact_way", add_contact_way),
    post("externalcontact/get_contact_way", get_contact_way),
    post("externalcontact/list_contact_way", list_contact_way),
    post("externalcontact/update_contact_way", update_contact_way),
    post("externalcontact/del_contact_way", del_contact_way),
    post("externalcontact/close_temp_chat", close_temp_chat),
)
