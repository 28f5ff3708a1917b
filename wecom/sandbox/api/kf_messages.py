"""微信客服: history, states, sending (customer-service-kf.md §3 to §6)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wecom.sandbox.people import Mistake
from wecom.sandbox.refusal import Refusal

from .content import read_appid, read_url
from .endpoint import get, post
from .paging import cursor_at, offset_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from wecom.sandbox.state import Json
    from wecom.sandbox.tenant import Tenant

    from .endpoint import Call
    from .fields import Fields

TEXT_BYTES = 2048
ITEMS, TAPPABLE = 50, 10
_MSGID = re.compile(r"[0-9a-zA-Z_-]*", re.ASCII)
_MENU_ID = re.compile(r"[0-9a-zA-Z_]+", re.ASCII)


def sync_msg(call: Call) -> Json:
    body = call.body
    account = call.tenant.kf.account(body.text("open_kfid"), managed=True)
    start = offset_of(body.text("cursor", max_bytes=64))
    body.integer("voice_format", high=1)
    limit = body.limit(default=1000, most=1000)
    token = body.text("token", max_bytes=128)
    entries, end, more = call.tenant.kf.history(account, start=start, limit=limit, token=token)
    return {"next_cursor": cursor_at(end), "has_more": int(more), "msg_list": entries}


def state_get(call: Call) -> Json:
    account = call.tenant.kf.account(call.body.text("open_kfid"), managed=True)
    session = call.tenant.kf.session(account, call.body.text("external_userid"))
    return {"service_state": session.state} | (
        {"servicer_userid": session.servicer} if session.servicer else {}
    )


def state_trans(call: Call) -> Json:
    body = call.body
    account = call.tenant.kf.account(body.text("open_kfid"), managed=True)
    some_id = body.text("external_userid")
    state = body.integer("service_state", default=-1, high=4)
    servicer = body.text("servicer_userid", required=state == 3, missing=40003)
    code = call.tenant.kf.move(account, some_id, state, servicer)
    return {"msg_code": code} if code else {}


def _msgid(body: Fields) -> str:
    msgid = body.text("msgid", max_bytes=32)
    if not _MSGID.fullmatch(msgid):
        raise Refusal(40058, "invalid Request Parameter: msgid takes 0-9a-zA-Z_-")
    return msgid


def send_msg(call: Call) -> Json:
    body, kf = call.body, call.tenant.kf
    account = kf.account(body.text("open_kfid"), managed=True)
    msgid = _msgid(body)
    kind, payload = _content(call.tenant, body, _READERS, items=ITEMS)
    session = kf.may_send(account, body.text("touser"))
    sent = kf.say(account, session, kind, payload, msgid)
    session.replies += 1
    return {"msgid": sent}


def send_msg_on_event(call: Call) -> Json:
    """Say the words a code stands for; they do not count among the five."""
    body, kf = call.body, call.tenant.kf
    msgid = _msgid(body)
    code, account, session = kf.usable_code(body.text("code"))
    allowed = {"text": _READERS["text"]}
    if code.kind in {"welcome", "end"}:
        allowed["msgmenu"] = _READERS["msgmenu"]
    kind, payload = _content(call.tenant, body, allowed, items=TAPPABLE)
    sent = kf.say(account, session, kind, payload, msgid)
    code.spent = True
    if code.kind == "welcome":
        session.welcomed_at = call.tenant.clock.now()
    return {"msgid": sent}


def _content(
    tenant: Tenant, body: Fields, readers: dict[str, Callable[[Tenant, Fields], Json]], *, items: int
) -> tuple[str, Json]:
    kind = body.text("msgtype")
    if kind not in readers:
        raise Refusal(40008)
    payload = readers[kind](tenant, body.part(kind, required=True))
    if kind == "msgmenu" and len(payload["list"]) > items:
        raise Refusal(95008)
    return kind, payload


def _text(_: Tenant, part: Fields) -> Json:
    content = part.text("content", required=True, missing=44004)
    # Longer text is cut, not refused; never inside a character.
    return {"content": content.encode()[:TEXT_BYTES].decode(errors="ignore")}


def _file_of(kind: str) -> Callable[[Tenant, Fields], Json]:
    def read(tenant: Tenant, part: Fields) -> Json:
        return {"media_id": tenant.media.require(part.text("media_id"), kind=kind, scene="upload").media_id}

    return read


def _thumb(tenant: Tenant, part: Fields) -> str:
    return tenant.media.require(part.text("thumb_media_id"), kind="image", scene="upload").media_id


def _link(tenant: Tenant, part: Fields) -> Json:
    return {
        "title": part.text("title", required=True, max_bytes=128),
        "desc": part.text("desc", max_bytes=512),
        "url": read_url(part),
        "thumb_media_id": _thumb(tenant, part),
    }


def _miniprogram(tenant: Tenant, part: Fields) -> Json:
    return {
        "appid": read_appid(tenant, part),
        "title": part.text("title", max_bytes=64),
        "thumb_media_id": _thumb(tenant, part),
        "pagepath": part.text("pagepath", required=True, max_bytes=1024),
    }


def _location(_: Tenant, part: Fields) -> Json:
    places: Json = {}
    for key, most in (("latitude", 90), ("longitude", 180)):
        value = part.raw.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not -most <= value <= most:
            raise Refusal(95022)
        places[key] = value
    named = {key: part.text(key, max_bytes=1024) for key in ("name", "address")}
    return named | places


def _business_card(tenant: Tenant, part: Fields) -> Json:
    return {"userid": tenant.corp.member(part.text("userid")).userid}


def _ca_link(tenant: Tenant, part: Fields) -> Json:
    url = read_url(part, "link_url")
    try:
        tenant.links.find(url)
    except Mistake:
        raise Refusal(40058, "invalid Request Parameter: link_url is no acquisition link") from None
    return {"link_url": url}


def _menu(tenant: Tenant, part: Fields) -> Json:
    items = part.parts("list", at_most=ITEMS, too_many=95008)
    shown = [_menu_item(tenant, item) for item in items]
    if sum(item["type"] != "text" for item in shown) > TAPPABLE:
        raise Refusal(95008)
    head = part.text("head_content", max_bytes=1024, too_long=45002)
    tail = part.text("tail_content", max_bytes=1024, too_long=45002)
    if not head and not shown:
        raise Refusal(40063)
    return {"head_content": head, "list": shown, "tail_content": tail}


def _menu_item(tenant: Tenant, item: Fields) -> Json:
    kind = item.text("type")
    if kind not in {"click", "view", "miniprogram", "text"}:
        raise Refusal(95009)
    part = item.part(kind, required=True)
    if kind == "click":
        mark = part.text("id", max_bytes=128)
        if mark and not _MENU_ID.fullmatch(mark):
            raise Refusal(40058, "invalid Request Parameter: a click id takes 0-9a-zA-Z_")
        value: Json = {"id": mark, "content": part.text("content", required=True, max_bytes=128)}
    elif kind == "view":
        value = {"url": read_url(part), "content": part.text("content", required=True, max_bytes=1024)}
    elif kind == "miniprogram":
        value = {
            "appid": read_appid(tenant, part),
            "pagepath": part.text("pagepath", required=True, max_bytes=1024),
            "content": part.text("content", required=True, max_bytes=1024),
        }
    else:
        content = part.text("content", required=True, max_bytes=256)
        value = {"content": content, "no_newline": int(part.flag("no_newline"))}
    return {"type": kind, kind: value}


_READERS: dict[str, Callable[[Tenant, Fields], Json]] = {
    "text": _text,
    "image": _file_of("image"),
    "voice": _file_of("voice"),
    "video": _file_of("video"),
    "file": _file_of("file"),
    "link": _link,
    "miniprogram": _miniprogram,
    "msgmenu": _menu,
    "location": _location,
    "business_card": _business_card,
    "ca_link": _ca_link,
}


def upgrade_config(call: Call) -> Json:
    corp = call.tenant.corp
    members = [member.userid for member in corp.serving_members()]
    groups = [g.chat_id for g in corp.groups.values() if not g.dismissed and corp.members[g.owner].visible]
    return {
        "member_range": {"userid_list": members, "department_id_list": []},
        "groupchat_range": {"chat_id_list": groups},
    }


def upgrade_service(call: Call) -> Json:
    """Offer a customer a member of her own, or a group; she sees a card."""
    body, kf, corp = call.body, call.tenant.kf, call.tenant.corp
    account = kf.account(body.text("open_kfid"), managed=True)
    some_id = body.text("external_userid")
    if call.tenant.rules.kf_offers_in_console:
        raise Refusal(95015)
    session = kf.session(account, some_id)
    if kf.recent(some_id) is not session or session.wrote_at is None:
        raise Refusal(95031)
    if body.integer("type", default=-1, low=1, high=2) == 1:
        part = body.part("member", required=True)
        offer: Json = {"userid": corp.contact_member(part.text("userid")).userid}
    else:
        part = body.part("groupchat", required=True)
        group = corp.group(part.text("chat_id"))
        if group is None:
            raise Refusal(86001, "invalid chatid")
        offer = {"chat_id": group.chat_id}
    offer["wording"] = part.text("wording", max_chars=200)
    kf.say(account, session, "upgrade_service", offer, "")
    return {}


def cancel_upgrade_service(call: Call) -> Json:
    kf = call.tenant.kf
    account = kf.account(call.body.text("open_kfid"), managed=True)
    session = kf.session(account, call.body.text("external_userid"))
    for bubble in session.bubbles:
        bubble.recalled = bubble.recalled or bubble.kind == "upgrade_service"
    return {}


ENDPOINTS = (
    post("kf/sync_msg", sync_msg),
    post("kf/service_state/get", state_get),
    post("kf/service_state/trans", state_trans),
    post("kf/send_msg", send_msg),
    post("kf/send_msg_on_event", send_msg_on_event),
    get("kf/customer/get_upgrade_service_config", upgrade_config),
    post("kf/customer/upgrade_service", upgrade_service),
    post("kf/customer/cancel_upgrade_service", cancel_upgrade_service),
)
