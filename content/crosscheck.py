"""What only the whole pack can tell: references, ambiguity, who may say what."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from content import dated, schema_items
from content.pack import OF_PATIENTS, PROMOTION
from content.readers import check_readers
from content.rule_check import check_rules
from content.talk_check import check_answers
from content.treatment_check import check_treatments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from content import schema
    from content.draft import Draft, Entry
    from content.problems import Problem

KINDS = ("assistant", "doctor")


def cross_check(draft: Draft) -> Iterator[Problem]:
    """Find what is wrong between the files of a pack; entries that are already faulty are left out."""
    yield from _keys(draft)
    yield from _pack(draft)
    yield from _personas(draft)
    yield from _roles(draft)
    yield from _keywords(draft)
    yield from check_treatments(draft)
    yield from check_rules(draft)
    yield from check_answers(draft)
    yield from _items(draft)
    yield from _scripts(draft)
    yield from check_readers(draft)


def unknown(entry: Entry[Any], *sub: str | int, what: str, key: str, known: Iterable[str]) -> Problem:
    """Say that a reference leads nowhere, and what was probably meant."""
    names = sorted(known)
    close = difflib.get_close_matches(key, names, n=1)
    remedy = f"是不是想写 {close[0]}？" if close else f"可以写：{'、'.join(names[:12]) or '（还没有）'}"
    return entry.problem(*sub, says=f"没有{what} {key}", remedy=remedy)


def missing(
    draft: Draft, target: str, entry: Entry[Any], field: str, keys: Iterable[str], what: str
) -> Iterator[Problem]:
    """Report the keys of a list field that the pack does not have."""
    known = draft.written.get(target)
    if known is None:  # its file cannot be read, which is reported already
        return
    for index, key in enumerate(keys):
        if key not in known:
            yield unknown(entry, field, index, what=what, key=key, known=known)


def _keys(draft: Draft) -> Iterator[Problem]:
    """Keys name rows and tasks for years: none may stand twice."""
    lists: tuple[tuple[list[Entry[Any]], str, str], ...] = (
        (draft.tag_groups, "name", "标签组"),
        (draft.personas, "key", "角色"),
        (draft.channels, "state", "渠道"),
        (draft.welcomes, "key", "欢迎语"),
        (draft.roles, "key", "群角色"),
        (draft.keywords, "key", "关键词"),
        (draft.rules, "key", "规则"),
        ([*draft.moments, *draft.group_posts, *draft.direct_texts], "key", "内容"),
        (draft.surveys, "key", "问卷"),
        (draft.scripts, "key", "话术"),
        (draft.answers, "key", "回答"),
        (draft.assets, "key", "素材"),
    )
    for entries, field, what in lists:
        first: dict[str, Entry[Any]] = {}
        for entry in entries:
            key = getattr(entry.model, field)
            if key in first:
                there = f"{first[key].document.file}:{first[key].line()}"
                remedy = f"{there} 已经用了，换一个名字"
                yield entry.problem(field, says=f"{what} {key} 重复", remedy=remedy)
            first.setdefault(key, entry)


def check_tags(draft: Draft, entry: Entry[Any]) -> Iterator[Problem]:
    """Report the tags of an entry that no group of ``tags.yaml`` has."""
    if "tag_groups" not in draft.written:  # tags.yaml cannot be read, which is reported already
        return
    known = {f"{e.model.name}/{tag}" for e in draft.tag_groups for tag in e.model.tags}
    faulty = draft.written["tag_groups"] - {e.model.name for e in draft.tag_groups}
    for index, tag in enumerate(entry.model.tags):
        if tag not in known and tag.partition("/")[0] not in faulty:
            yield unknown(entry, "tags", index, what="标签", key=tag, known=known)


def repeated(entry: Entry[Any], field: str) -> Iterator[Problem]:
    values = getattr(entry.model, field)
    for index, value in enumerate(values):
        if value in values[:index]:
            yield entry.problem(field, index, says=f"{value} 写了两次", remedy="删掉一处")


def _pack(draft: Draft) -> Iterator[Problem]:
    pack = draft.pack
    known = draft.written.get("personas")
    if pack is None or known is None:
        return
    key = pack.model.default_persona
    if key not in known:
        yield unknown(pack, "default_persona", what="角色", key=key, known=known)


def _personas(draft: Draft) -> Iterator[Problem]:
    for group in draft.tag_groups:
        yield from repeated(group, "tags")
    member_of: dict[str, str] = {}
    for entry in draft.personas:
        persona = entry.model
        if persona.key in KINDS and persona.key != persona.kind:
            remedy = "换一个 key，免得 for: 里分不清是角色还是类型"
            yield entry.problem("key", says=f"角色 {persona.key} 和类型同名却不是这一类", remedy=remedy)
        if persona.kind == "doctor" and PROMOTION in persona.categories:
            index = persona.categories.index(PROMOTION)
            remedy = "删掉“活动”，活动由小助理发"
            yield entry.problem("categories", index, says="医生账号不发活动", remedy=remedy)
        for field in ("members", "delegates", "approvers", "categories"):
            yield from repeated(entry, field)
        for index, userid in enumerate(persona.members):
            other = member_of.setdefault(userid, persona.key)
            if other != persona.key:
                remedy = f"一个成员只能有一个角色，从 {other} 或 {persona.key} 里删掉"
                says = f"成员 {userid} 已经是角色 {other}"
                yield entry.problem("members", index, says=says, remedy=remedy)
        yield from _slots(entry, persona.max_moments_per_day)
        yield from _slot_categories(entry)


def _slot_categories(entry: Entry[schema.PersonaModel]) -> Iterator[Problem]:
    for position, slot in enumerate(entry.model.week):
        for index, category in enumerate(slot.categories):
            if category not in entry.model.categories:
                remedy = f"在 categories 里加上“{category}”，或从这个时段删掉"
                says = f"这个角色不发“{category}”"
                yield entry.problem("week", position, "categories", index, says=says, remedy=remedy)


def _slots(entry: Entry[Any], per_day: int | None) -> Iterator[Problem]:
    times: set[tuple[int, str]] = set()
    days: dict[int, int] = {}
    for index, slot in enumerate(entry.model.week):
        if (slot.day, slot.at) in times:
            yield entry.problem("week", index, says=f"第 {slot.day} 天 {slot.at} 写了两次", remedy="删掉一处")
        times.add((slot.day, slot.at))
        days[slot.day] = days.get(slot.day, 0) + 1
        if per_day is not None and days[slot.day] == per_day + 1:
            remedy = "减少这一天的时段，或调大 max_moments_per_day（最多 3）"
            says = f"第 {slot.day} 天的时段多于 max_moments_per_day（{per_day}）"
            yield entry.problem("week", index, says=says, remedy=remedy)


def _roles(draft: Draft) -> Iterator[Problem]:
    defaults = [entry for entry in draft.roles if entry.model.default]
    broken = draft.written.get("roles", set()) - {entry.model.key for entry in draft.roles}
    if draft.roles and not defaults and not broken:
        remedy = "给其中一个加上 default: true"
        yield draft.roles[0].problem(says="没有默认的群角色", remedy=remedy)
    for entry in defaults[1:]:
        says = f"默认的群角色已经是 {defaults[0].model.key}"
        yield entry.problem("default", says=says, remedy="只留一个 default: true")
    for entry in draft.roles:
        yield from _slots(entry, None)
        yield from repeated(entry, "match")
        welcome = entry.model.welcome
        assets = draft.written.get("assets")
        if welcome is not None and welcome.attachment is not None and assets is not None:
            key = welcome.attachment
            if key not in assets:
                yield unknown(entry, "welcome", "attachment", what="素材", key=key, known=assets)
        if not entry.model.match and not entry.model.default:
            remedy = "加上 match: [群名里的字]，或 default: true"
            yield entry.problem(says="没有群会用到这个群角色", remedy=remedy)


def _keywords(draft: Draft) -> Iterator[Problem]:
    for entry in draft.keywords:
        yield from repeated(entry, "words")
        yield from repeated(entry, "without")
        for index, word in enumerate(entry.model.without):
            if word in entry.model.words:
                says = f"“{word}”既算又不算"
                yield entry.problem("without", index, says=says, remedy="从 words 或 without 里删掉")


def _items(draft: Draft) -> Iterator[Problem]:
    speakers = draft.written.get("personas")
    entries: list[Entry[Any]] = [*draft.moments, *draft.group_posts, *draft.direct_texts]
    for entry in entries:
        item = entry.model
        for index, key in enumerate(item.audience):
            if speakers is not None and key not in speakers and key not in KINDS:
                yield unknown(entry, "for", index, what="角色", key=key, known={*speakers, *KINDS})
        if isinstance(item, schema_items.GroupPostModel):
            yield from missing(draft, "roles", entry, "roles", item.roles, "群角色")
            yield from repeated(entry, "roles")
        yield from check_attachments(draft, entry)
        yield from repeated(entry, "months")
        yield from _day(entry)
        yield from check_tags(draft, entry)
        yield from _who_says(draft, entry)
        if item.category in OF_PATIENTS and item.patient is None:
            remedy = "没有用到任何患者写 patient: none；用到了写 patient: shown，并在控制台登记同意"
            says = f"没有写明有没有用到患者，这条“{item.category}”在登记同意之前不能通过审核"
            yield entry.problem("category", says=says, remedy=remedy, level="warning")


def _day(entry: Entry[Any]) -> Iterator[Problem]:
    """A dated item names a day that comes, and nothing is promoted on a day of mourning."""
    on = entry.model.on
    if on is None:
        return
    if not dated.known(on.day):
        yield unknown(entry, "on", what="这一天", key=on.day, known=dated.almanac_keys())
    elif entry.model.category == PROMOTION and dated.solemn(on.day):
        yield entry.problem("on", says="这一天不推活动", remedy="换一个类别，只作问候；或换一天")


def _scripts(draft: Draft) -> Iterator[Problem]:
    speakers = draft.written.get("personas")
    for entry in draft.scripts:
        for index, key in enumerate(entry.model.audience):
            if speakers is not None and key not in speakers and key not in KINDS:
                yield unknown(entry, "for", index, what="角色", key=key, known={*speakers, *KINDS})
    for answer in draft.answers:
        yield from check_attachments(draft, answer)


def _who_says(draft: Draft, entry: Entry[Any]) -> Iterator[Problem]:
    """A doctor says no promotion; an item that nobody may say is a slip of the pen."""
    item = entry.model
    doctors = {p.model.key for p in draft.personas if p.model.kind == "doctor"} | {"doctor"}
    if item.category == PROMOTION:
        for index, key in enumerate(item.audience):
            if key in doctors:
                remedy = "换一个类别，或把 for 改成 assistant"
                yield entry.problem("for", index, says="医生账号不发活动", remedy=remedy)
    if not isinstance(item, schema_items.MomentModel) or draft.written.get("personas") != {
        p.model.key for p in draft.personas
    }:
        return
    speakers = [p.model for p in draft.personas if {p.model.key, p.model.kind} & set(item.audience)]
    if speakers and not any(item.category in speaker.categories for speaker in speakers):
        names = "、".join(speaker.key for speaker in speakers)
        remedy = "换一个类别，或在 personas.yaml 的 categories 里加上它"
        says = f"没有角色会用到：{names} 不发“{item.category}”"
        yield entry.problem("category", says=says, remedy=remedy, level="warning")


def check_attachments(draft: Draft, entry: Entry[Any]) -> Iterator[Problem]:
    """Attachments exist; a moment carries pictures, one video or one link with a cover (doc 95094)."""
    keys: list[str] = entry.model.attachments
    yield from missing(draft, "assets", entry, "attachments", keys, "素材")
    yield from repeated(entry, "attachments")
    if not isinstance(entry.model, schema_items.MomentModel):
        return
    assets = {asset.model.key: asset.model for asset in draft.assets}
    first: Any = None
    for index, key in enumerate(keys):
        asset = assets.get(key)
        if asset is None:
            continue
        if asset.kind == "miniprogram":
            remedy = "换成链接，或改发到群里"
            yield entry.problem("attachments", index, says="朋友圈不能带小程序", remedy=remedy)
        elif first is not None and (asset.kind != first.kind or asset.kind != "image"):
            remedy = "只留图片（最多 9 张），或只留 1 个视频，或只留 1 个链接"
            yield entry.problem("attachments", index, says="朋友圈的图片、视频和链接不能混用", remedy=remedy)
        elif asset.kind == "link" and asset.picture is None:
            remedy = f"给素材 {key} 加上 picture: 一张图片素材的 key"
            yield entry.problem("attachments", index, says="朋友圈的链接要有封面", remedy=remedy)
        first = first or asset
