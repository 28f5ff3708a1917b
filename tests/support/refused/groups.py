"""What customer groups refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import HIDDEN, Case, Stage, drain, forbids, refuses
from wecom.errors import NeedsAdmin
from wecom.sandbox.state import Member

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act
    from wecom.sandbox.state import Group


def a_group(s: Stage) -> Group:
    return next(iter(s.tenant.corp.groups.values()))


def hidden_group(s: Stage) -> Group:
    """Open a group of somebody out of sight."""
    return s.tenant.groups.create("内部群", HIDDEN, [s.patient])


def dismissed(s: Stage) -> Group:
    group = a_group(s)
    s.tenant.groups.dismiss(group.chat_id)
    return group


def thousand_members(s: Stage) -> None:
    for number in range(1_001):
        s.tenant.corp.members[f"m{number}"] = Member(userid=f"m{number}", name="众")


def listed(*owners: str, **wanted: Any) -> Act:
    return lambda s, _: drain(s.client.groups.list(owners or None, **wanted))


CASES: list[Case] = [
    refuses("groups.get", 86003, "no id", lambda s, _: s.client.groups.get("")),
    refuses("groups.get", 86001, "no group has the id", lambda s, _: s.client.groups.get("wrNobody")),
    refuses(
        "groups.get",
        86001,
        "the group is dismissed",
        lambda s, group: s.client.groups.get(group.chat_id),
        given=dismissed,
    ),
    refuses(
        "groups.get",
        60011,
        "its owner is out of sight",
        lambda s, group: s.client.groups.get(group.chat_id),
        given=hidden_group,
        error=NeedsAdmin,
    ),
    refuses(
        "groups.chat_id_of", 90511, "no such opengid", lambda s, _: s.client.groups.chat_id_of("tGNobody")
    ),
    refuses(
        "groups.chat_id_of",
        90511,
        "the group is dismissed",
        lambda s, group: s.client.groups.chat_id_of(group.opengid),
        given=dismissed,
    ),
    refuses(
        "groups.chat_id_of",
        60011,
        "its owner is out of sight",
        lambda s, group: s.client.groups.chat_id_of(group.opengid),
        given=hidden_group,
        error=NeedsAdmin,
    ),
    forbids("groups.chat_id_of", "opengid", "none", lambda s, _: s.client.groups.chat_id_of(" ")),
    refuses("groups.list", 81017, "1001 members and no owner", listed(), given=thousand_members),
    refuses("groups.list", 40003, "no owner is a member", listed("nobody", "nobody.else")),
    refuses("groups.list", 60011, "an owner is out of sight", listed("xiaohu", HIDDEN), error=NeedsAdmin),
    refuses("groups.list", 40058, "the status is none", listed(status=4)),
]
