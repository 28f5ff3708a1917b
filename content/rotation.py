"""Is there enough to say? Counts whether the weekly slots can be filled without a repeat."""

from __future__ import annotations

from itertools import combinations
from math import ceil
from typing import TYPE_CHECKING

from content.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from content.pack import ContentItem, Pack
    from content.persona_specs import WeekSlot
    from content.places import Place


def rotation_warnings(pack: Pack) -> Iterator[Problem]:
    """Warn for each persona and group role that would have to repeat itself within ``rotation_days``."""
    for persona in pack.personas:
        short = shortage(persona.week, pack.moments_for(persona), pack.rotation_days)
        if short:
            index = pack.personas.index(persona)
            yield _warning(
                pack, persona.place, f"personas[{index}].week", f"角色 {persona.key}", "朋友圈", short
            )
    for position, role in enumerate(pack.roles):
        # A pack does not know who owns which group: one persona that can fill the week is enough.
        choices = [
            shortage(role.week, pack.group_posts_for(role, persona), pack.rotation_days)
            for persona in pack.personas
        ]
        if all(choices):
            short = min(choices, key=lambda choice: choice[0] - choice[1] if choice else 0)
            assert short is not None
            yield _warning(pack, role.place, f"roles[{position}].week", f"群角色 {role.key}", "群内容", short)


def shortage(
    week: Iterable[WeekSlot], items: Iterable[ContentItem], days: int
) -> tuple[int, int, tuple[str, ...], int] | None:
    """Return (needed, there, categories, month) of the worst gap, or None when the week can be filled.

    By Hall's theorem the slots can all be filled exactly when for every set of categories the slots that
    take nothing else need no more items than there are. Seven categories: 127 sets, counted per month.
    """
    per_slot = ceil(days / 7)
    slots = [frozenset(slot.categories) for slot in week]
    pool = [
        item for item in items if item.window is None and item.for_everybody
    ]  # a dated one fills a slot or two of the year
    used = sorted({category for slot in slots for category in slot})
    worst: tuple[int, int, tuple[str, ...], int] | None = None
    for month in range(1, 13):
        counts: dict[str, int] = {}
        for item in pool:
            if item.in_season(month):
                counts[item.category] = counts.get(item.category, 0) + 1
        for length in range(1, len(used) + 1):
            for chosen in combinations(used, length):
                needed = per_slot * sum(slot <= set(chosen) for slot in slots)
                there = sum(counts.get(category, 0) for category in chosen)
                if needed > there and (worst is None or needed - there > worst[0] - worst[1]):
                    worst = (needed, there, chosen, month)
    return worst


def _warning(
    pack: Pack, place: Place, field: str, who: str, what: str, short: tuple[int, int, tuple[str, ...], int]
) -> Problem:
    needed, there, categories, month = short
    names = "、".join(categories)
    says = f"{who} {pack.rotation_days} 天要 {needed} 条不重复的{what}（{names}），{month} 月只有 {there} 条"
    return Problem(
        file=place.file,
        line=place.line,
        field=field,
        message=says,
        remedy=f"再写 {needed - there} 条，或减少每周的时段",
        level="warning",
    )
