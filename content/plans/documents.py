"""A plan as a document and as the program's own: the two say the same, both ways, to the letter.

The document is what staff write (YAML) and what the database keeps (JSON). Defaults are left out of it, so
that one plan has one document and one digest.
"""

from __future__ import annotations

import json
from datetime import date, time
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from content.plans import models
from content.plans.specs import (
    After,
    Again,
    CalendarSlot,
    Campaign,
    Condition,
    DaySlot,
    GroupBody,
    JourneyBody,
    Late,
    MomentsBody,
    Plan,
    Slot,
    Step,
    Stop,
    Trigger,
    Variant,
    Way,
)
from content.plans.writing import of_spec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_GENDERS: Final = {"male": 1, "female": 2}
_DOCUMENTS: Final[TypeAdapter[models.PlanModel]] = TypeAdapter(models.PlanModel)


def plan_of(document: Mapping[str, Any]) -> Plan:
    """Read a document that was checked before, e.g. one that the database keeps.

    Raises:
        pydantic.ValidationError: it is no document of a plan; see `content.plans.check` for what to say.
    """
    return to_spec(_DOCUMENTS.validate_python(document))


def digest_of(plan: Plan) -> str:
    """Return what tells one plan from another: the same for the same plan, however it was written."""
    text = json.dumps(of_spec(plan), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def to_spec(model: models.PlanModel) -> Plan:
    """Return the plan that a document describes."""
    body: JourneyBody | GroupBody | MomentsBody
    if isinstance(model, models.JourneyModel):
        body = _journey(model)
    elif isinstance(model, models.GroupPlanModel):
        body = _group(model)
    else:
        body = _moments(model)
    return Plan(
        key=model.key,
        kind=model.kind,
        title=model.title,
        body=body,
        persona=model.persona,
        purpose=model.purpose,
        summary=model.summary,
        starts_active=model.starts_active,
    )


def _journey(model: models.JourneyModel) -> JourneyBody:
    return JourneyBody(
        trigger=tuple(_trigger(trigger) for trigger in model.trigger),
        steps=tuple(step_of(step) for step in model.steps),
        again=Again(after_days=model.again.after_days if model.again else None),
        only=_condition(model.only),
        stops=_stops(model.stops),
        goal=_stops(model.goal),
        min_days_between=model.min_days_between,
        max_contacts=model.max_contacts,
    )


def _trigger(model: models.TriggerModel) -> Trigger:
    return Trigger(
        kind=model.on,
        channel=tuple(model.channel),
        persona=tuple(model.persona),
        tags=tuple(model.tags),
        stage=tuple(model.stage),
        visit=tuple(model.visit),
        treatment=tuple(model.treatment),
        date=model.date,
        offset_days=model.offset_days,
        days=model.days,
        survey=model.survey or "",
        answers=_answers(model.answers),
    )


def step_of(model: models.StepModel) -> Step:
    """Return the step that a document describes."""
    return Step(
        key=model.key,
        channel=model.channel,
        after=After(
            since=model.after.since,
            days=model.after.days,
            hours=model.after.hours,
            months=model.after.months,
        ),
        at=_clock(model.at),
        window=(time.fromisoformat(model.window.start), time.fromisoformat(model.window.end))
        if model.window
        else None,
        workday=model.workday,
        title=model.title,
        content=model.content or "",
        text=model.text,
        attachments=tuple(model.attachments),
        variants=tuple(
            Variant(key=v.key, share=v.share, content=v.content or "", text=v.text) for v in model.variants
        ),
        when=_condition(model.when),
        late=Late(kind=model.late.policy, hours=model.late.hours),
        stops=_stops(model.stops),
        purpose=model.purpose,
        to=tuple(model.to),
        within_hours=model.within_hours,
        fallback=model.fallback,
        via=model.via,
        survey=model.survey or "",
        add=tuple(model.add),
        remove=tuple(model.remove),
        stage=model.stage or "",
        group_role=model.group_role or "",
        ways=tuple(Way(go=w.go, when=_condition(w.when), share=w.share) for w in model.ways),
        next=model.next or "",
    )


def _condition(model: models.WhenModel | None) -> Condition | None:
    if model is None:
        return None
    age, spent = model.age, model.spent
    return Condition(
        age_from=age.from_ if age and "from_" in age.model_fields_set else None,
        age_below=age.below if age else None,
        treated=tuple(model.treated),
        not_treated=tuple(model.not_treated),
        tags=tuple(model.tags),
        not_tags=tuple(model.not_tags),
        stage=tuple(model.stage),
        spent_from=spent.from_ if spent and "from_" in spent.model_fields_set else None,
        spent_below=spent.below if spent else None,
        visits_from=model.visits,
        referred_from=model.referred,
        inactive_days=model.inactive_days,
        channel=tuple(model.channel),
        persona=tuple(model.persona),
        group_role=tuple(model.group_role),
        booked=model.booked,
        replied_days=model.replied_days,
        came_days=model.came_days,
        answers=tuple(
            (survey, question, accepted)
            for survey, questions in sorted(model.answers.items())
            for question, accepted in _answers(questions)
        ),
        consent=tuple(model.consent),
        gender=_GENDERS[model.gender] if model.gender else None,
        any_of=tuple(filter(None, (_condition(inner) for inner in model.any_of))),
        none_of=tuple(filter(None, (_condition(inner) for inner in model.none_of))),
    )


def _answers(questions: Mapping[str, Sequence[str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    # Sorted: a database may keep the fields of a document in an order of its own.
    return tuple((question, tuple(answers)) for question, answers in sorted(questions.items()))


def _stops(stops: Sequence[models.StopModel]) -> tuple[Stop, ...]:
    return tuple(
        Stop(
            on=stop.on,
            tags=tuple(stop.tags),
            stage=tuple(stop.stage),
            treatment=tuple(stop.treatment),
            survey=stop.survey or "",
            answers=_answers(stop.answers),
        )
        for stop in stops
    )


def _group(model: models.GroupPlanModel) -> GroupBody:
    return GroupBody(
        roles=tuple(model.roles),
        slots=_slots(model.slots),
        after_creation=_day_slots(model.after_creation),
        after_joining=_day_slots(model.after_joining),
        campaigns=tuple(
            Campaign(on=date.fromisoformat(c.on), at=time.fromisoformat(c.at), content=c.content)
            for c in model.campaigns
        ),
        max_a_week=model.max_a_week,
        quiet=tuple(model.quiet),
        rotation_days=model.rotation_days,
    )


def _moments(model: models.MomentsPlanModel) -> MomentsBody:
    return MomentsBody(
        slots=_slots(model.slots),
        mix=tuple(sorted(model.mix.items())),
        rotation_days=model.rotation_days,
        calendar=tuple(
            CalendarSlot(on=c.on, at=time.fromisoformat(c.at), content=c.content, offset_days=c.offset_days)
            for c in model.calendar
        ),
        tags=tuple(model.tags),
        max_a_day=model.max_a_day,
    )


def _slots(slots: Sequence[Any]) -> tuple[Slot, ...]:
    return tuple(
        Slot(day=slot.day, at=time.fromisoformat(slot.at), categories=tuple(slot.categories))
        for slot in slots
    )


def _day_slots(slots: Sequence[models.DaySlotModel]) -> tuple[DaySlot, ...]:
    return tuple(
        DaySlot(
            day=slot.day,
            at=time.fromisoformat(slot.at),
            content=slot.content or "",
            categories=tuple(slot.categories),
        )
        for slot in slots
    )


def _clock(text: str | None) -> time | None:
    return time.fromisoformat(text) if text else None
