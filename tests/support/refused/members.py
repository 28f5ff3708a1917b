"""What members and departments refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import GONE, HIDDEN, Case, Stage, refuses
from wecom.errors import NeedsAdmin
from wecom.sandbox.state import Department, Member

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act

LISTED: dict[str, Any] = {
    "members.names_in": lambda s, department: s.client.members.names_in(department),
    "members.list_in": lambda s, department: s.client.members.list_in(department),
    "members.departments": lambda s, department: s.client.members.departments(department),
}


def hidden_department(s: Stage) -> int:
    """Open a department of which the app sees nobody: he of its only branch is out of sight."""
    departments = s.tenant.corp.departments
    departments[8] = Department(id=8, name="集团", parent_id=1)
    departments[9] = Department(id=9, name="总部", parent_id=8)
    s.tenant.corp.members["boss"] = Member(userid="boss", name="董", departments=(9,), visible=False)
    return 8


def get(userid: str) -> Act:
    return lambda s, _: s.client.members.get(userid)


CASES: list[Case] = [
    refuses("members.get", 60111, "the member is nobody", get("nobody")),
    refuses("members.get", 60111, "the member has left", get(GONE)),
    refuses("members.get", 40003, "no userid", get("")),
    refuses("members.get", 60011, "the member is out of sight", get(HIDDEN), error=NeedsAdmin),
    *(
        case
        for method, act in LISTED.items()
        for case in (
            refuses(method, 60123, "the department is none", lambda s, _, act=act: act(s, 99)),
            refuses(method, 60123, "the number is none", lambda s, _, act=act: act(s, -1)),
            refuses(
                method,
                60011,
                "the department is out of sight",
                act,
                given=hidden_department,
                error=NeedsAdmin,
            ),
        )
    ),
]
