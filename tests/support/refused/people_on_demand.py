"""Refusals about people and groups that no rule of the sandbox can bring about: a fault on demand says them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.refusal_checks import ANYWHERE, said
from tests.support.refusal_stage import Case, Stage, drain
from tests.support.refused.contacts import welcome_code
from tests.support.refused.groups import a_group
from tests.support.refused.identity import PAGE, code, ticket
from tests.support.refused.tags import two_tags
from tests.support.refused.transfers import left
from wecom.errors import Busy, NeedsAdmin, Refused

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act, Given


def nothing(_: Stage) -> None:
    """Nothing needs to be there."""


async def begun(s: Stage) -> None:
    await s.client.transfers.start("xiaohu", "li.na", [s.patient])


async def begun_after_leaving(s: Stage) -> None:
    left(s)
    await s.client.transfers.start_resigned("zhang.wei", "li.na", his_patients(s))


def his_patients(s: Stage) -> list[str]:
    return list(s.tenant.corp.follows_of_member["zhang.wei"])


# A call of every method that would be answered.
USUAL: dict[str, tuple[Given, Act]] = {
    "members.get": (nothing, lambda s, _: s.client.members.get("xiaohu")),
    "members.names_in": (nothing, lambda s, _: s.client.members.names_in(3)),
    "members.list_in": (nothing, lambda s, _: s.client.members.list_in(3)),
    "members.departments": (nothing, lambda s, _: s.client.members.departments()),
    "contacts.follow_users": (nothing, lambda s, _: s.client.contacts.follow_users()),
    "contacts.get": (nothing, lambda s, _: s.client.contacts.get(s.patient)),
    "contacts.list_of": (nothing, lambda s, _: s.client.contacts.list_of("xiaohu")),
    "contacts.batch_by_user": (nothing, lambda s, _: drain(s.client.contacts.batch_by_user(["xiaohu"]))),
    "contacts.served": (nothing, lambda s, _: drain(s.client.contacts.served())),
    "contacts.send_welcome": (welcome_code, lambda s, some: s.client.contacts.send_welcome(some, "您好")),
    "contacts.remark": (nothing, lambda s, _: s.client.contacts.remark("xiaohu", s.patient, remark="鱼")),
    "transfers.unassigned": (left, lambda s, _: drain(s.client.transfers.unassigned())),
    "transfers.start": (nothing, lambda s, _: s.client.transfers.start("xiaohu", "li.na", [s.patient])),
    "transfers.result": (begun, lambda s, _: drain(s.client.transfers.result("xiaohu", "li.na"))),
    "transfers.start_resigned": (
        left,
        lambda s, _: s.client.transfers.start_resigned("zhang.wei", "li.na", his_patients(s)),
    ),
    "transfers.resigned_result": (
        begun_after_leaving,
        lambda s, _: drain(s.client.transfers.resigned_result("zhang.wei", "li.na")),
    ),
    "transfers.give_groups_of_resigned": (
        left,
        lambda s, chat_ids: s.client.transfers.give_groups_of_resigned(chat_ids, "li.na"),
    ),
    "transfers.give_groups": (
        a_group,
        lambda s, group: s.client.transfers.give_groups([group.chat_id], "li.na"),
    ),
    "tags.add": (nothing, lambda s, _: s.client.tags.add("意向", ["高"])),
    "tags.edit": (two_tags, lambda s, ids: s.client.tags.edit(ids[0], name="很高", order=7)),
    "tags.delete": (two_tags, lambda s, ids: s.client.tags.delete(tag_ids=ids)),
    "tags.mark": (two_tags, lambda s, ids: s.client.tags.mark("xiaohu", s.patient, add=ids)),
    "tags.list": (two_tags, lambda s, _: s.client.tags.list()),
    "groups.get": (a_group, lambda s, group: s.client.groups.get(group.chat_id)),
    "groups.chat_id_of": (a_group, lambda s, group: s.client.groups.chat_id_of(group.opengid)),
    "groups.list": (nothing, lambda s, _: drain(s.client.groups.list())),
    "identity.visitor": (code, lambda s, some: s.client.identity.visitor(some)),
    "identity.detail": (ticket, lambda s, some: s.client.identity.detail(some)),
    "identity.sign": (nothing, lambda s, _: s.client.identity.sign(PAGE)),
    "identity.callback_ips": (nothing, lambda s, _: s.client.identity.callback_ips()),
}

PAGED = (
    "contacts.get",
    "contacts.batch_by_user",
    "contacts.served",
    "transfers.unassigned",
    "transfers.result",
    "transfers.resigned_result",
    "groups.list",
)
# Where WeCom has two codes for one fault, where it looks into its own records, or where the client asks first.
ONLY_WECOM_KNOWS: dict[str, dict[int, type[Exception]]] = {
    "members.get": {60021: NeedsAdmin},
    "members.names_in": {60003: Refused},
    "members.list_in": {60003: Refused, 45029: Refused},
    "members.departments": {60003: Refused},
    "contacts.list_of": {60111: Refused},
    "contacts.batch_by_user": {60111: Refused},
    "contacts.remark": {41056: Refused, 60111: Refused},
    "contacts.send_welcome": {
        40204: Refused,
        41053: Refused,
        41064: Refused,
        41065: Refused,
        41096: Busy,
        45002: Refused,
    },
    "transfers.start": {40143: NeedsAdmin, 41054: NeedsAdmin},
    "transfers.start_resigned": {40143: NeedsAdmin, 41054: NeedsAdmin},
    "transfers.give_groups": {41054: NeedsAdmin},
    "transfers.give_groups_of_resigned": {41054: NeedsAdmin},
    "tags.add": {40072: Refused},
    "tags.edit": {40072: Refused},
    "identity.visitor": {42022: Refused},
}


def by_fault(method: str, errcode: int, when: str, error: type[Exception]) -> Case:
    return said(method, USUAL[method], errcode, when, error)


CASES: list[Case] = [
    *(
        by_fault(method, errcode, when, error)
        for method in USUAL
        for errcode, (when, error) in ANYWHERE.items()
    ),
    *(by_fault(method, 50100, "the cursor is forgotten", Refused) for method in PAGED),
    *(
        by_fault(method, errcode, "WeCom says so", error)
        for method, codes in ONLY_WECOM_KNOWS.items()
        for errcode, error in codes.items()
    ),
]
