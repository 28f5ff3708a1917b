"""For whom a text is written (``tags``, ``age``), and whether those who would read it are among them.

WeCom shows a moment to wearers of tags and to nobody by age; an age is known of a tag when only rules that
ask for it put the tag on. A group has whoever joined it. A message of a journey goes to one person, so there
both are asked of her.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from content import schema_items

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from content.draft import Draft, Entry
    from content.pack import Pack
    from content.problems import Problem

Age = tuple[int, int | None]  # from, below


def ages_of_tags(pack: Pack) -> dict[str, Age]:
    """Return how old the wearers of a tag are, for the tags of which that is known."""
    rules = (
        (rule.add, (rule.held.get("age_from"), rule.held.get("age_below")) if rule.held else (None, None))
        for rule in pack.rules
    )
    return _ages(rules, (tag for channel in pack.channels for tag in channel.tags))


def _ages(
    rules: Iterable[tuple[Sequence[str], tuple[int | None, int | None]]], others: Iterable[str]
) -> dict[str, Age]:
    found: dict[str, Age] = {}
    unknown = set(others)
    for tags, (start, below) in rules:
        for tag in tags:
            if start is None and below is None:
                unknown.add(tag)
                continue
            known = found.get(tag)
            band = (start or 0, below)
            found[tag] = band if known is None else _both(known, band)
    return {tag: age for tag, age in found.items() if tag not in unknown}


def _both(one: Age, other: Age) -> Age:
    below = None if one[1] is None or other[1] is None else max(one[1], other[1])
    return min(one[0], other[0]), below


def reaches(
    written_for: Sequence[str], age: Age | None, *, tags: Sequence[str], ages: Mapping[str, Age]
) -> bool:
    """Tell whether a text is for everybody who wears one of ``tags``; no tags: whoever there is."""
    if written_for and not (tags and set(tags) <= set(written_for)):
        return False
    return age is None or (bool(tags) and all(_within(ages.get(tag), age) for tag in tags))


def _within(known: Age | None, wanted: Age) -> bool:
    if known is None:
        return False
    below = wanted[1] is None or (known[1] is not None and known[1] <= wanted[1])
    return known[0] >= wanted[0] and below


def check_readers(draft: Draft) -> Iterator[Problem]:
    """Warn of a ``tags`` or ``age`` that changes nothing, because nobody can be chosen by it there."""
    plans = [entry.model for entry in draft.plans if entry.model.kind == "moments"]
    ages = _ages(_rules(draft), (tag for entry in draft.channels for tag in entry.model.tags))
    entries: list[Entry[Any]] = [*draft.moments, *draft.group_posts]
    for entry in entries:
        field = _narrowed_by(entry)
        if not field or entry.model.state == "retired":
            continue
        if isinstance(entry.model, schema_items.GroupPostModel):
            remedy = f"去掉 {field}；只给一部分人的，写成一对一内容（direct）"
            says = "群里的人不能按标签和年龄挑：每周的时段不会挑它，计划点名发的，群里每个人都看得到"
            yield entry.problem(field, says=says, remedy=remedy, level="warning")
        elif not any(
            reaches(entry.model.tags, _age(entry), tags=plan.tags, ages=ages) for plan in plans if plan.tags
        ):
            says = "没有朋友圈计划会挑它：朋友圈只能按标签给人看"
            tag = "、".join(entry.model.tags) or "年龄段的标签"
            remedy = f"加一个 tags 是“{tag}”的朋友圈计划，或去掉 {field}"
            if field == "age":
                remedy += "；年龄要靠 rules.yaml 里只由 while: { age: … } 打上的标签"
            yield entry.problem(field, says=says, remedy=remedy, level="warning")


def _rules(draft: Draft) -> Iterator[tuple[Sequence[str], tuple[int | None, int | None]]]:
    for entry in draft.rules:
        age = entry.model.held.age if entry.model.held else None
        yield entry.model.add, (age.from_, age.below) if age else (None, None)


def _narrowed_by(entry: Entry[Any]) -> str:
    if entry.model.age is not None:
        return "age"
    return "tags" if entry.model.tags else ""


def _age(entry: Entry[Any]) -> Age | None:
    age = entry.model.age
    return (age.from_, age.below) if age else None
