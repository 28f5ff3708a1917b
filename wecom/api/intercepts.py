"""Rules against words in chats with customers (聊天敏感词; external-contact.md §13; doc 95097, 95100)."""

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from pydantic import Field

from wecom.answers import Answer, Instant
from wecom.exchange import Endpoint
from wecom.limits import check_chars, check_count, check_present
from wecom.transport import Transport

ADD = Endpoint(path="externalcontact/add_intercept_rule", creates=True)
LIST = Endpoint(path="externalcontact/get_intercept_rule_list", method="GET")
GET = Endpoint(path="externalcontact/get_intercept_rule")
UPDATE = Endpoint(path="externalcontact/update_intercept_rule")
DELETE = Endpoint(path="externalcontact/del_intercept_rule")


class Semantic(IntEnum):
    """Things WeCom recognises by itself."""

    PHONE = 1
    EMAIL = 2
    RED_PACKET = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class InterceptRule:
    """Words and things that some members cannot, or should not, write to customers.

    Raises:
        ValueError: WeCom would refuse it; the message names the field.
    """

    name: str  # 1 to 20 characters
    words: tuple[str, ...] = ()  # at most 300, each 1 to 32 characters; none only with ``semantics``
    semantics: tuple[Semantic, ...] = ()
    blocks: bool = True  # False: only warns the member
    userids: tuple[str, ...] = ()
    department_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_present("name", self.name)
        check_chars("name", self.name, 20)
        check_count("words", self.words, 300, least=0 if self.semantics else 1)
        for word in self.words:
            check_present("words", word)
            check_chars("words", word, 32)
        if not self.userids and not self.department_ids:
            raise ValueError("userids: is required, unless there are department_ids")

    def to_wecom(self) -> dict[str, Any]:
        return {
            "rule_name": self.name,
            "word_list": [*self.words],
            "semantics_list": [int(one) for one in self.semantics],
            "intercept_type": 1 if self.blocks else 2,
            "applicable_range": _range(self.userids, self.department_ids),
        }


class RuleRef(Answer):
    """A rule in the list."""

    rule_id: str
    rule_name: str = ""
    create_time: Instant = None


class RuleRange(Answer):
    """Whom a rule holds for."""

    user_list: tuple[str, ...] = ()
    department_list: tuple[int, ...] = ()


class ExtraRule(Answer):
    """What a rule recognises beside words."""

    semantics_list: tuple[int, ...] = ()


class RuleDetail(Answer):
    """A rule as WeCom keeps it; ``intercept_type`` 1 warns and blocks, 2 warns."""

    rule_id: str = ""
    rule_name: str = ""
    word_list: tuple[str, ...] = ()
    extra_rule: ExtraRule = ExtraRule()
    intercept_type: int = 1
    applicable_range: RuleRange = RuleRange()


class _Created(Answer):
    rule_id: str = Field(min_length=1)


class _Refs(Answer):
    rule_list: tuple[RuleRef, ...] = ()


class _Detail(Answer):
    rule: RuleDetail


class Intercepts:
    """Intercept rules of this app."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(self, rule: InterceptRule) -> str:
        """Create a rule and return its id (doc 95097). After a lost answer look with ``list``.

        Raises:
            OutcomeUnknown: no usable answer.
            Refused: 41068 to 41071, 41076, 41077, 41083, 41084 a field of the rule (which one is not
                documented); 40003 no such member; 60123 no such department; 40058 too many of them.
            NeedsAdmin: 60011 a member is out of sight.
        """
        return (await self._transport.ask(ADD, _Created, body=rule.to_wecom())).rule_id

    async def list(self) -> builtins.list[RuleRef]:
        """Return all rules of this app (doc 95097)."""
        return [*(await self._transport.ask(LIST, _Refs)).rule_list]

    async def get(self, rule_id: str) -> RuleDetail:
        """Return one rule (doc 95097).

        Raises:
            Refused: 41077 no such rule.
        """
        check_present("rule_id", rule_id)
        return (await self._transport.ask(GET, _Detail, body={"rule_id": rule_id})).rule

    async def update(
        self,
        rule_id: str,
        rule: InterceptRule,
        *,
        remove_userids: Sequence[str] = (),
        remove_department_ids: Sequence[int] = (),
    ) -> None:
        """Replace a rule's name, words and kind, and add its members to, or take others from, its range (doc
        95097).

        Raises:
            Refused: 41077 no such rule; 40058 nobody would be left in its range; 41068 to 41071, 41076,
                41083, 41084, 40003, 60123 as ``add``.
            NeedsAdmin: 60011 a member is out of sight.
        """
        check_present("rule_id", rule_id)
        body = rule.to_wecom()
        body["rule_id"] = rule_id
        body["extra_rule"] = {"semantics_list": body.pop("semantics_list")}
        body["add_applicable_range"] = body.pop("applicable_range")
        if remove_userids or remove_department_ids:
            body["remove_applicable_range"] = _range(remove_userids, remove_department_ids)
        await self._transport.call(UPDATE, body=body)

    async def delete(self, rule_id: str) -> None:
        """Delete a rule (doc 95097).

        Raises:
            Refused: 41077 no such rule.
        """
        check_present("rule_id", rule_id)
        await self._transport.call(DELETE, body={"rule_id": rule_id})


def _range(userids: Sequence[str], department_ids: Sequence[int]) -> dict[str, Any]:
    lists = {"user_list": [*userids], "department_list": [*department_ids]}
    return {name: ids for name, ids in lists.items() if ids}
