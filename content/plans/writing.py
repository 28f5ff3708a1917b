"""Writing a plan down as a document: defaults left out, so that one plan has one document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from content.plans.specs import GroupBody, JourneyBody

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import time

    from content.plans.specs import (
        Condition,
        DaySlot,
        MomentsBody,
        Plan,
        Slot,
        Step,
        Stop,
        Trigger,
        Way,
    )

FORMAT: Final = 1
_GENDER_WORDS: Final = {1: "male", 2: "female"}


def of_spec(plan: Plan) -> dict[str, Any]:
    """Return the document of a plan, without what is left at its default; plain data, ready for JSON."""
    body = plan.body
    if isinstance(body, JourneyBody):
        inside = _of_journey(body)
    elif isinstance(body, GroupBody):
        inside = _of_group(body)
    else:
        inside = _of_moments(body)
    document = {
        "format": FORMAT,
        "key": plan.key,
        "kind": plan.kind,
        "title": plan.title,
        "summary": plan.summary,
        "persona": plan.persona,
        "purpose": plan.purpose,
        "starts_active": plan.starts_active,
        **inside,
    }
    defaults: dict[str, Any] = {"summary": "", "purpose": "care", "starts_active": True}
    if plan.kind != "moments":
        defaults["persona"] = "follow"
    return _without(document, defaults)


def _without(fields: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what is empty and what stands at its default; a field with a default keeps its own emptiness."""
    kept = {}
    for name, value in fields.items():
        if name in defaults:
            if value == defaults[name]:
                continue
        elif value in (None, "", [], {}):
            continue
        kept[name] = value
    return kept


def _of_journey(body: JourneyBody) -> dict[str, Any]:
    again = body.again.after_days
    return _without(
        {
            "trigger": [_of_trigger(trigger) for trigger in body.trigger],
            "again": None if again is None else {"after_days": again},
            "only": _of_condition(body.only),
            "stops": _of_stops(body.stops),
            "goal": _of_stops(body.goal),
            "min_days_between": body.min_days_between,
            "max_contacts": body.max_contacts,
            "steps": [of_step(step) for step in body.steps],
        },
        {"min_days_between": 0},
    )


def _of_trigger(trigger: Trigger) -> dict[str, Any]:
    return _without(
        {
            "on": trigger.kind,
            "channel": list(trigger.channel),
            "persona": list(trigger.persona),
            "tags": list(trigger.tags),
            "stage": list(trigger.stage),
            "visit": list(trigger.visit),
            "treatment": list(trigger.treatment),
            "date": trigger.date,
            "offset_days": trigger.offset_days,
            "days": trigger.days,
            "survey": trigger.survey,
            "answers": {question: list(answers) for question, answers in trigger.answers},
        },
        {"visit": ["done"], "offset_days": 0, "days": 0},
    )


def of_step(step: Step) -> dict[str, Any]:
    """Return the part of a document that describes a step."""
    after, late, window = step.after, step.late, step.window
    return _without(
        {
            "key": step.key,
            "channel": step.channel,
            "after": _without(
                {"since": after.since, "months": after.months, "days": after.days, "hours": after.hours},
                {"since": "trigger", "months": 0, "days": 0, "hours": 0},
            ),
            "at": _of_clock(step.at),
            "window": {"from": _of_clock(window[0]), "until": _of_clock(window[1])} if window else None,
            "workday": step.workday,
            "title": step.title,
            "content": step.content,
            "text": step.text,
            "attachments": list(step.attachments),
            "variants": [
                _without({"key": v.key, "share": v.share, "content": v.content, "text": v.text}, {})
                for v in step.variants
            ],
            "when": _of_condition(step.when),
            "late": _without({"policy": late.kind, "hours": late.hours}, {"policy": "within", "hours": 24}),
            "stops": _of_stops(step.stops),
            "purpose": step.purpose,
            "to": list(step.to),
            "within_hours": step.within_hours,
            "fallback": step.fallback,
            "via": step.via,
            "survey": step.survey,
            "add": list(step.add),
            "remove": list(step.remove),
            "stage": step.stage,
            "group_role": step.group_role,
            "ways": [_of_way(way) for way in step.ways],
            "next": step.next,
        },
        {"workday": "any", "within_hours": 24, "via": "mass"},
    )


def _of_way(way: Way) -> dict[str, Any]:
    return _without({"go": way.go, "when": _of_condition(way.when), "share": way.share}, {"share": 1})


def _of_condition(condition: Condition | None) -> dict[str, Any] | None:
    if condition is None:
        return None
    answers: dict[str, dict[str, list[str]]] = {}
    for survey, question, accepted in condition.answers:
        answers.setdefault(survey, {})[question] = list(accepted)
    return _without(
        {
            "age": _between(condition.age_from, condition.age_below),
            "treated": list(condition.treated),
            "not_treated": list(condition.not_treated),
            "tags": list(condition.tags),
            "not_tags": list(condition.not_tags),
            "stage": list(condition.stage),
            "spent": _between(condition.spent_from, condition.spent_below),
            "visits": condition.visits_from,
            "referred": condition.referred_from,
            "inactive_days": condition.inactive_days,
            "channel": list(condition.channel),
            "persona": list(condition.persona),
            "group_role": list(condition.group_role),
            "booked": condition.booked,
            "replied_days": condition.replied_days,
            "came_days": condition.came_days,
            "answers": answers,
            "consent": list(condition.consent),
            "gender": _GENDER_WORDS[condition.gender] if condition.gender else None,
            "any_of": [_of_condition(inner) for inner in condition.any_of],
            "none_of": [_of_condition(inner) for inner in condition.none_of],
        },
        {},
    )


def _between(start: int | None, below: int | None) -> dict[str, int]:
    return {name: value for name, value in (("from", start), ("below", below)) if value is not None}


def _of_stops(stops: Sequence[Stop]) -> list[dict[str, Any]]:
    return [
        _without(
            {
                "on": stop.on,
                "tags": list(stop.tags),
                "stage": list(stop.stage),
                "treatment": list(stop.treatment),
                "survey": stop.survey,
                "answers": {question: list(answers) for question, answers in stop.answers},
            },
            {},
        )
        for stop in stops
    ]


def _of_group(body: GroupBody) -> dict[str, Any]:
    return _without(
        {
            "roles": list(body.roles),
            "slots": _of_slots(body.slots),
            "after_creation": _of_day_slots(body.after_creation),
            "after_joining": _of_day_slots(body.after_joining),
            "campaigns": [
                {"on": c.on.isoformat(), "at": _of_clock(c.at), "content": c.content} for c in body.campaigns
            ],
            "max_a_week": body.max_a_week,
            "quiet": list(body.quiet),
            "rotation_days": body.rotation_days,
        },
        {"max_a_week": 3, "rotation_days": 28},
    )


def _of_moments(body: MomentsBody) -> dict[str, Any]:
    return _without(
        {
            "slots": _of_slots(body.slots),
            "mix": dict(body.mix),
            "rotation_days": body.rotation_days,
            "calendar": [
                _without(
                    {"on": c.on, "at": _of_clock(c.at), "content": c.content, "offset_days": c.offset_days},
                    {"offset_days": 0},
                )
                for c in body.calendar
            ],
            "tags": list(body.tags),
            "max_a_day": body.max_a_day,
        },
        {"rotation_days": 28, "max_a_day": 1},
    )


def _of_slots(slots: Sequence[Slot]) -> list[dict[str, Any]]:
    return [{"day": s.day, "at": _of_clock(s.at), "categories": list(s.categories)} for s in slots]


def _of_day_slots(slots: Sequence[DaySlot]) -> list[dict[str, Any]]:
    return [
        _without(
            {
                "day": s.day,
                "at": _of_clock(s.at),
                "content": s.content,
                "categories": list(s.categories),
            },
            {"day": None},  # day 0 is a day
        )
        for s in slots
    ]


def _of_clock(at: time | None) -> str | None:
    return None if at is None else at.strftime("%H:%M")
