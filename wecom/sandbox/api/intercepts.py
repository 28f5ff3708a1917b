"""Rules against words in chats (聊天敏感词, external-contact.md §13).

WeCom documents 41068-41071, 41076, 41077, 41083 and 41084 as errors of a rule; which code is which field is
ours here. So is the most members and departments in one range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

from .endpoint import get, post

if TYPE_CHECKING:
    from wecom.sandbox.intercepts import InterceptRule
    from wecom.sandbox.state import Json

    from .endpoint import Call
    from .fields import Fields

BAD_NAME, BAD_WORDS, BAD_SEMANTICS, BAD_TYPE = 41068, 41069, 41083, 41070
RANGE = 1000


def _words(body: Fields) -> list[str]:
    words = body.texts("word_list", at_most=300, too_many=BAD_WORDS)
    if any(not 1 <= len(word) <= 32 for word in words):
        raise Refusal(BAD_WORDS, "invalid word_list: words of 1 to 32 characters")
    return words


def _semantics(part: Fields) -> list[int]:
    found = part.integers("semantics_list", at_most=3)
    if not set(found) <= {1, 2, 3}:
        raise Refusal(BAD_SEMANTICS, "invalid semantics_list")
    return found


def _range(call: Call, key: str) -> tuple[list[str], list[int]]:
    part = call.body.part(key)
    users = [call.tenant.corp.member(u).userid for u in part.texts("user_list", at_most=RANGE)]
    parties = part.integers("department_list", at_most=RANGE)
    if any(party not in call.tenant.corp.departments for party in parties):
        raise Refusal(60123)
    return users, parties


def _rule(call: Call) -> InterceptRule:
    return call.tenant.intercepts.get(call.body.text("rule_id", required=True))


def add_intercept_rule(call: Call) -> Json:
    body = call.body
    name = body.text("rule_name", required=True, missing=BAD_NAME, max_chars=20, too_long=BAD_NAME)
    words, semantics = _words(body), _semantics(body)
    if not words and not semantics:
        raise Refusal(BAD_WORDS, "word_list and semantics_list are both empty")
    kind = body.integer("intercept_type", default=-1, low=1, high=2, bad=BAD_TYPE)
    if kind < 0:
        raise Refusal(BAD_TYPE, "intercept_type is required")
    users, parties = _range(call, "applicable_range")
    if not users and not parties:
        raise Refusal(40058, "invalid Request Parameter: applicable_range is empty")
    rule = call.tenant.intercepts.add(
        name=name, words=words, semantics=semantics, kind=kind, users=users, parties=parties
    )
    return {"rule_id": rule.rule_id}


def get_intercept_rule_list(call: Call) -> Json:
    return {
        "rule_list": [
            {"rule_id": r.rule_id, "rule_name": r.name, "create_time": int(r.created_at.timestamp())}
            for r in call.tenant.intercepts.everyone()
        ]
    }


def get_intercept_rule(call: Call) -> Json:
    rule = _rule(call)
    return {
        "rule": {
            "rule_id": rule.rule_id,
            "rule_name": rule.name,
            "word_list": rule.words,
            "extra_rule": {"semantics_list": rule.semantics},
            "intercept_type": rule.kind,
            "applicable_range": {"user_list": rule.users, "department_list": rule.parties},
        }
    }


def update_intercept_rule(call: Call) -> Json:
    body, rule = call.body, _rule(call)
    name = body.text("rule_name", max_chars=20, too_long=BAD_NAME)
    words = _words(body) if body.has("word_list") else rule.words
    extra = body.part("extra_rule")
    semantics = _semantics(extra) if extra.has("semantics_list") else rule.semantics
    kind = body.integer("intercept_type", default=rule.kind, low=1, high=2, bad=BAD_TYPE)
    more, less = _range(call, "add_applicable_range"), _range(call, "remove_applicable_range")
    users = [u for u in dict.fromkeys([*rule.users, *more[0]]) if u not in less[0]]
    parties = [p for p in dict.fromkeys([*rule.parties, *more[1]]) if p not in less[1]]
    if not (words or semantics) or not (users or parties):
        raise Refusal(40058, "invalid Request Parameter: nothing or nobody would be left in the rule")
    rule.name, rule.words, rule.semantics, rule.kind = name or rule.name, words, semantics, kind
    rule.users, rule.parties = users, parties
    return {}


def del_intercept_rule(call: Call) -> Json:
    call.tenant.intercepts.delete(_rule(call).rule_id)
    return {}


ENDPOINTS = (
    post("externalcontact/add_intercept_rule", add_intercept_rule),
    get("externalcontact/get_intercept_rule_list", get_intercept_rule_list),
    post("externalcontact/get_intercept_rule", get_intercept_rule),
    post("externalcontact/update_intercept_rule", update_intercept_rule),
    post("externalcontact/del_intercept_rule", del_intercept_rule),
)
