"""What a step of a journey may and must say by its channel, and when it can happen at all."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Final

from content.plans.check_facts import check_stops, check_tags, check_when
from content.plans.check_words import check_words
from content.plans.specs import CONTACTS
from content.rule_check import WORDS_FOR_STAFF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from content.plans.known import Known
    from content.plans.models import JourneyModel, StepModel, WindowModel
    from content.plans.spots import Spot
    from content.problems import Problem
    from content.render import Renderer

_SPEAKING: Final = ("mass", "todo", "kf", "survey", "invite_group", "card")
# Which channels a field is for.
_SAYS: Final[dict[str, tuple[str, ...]]] = {
    "content": _SPEAKING,
    "text": _SPEAKING,
    "variants": ("mass", "todo", "kf", "survey", "invite_group"),
    "attachments": ("mass", "todo", "kf"),
    "to": ("todo", "card", "invite_group"),
    "within_hours": ("todo", "invite_group", "survey", "kf"),
    "fallback": ("kf", "survey"),
    "via": ("survey",),
    "survey": ("survey",),
    "add": ("tag",),
    "remove": ("tag",),
    "stage": ("stage",),
    "group_role": ("invite_group",),
    "ways": ("branch",),
}
_MUST_SAY: Final[dict[str, tuple[str, str]]] = {
    "stage": ("stage", "加上 stage: 换到哪个阶段"),
    "survey": ("survey", "加上 survey: 问卷的 key"),
    "invite_group": ("group_role", "加上 group_role: 邀请进哪种群"),
    "branch": ("ways", "加上 ways: 走哪条路，或删掉这一步"),
}


def check_step(
    spot: Spot, step: StepModel, plan: JourneyModel, known: Known, renderer: Renderer
) -> Iterator[Problem]:
    """Check one step of a journey by itself."""
    for field, channels in _SAYS.items():
        if field in step.model_fields_set and step.channel not in channels:
            says = f"{field} 只能和 channel: {' 或 '.join(channels)} 一起写"
            yield spot.fault(field, says=says, remedy=f"改 channel，或删掉 {field}")
    field, remedy = _MUST_SAY.get(step.channel, ("", ""))
    if field and not getattr(step, field):
        yield spot.fault(says=f"channel: {step.channel} 缺少 {field}", remedy=remedy)
    if step.channel == "tag" and not (step.add or step.remove):
        yield spot.fault(says="没有写要加或去哪个标签", remedy="加上 add 或 remove: 组名/标签名")
    yield from _channel(spot, step)
    yield from _references(spot, step, known)
    yield from _people(spot, step)
    yield from _shares(spot, step)
    yield from _hours(spot, step, known)
    if step.when is not None:
        yield from check_when(spot.at("when"), step.when, known)
    for index, way in enumerate(step.ways):
        if way.when is not None:
            yield from check_when(spot.at("ways", index, "when"), way.when, known)
    yield from check_stops(spot, "stops", step.stops, known)
    if step.channel in _SPEAKING:
        yield from check_words(spot, step, persona=plan.persona, known=known, renderer=renderer)
    yield from _marketing(spot, step, plan, known)


def _channel(spot: Spot, step: StepModel) -> Iterator[Problem]:
    way = step.via if step.channel == "survey" else step.channel
    if way == "kf":
        if step.fallback is None:
            remedy = "加上 fallback: todo 或 mass"
            yield spot.fault(says="微信客服的窗口没有开时就发不出去", remedy=remedy)
        elif step.fallback == "kf":
            yield spot.fault("fallback", says="fallback 不能还是 kf", remedy="写 todo 或 mass")
    elif step.fallback is not None and step.channel == "survey":
        yield spot.fault("fallback", says="fallback 只用于 via: kf", remedy="删掉 fallback，或写 via: kf")


def _references(spot: Spot, step: StepModel, known: Known) -> Iterator[Problem]:
    yield from check_tags(spot, "add", step.add, known)
    yield from check_tags(spot, "remove", step.remove, known)
    for index, tag in enumerate(step.remove):
        if tag in step.add:
            yield spot.fault("remove", index, says=f"又加又去 {tag}", remedy="从 add 或 remove 里删掉")
    if step.survey is not None and known.surveys is not None and step.survey not in known.surveys:
        yield spot.unknown("survey", what="问卷", key=step.survey, known=known.surveys)
    if step.group_role is not None and known.roles is not None and step.group_role not in known.roles:
        yield spot.unknown("group_role", what="群角色", key=step.group_role, known=known.roles)


def _people(spot: Spot, step: StepModel) -> Iterator[Problem]:
    yield from spot.twice("to", step.to)
    if len(step.to) > 1:
        for index, who in enumerate(step.to):
            if who in WORDS_FOR_STAFF:
                remedy = f"只写 {who}，或都写成员的 userid"
                yield spot.fault("to", index, says="写几位时，每位都要是成员的 userid", remedy=remedy)


def _shares(spot: Spot, step: StepModel) -> Iterator[Problem]:
    """A lot is drawn among the ways with the same condition: it must have a winner."""
    for index, way in enumerate(step.ways):
        same = [other for other in step.ways if other.when == way.when]
        if way is same[0] and sum(other.share for other in same) == 0:
            remedy = "至少给一条写 share: 1，或删掉"
            says = "条件一样的几条路，份数加起来是 0，没有人走得过去"
            yield spot.fault("ways", index, "share", says=says, remedy=remedy)


# ── hours ────────────────────────────────────────────────────────────────────────────────────────────


def _hours(spot: Spot, step: StepModel, known: Known) -> Iterator[Problem]:
    reaches = step.channel in CONTACTS
    quiet = f"{known.quiet[0]:%H:%M}–{known.quiet[1]:%H:%M}"
    if step.window is not None:
        start, end = _times(step.window)
        if start == end:
            yield spot.fault("window", says="窗口从不打开：from 和 until 一样", remedy="把 until 改晚一些")
            return
        moments = list(_minutes(start, end))
        if reaches and all(known.is_quiet(moment) for moment in moments):
            remedy = f"改到 {known.quiet[1]:%H:%M}–{known.quiet[0]:%H:%M} 之间"
            yield spot.fault("window", says=f"窗口从不打开：全在免打扰时间（{quiet}）里", remedy=remedy)
        elif step.at is not None and time.fromisoformat(step.at) not in moments:
            remedy = "改 at 或 window；写了 at 一般就不用 window"
            yield spot.fault("at", says=f"{step.at} 不在窗口里", remedy=remedy)
    if step.at is not None and reaches and known.is_quiet(time.fromisoformat(step.at)):
        remedy = f"改到 {known.quiet[1]:%H:%M}–{known.quiet[0]:%H:%M} 之间"
        yield spot.fault("at", says=f"{step.at} 在免打扰时间（{quiet}）里", remedy=remedy)


def _times(window: WindowModel) -> tuple[time, time]:
    return time.fromisoformat(window.start), time.fromisoformat(window.end)


def _minutes(start: time, end: time) -> Iterator[time]:
    """Yield the minutes of a window; one that ends before it starts goes over midnight."""
    at, last = start.hour * 60 + start.minute, end.hour * 60 + end.minute
    for minute in range(at, last if at < last else last + 24 * 60):
        yield time(minute // 60 % 24, minute % 60)


# ── marketing ────────────────────────────────────────────────────────────────────────────────────────


def _marketing(spot: Spot, step: StepModel, plan: JourneyModel, known: Known) -> Iterator[Problem]:
    """A step that sells is said by no doctor; the plan's own purpose is checked for the whole plan."""
    if step.purpose == "marketing" and plan.purpose != "marketing" and step.channel in CONTACTS:
        doctors = [one.key for one in known.speaking(plan.persona) if one.kind == "doctor"]
        if doctors:
            remedy = "把计划的 persona 改成 assistant，或去掉 purpose: marketing"
            yield spot.fault("purpose", says=f"医生账号（{'、'.join(doctors)}）不发营销", remedy=remedy)
