"""What join ways (加入群聊) refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import Case, Stage, forbids, refuses
from tests.support.refused.groups import a_group, dismissed, hidden_group
from wecom.api.join_ways import JoinWay
from wecom.errors import NeedsAdmin

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act
    from wecom.sandbox.state import Group


async def a_way(s: Stage) -> str:
    return await s.client.join_ways.add(JoinWay(chat_ids=(a_group(s).chat_id,), state="grp-1"))


async def deleted_way(s: Stage) -> str:
    config_id = await a_way(s)
    await s.client.join_ways.delete(config_id)
    return config_id


def full(s: Stage) -> None:
    s.rules.contact_way_quota = 0


def add(*chat_ids: str, **wanted: Any) -> Act:
    def act(s: Stage, _: Any) -> Any:
        return s.client.join_ways.add(JoinWay(chat_ids=chat_ids or (a_group(s).chat_id,), **wanted))

    return act


def add_group(s: Stage, group: Group) -> Any:
    return s.client.join_ways.add(JoinWay(chat_ids=(group.chat_id,)))


def update(s: Stage, there: tuple[str, str], **wanted: Any) -> Any:
    return s.client.join_ways.update(there[0], JoinWay(chat_ids=(there[1],), **wanted))


async def way_and_group(s: Stage) -> tuple[str, str]:
    return await a_way(s), a_group(s).chat_id


async def way_and_hidden(s: Stage) -> tuple[str, str]:
    return await a_way(s), hidden_group(s).chat_id


async def way_and_dismissed(s: Stage) -> tuple[str, str]:
    return await a_way(s), dismissed(s).chat_id


NUMBERS = (("below 0", -1), ("above 2 to the 31st", 2**31 + 1))
CASES: list[Case] = [
    refuses("join_ways.add", 86001, "no group has the id", add("wrNobody")),
    refuses("join_ways.add", 86001, "the group is dismissed", add_group, given=dismissed),
    refuses(
        "join_ways.add", 60011, "its owner is out of sight", add_group, given=hidden_group, error=NeedsAdmin
    ),
    refuses("join_ways.add", 41045, "one over the quota", add(), given=full, error=NeedsAdmin),
    *(
        refuses(
            "join_ways.add", 40058, f"a number {when}", add(new_group_name="护牙", new_group_number=number)
        )
        for when, number in NUMBERS
    ),
    forbids("join_ways.add", "chat_ids", "no group", lambda *_: JoinWay(chat_ids=())),
    forbids("join_ways.add", "chat_ids", "six groups", add(*["wr"] * 6)),
    forbids("join_ways.add", "state", "31 characters", add("wr", state="前" * 31)),
    forbids("join_ways.add", "remark", "31 characters", add("wr", remark="前" * 31)),
    forbids("join_ways.add", "new_group_name", "41 characters", add("wr", new_group_name="前" * 41)),
    refuses("join_ways.get", 41044, "no such id", lambda s, _: s.client.join_ways.get("x")),
    refuses(
        "join_ways.get",
        41044,
        "it is deleted",
        lambda s, config_id: s.client.join_ways.get(config_id),
        given=deleted_way,
    ),
    forbids("join_ways.get", "config_id", "no id", lambda s, _: s.client.join_ways.get(" ")),
    refuses("join_ways.update", 41044, "no such id", lambda s, _: update(s, ("x", a_group(s).chat_id))),
    refuses(
        "join_ways.update",
        41044,
        "it is deleted",
        lambda s, config_id: update(s, (config_id, a_group(s).chat_id)),
        given=deleted_way,
    ),
    refuses(
        "join_ways.update",
        86001,
        "no group has the id",
        lambda s, config_id: update(s, (config_id, "wrNobody")),
        given=a_way,
    ),
    refuses("join_ways.update", 86001, "the group is dismissed", update, given=way_and_dismissed),
    refuses(
        "join_ways.update",
        60011,
        "its owner is out of sight",
        update,
        given=way_and_hidden,
        error=NeedsAdmin,
    ),
    *(
        refuses(
            "join_ways.update",
            40058,
            f"a number {when}",
            lambda s, there, number=number: update(s, there, new_group_name="护牙", new_group_number=number),
            given=way_and_group,
        )
        for when, number in NUMBERS
    ),
    forbids("join_ways.update", "config_id", "no id", lambda s, _: update(s, (" ", "wr"))),
    refuses("join_ways.delete", 41044, "no such id", lambda s, _: s.client.join_ways.delete("x")),
    refuses(
        "join_ways.delete",
        41044,
        "it is deleted",
        lambda s, config_id: s.client.join_ways.delete(config_id),
        given=deleted_way,
    ),
    forbids("join_ways.delete", "config_id", "no id", lambda s, _: s.client.join_ways.delete(" ")),
]
