"""What group plans and moments plans say: who, when, which categories, which texts."""

from __future__ import annotations

import difflib
from datetime import time
from typing import TYPE_CHECKING, Any

from content.pack import PROMOTION
from content.plans.check_facts import check_tags
from content.plans.check_words import content_fault, suits
from content.plans.known import FOLLOW, THEME, is_a_day, theme_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from content.plans.known import Known
    from content.plans.models import GroupPlanModel, MomentsPlanModel
    from content.plans.spots import Spot
    from content.problems import Problem
    from content.schema import SlotModel


def check_group(spot: Spot, plan: GroupPlanModel, known: Known) -> Iterator[Problem]:
    """Check a plan for customer groups."""
    yield from spot.missing("roles", plan.roles, known.roles, "群角色")
    yield from spot.twice("roles", plan.roles)
    if not (plan.slots or plan.after_creation or plan.after_joining or plan.campaigns):
        remedy = "加上 slots、after_creation、after_joining 或 campaigns"
        yield spot.fault(says="没有写什么时候发，它不会发任何东西", remedy=remedy, level="warning")
    yield from _slots(spot, plan.slots)
    if len(plan.slots) > plan.max_a_week:
        says = f"每周 {len(plan.slots)} 个时段，一个群一周最多 {plan.max_a_week} 条，发不完"
        remedy = "减少时段，或调大 max_a_week"
        yield spot.fault("slots", says=says, remedy=remedy, level="warning")
    for index, slot in enumerate(plan.slots):
        here = spot.at("slots", index)
        yield from _quiet(here, slot.at, known)
        yield from _may_say(here, slot.categories, plan.persona, known)
        yield from _something_to_say(here, slot.categories, plan, known)
    for field in ("after_creation", "after_joining"):
        yield from _day_slots(spot, field, plan, known)
    seen: set[tuple[str, str]] = set()
    for index, campaign in enumerate(plan.campaigns):
        here = spot.at("campaigns", index)
        if (campaign.on, campaign.at) in seen:
            says = f"{campaign.on} {campaign.at} 写了两次"
            yield here.fault(says=says, remedy="删掉一处，或换一个时间")
        seen.add((campaign.on, campaign.at))
        yield from _quiet(here, campaign.at, known)
        yield from _group_content(here, campaign.content, plan, known)


def check_moments(spot: Spot, plan: MomentsPlanModel, known: Known) -> Iterator[Problem]:
    """Check a plan for moments."""
    if plan.persona == FOLLOW:
        remedy = "写一个角色的 key，或 assistant / doctor"
        yield spot.fault("persona", says="朋友圈要说清是谁发，不能写 follow", remedy=remedy)
    if not (plan.slots or plan.calendar):
        remedy = "加上 slots 或 calendar"
        yield spot.fault(says="没有写什么时候发，它不会发任何东西", remedy=remedy, level="warning")
    yield from _slots(spot, plan.slots, per_day=plan.max_a_day)
    for index, slot in enumerate(plan.slots):
        yield from _may_say(spot.at("slots", index), slot.categories, plan.persona, known)
    yield from _may_say(spot, list(plan.mix), plan.persona, known, field="mix", keyed=True)
    if plan.mix and sum(plan.mix.values()) == 0:
        yield spot.fault("mix", says="各类的份数加起来是 0", remedy="至少给一类写 1")
    yield from check_tags_any(spot, plan.tags, known)
    seen: set[tuple[str, int, str]] = set()
    for index, day in enumerate(plan.calendar):
        here = spot.at("calendar", index)
        if (day.on, day.offset_days, day.at) in seen:
            yield here.fault(says=f"{day.on} {day.at} 写了两次", remedy="删掉一处，或换一个时间")
        seen.add((day.on, day.offset_days, day.at))
        if not is_a_day(day.on):
            remedy = "写 xiaohu almanac 列出的 key、theme:主题的 key，或 MM-DD、2026-12-31 这样的日期"
            close = difflib.get_close_matches(day.on, [f"{THEME}{key}" for key in theme_keys()], n=1)
            remedy += f"；是不是想写 {close[0]}？" if close else ""
            yield here.fault("on", says=f"没有这一天：{day.on}", remedy=remedy)
        said = known.contents.get(day.content)
        if said is None or said.kind != "moment":
            yield from content_fault(here, day.content, "moment", known)
        elif plan.persona != FOLLOW:
            yield from suits(here, "content", said, plan.persona, known.speaking(plan.persona))


def check_tags_any(spot: Spot, tags: list[str], known: Known) -> Iterator[Problem]:
    """Check tags of which one is enough; two of an exclusive group are fine then."""
    for problem in check_tags(spot, "tags", tags, known):
        if "只能留一个标签" not in problem.message:
            yield problem


def _slots(spot: Spot, slots: Iterable[SlotModel], *, per_day: int | None = None) -> Iterator[Problem]:
    times: set[tuple[int, str]] = set()
    days: dict[int, int] = {}
    for index, slot in enumerate(slots):
        if (slot.day, slot.at) in times:
            yield spot.fault("slots", index, says=f"周{slot.day} {slot.at} 写了两次", remedy="删掉一处")
        times.add((slot.day, slot.at))
        days[slot.day] = days.get(slot.day, 0) + 1
        if per_day is not None and days[slot.day] == per_day + 1:
            remedy = "减少这一天的时段，或调大 max_a_day（最多 3）"
            says = f"周{slot.day} 的时段多于 max_a_day（{per_day}）"
            yield spot.fault("slots", index, says=says, remedy=remedy)


def _quiet(spot: Spot, at: str, known: Known) -> Iterator[Problem]:
    if known.is_quiet(time.fromisoformat(at)):
        quiet = f"{known.quiet[0]:%H:%M}–{known.quiet[1]:%H:%M}"
        remedy = f"改到 {known.quiet[1]:%H:%M}–{known.quiet[0]:%H:%M} 之间"
        yield spot.fault("at", says=f"{at} 在免打扰时间（{quiet}）里", remedy=remedy)


def _may_say(
    spot: Spot,
    categories: Iterable[Any],
    persona: str,
    known: Known,
    *,
    field: str = "categories",
    keyed: bool = False,
) -> Iterator[Problem]:
    """Check that whoever speaks may use these categories; nobody in particular may use all but promotions."""
    speakers = known.speaking(persona) if persona != FOLLOW else ()
    for index, category in enumerate(categories):
        barred = [one.key for one in speakers if category not in one.categories]
        if barred:
            remedy = f"在 personas.yaml 的 categories 里加上“{category}”，或从这里删掉"
            if category == PROMOTION and any(one.kind == "doctor" for one in speakers):
                remedy = "删掉“活动”，活动由小助理发"
            says = f"{'、'.join(barred)} 不发“{category}”"
            yield spot.fault(field, category if keyed else index, says=says, remedy=remedy)


def _something_to_say(
    spot: Spot, categories: Iterable[str], plan: GroupPlanModel, known: Known
) -> Iterator[Problem]:
    if known.roles is None:
        return
    for role in plan.roles:
        there = {one.category for one in known.contents.values() if one.kind == "group" and role in one.roles}
        if role in known.roles and not there & set(categories):
            says = f"群角色 {role} 没有{'、'.join(categories)}的内容"
            remedy = "在 groups/*.yaml 里写几条，或换类别"
            yield spot.fault("categories", says=says, remedy=remedy, level="warning")


def _day_slots(spot: Spot, field: str, plan: GroupPlanModel, known: Known) -> Iterator[Problem]:
    seen: set[tuple[int, str]] = set()
    for index, slot in enumerate(getattr(plan, field)):
        here = spot.at(field, index)
        if (slot.day, slot.at) in seen:
            yield here.fault(says=f"第 {slot.day} 天 {slot.at} 写了两次", remedy="删掉一处，或换一个时间")
        seen.add((slot.day, slot.at))
        yield from _quiet(here, slot.at, known)
        if (slot.content is None) == (not slot.categories):
            yield here.fault(says="要有 content 或 categories，只写一个", remedy="留一个")
        yield from _may_say(here, slot.categories, plan.persona, known)
        if slot.content is not None:
            yield from _group_content(here, slot.content, plan, known)


def _group_content(spot: Spot, key: str, plan: GroupPlanModel, known: Known) -> Iterator[Problem]:
    said = known.contents.get(key)
    if said is None or said.kind != "group":
        yield from content_fault(spot, key, "group", known)
        return
    strange = [role for role in plan.roles if role not in said.roles]
    if strange:
        remedy = f"换一条内容，或在那条内容的 roles 里加上 {strange[0]}"
        yield spot.fault("content", says=f"{key} 不是给 {'、'.join(strange)} 的", remedy=remedy)
    if plan.persona != FOLLOW:
        yield from suits(spot, "content", said, plan.persona, known.speaking(plan.persona))
