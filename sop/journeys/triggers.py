"""What lets somebody begin: facts as the triggers of plans see them. Pure.

Every candidate carries the fact's own name, so that news told twice, and a daily look that finds again what
an event has told, begin nothing new.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from clinic.stages import Stage
from sop.journeys.conditions import has_answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from zoneinfo import ZoneInfo

    from clinic.rules.happenings import Happening
    from content.plans.specs import Trigger

ADDED: Final = ("added", "returned")
CAME: Final = "came"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something that happened to one person, and what it changed.

    Args:
        personas: key and kind of the persona that the member concerned speaks as.
        gained, lost: tags that she has, or has no more, since when.
        stage: the stage that she came to, and when; None: it is as it was.
        titles: names of treatments and surveys, for the words.
    """

    happening: Happening
    personas: tuple[str, ...] = ()
    gained: Mapping[str, datetime] = field(default_factory=dict)
    lost: Mapping[str, datetime] = field(default_factory=dict)
    stage: tuple[str, datetime] | None = None
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A fact that a trigger waits for: its name, when it happened, and why in words for staff."""

    fact: str
    at: datetime
    cause: str
    userid: str = ""
    apart: bool = False


def starts(triggers: Iterable[Trigger], news: News, *, zone: ZoneInfo) -> list[Start]:
    """Return the facts in some news that these triggers wait for."""
    found: dict[str, Start] = {}
    for trigger in triggers:
        for start in _JUDGES.get(trigger.kind, _nothing)(trigger, news, zone):
            found.setdefault(start.fact, start)
    return list(found.values())


def _nothing(_trigger: Trigger, _news: News, _zone: ZoneInfo) -> Iterable[Start]:
    return ()


def _added(trigger: Trigger, news: News, _zone: ZoneInfo) -> Iterable[Start]:
    told = news.happening
    # Told once more when she has been greeted: the same fact, by its time.
    if told.kind not in ADDED or not told.userid:
        return
    if trigger.channel and told.channel not in trigger.channel:
        return
    if trigger.persona and not set(news.personas) & set(trigger.persona):
        return
    yield Start(
        fact=f"added:{told.userid}:{_stamp(told.at)}",
        at=told.at,
        cause=f"添加了成员 {told.userid}",
        userid=told.userid,
    )


def _visit(trigger: Trigger, news: News, zone: ZoneInfo) -> Iterable[Start]:
    told = news.happening
    if told.kind != "visit" or told.visit_status not in trigger.visit:
        return
    if trigger.treatment and not of_treatment(trigger.treatment, told.treatment):
        return
    yield visit_start(
        told.ref or told.key, told.visit_status, told.treatment, told.at, titles=news.titles, zone=zone
    )


def visit_start(
    ref: str, status: str, treatment: str, at: datetime, *, titles: Mapping[str, str], zone: ZoneInfo
) -> Start:
    """Return the fact of a visit; ``ref`` is the source's own name of it, which no correction changes."""
    what = titles.get(treatment, treatment) or "就诊"
    said = {
        "done": "做了",
        "arrived": "到店：",
        "booked": "预约了",
        "no_show": "没有来：",
        "cancelled": "取消了",
    }
    # Who arrived and was then treated came once.
    stands = CAME if status in ("arrived", "done") else status
    return Start(
        fact=f"visit:{ref}:{stands}",
        at=at,
        cause=f"{at.astimezone(zone):%Y-%m-%d} {said.get(status, '')}{what}",
    )


def _survey(trigger: Trigger, news: News, _zone: ZoneInfo) -> Iterable[Start]:
    told = news.happening
    if told.kind != "survey" or told.survey != trigger.survey:
        return
    if not all(has_answer(told.answers.get(question), wanted) for question, wanted in trigger.answers):
        return
    title = news.titles.get(told.survey, told.survey)
    yield Start(
        fact=f"survey:{told.survey}:{told.ref or _stamp(told.at)}", at=told.at, cause=f"填了问卷“{title}”"
    )


def _stage(trigger: Trigger, news: News, _zone: ZoneInfo) -> Iterable[Start]:
    if news.stage is None or news.stage[0] not in trigger.stage:
        return
    stage, at = news.stage
    yield Start(fact=f"stage:{stage}:{_stamp(at)}", at=at, cause=f"到了阶段“{Stage(stage).title}”")


def _gained(trigger: Trigger, news: News, _zone: ZoneInfo) -> Iterable[Start]:
    for path in trigger.tags:
        if path in news.gained:
            at = news.gained[path]
            yield Start(fact=f"tag:{path}:{_stamp(at)}", at=at, cause=f"打上了标签“{path}”")


def _lost(trigger: Trigger, news: News, _zone: ZoneInfo) -> Iterable[Start]:
    for path in trigger.tags:
        if path in news.lost:
            at = news.lost[path]
            yield Start(fact=f"untag:{path}:{_stamp(at)}", at=at, cause=f"去掉了标签“{path}”")


_JUDGES: Final = {
    "added": _added,
    "visit": _visit,
    "survey": _survey,
    "stage": _stage,
    "tag_gained": _gained,
    "tag_lost": _lost,
}


# ── dates: found by a daily look, and by the event where one comes too late for it ─────────────────────


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which a clinic day begins: steps of the same day are counted from here."""
    return datetime.combine(day, time(), tzinfo=zone)


def appointment_start(
    trigger: Trigger, ref: str, treatment: str, at: datetime, *, titles: Mapping[str, str], zone: ZoneInfo
) -> Start:
    """Return the fact that an appointment is so many days off. One that is moved is another fact."""
    local = at.astimezone(zone)
    day = local.date() + timedelta(days=trigger.offset_days)
    what = titles.get(treatment, treatment)
    return Start(
        fact=f"appointment:{ref}:{local:%Y%m%dT%H%M}",
        at=day_start(day, zone),
        cause=f"约了 {local:%Y-%m-%d %H:%M} {what}".rstrip(),
        apart=True,
    )


def birthday_start(trigger: Trigger, birthday: date, zone: ZoneInfo) -> Start:
    """Return the fact that a birthday is so many days off."""
    return Start(
        fact=f"birthday:{birthday.year}",
        at=day_start(birthday + timedelta(days=trigger.offset_days), zone),
        cause=f"{birthday:%m-%d} 生日",
        apart=True,
    )


def expiry_start(trigger: Trigger, ref: str, title: str, expires_on: date, zone: ZoneInfo) -> Start:
    """Return the fact that a card or package ends in so many days."""
    return Start(
        fact=f"expiry:{ref}:{expires_on:%Y%m%d}",
        at=day_start(expires_on + timedelta(days=trigger.offset_days), zone),
        cause=f"“{title}”{expires_on:%Y-%m-%d} 到期",
        apart=True,
    )


def unused_start(trigger: Trigger, ref: str, title: str, left: int, since: date, zone: ZoneInfo) -> Start:
    """Return the fact that a card or package has lain unused for so many days."""
    return Start(
        fact=f"unused:{ref}:{since:%Y%m%d}",
        at=day_start(since + timedelta(days=trigger.days), zone),
        cause=f"“{title}”还剩 {left} 次，{trigger.days} 天没有用",
    )


def dormant_start(trigger: Trigger, seen_at: datetime, zone: ZoneInfo) -> Start:
    """Return the fact that nothing was heard of her for so many days."""
    seen = seen_at.astimezone(zone).date()
    return Start(
        fact=f"dormant:{seen:%Y%m%d}",
        at=day_start(seen + timedelta(days=trigger.days), zone),
        cause=f"{seen:%Y-%m-%d} 以后 {trigger.days} 天没有来往",
    )


def of_treatment(patterns: Iterable[str], treatment: str) -> bool:
    """Tell whether a treatment is among these; ``implant.*`` is ``implant`` and its milestones."""
    return any(
        treatment == pattern.removesuffix(".*")
        or (pattern.endswith(".*") and treatment.startswith(pattern[:-1]))
        for pattern in patterns
    )


def _stamp(at: datetime) -> int:
    return int(at.timestamp())
