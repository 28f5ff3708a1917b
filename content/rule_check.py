"""What only the whole pack can tell about its rules: references that lead nowhere, rules that contradict."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from content.draft import Draft, Entry
    from content.problems import Problem
    from content.schema_rules import RuleModel

CORP_TAGS: Final = 3000  # older corps' quota (40126); newer ones take 10 000
OLDEST: Final = 200
WORDS_FOR_STAFF: Final = ("member", "assistant", "doctor", "manager")

_REFERENCES: Final = (
    ("channel", "channels", "渠道"),
    ("welcome", "welcomes", "欢迎语"),
    ("group", "roles", "群角色"),
    ("keyword", "keywords", "关键词"),
)


def check_rules(draft: Draft) -> Iterator[Problem]:
    """Find what is wrong with the rules; entries that are already faulty are left out."""
    yield from _quota(draft)
    exclusive = {entry.model.name for entry in draft.tag_groups if entry.model.exclusive}
    for entry in draft.rules:
        yield from _references(draft, entry)
        yield from _tags(draft, entry)
        yield from _one_of_a_group(entry, exclusive)
        yield from _self_contradiction(entry)
    yield from _contradictions(draft.rules)
    yield from _overlapping_bands(draft.rules, exclusive)


def _quota(draft: Draft) -> Iterator[Problem]:
    total = 0
    for entry in draft.tag_groups:
        total += len(entry.model.tags)
        if total > CORP_TAGS:
            says = f"标签共有 {total} 个，企业微信可能只收 {CORP_TAGS} 个"
            yield entry.problem("tags", says=says, remedy="删掉用不到的标签，或把细分的合并")
            return


def _missing(entry: Entry[RuleModel], *sub: str | int, what: str, key: str, known: Iterable[str]) -> Problem:
    names = sorted(known)
    close = difflib.get_close_matches(key, names, n=1)
    remedy = f"是不是想写 {close[0]}？" if close else f"可以写：{'、'.join(names[:12]) or '（还没有）'}"
    return entry.problem(*sub, says=f"没有{what} {key}", remedy=remedy)


def _references(draft: Draft, entry: Entry[RuleModel]) -> Iterator[Problem]:
    for field, target, what in _REFERENCES:
        known = draft.written.get(target)
        if known is None:  # its file cannot be read, which is reported already
            continue
        for index, key in enumerate(getattr(entry.model, field)):
            if key not in known:
                yield _missing(entry, field, index, what=what, key=key, known=known)
    if "treatments" not in draft.written:
        return
    treatments = set(draft.written["treatments"])
    treatments |= {step.key for each in draft.treatments for step in each.model.milestones}
    held = entry.model.held
    places = [(("treatment",), entry.model.treatment)]
    if held is not None:
        places += [(("while", "treated"), held.treated), (("while", "not_treated"), held.not_treated)]  # type: ignore[list-item]
    for path, keys in places:
        for index, key in enumerate(keys):
            if key.removesuffix(".*") not in treatments:
                yield _missing(entry, *path, index, what="治疗项目", key=key, known=treatments)


def _tags(draft: Draft, entry: Entry[RuleModel]) -> Iterator[Problem]:
    if "tag_groups" not in draft.written:
        return
    groups = {group.model.name for group in draft.tag_groups}
    faulty = draft.written["tag_groups"] - groups
    known = {f"{group.model.name}/{tag}" for group in draft.tag_groups for tag in group.model.tags}
    held = entry.model.held
    places: list[tuple[tuple[str, ...], list[str]]] = [
        (("add",), entry.model.add),
        (("remove",), entry.model.remove),
    ]
    if held is not None:
        places += [(("while", "tags"), held.tags), (("while", "not_tags"), held.not_tags)]
    for path, tags in places:
        for index, tag in enumerate(tags):
            if tag not in known and tag.partition("/")[0] not in faulty:
                yield _missing(entry, *path, index, what="标签", key=tag, known=known)


def _one_of_a_group(entry: Entry[RuleModel], exclusive: set[str]) -> Iterator[Problem]:
    taken: dict[str, str] = {}
    for index, tag in enumerate(entry.model.add):
        group = tag.partition("/")[0]
        if group in exclusive and taken.setdefault(group, tag) != tag:
            says = f"标签组“{group}”只能留一个标签，这里加了 {taken[group]} 和 {tag}"
            yield entry.problem("add", index, says=says, remedy="删掉一个，或在 tags.yaml 里去掉 exclusive")


def _self_contradiction(entry: Entry[RuleModel]) -> Iterator[Problem]:
    rule = entry.model
    for index, tag in enumerate(rule.remove):
        if tag in rule.add:
            says = f"同一条规则又加又去 {tag}"
            yield entry.problem("remove", index, says=says, remedy="从 add 或 remove 里删掉")
    if rule.held is None:
        return
    for index, tag in enumerate(rule.held.not_tags):
        if tag in rule.add or tag in rule.held.tags:
            says = f"条件是没有 {tag}，规则却要它有，会加了又去"
            yield entry.problem("while", "not_tags", index, says=says, remedy="换一个条件，或改成 on 规则")
    for index, tag in enumerate(rule.held.tags):
        if tag in rule.remove:
            says = f"条件是有 {tag}，规则却把它去掉，会去了又加"
            yield entry.problem("while", "tags", index, says=says, remedy="换一个条件，或改成 on 规则")
    for index, key in enumerate(rule.held.not_treated):
        if key in rule.held.treated:
            says = f"{key} 又要做过又要没做过"
            yield entry.problem("while", "not_treated", index, says=says, remedy="删掉一处")


def _conditions(rule: RuleModel) -> str:
    """Write down when a rule fires, so that two rules can be compared."""
    left_out = {"key", "reason", "add", "remove", "expires_days", "stage", "hand_off", "start", "stop"}
    return rule.model_dump_json(exclude=left_out)


def _contradictions(rules: list[Entry[RuleModel]]) -> Iterator[Problem]:
    """Two rules that fire on exactly the same must not want opposite things."""
    adds: dict[tuple[str, str], Entry[RuleModel]] = {}
    stages: dict[str, Entry[RuleModel]] = {}
    for entry in rules:
        conditions = _conditions(entry.model)
        for tag in entry.model.add:
            adds.setdefault((conditions, tag), entry)
        if entry.model.stage is not None:
            other = stages.setdefault(conditions, entry)
            if other.model.stage != entry.model.stage:
                says = f"和 {other.model.key}（第 {other.line()} 行）条件一样，阶段却不同"
                yield entry.problem("stage", says=says, remedy="合并成一条规则")
    for entry in rules:
        for index, tag in enumerate(entry.model.remove):
            adder = adds.get((_conditions(entry.model), tag))
            if adder is not None and adder is not entry:
                says = f"和 {adder.model.key}（第 {adder.line()} 行）条件一样，一个加 {tag}，一个去掉"
                yield entry.problem("remove", index, says=says, remedy="删掉其中一条")


def _overlapping_bands(rules: list[Entry[RuleModel]], exclusive: set[str]) -> Iterator[Problem]:
    """Age bands of one exclusive group must not share an age: nobody could say which tag is right."""
    bands: list[tuple[str, int, int, Entry[RuleModel]]] = []
    for entry in rules:
        held = entry.model.held
        if held is None or held.age is None or held.model_fields_set != {"age"}:
            continue
        for group in {tag.partition("/")[0] for tag in entry.model.add} & exclusive:
            start, end = held.age.from_, held.age.below or OLDEST
            for name, other_start, other_end, other in bands:
                if (
                    name == group
                    and start < other_end
                    and other_start < end
                    and other.model.add != entry.model.add
                ):
                    says = f"年龄段和 {other.model.key}（第 {other.line()} 行）重叠"
                    remedy = "让一段的 below 等于下一段的 from"
                    yield entry.problem("while", "age", says=says, remedy=remedy)
            bands.append((group, start, end, entry))
