"""What only the whole pack can tell of channels and greetings: references, people, ambiguity, gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from content.channel_specs import MAIN
from content.crosscheck import check_attachments, check_tags, missing, repeated, unknown
from content.draft import Entry
from content.schema_channels import MAX_MEMBERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from content.draft import Draft
    from content.problems import Level, Problem
    from content.schema_channels import ChannelModel, CodeModel, WelcomeModel


def check_channels(draft: Draft) -> Iterator[Problem]:
    """Find what is wrong with channels and greetings between the files of a pack."""
    yield from _channels(draft)
    yield from _welcomes(draft)
    yield from _fallbacks(draft)


# ── channels ─────────────────────────────────────────────────────────────────────────────────────────


def _channels(draft: Draft) -> Iterator[Problem]:
    personas = draft.written.get("personas")
    for entry in draft.channels:
        yield from repeated(entry, "tags")
        yield from _tags(draft, entry)
        key = entry.model.persona
        if key is not None and personas is not None and key not in personas:
            yield unknown(entry, "persona", what="角色", key=key, known=personas)
        yield from _welcome_of(draft, entry)
        if entry.model.code is not None:
            yield from _code(entry, entry.model.code)


def _tags(draft: Draft, entry: Entry[ChannelModel]) -> Iterator[Problem]:
    yield from check_tags(draft, entry)
    exclusive = {group.model.name for group in draft.tag_groups if group.model.exclusive}
    seen: set[str] = set()
    for index, tag in enumerate(entry.model.tags):
        group = tag.partition("/")[0]
        if group in seen:
            says = f"标签组“{group}”只能留一个标签"
            yield entry.problem("tags", index, says=says, remedy="删掉一个")
        if group in exclusive:
            seen.add(group)


def _welcome_of(draft: Draft, entry: Entry[ChannelModel]) -> Iterator[Problem]:
    key = entry.model.welcome
    known = draft.written.get("welcomes")
    if key is None or known is None:
        return
    if key not in known:
        yield unknown(entry, "welcome", what="欢迎语", key=key, known=known)
        return
    for welcome in draft.welcomes:
        named = welcome.model.channels
        if welcome.model.key == key and named and entry.model.state not in named:
            remedy = f"在 {welcome.document.file}:{welcome.line()} 的 channels 里加上它，或在这里换一条欢迎语"
            yield entry.problem("welcome", says=f"欢迎语 {key} 只给别的渠道用", remedy=remedy)


def _code(entry: Entry[ChannelModel], code: CodeModel) -> Iterator[Problem]:
    place: Entry[Any] = Entry(model=code, document=entry.document, path=(*entry.path, "code"))
    for field in ("members", "substitutes", "overflow"):
        yield from repeated(place, field)
    for index, userid in enumerate(code.overflow):
        if userid in code.members:
            remedy = "从 overflow 里删掉，或从 members 里删掉：overflow 不受人数限制"
            says = f"{userid} 有每天的人数限制，又不受限制"
            yield place.problem("overflow", index, says=says, remedy=remedy)
    if code.overflow and code.daily_cap is None:
        remedy = "加上 daily_cap: 每天人数，或删掉 overflow"
        yield place.problem("overflow", says="没有每天的人数限制，不会有人接", remedy=remedy, level="warning")
    everyone = {*code.members, *code.substitutes, *code.overflow}
    if len(everyone) > MAX_MEMBERS:
        says = f"一共 {len(everyone)} 人，活码最多 {MAX_MEMBERS} 人"
        yield place.problem(says=says, remedy=f"减少到 {MAX_MEMBERS} 人以内")
    yield from _shifts(place, code)


def _shifts(place: Entry[Any], code: CodeModel) -> Iterator[Problem]:
    named: set[str] = set()
    for position, shift in enumerate(code.shifts):
        named.update(shift.members)
        for index, userid in enumerate(shift.members):
            if userid not in code.members:
                remedy = "把他加进 members，或从这个班里删掉"
                says = f"当班的 {userid} 不在 members 里"
                yield place.problem("shifts", position, "members", index, says=says, remedy=remedy)
    if code.shifts:
        for index, userid in enumerate(code.members):
            if userid not in named:
                remedy = "给他排一个班，或移到 substitutes"
                says = f"{userid} 没有排班，只有别人都不在时才轮到"
                yield place.problem("members", index, says=says, remedy=remedy, level="warning")


# ── greetings ────────────────────────────────────────────────────────────────────────────────────────


def _welcomes(draft: Draft) -> Iterator[Problem]:
    personas = draft.written.get("personas")
    regions = {entry.model.region for entry in draft.channels if entry.model.region}
    whole = draft.written.get("channels") == {entry.model.state for entry in draft.channels}
    for position, entry in enumerate(draft.welcomes):
        welcome = entry.model
        if welcome.persona is not None and personas is not None and welcome.persona not in personas:
            yield unknown(entry, "persona", what="角色", key=welcome.persona, known=personas)
        yield from missing(draft, "channels", entry, "channels", welcome.channels, "渠道")
        yield from check_tags(draft, entry)
        for field in ("tags", "regions"):
            yield from repeated(entry, field)
        for index, region in enumerate(welcome.regions):
            if whole and region not in regions:
                yield unknown(entry, "regions", index, what="地区", key=region, known=regions)
        yield from check_attachments(draft, entry)
        yield from _variants(draft, entry)
        yield from _rivals(draft, entry, draft.welcomes[:position])
        if welcome.when is not None and draft.pack is not None and not draft.pack.model.opening:
            remedy = "在 pack.yaml 加上 opening:（营业时间）"
            says = "没有写营业时间，任何时候都算营业"
            level: Level = "warning" if welcome.when == "open" else "error"
            yield entry.problem("when", says=says, remedy=remedy, level=level)


def _variants(draft: Draft, entry: Entry[WelcomeModel]) -> Iterator[Problem]:
    keys = [MAIN]
    for index, variant in enumerate(entry.model.variants):
        place = Entry(model=variant, document=entry.document, path=(*entry.path, "variants", index))
        yield from check_attachments(draft, place)
        if variant.key in keys:
            remedy = "换一个名字" if variant.key != MAIN else f"{MAIN} 是 text 自己的名字，换一个"
            yield place.problem("key", says=f"变体 {variant.key} 重复", remedy=remedy)
        keys.append(variant.key)
        if (variant.text, variant.attachments) == (entry.model.text, entry.model.attachments):
            yield place.problem("text", says="和 text 一样，比不出差别", remedy="改写，或删掉这一条")
    if not entry.model.variants and entry.model.share != 1:
        remedy = "删掉 share，或加上 variants"
        yield entry.problem("share", says="只有一种写法，share 没有用", remedy=remedy, level="warning")


def _rivals(
    draft: Draft, entry: Entry[WelcomeModel], earlier: Iterable[Entry[WelcomeModel]]
) -> Iterator[Problem]:
    """Report a greeting that some other one leaves in doubt: same conditions, so nobody knows which."""
    mine = _conditions(draft, entry.model)
    for other in earlier:
        theirs = _conditions(draft, other.model)
        if mine[0] != theirs[0]:
            continue
        shared = [_overlap(a, b) for a, b in zip(mine[1:], theirs[1:], strict=True)]
        if all(common is not None for common in shared):
            says = f"{_said(entry.model, shared)}欢迎语有两条，不知道用哪一条"
            remedy = f"{other.model.key}（第 {other.line()} 行）已经有了，合并或删掉一条"
            yield entry.problem(says=says, remedy=remedy)
            return


def _conditions(draft: Draft, welcome: WelcomeModel) -> tuple[Any, ...]:
    named = {channel.model.state for channel in draft.channels if channel.model.welcome == welcome.key}
    who = (welcome.persona, welcome.kind, welcome.contact, welcome.when)
    channels = frozenset({*welcome.channels, *(named if welcome.channels else ())})
    return (who, channels, frozenset(welcome.tags), frozenset(welcome.regions))


def _overlap(mine: frozenset[str], theirs: frozenset[str]) -> list[str] | None:
    """Return what both name ([]: neither names anything), None when they keep out of each other's way."""
    if bool(mine) != bool(theirs):
        return None
    both = sorted(mine & theirs)
    return both if both or not mine else None


def _said(welcome: WelcomeModel, shared: list[Any]) -> str:
    who = f"角色 {welcome.persona}" if welcome.persona else f"类型 {welcome.kind}"
    channels, tags, regions = shared
    parts = [
        f"渠道 {channels[0]}" if channels else "",
        f"标签 {tags[0]}" if tags else "",
        f"地区 {regions[0]}" if regions else "",
        {"first": "第一次添加", "again": "再次添加", None: ""}[welcome.contact],
        {"open": "营业时间内", "closed": "营业时间外", None: ""}[welcome.when],
    ]
    return f"{who} 的{'、'.join(filter(None, parts)) or '通用'}"


def _fallbacks(draft: Draft) -> Iterator[Problem]:
    """Every persona needs a greeting that fits whoever comes, whenever and from wherever."""
    if "welcomes" not in draft.written or draft.written["welcomes"] - {e.model.key for e in draft.welcomes}:
        return  # a greeting that cannot be read may be the one that seems missing
    always = [
        welcome
        for welcome in (entry.model for entry in draft.welcomes)
        if not (welcome.channels or welcome.tags or welcome.regions or welcome.contact or welcome.when)
    ]
    for persona in draft.personas:
        if not any(w.persona == persona.model.key or w.kind == persona.model.kind for w in always):
            says = f"角色 {persona.model.key} 没有通用欢迎语"
            remedy = f"在 welcomes.yaml 加一条 kind: {persona.model.kind}、不写 channels 的欢迎语"
            yield persona.problem("key", says=says, remedy=remedy)
