"""Members and departments (identity.md §2.3). A new self-built app sees no phone numbers or avatars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

from .endpoint import get

if TYPE_CHECKING:
    from wecom.sandbox.state import Json, Member

    from .endpoint import Call


def _profile(member: Member) -> Json:
    return {
        "userid": member.userid,
        "name": member.name,
        "department": list(member.departments),
        "main_department": member.departments[0],
        "is_leader_in_dept": [0] * len(member.departments),
        "direct_leader": [],
        "position": member.position,
        "alias": member.alias,
        "status": 1 if member.verified else 4,
        "extattr": {"attrs": []},
    }


def user_get(call: Call) -> Json:
    userid = call.query.get("userid", "")
    member = call.tenant.corp.members.get(userid)
    if member is None or member.left_at is not None:
        raise Refusal(60111 if userid else 40003)
    if not member.visible:
        raise Refusal(60011)
    return _profile(member)


def _department_members(call: Call) -> list[Member]:
    department_id = _number(call.query.get("department_id", ""))
    _require_department(call, department_id)
    children = call.query.get("fetch_child") == "1"
    found = call.tenant.corp.members_of_department(department_id, with_children=children)
    return [member for member in found if member.visible]


def user_simplelist(call: Call) -> Json:
    return {
        "userlist": [
            {"userid": m.userid, "name": m.name, "department": list(m.departments)}
            for m in _department_members(call)
        ]
    }


def user_list(call: Call) -> Json:
    return {"userlist": [_profile(member) for member in _department_members(call)]}


def department_list(call: Call) -> Json:
    corp = call.tenant.corp
    root = call.query.get("id")
    if root is None or root == "":
        wanted = {some_id for some_id in corp.departments if corp.sees_department(some_id)}
    else:
        top = _number(root)
        _require_department(call, top)
        wanted = {one for one in corp.departments_below(top) if corp.sees_department(one)} | {top}
    return {
        "department": [
            {"id": d.id, "name": d.name, "parentid": d.parent_id, "order": d.order, "department_leader": []}
            for d in corp.departments.values()
            if d.id in wanted
        ]
    }


def _require_department(call: Call, department_id: int) -> None:
    """Refuse an unknown department (60123) and one outside the app's visible range (60011)."""
    if department_id not in call.tenant.corp.departments:
        raise Refusal(60123)
    if not call.tenant.corp.sees_department(department_id):
        raise Refusal(60011)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise Refusal(60123)
    return int(text)


ENDPOINTS = (
    get("user/get", user_get),
    get("user/simplelist", user_simplelist),
    get("user/list", user_list),
    get("department/list", department_list),
)
