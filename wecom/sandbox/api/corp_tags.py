"""Corp tags and tagging (external-contact.md §4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

from .endpoint import post

if TYPE_CHECKING:
    from wecom.sandbox.state import Json, Tag, TagGroup

    from .endpoint import Call
    from .fields import Fields

NAME_CHARS = 30
ORDER_END = 2**32
TAGS_PER_CUSTOMER = 3_000


def _group(group: TagGroup, tags: list[Tag]) -> Json:
    return {
        "group_id": group.group_id,
        "group_name": group.name,
        "create_time": group.create_time,
        "order": group.order,
        "deleted": False,
        "tag": [
            {
                "id": tag.id,
                "name": tag.name,
                "create_time": tag.create_time,
                "order": tag.order,
                "deleted": False,
            }
            for tag in tags
        ],
    }


def get_corp_tag_list(call: Call) -> Json:
    tag_ids = set(call.body.texts("tag_id", at_most=10_000))
    # When both are given the tag ids are ignored.
    group_ids = set(call.body.texts("group_id", at_most=10_000))
    answer = []
    for group in call.tenant.tags.ordered():
        tags = sorted(group.tags.values(), key=lambda tag: (-tag.order, tag.create_time))
        if group_ids and group.group_id not in group_ids:
            continue
        if tag_ids and not group_ids:
            tags = [tag for tag in tags if tag.id in tag_ids]
            if not tags:
                continue
        answer.append(_group(group, tags))
    return {"tag_group": answer}


def _name(part: Fields, key: str, *, required: bool) -> str:
    return part.text(key, required=required, missing=40072, max_chars=NAME_CHARS, too_long=40072)


def add_corp_tag(call: Call) -> Json:
    body = call.body
    group_id = body.text("group_id")
    group_name = _name(body, "group_name", required=not group_id)
    order = body.integer("order", high=ORDER_END - 1)
    tags = body.parts("tag", at_most=10_000, required=True)
    names = [(_name(tag, "name", required=True), tag.integer("order", high=ORDER_END - 1)) for tag in tags]
    group, added = call.tenant.tags.add(group_id=group_id, group_name=group_name, order=order, names=names)
    return {"tag_group": _group(group, added)}


def edit_corp_tag(call: Call) -> Json:
    body = call.body
    some_id = body.text("id", required=True, missing=40068)
    name = _name(body, "name", required=False)
    order = body.integer("order", high=ORDER_END - 1) if body.has("order") else None
    if not name and order is None:
        raise Refusal(40058, "invalid Request Parameter: name or order is needed")
    call.tenant.tags.edit(some_id, name=name or None, order=order)
    return {}


def del_corp_tag(call: Call) -> Json:
    tag_ids = call.body.texts("tag_id", at_most=10_000)
    group_ids = call.body.texts("group_id", at_most=10_000)
    if not tag_ids and not group_ids:
        raise Refusal(40058, "invalid Request Parameter: tag_id or group_id is needed")
    call.tenant.tags.delete(tag_ids, group_ids)
    return {}


def mark_tag(call: Call) -> Json:
    """Tag one (member, customer) pair; the same customer of another member keeps her own tags."""
    body, tenant = call.body, call.tenant
    userid = body.text("userid", required=True, missing=40003)
    external_userid = body.text("external_userid", required=True, missing=41035)
    add = body.texts("add_tag", at_most=TAGS_PER_CUSTOMER)
    remove = body.texts("remove_tag", at_most=TAGS_PER_CUSTOMER)
    if not add and not remove:
        raise Refusal(40058, "invalid Request Parameter: add_tag and remove_tag are both empty")
    follow = tenant.corp.relation(userid, external_userid)
    if any(tenant.tags.find(tag_id) is None for tag_id in (*add, *remove)):
        raise Refusal(40068)
    kept = [tag_id for tag_id in follow.tags if tag_id not in remove]
    wears = list(dict.fromkeys((*kept, *add)))
    if len(wears) > TAGS_PER_CUSTOMER:
        raise Refusal(40058, f"invalid Request Parameter: a customer wears at most {TAGS_PER_CUSTOMER} tags")
    follow.tags = wears
    tenant.corp.changed("contact.tagged", members=[userid], patients=[external_userid])
    return {}


ENDPOINTS = (
    post("externalcontact/get_corp_tag_list", get_corp_tag_list),
    post("externalcontact/add_corp_tag", add_corp_tag),
    post("externalcontact/edit_corp_tag", edit_corp_tag),
    post("externalcontact/del_corp_tag", del_corp_tag),
    post("externalcontact/mark_tag", mark_tag),
)
