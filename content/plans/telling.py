"""A plan in words: what lets people begin, and each step with its time, its way and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from content.plans.naming import CHANNELS
from content.plans.specs import GroupBody, JourneyBody, MomentsBody

if TYPE_CHECKING:
    from collections.abc import Iterable

    from content.plans.specs import DaySlot, Plan, Slot, Step, Trigger

DATES: Final = {"birthday": "生日", "appointment": "预约", "card_expiry": "卡到期"}
_WEEKDAYS: Final = "一二三四五六日"
_EXCERPT: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing a plan does."""

    key: str
    when: str
    how: str
    what: str


def lines_of(plan: Plan) -> list[Line]:
    """Tell everything that a plan does, in its order."""
    body = plan.body
    if isinstance(body, JourneyBody):
        return [
            Line(
                key=step.key,
                when=when_due(step),
                how=CHANNELS[step.channel],
                what=said(step),
            )
            for step in body.steps
        ]
    if isinstance(body, GroupBody):
        return [
            *_weekly(body.slots),
            *_counted(body.after_creation, "建群"),
            *_counted(body.after_joining, "有人入群"),
            *(
                Line(key="", when=f"{one.on} {one.at:%H:%M}", how="群发到群", what=one.content)
                for one in body.campaigns
            ),
        ]
    assert isinstance(body, MomentsBody)
    calendar = (
        Line(
            key="", when=f"{one.on}{_offset(one.offset_days)} {one.at:%H:%M}", how="朋友圈", what=one.content
        )
        for one in body.calendar
    )
    return [*calendar, *_weekly(body.slots)]


def when_due(step: Step) -> str:
    """Tell when a step is due, e.g. ``第 3 天 10:30``."""
    after = step.after
    parts = [f"{after.months} 个月"] if after.months else []
    parts += [f"{after.days} 天"] if after.days else []
    parts += [f"{after.hours} 小时"] if after.hours else []
    if after.since == "previous":
        told = f"上一步后{''.join(parts)}" if parts else "接着上一步"
    elif after.days and not (after.months or after.hours):
        told = f"第 {after.days} 天"
    else:
        told = f"{''.join(parts)}后" if parts else "当天"
    clock = f" {step.at:%H:%M}" if step.at else ""
    window = f"（{step.window[0]:%H:%M}–{step.window[1]:%H:%M}）" if step.window else ""
    return f"{told}{clock}{window}"


def said(step: Step) -> str:
    """Tell what a step says or does."""
    wordings = [variant.content or _excerpt(variant.text) for variant in step.variants]
    things = {
        "tag": "，".join([*(f"加 {tag}" for tag in step.add), *(f"去 {tag}" for tag in step.remove)]),
        "stage": step.stage,
        "branch": "；".join(way.go for way in step.ways),
    }
    words = things.get(step.channel) or " / ".join(wordings) or step.content or _excerpt(step.text)
    return "：".join(part for part in (step.title, words) if part)


def begins_with(trigger: Trigger) -> str:
    """Tell what lets somebody begin, by the keys that the plan names."""
    details = {
        "added": ["加了好友", *trigger.channel, *trigger.persona],
        "tag_gained": ["打上标签", *trigger.tags],
        "tag_lost": ["去掉标签", *trigger.tags],
        "stage": ["到了阶段", *trigger.stage],
        "visit": ["就诊", "/".join(trigger.visit), *(trigger.treatment or ("任何项目",))],
        "date": [f"{DATES.get(trigger.date or '', '')}{_offset(trigger.offset_days)}"],
        "dormant": [f"{trigger.days} 天没有来往"],
        "unused_benefit": [f"权益 {trigger.days} 天没有用"],
        "survey": ["填了问卷", trigger.survey, *(f"{q}={'/'.join(a)}" for q, a in trigger.answers)],
        "rule": ["由规则或渠道开始"],
        "manual": ["由同事加入"],
    }
    return " ".join(details[trigger.kind])


def _weekly(slots: Iterable[Slot]) -> list[Line]:
    return [
        Line(
            key="",
            when=f"周{_WEEKDAYS[slot.day - 1]} {slot.at:%H:%M}",
            how="",
            what="、".join(slot.categories),
        )
        for slot in slots
    ]


def _counted(slots: Iterable[DaySlot], what: str) -> list[Line]:
    return [
        Line(
            key="",
            when=f"{what}后第 {slot.day} 天 {slot.at:%H:%M}",
            how="群发到群",
            what=slot.content or "、".join(slot.categories),
        )
        for slot in slots
    ]


def _offset(days: int) -> str:
    return "" if not days else f"前 {-days} 天" if days < 0 else f"后 {days} 天"


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else f"{line[:_EXCERPT]}……"
