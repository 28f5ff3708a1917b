"""The dental pack's plans: the care a clinic owes, in the voice that may say it, and nothing sold unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from content.plans.specs import CONTACTS, GroupBody, MomentsBody

if TYPE_CHECKING:
    from content.pack import Pack
    from content.plans.specs import Plan, Trigger


def test_a_personas_moments_plan_is_the_week_that_it_has_without_one(pack: Pack) -> None:
    for persona in pack.personas:
        body = pack.plan(f"moments-{persona.key}").body

        assert isinstance(body, MomentsBody)
        assert [(s.day, s.at, s.categories) for s in body.slots] == [
            (s.day, s.at, s.categories) for s in persona.week
        ]
        assert (body.max_a_day, body.rotation_days) == (persona.max_moments_per_day, pack.rotation_days)


def test_a_group_roles_plan_is_the_week_that_it_has_without_one(pack: Pack) -> None:
    for role in pack.roles:
        body = pack.plan(f"group-{role.key}").body

        assert isinstance(body, GroupBody)
        assert [(s.day, s.at, s.categories) for s in body.slots] == [
            (s.day, s.at, s.categories) for s in role.week
        ]
        assert (body.roles, body.rotation_days) == ((role.key,), pack.rotation_days)


@pytest.mark.parametrize(
    "key",
    [
        "new-patient",
        "consulted",
        "appointment",
        "appointment-missed",
        "implant-before",
        "after-visit",
        "service-recovery",
        "happy",
        "referral-thanks",
        "birthday",
        "benefits-left",
        "benefits-expiring",
        "dormant-half-year",
        "dormant-year",
        "recall.implant",
        "recall.ortho-start",
        "recall.ortho-review",
        "recall.root-canal",
        "recall.extraction",
        "recall.filling",
        "recall.scaling",
        "recall.fluoride",
        "recall.sealant",
        "recall.whitening",
        "recall.periodontal",
        "recall.emergency",
        "recall.extraction-wisdom",
        "recall.implant-call",
        "recall.ortho-aligner",
    ],
)
def test_care_runs_from_the_first_day(pack: Pack, key: str) -> None:
    plan = pack.plan(key)

    assert plan.starts_active
    assert plan.purpose == "care"
    assert any(stop.on == "lost" for stop in plan.journey.stops)


def test_campaigns_wait_until_somebody_publishes_them(pack: Pack) -> None:
    asleep = {plan.key for plan in pack.plans if not plan.starts_active}

    assert {"live-stream", "check-up-season", "campaign-double-12", "campaign-groups"} <= asleep
    assert {plan.key for plan in pack.plans if any(t.kind == "manual" for t in _triggers(plan))} <= asleep
    assert {plan.key for plan in pack.plans if plan.purpose == "marketing"} <= asleep


def _triggers(plan: Plan) -> tuple[Trigger, ...]:
    return plan.journey.trigger if plan.kind == "journey" else ()


def test_whoever_is_unhappy_is_asked_for_no_friends(pack: Pack) -> None:
    happy, unhappy = pack.plan("happy").journey, pack.plan("service-recovery").journey

    assert [trigger.answers for trigger in happy.trigger] == [(("mood", ("happy",)),)]
    assert any(stop.on == "survey" and stop.answers == (("mood", ("unhappy",)),) for stop in happy.stops)
    invitations = {step.content for step in happy.steps if "invite" in step.content}
    assert invitations
    assert not invitations & {step.content for step in unhappy.steps}
    assert {step.to for step in unhappy.steps} == {("manager",)}


def test_a_channels_journey_and_a_stage_lead_somewhere(pack: Pack) -> None:
    named = {channel.journey for channel in pack.channels if channel.journey}

    assert named == {"consulted"}
    assert any(trigger.kind == "rule" for trigger in pack.plan("consulted").journey.trigger)


def test_nobody_who_wants_quiet_is_written_to_without_a_treatment(pack: Pack) -> None:
    quiet = "联系偏好/请勿打扰"
    relation = [
        plan
        for plan in pack.plans
        if plan.kind == "journey" and not any(t.kind in ("visit", "date") for t in plan.journey.trigger)
    ]

    assert relation
    for plan in relation:
        journey = plan.journey
        asked = journey.only.not_tags if journey.only else ()
        stopped = [tag for stop in journey.stops for tag in stop.tags]
        told_staff_only = all(
            step.channel not in CONTACTS or step.channel == "todo" for step in journey.steps
        )
        assert quiet in (*asked, *stopped) or told_staff_only, plan.key
