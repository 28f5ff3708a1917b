"""What a plan asks of patients: triggers, conditions and stop rules, and whether they can ever be met."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from content.plans.known import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from content.plans.known import Known
    from content.plans.models import JourneyModel, StopModel, TriggerModel, WhenModel
    from content.plans.spots import Spot
    from content.problems import Problem

# What a trigger may say, by its kind; and what it must say.
_SAYS: Final[dict[str, tuple[str, ...]]] = {
    "channel": ("added",),
    "persona": ("added",),
    "tags": ("tag_gained", "tag_lost"),
    "stage": ("stage",),
    "visit": ("visit",),
    "treatment": ("visit", "date"),
    "date": ("date",),
    "offset_days": ("date",),
    "days": ("dormant", "unused_benefit"),
    "survey": ("survey",),
    "answers": ("survey",),
}
_MUST_SAY: Final[dict[str, tuple[str, str]]] = {
    "tag_gained": ("tags", "加上 tags: 组名/标签名"),
    "tag_lost": ("tags", "加上 tags: 组名/标签名"),
    "stage": ("stage", "加上 stage: 到了哪个阶段"),
    "date": ("date", "加上 date: birthday（生日）、appointment（预约）或 card_expiry（卡到期）"),
    "dormant": ("days", "加上 days: 多少天没有来往"),
    "survey": ("survey", "加上 survey: 问卷的 key"),
}
_STOP_SAYS: Final = {
    "tags": ("tag",),
    "stage": ("stage",),
    "treatment": ("booked", "visited"),
    "survey": ("survey",),
    "answers": ("survey",),
}
_STOP_MUST: Final = {"tag": "tags", "stage": "stage"}


def check_facts(spot: Spot, plan: JourneyModel, known: Known) -> Iterator[Problem]:
    """Check who begins a journey, who may, and what ends it."""
    for index, trigger in enumerate(plan.trigger):
        yield from _trigger(spot.at("trigger", index), trigger, plan, known)
    if plan.only is not None:
        yield from check_when(spot.at("only"), plan.only, known)
        yield from _never(spot, plan)
    for field, stops in (("stops", plan.stops), ("goal", plan.goal)):
        yield from check_stops(spot, field, stops, known)


# ── triggers ─────────────────────────────────────────────────────────────────────────────────────────


def _trigger(spot: Spot, trigger: TriggerModel, plan: JourneyModel, known: Known) -> Iterator[Problem]:
    for field, kinds in _SAYS.items():
        if field in trigger.model_fields_set and trigger.on not in kinds:
            remedy = f"改 on，或删掉 {field}"
            yield spot.fault(field, says=f"{field} 只能和 on: {' 或 '.join(kinds)} 一起写", remedy=remedy)
    field, remedy = _MUST_SAY.get(trigger.on, ("", ""))
    if field and not getattr(trigger, field):
        yield spot.fault(says=f"on: {trigger.on} 缺少 {field}", remedy=remedy)
    yield from _people(spot, "persona", trigger.persona, known)
    yield from spot.missing("channel", trigger.channel, known.channels, "渠道")
    yield from _tags(spot, "tags", trigger.tags, known)
    yield from _treatments(spot, "treatment", trigger.treatment, known)
    if trigger.treatment and trigger.on == "date" and trigger.date != "appointment":
        remedy = "改成 date: appointment，或删掉 treatment"
        yield spot.fault("treatment", says="只有预约的日子有项目", remedy=remedy)
    if trigger.survey is not None:
        yield from _survey(spot, "survey", trigger.survey, trigger.answers, known)
    yield from _cannot_fire(spot, trigger, plan, known)


def _cannot_fire(spot: Spot, trigger: TriggerModel, plan: JourneyModel, known: Known) -> Iterator[Problem]:
    """Warn of triggers that nothing in the pack produces."""
    if trigger.on == "rule" and plan.key not in known.started:
        remedy = f"在 rules.yaml 的 start 或 channels.yaml 的 journey 里写 {plan.key}，或换一个 on"
        yield spot.fault(
            "on", says="没有规则或渠道会开始这个计划，它不会自己开始", remedy=remedy, level="warning"
        )
    if trigger.on == "added" and trigger.persona and trigger.channel:
        wanted = {one.key for key in trigger.persona for one in known.speaking(key)}
        owners = [known.speaks_at.get(state) for state in trigger.channel]
        if all(owner is not None and owner not in wanted for owner in owners):
            says = (
                f"渠道 {'、'.join(trigger.channel)} 加的不是 {'、'.join(trigger.persona)}，这样永远不会开始"
            )
            yield spot.fault("persona", says=says, remedy="改 persona 或 channel", level="warning")


def _never(spot: Spot, plan: JourneyModel) -> Iterator[Problem]:
    """Warn when whoever the triggers bring is never whom ``only`` wants."""
    only = plan.only
    if only is None:
        return
    if only.stage and all(t.on == "stage" and not set(t.stage) & set(only.stage) for t in plan.trigger):
        says = "到了 trigger 的阶段就不在 only 的阶段里，这样永远不会开始"
        yield spot.fault("only", "stage", says=says, remedy="让两处的阶段有重合", level="warning")
    gained = [t for t in plan.trigger if t.on == "tag_gained"]
    if len(gained) == len(plan.trigger) and all(set(t.tags) <= set(only.not_tags) for t in gained):
        says = "trigger 等的标签正是 only 不要的，这样永远不会开始"
        yield spot.fault("only", "not_tags", says=says, remedy="从一处删掉", level="warning")


# ── conditions ───────────────────────────────────────────────────────────────────────────────────────


def check_when(spot: Spot, when: WhenModel, known: Known) -> Iterator[Problem]:
    """Check a condition: what it names exists, and it can hold."""
    yield from _tags(spot, "tags", when.tags, known)
    yield from _tags(spot, "not_tags", when.not_tags, known)
    yield from _treatments(spot, "treated", when.treated, known)
    yield from _treatments(spot, "not_treated", when.not_treated, known)
    yield from spot.missing("channel", when.channel, known.channels, "渠道")
    yield from spot.missing("group_role", when.group_role, known.roles, "群角色")
    yield from _people(spot, "persona", when.persona, known)
    for survey, answers in when.answers.items():
        yield from _survey(spot.at("answers"), survey, survey, answers, known)
    for wanted, unwanted in (("tags", "not_tags"), ("treated", "not_treated")):
        for index, key in enumerate(getattr(when, unwanted)):
            if key in getattr(when, wanted):
                yield spot.fault(unwanted, index, says=f"{key} 又要有又要没有", remedy="删掉一处")
    yield from _one_of_a_group(spot, "tags", when.tags, known)
    for field in ("any_of", "none_of"):
        for index, inner in enumerate(getattr(when, field)):
            yield from check_when(spot.at(field, index), inner, known)


def _one_of_a_group(spot: Spot, field: str, tags: Sequence[str], known: Known) -> Iterator[Problem]:
    taken: dict[str, str] = {}
    for index, tag in enumerate(tags):
        group = tag.partition("/")[0]
        if group in known.exclusive and taken.setdefault(group, tag) != tag:
            says = f"标签组“{group}”只能留一个标签，不会同时有 {taken[group]} 和 {tag}"
            yield spot.fault(field, index, says=says, remedy="删掉一个，或用 any_of 分开写")


# ── stop rules ───────────────────────────────────────────────────────────────────────────────────────


def check_stops(spot: Spot, field: str, stops: Iterable[StopModel], known: Known) -> Iterator[Problem]:
    """Check rules that end a journey."""
    for index, stop in enumerate(stops):
        here = spot.at(field, index)
        for name, kinds in _STOP_SAYS.items():
            if getattr(stop, name) and stop.on not in kinds:
                says = f"{name} 只能和 on: {' 或 '.join(kinds)} 一起写"
                yield here.fault(name, says=says, remedy=f"改 on，或删掉 {name}")
        must = _STOP_MUST.get(stop.on)
        if must and not getattr(stop, must):
            yield here.fault(says=f"on: {stop.on} 缺少 {must}", remedy=f"加上 {must}: …")
        yield from _tags(here, "tags", stop.tags, known)
        yield from _treatments(here, "treatment", stop.treatment, known)
        if stop.survey is not None:
            yield from _survey(here, "survey", stop.survey, stop.answers, known)


# ── references ───────────────────────────────────────────────────────────────────────────────────────


def _tags(spot: Spot, field: str, tags: Sequence[str], known: Known) -> Iterator[Problem]:
    yield from spot.twice(field, tags)
    if known.tags is None:
        return
    for index, tag in enumerate(tags):
        if tag not in known.tags and tag.partition("/")[0] not in known.faulty_groups:
            yield spot.unknown(field, index, what="标签", key=tag, known=known.tags)


def check_tags(spot: Spot, field: str, tags: Sequence[str], known: Known) -> Iterator[Problem]:
    """Check a list of tags to be put on or taken off."""
    yield from _tags(spot, field, tags, known)
    yield from _one_of_a_group(spot, field, tags, known)


def _treatments(spot: Spot, field: str, keys: Sequence[str], known: Known) -> Iterator[Problem]:
    yield from spot.twice(field, keys)
    if known.treatments is None:
        return
    for index, key in enumerate(keys):
        family = key.removesuffix("*") if key.endswith(".*") else "\0"
        if key.removesuffix(".*") in known.treatments or any(k.startswith(family) for k in known.treatments):
            continue
        yield spot.unknown(field, index, what="治疗项目", key=key, known=known.treatments)


def _people(spot: Spot, field: str, keys: Sequence[str], known: Known) -> Iterator[Problem]:
    if known.personas is not None:
        yield from spot.missing(field, keys, {*known.personas, *KINDS}, "角色")


def _survey(
    spot: Spot, field: str, survey: str, answers: Mapping[str, Any], known: Known
) -> Iterator[Problem]:
    if known.surveys is not None and survey not in known.surveys:
        yield spot.unknown(field, what="问卷", key=survey, known=known.surveys)
        return
    questions = known.questions.get(survey)
    if questions is None:  # somebody else's form
        return
    path = (field,) if field == survey else ("answers",)
    for question, accepted in answers.items():
        if question not in questions:
            yield spot.unknown(*path, question, what=f"问卷 {survey} 的问题", key=question, known=questions)
        if not accepted:
            says = f"“{question}”没有写哪些回答算数"
            yield spot.fault(*path, question, says=says, remedy="写上回答，如 [满意, 非常满意]")
