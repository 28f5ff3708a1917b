"""What a pack could still use, or never uses: nothing here keeps it from working."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from content import dated
from content.greeting import Arrival
from content.pictures import ASSETS_FOLDER
from content.plans.specs import GroupBody, MomentsBody
from content.plans.uses import uses_of
from content.render import Renderer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from content.pack import ContentItem, GroupRole, Pack
    from content.persona_specs import PersonaSpec

    Slots = Sequence[frozenset[str]]

QUARTER_WEEKS = 13
QUARTERS = ((1, 2, 3), (4, 5, 6), (7, 8, 9), (10, 11, 12))
_ANY_YEAR = 2025  # dated texts are counted by where their day falls in a usual year
_SHOWN = 8  # keys named in one line
_FILES = (".png", ".jpg", ".jpeg", ".mp4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """Whether a queue gets through the leanest quarter of the year without a repeat."""

    key: str  # of the persona or group role
    title: str
    kind: str  # moment or group
    needed: int  # posts of 13 weeks
    there: int  # texts that can be used in the leanest quarter
    short: int  # how many are missing, categories considered; 0: it gets through


def quarters(pack: Pack) -> tuple[Quarter, ...]:
    """Look at every persona's moments and every group role's posts."""
    found = []
    for persona in pack.personas:
        items = pack.moments_for(persona)
        found.append(_quarter(persona.key, persona.name, "moment", moment_slots(pack, persona), items))
    for role in pack.roles:
        slots = group_slots(pack, role)
        choices = [
            _quarter(role.key, role.title, "group", slots, pack.group_posts_for(role, persona))
            for persona in pack.personas
        ]
        found.append(min(choices, key=lambda choice: (choice.short, -choice.there)))
    return tuple(found)


def moment_slots(pack: Pack, persona: PersonaSpec) -> Slots:
    """Return what each weekly slot of a persona takes: by its moments plans, else by its own week."""
    planned = [
        frozenset(slot.categories)
        for plan in pack.plans
        if isinstance(plan.body, MomentsBody)
        and plan.starts_active
        and plan.persona in (persona.key, persona.kind)
        for slot in plan.body.slots
    ]
    return planned or [frozenset(slot.categories) for slot in persona.week]


def group_slots(pack: Pack, role: GroupRole) -> Slots:
    """Return what each weekly slot of a group role takes: by its group plans, else by its own week."""
    planned = [
        frozenset(slot.categories)
        for plan in pack.plans
        if isinstance(plan.body, GroupBody) and plan.starts_active and role.key in plan.body.roles
        for slot in plan.body.slots
    ]
    return planned or [frozenset(slot.categories) for slot in role.week]


def _quarter(key: str, title: str, kind: str, slots: Slots, items: Iterable[ContentItem]) -> Quarter:
    pool = list(items)
    seasons = [_usable(pool, months) for months in QUARTERS]
    return Quarter(
        key=key,
        title=title,
        kind=kind,
        needed=QUARTER_WEEKS * len(slots),
        there=min(counts.total() for counts in seasons),
        short=max(_missing(slots, counts) for counts in seasons),
    )


def _missing(slots: Slots, counts: Counter[str]) -> int:
    """By Hall's theorem, as `content.rotation.shortage`: the worst set of categories says how many."""
    used = sorted({category for slot in slots for category in slot})
    worst = 0
    for length in range(1, len(used) + 1):
        for chosen in combinations(used, length):
            needed = QUARTER_WEEKS * sum(slot <= set(chosen) for slot in slots)
            worst = max(worst, needed - sum(counts[category] for category in chosen))
    return worst


def _usable(items: Iterable[ContentItem], months: tuple[int, ...]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for item in items:
        if item.window is None:
            usable = any(item.in_season(month) for month in months)
        else:
            usable = any(day.month in months for day in dated.starts(item.window.day, _ANY_YEAR))
        counts[item.category] += usable
    return counts


def variables_used(pack: Pack) -> Counter[str]:
    """Count in how many templates each variable stands."""
    renderer = Renderer()
    counts: Counter[str] = Counter()
    for template in templates(pack):
        counts.update({use.name for use in renderer.check(template)})
    return counts


def templates(pack: Pack) -> Iterator[str]:
    """Yield every template of a pack's texts; those of cards are filled in already."""
    for item in (*pack.moments, *pack.group_posts, *pack.direct_texts):
        yield item.text
    for welcome in pack.welcomes:
        yield from (text.text for text in welcome.texts)
    for role in pack.roles:
        if role.welcome is not None:
            yield role.welcome.text
    for script in pack.scripts:
        yield from script.say
    for answer in pack.answers:
        yield answer.text


def gaps(pack: Pack) -> tuple[str, ...]:
    """Say in words for staff what is missing or never used, the most useful to mend first."""
    return (*_missing_pieces(pack), *_unused_pieces(pack))


def _missing_pieces(pack: Pack) -> Iterator[str]:
    for quarter in quarters(pack):
        what = "朋友圈" if quarter.kind == "moment" else "群内容"
        if quarter.kind == "group" and not quarter.there and quarter.needed:
            yield f"群“{quarter.title}”没有内容"
        elif quarter.short:
            yield (
                f"“{quarter.title}”的{what}一季度要 {quarter.needed} 条，"
                f"最少的一季能用 {quarter.there} 条，不重复还差 {quarter.short} 条"
            )
    for role in pack.roles:
        if role.welcome is None:
            yield f"群“{role.title}”没有入群欢迎语"
    yield from _never_drawn(pack)
    yield from _greetings_missing(pack)
    if not pack.answers:
        yield "没有微信客服的自动回答（answers.yaml）"
    if not pack.scripts:
        yield "没有给同事用的话术（scripts.yaml）"


def _never_drawn(pack: Pack) -> Iterator[str]:
    """Find texts whose category no slot of their speakers or groups takes: only staff can pick them."""
    drawn = {use.key for plan in pack.plans for use in uses_of(plan)}
    for persona in pack.personas:
        taken = frozenset().union(*moment_slots(pack, persona))
        drawn |= {item.key for item in pack.moments_for(persona) if item.category in taken}
    for role in pack.roles:
        taken = frozenset().union(*group_slots(pack, role))
        drawn |= {i.key for i in pack.group_posts if role.key in i.roles and i.category in taken}
    left = [item.key for item in (*pack.moments, *pack.group_posts) if item.key not in drawn]
    if left:
        yield f"没有时段会用到它们的类别，只能手动排：{_some(left)}"


def _some(keys: Sequence[str]) -> str:
    return "、".join(keys[:_SHOWN]) + (f" 等 {len(keys)} 条" if len(keys) > _SHOWN else "")


def _greetings_missing(pack: Pack) -> Iterator[str]:
    """Find channels whose newcomers hear what everybody hears, by kind of persona and by hour."""
    whens = (True, False) if pack.opening else (True,)
    for kind in sorted({persona.kind for persona in pack.personas}):
        for is_open in whens:
            missing = [c.title for c in pack.channels if not _greeted_apart(pack, kind, c.state, is_open)]
            if missing:
                who = "医生" if kind == "doctor" else "小助理"
                hours = "" if len(whens) == 1 else "营业时间内" if is_open else "营业时间外"
                yield f"这些渠道没有专门的{who}{hours}欢迎语：{'、'.join(missing)}"


def _greeted_apart(pack: Pack, kind: str, state: str, is_open: bool) -> bool:
    """Tell whether a persona of this kind has words of its own for a channel, and at night for the night."""
    for persona in pack.personas:
        if persona.kind == kind:
            welcome = pack.greet(Arrival(persona=persona, state=state, open=is_open))
            if state in welcome.channels and (is_open or welcome.when == "closed"):
                return True
    return False


def _unused_pieces(pack: Pack) -> Iterator[str]:
    assets = {asset.key for asset in pack.assets} - _assets_used(pack)
    if assets:
        yield f"没有用到的素材：{'、'.join(sorted(assets))}"
    listed = {asset.file for asset in pack.assets if asset.file is not None}
    files = sorted(
        path.name
        for path in (pack.root / ASSETS_FOLDER).glob("*")
        if path.suffix.lower() in _FILES and path.resolve() not in listed
    )
    if files:
        yield f"没有写进 assets.yaml 的文件：{'、'.join(files)}"
    planned = {use.key for plan in pack.plans for use in uses_of(plan)}
    left = [item.key for item in pack.direct_texts if item.key not in planned]
    if left and pack.plans:
        yield f"没有计划用到的一对一内容（只能手动发）：{_some(left)}"
    tags = {tag for group in pack.tag_groups for tag in group.references} - _tags_used(pack)
    if tags:
        yield f"没有渠道和规则会打的标签（只能由同事手动打）：{'、'.join(sorted(tags))}"
    asked = {key for rule in pack.rules if rule.when for key in rule.when["keyword"]}
    words = [keyword.title for keyword in pack.keywords if keyword.key not in asked]
    if words:
        yield f"没有规则用到的关键词：{'、'.join(words)}"
    names = set(pack.clinic) - {name.removeprefix("clinic.") for name in variables_used(pack)}
    names -= set(_url_names(pack))
    if names:
        yield f"没有文字用到的诊所信息：{'、'.join(sorted(names))}"


def _url_names(pack: Pack) -> Iterator[str]:
    """Name what the cards use: their templates are filled in, so the values are looked for."""
    for name, value in pack.clinic.items():
        if value and any(value in f"{a.url} {a.title} {a.desc} {a.page}" for a in pack.assets):
            yield name


def _assets_used(pack: Pack) -> set[str]:
    used = {
        key for item in (*pack.moments, *pack.group_posts, *pack.direct_texts) for key in item.attachments
    }
    used |= {key for welcome in pack.welcomes for text in welcome.texts for key in text.attachments}
    used |= {key for answer in pack.answers for key in answer.attachments}
    used |= {use.key for plan in pack.plans for use in uses_of(plan)}
    used |= {role.welcome.attachment for role in pack.roles if role.welcome and role.welcome.attachment}
    return used | {asset.picture for asset in pack.assets if asset.picture and asset.key in used}


def _tags_used(pack: Pack) -> set[str]:
    used = {tag for channel in pack.channels for tag in channel.tags}
    used |= {tag for welcome in pack.welcomes for tag in welcome.tags}
    for rule in pack.rules:
        used |= {*rule.add, *rule.remove}
        if rule.held:
            used |= {*rule.held["tags"], *rule.held["not_tags"]}
    return used
