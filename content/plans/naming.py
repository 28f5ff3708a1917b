"""What the steps of a journey are called to staff: never by keys, which are for those who write plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from content.plans.specs import After, JourneyBody, Step

CHANNELS: Final = {
    "mass": "群发",
    "todo": "同事手发",
    "kf": "微信客服",
    "card": "提醒同事",
    "tag": "打标签",
    "stage": "换阶段",
    "survey": "问卷",
    "invite_group": "邀请进群",
    "branch": "分岔",
}


def names_of(body: JourneyBody, *, brief: bool = False) -> dict[str, str]:
    """Return what each step is called, by its key: its title, else e.g. ``第 6 步（群发，6 个月后）``.

    Args:
        brief: only ``第 6 步``, for where way and time are shown beside it.
    """
    numbered = enumerate(body.steps, start=1)
    if brief:
        return {step.key: step.title or f"第 {number} 步" for number, step in numbered}
    return {step.key: _name(number, step) for number, step in numbered}


def name_of(body: JourneyBody, key: str) -> str:
    """Return what one step is called; a key that the journey does not have (any more) stays as it is."""
    found = (_name(number, step) for number, step in enumerate(body.steps, start=1) if step.key == key)
    return next(found, key)


def wording_of(body: JourneyBody, key: str, variant: str) -> str:
    """Return which of a step's wordings this is, e.g. ``第 2 种写法``; empty: it has but one."""
    if not variant:
        return ""
    variants = [one.key for step in body.steps if step.key == key for one in step.variants]
    return f"第 {variants.index(variant) + 1} 种写法" if variant in variants else f"写法 {variant}"


def span_of(after: After) -> str:
    """Say how long after what a step is due, without the hour, e.g. ``第 3 天`` or ``上一步后 2 小时``."""
    since = "上一步后 " if after.since == "previous" else ""
    spans = [f"{after.months} 个月"] if after.months else []
    if after.days:
        spans.append(f"{after.days} 天" if since or after.months or after.hours else f"第 {after.days} 天")
    if after.hours:
        spans.append(f"{after.hours} 小时")
    if not spans:
        return "紧接着上一步" if since else "当天"
    return since + " ".join(spans) + ("后" if not since and (after.months or after.hours) else "")


def _name(number: int, step: Step) -> str:
    return step.title or f"第 {number} 步（{CHANNELS[step.channel]}，{span_of(step.after)}）"
