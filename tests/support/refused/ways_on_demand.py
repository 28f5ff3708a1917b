"""Refusals about ways in, templates and rules that no rule of the sandbox can bring about: a fault says them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.refusal_checks import ANYWHERE, said
from tests.support.refusal_stage import Case, Stage, drain
from tests.support.refused import acquisition, contact_ways, group_welcomes, intercepts, join_ways
from tests.support.refused.groups import a_group
from wecom.api.join_ways import JoinWay
from wecom.errors import NeedsAdmin, Refused

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act, Given


def nothing(_: Stage) -> None:
    """Nothing needs to be there."""


def join(s: Stage) -> JoinWay:
    return JoinWay(chat_ids=(a_group(s).chat_id,), state="grp-2")


# A call of every method that would be answered.
USUAL: dict[str, tuple[Given, Act]] = {
    "contact_ways.add": (nothing, contact_ways.add("xiaohu", "li.na", state="front-desk")),
    "contact_ways.get": (contact_ways.a_way, lambda s, some_id: s.client.contact_ways.get(some_id)),
    "contact_ways.list": (contact_ways.a_way, lambda s, _: drain(s.client.contact_ways.list())),
    "contact_ways.update": (contact_ways.a_way, contact_ways.update("li.na", state="dr-li")),
    "contact_ways.delete": (contact_ways.a_way, lambda s, some_id: s.client.contact_ways.delete(some_id)),
    "contact_ways.close_temp_chat": (contact_ways.temporary_chat, contact_ways.close("xiaohu")),
    "join_ways.add": (nothing, join_ways.add(state="grp-1")),
    "join_ways.get": (join_ways.a_way, lambda s, some_id: s.client.join_ways.get(some_id)),
    "join_ways.update": (join_ways.a_way, lambda s, some_id: s.client.join_ways.update(some_id, join(s))),
    "join_ways.delete": (join_ways.a_way, lambda s, some_id: s.client.join_ways.delete(some_id)),
    "acquisition.create": (nothing, acquisition.create("xiaohu")),
    "acquisition.list": (acquisition.a_link, lambda s, _: drain(s.client.acquisition.list())),
    "acquisition.quota": (nothing, lambda s, _: s.client.acquisition.quota()),
    "acquisition.chat_info": (acquisition.a_chat, lambda s, key: s.client.acquisition.chat_info(key)),
    **{name: (acquisition.a_link, act) for name, act in acquisition.OF_A_LINK.items()},
    "acquisition.update": (acquisition.a_link, acquisition.update("li.na", name="小红书投放")),
    "group_welcomes.add": (nothing, lambda s, _: s.client.group_welcomes.add(group_welcomes.HELLO)),
    **{name: (group_welcomes.a_template, act) for name, act in group_welcomes.OF_A_TEMPLATE.items()},
    "group_welcomes.edit": (
        group_welcomes.a_template,
        lambda s, some_id: s.client.group_welcomes.edit(some_id, group_welcomes.GroupWelcome(text="你好")),
    ),
    "intercepts.add": (nothing, intercepts.add()),
    "intercepts.list": (intercepts.a_rule, lambda s, _: s.client.intercepts.list()),
    **{name: (intercepts.a_rule, act) for name, act in intercepts.OF_A_RULE.items()},
    "intercepts.update": (intercepts.a_rule, intercepts.update(words=("根治",), userids=("li.na",))),
}

PAGED = ("contact_ways.list", "acquisition.list", "acquisition.customers")
WAY_FIELDS = dict.fromkeys(range(41_037, 41_044), Refused)
RULE_FIELDS = dict.fromkeys((41068, 41069, 41070, 41071, 41076, 41077, 41083, 41084), Refused)
# Which field such a code is about, WeCom does not say; and there is one app in the sandbox.
ONLY_WECOM_KNOWS: dict[str, dict[int, type[Exception]]] = {
    "contact_ways.add": {**WAY_FIELDS},
    "contact_ways.update": {**WAY_FIELDS},
    "join_ways.add": {41091: Refused, 90501: Refused},
    "join_ways.update": {41091: Refused, 90501: Refused},
    "acquisition.create": {40066: Refused},
    "acquisition.update": {40066: Refused},
    "group_welcomes.add": {40204: Refused, 45002: Refused},
    "group_welcomes.edit": {40204: Refused, 45002: Refused, 41058: NeedsAdmin},
    "group_welcomes.delete": {41058: NeedsAdmin},
    "intercepts.add": {**RULE_FIELDS},
    "intercepts.update": {**RULE_FIELDS},
}

CASES: list[Case] = [
    *(
        said(method, USUAL[method], errcode, when, error)
        for method in USUAL
        for errcode, (when, error) in ANYWHERE.items()
    ),
    *(said(method, USUAL[method], 50100, "the cursor is forgotten", Refused) for method in PAGED),
    *(
        said(method, USUAL[method], errcode, "WeCom says so", error)
        for method, codes in ONLY_WECOM_KNOWS.items()
        for errcode, error in codes.items()
    ),
]
