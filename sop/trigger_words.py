"""What a journey waits for, in words that staff read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clinic.stages import Stage
from sop.journeys.conditions import KINDS_OF_PERSONAS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from content.pack import Pack
    from content.plans.specs import Trigger, TriggerKind

VISITS: Final = {
    "booked": "预约",
    "arrived": "到店",
    "done": "完成",
    "no_show": "爽约",
    "cancelled": "取消",
}
MOODS: Final = {"happy": "满意", "unhappy": "不满意", "neutral": "一般"}
DATES: Final = {"birthday": "生日", "appointment": "约好的日子", "card_expiry": "卡项到期"}


def told(trigger: Trigger, pack: Pack) -> str:
    """Return what has to happen, e.g. ``就诊完成（种植一期）``."""
    return _WORDS[trigger.kind](trigger, pack)


def _added(trigger: Trigger, pack: Pack) -> str:
    channels = [spec.title if (spec := pack.channel(state)) else state for state in trigger.channel]
    names = {persona.key: persona.name for persona in pack.personas} | KINDS_OF_PERSONAS
    return "加上企业微信" + _in(channels) + _in(names.get(key, key) for key in trigger.persona)


def _visit(trigger: Trigger, pack: Pack) -> str:
    titles = {one.key: one.title for one in pack.treatments}
    treatments = [titles.get(key.removesuffix(".*"), key) for key in trigger.treatment]
    return "就诊" + "、".join(VISITS.get(one, one) for one in trigger.visit) + _in(treatments)


def _date(trigger: Trigger, _pack: Pack) -> str:
    what = DATES.get(trigger.date or "", trigger.date or "")
    if not trigger.offset_days:
        return f"{what}当天"
    return f"{what}{'前' if trigger.offset_days < 0 else '后'} {abs(trigger.offset_days)} 天"


def _survey(trigger: Trigger, pack: Pack) -> str:
    title = next((one.title for one in pack.surveys if one.key == trigger.survey), trigger.survey)
    moods = [MOODS.get(answer, answer) for _, answers in trigger.answers for answer in answers]
    return f"填了问卷“{title}”" + _in(moods)


def _stage(trigger: Trigger, _pack: Pack) -> str:
    titles: Mapping[str, str] = {stage.value: stage.title for stage in Stage}
    return "走到阶段" + _in(titles.get(key, key) for key in trigger.stage)


def _in(parts: Iterable[str]) -> str:
    shown = "、".join(part for part in parts if part)
    return f"（{shown}）" if shown else ""


_WORDS: Final[dict[TriggerKind, Callable[[Trigger, Pack], str]]] = {
    "added": _added,
    "tag_gained": lambda t, _: f"打上标签{_in(t.tags)}",
    "tag_lost": lambda t, _: f"去掉标签{_in(t.tags)}",
    "stage": _stage,
    "visit": _visit,
    "date": _date,
    "dormant": lambda t, _: f"{t.days} 天没有来往",
    "unused_benefit": lambda t, _: f"有权益 {t.days} 天没有用",
    "survey": _survey,
    "rule": lambda _t, _p: "规则或渠道让她开始",
    "manual": lambda _t, _p: "同事手动加入",
}
