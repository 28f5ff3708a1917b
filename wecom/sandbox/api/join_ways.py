"""Codes that lead into customer groups, and what greets there (external-contact.md §8 and §9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

from .content import read_attachment, refuse_blocked
from .endpoint import post

if TYPE_CHECKING:
    from wecom.sandbox.state import Json

    from .endpoint import Call

GROUPS = 5
WELCOME_BYTES = 3000


def _join_body(call: Call) -> Json:
    body, corp = call.body, call.tenant.corp
    scene = body.integer("scene", default=-1, low=1, high=2, bad=41038)
    if scene < 0:
        raise Refusal(41038, "invalid Request Parameter: scene is required")
    chats = body.texts("chat_id_list", at_most=GROUPS, too_many=41091, required=True)
    for chat_id in chats:
        group = corp.group(chat_id)
        if group is None:
            raise Refusal(86001, "invalid chatid")
        if not corp.members[group.owner].visible:
            raise Refusal(60011)
    return {
        "scene": scene,
        "remark": body.text("remark", max_chars=30),
        "auto_create_room": body.integer("auto_create_room", default=1, high=1),
        "room_base_name": body.text("room_base_name", max_chars=40),
        "room_base_id": body.integer("room_base_id", high=2**31),
        "chat_id_list": list(dict.fromkeys(chats)),
        "state": body.text("state", max_chars=30),
        "mark_source": body.flag("mark_source"),
    }


def add_join_way(call: Call) -> Json:
    return {"config_id": call.tenant.joins.add(_join_body(call)).config_id}


def get_join_way(call: Call) -> Json:
    way = call.tenant.joins.get(call.body.text("config_id"))
    qr_code = f"{call.base_url}/sandbox/qr/{way.config_id}"
    return {"join_way": {"config_id": way.config_id, **way.body, "qr_code": qr_code}}


def update_join_way(call: Call) -> Json:
    """Overwrite a join way: what is left out goes back to its default."""
    way = call.tenant.joins.get(call.body.text("config_id"))
    way.body = _join_body(call)
    return {}


def del_join_way(call: Call) -> Json:
    call.tenant.joins.delete(call.body.text("config_id"))
    return {}


def _template_body(call: Call) -> Json:
    """Return the text and the first of image, link, miniprogram, file, video."""
    body = call.body
    text = body.part("text").text("content", max_bytes=WELCOME_BYTES, too_long=45002)
    refuse_blocked(call.tenant, text)
    shown: Json = {"text": {"content": text}} if text else {}
    for kind in ("image", "link", "miniprogram", "file", "video"):
        if body.has(kind):
            shown[kind] = read_attachment(call.tenant, kind, body.part(kind))
            break
    if not shown:
        raise Refusal(40063, "some parameters are empty: text and attachment")
    return shown


def _own_agent(call: Call) -> None:
    """Refuse another app's agentid: templates belong to the app that made them (41058)."""
    agent = call.body.raw.get("agentid")
    if agent is not None and str(agent) != str(call.tenant.credentials.agent_id):
        raise Refusal(41058)


def template_add(call: Call) -> Json:
    _own_agent(call)
    notify = call.body.integer("notify", default=1, high=1)
    template = call.tenant.templates.add(_template_body(call), notify=bool(notify))
    return {"template_id": template.template_id}


def template_edit(call: Call) -> Json:
    template = call.tenant.templates.get(call.body.text("template_id", required=True))
    _own_agent(call)
    kept = template.body if call.tenant.rules.template_edit_keeps else {}
    template.body = kept | _template_body(call)
    return {}


def template_get(call: Call) -> Json:
    return dict(call.tenant.templates.get(call.body.text("template_id", required=True)).body)


def template_del(call: Call) -> Json:
    _own_agent(call)
    call.tenant.templates.delete(call.body.text("template_id", required=True))
    return {}


ENDPOINTS = (
    post("externalcontact/groupchat/add_join_way", add_join_way),
    post("externalcontact/groupchat/get_join_way", get_join_way),
    post("externalcontact/groupchat/update_join_way", update_join_way),
    post("externalcontact/groupchat/del_join_way", del_join_way),
    post("externalcontact/group_welcome_template/add", template_add),
    post("externalcontact/group_welcome_template/edit", template_edit),
    post("externalcontact/group_welcome_template/get", template_get),
    post("externalcontact/group_welcome_template/del", template_del),
)
