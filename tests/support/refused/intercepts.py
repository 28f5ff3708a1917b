"""What rules against words (聊天敏感词) refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import GONE, HIDDEN, Case, Stage, forbids, refuses
from wecom.api.intercepts import InterceptRule
from wecom.errors import NeedsAdmin

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act


def rule(**wanted: Any) -> InterceptRule:
    return InterceptRule(**{"name": "不许诺疗效", "words": ("包治",), "userids": ("xiaohu",), **wanted})


async def a_rule(s: Stage) -> str:
    return await s.client.intercepts.add(rule())


async def deleted_rule(s: Stage) -> str:
    rule_id = await a_rule(s)
    await s.client.intercepts.delete(rule_id)
    return rule_id


async def no_rule(_: Stage) -> str:
    return "x"


async def hundred(s: Stage) -> None:
    for _ in range(100):
        await a_rule(s)


def add(**wanted: Any) -> Act:
    return lambda s, _: s.client.intercepts.add(rule(**wanted))


def update(**wanted: Any) -> Act:
    return lambda s, rule_id: s.client.intercepts.update(rule_id, rule(**wanted))


def remove(*userids: str, department_ids: tuple[int, ...] = ()) -> Act:
    return lambda s, rule_id: s.client.intercepts.update(
        rule_id, rule(), remove_userids=userids, remove_department_ids=department_ids
    )


# Whom a rule cannot be about: (errcode, when, the rule's range, class).
RANGES: tuple[tuple[int, str, dict[str, Any], dict[str, Any]], ...] = (
    (40003, "a member is nobody", {"userids": ("xiaohu", "nobody")}, {}),
    (40003, "a member has left", {"userids": ("xiaohu", GONE)}, {}),
    (60011, "a member is out of sight", {"userids": ("xiaohu", HIDDEN)}, {"error": NeedsAdmin}),
    (60123, "no such department", {"department_ids": (99,)}, {}),
    (40058, "1001 members", {"userids": ("xiaohu",) * 1_001}, {}),
    (40058, "1001 departments", {"department_ids": (1,) * 1_001}, {}),
)

OF_A_RULE: dict[str, Act] = {
    "intercepts.get": lambda s, rule_id: s.client.intercepts.get(rule_id),
    "intercepts.update": update(),
    "intercepts.delete": lambda s, rule_id: s.client.intercepts.delete(rule_id),
}

CASES: list[Case] = [
    *(refuses("intercepts.add", code, when, add(**wanted), **error) for code, when, wanted, error in RANGES),
    *(
        refuses("intercepts.update", code, when, update(**wanted), given=a_rule, **error)
        for code, when, wanted, error in RANGES
    ),
    refuses("intercepts.update", 40003, "who is taken out is nobody", remove("nobody"), given=a_rule),
    refuses(
        "intercepts.update",
        60123,
        "the department taken out is none",
        remove(department_ids=(99,)),
        given=a_rule,
    ),
    refuses("intercepts.update", 40058, "nobody would be left", remove("xiaohu"), given=a_rule),
    refuses("intercepts.add", 41071, "a hundred are there", add(), given=hundred),
    refuses("intercepts.add", 41083, "a thing that is none", add(semantics=(4,))),
    refuses("intercepts.update", 41083, "a thing that is none", update(semantics=(4,)), given=a_rule),
    forbids("intercepts.add", "name", "no name", add(name=" ")),
    forbids("intercepts.add", "name", "21 characters", add(name="不" * 21)),
    forbids("intercepts.add", "words", "no word", add(words=())),
    forbids("intercepts.add", "words", "301 words", add(words=("包治",) * 301)),
    forbids("intercepts.add", "words", "an empty word", add(words=(" ",))),
    forbids("intercepts.add", "words", "33 characters", add(words=("包" * 33,))),
    forbids("intercepts.add", "userids", "nobody", add(userids=())),
    *(refuses(method, 41077, "no such rule", act, given=no_rule) for method, act in OF_A_RULE.items()),
    *(refuses(method, 41077, "it is deleted", act, given=deleted_rule) for method, act in OF_A_RULE.items()),
    *(
        forbids(method, "rule_id", "no id", lambda s, _, act=act: act(s, " "))
        for method, act in OF_A_RULE.items()
    ),
]
