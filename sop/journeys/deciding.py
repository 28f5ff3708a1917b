"""What a step that has come due becomes for one patient: a pure decision, with its reason in words.

Asked in this order: is she still to be in the journey (stops, goal), may anything happen at all (kill
switches), which way (branches), is the step for her (conditions, most contacts), when may it reach her (its
window, quiet hours, days between contacts), is that too late, and who speaks to her.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from content.plans.naming import name_of
from content.plans.specs import CONTACTS
from sop.journeys import timing
from sop.journeys.branches import way_for
from sop.journeys.conditions import NO_TITLES, PERSONA, unmet
from sop.journeys.lots import lot
from sop.journeys.ports import DROPPED, SKIPPED, Due
from sop.journeys.stops import stopping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from content.plans.specs import Plan, Step
    from sop.journeys.conditions import Relation, Snapshot
    from sop.journeys.ports import Paused
    from sop.journeys.timing import Hours


FOLLOW: Final = "follow"
# How late a step may be before that counts: the engine looks every few seconds, and restarts take minutes.
GRACE: Final = timedelta(minutes=15)
# A post that comes late is due so long after it was queued, that somebody can still review it …
REVIEW: Final = timedelta(hours=1)
REVIEW_AGAIN: Final = timedelta(hours=4)  # … and one that nobody reviewed in time, longer.
SOONEST: Final = timedelta(minutes=10)  # nearer than this nothing can be gathered and queued
PAUSED_FOR: Final = timedelta(minutes=15)  # until a kill switch is looked at again
MOST_TRIES: Final = 3
_NEEDS_SOMEBODY: Final = frozenset({"mass", "survey"})  # WeCom sends these through a member she knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where one patient stands in a journey: at ``step``, due at ``due_at``.

    Args:
        userid: whom the fact was about that began it.
        contacts, contacted_at: of this journey, and the last of them.
        tries: how often this step was tried before and did not go out, or was asked about.
    """

    enrolment_id: int
    patient_id: int
    version_id: int
    userid: str
    trigger_at: datetime
    due_at: datetime
    contacts: int = 0
    contacted_at: datetime | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """Carry it out, if the caps allow."""

    due: Due


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Look again at ``until``."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """The step ends for her in ``state`` without being carried out."""

    reason: str
    state: str = SKIPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A branch goes to the step ``go``; empty: the one below."""

    go: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Its hour has gone by, and the plan wants somebody to say whether it should still go out."""

    due: Due
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The journey ends for her, well when its goal is reached."""

    reason: str
    goal: bool = False


Decision = Go | Hold | Pass | Turn | Ask | End


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is the same for all that are decided together."""

    now: datetime
    hours: Hours
    paused: Paused
    default_persona: str
    titles: Mapping[str, str] = field(default_factory=lambda: NO_TITLES)


def decide(plan: Plan, step: Step, stand: Stand, snapshot: Snapshot, around: Circumstances) -> Decision:
    """Decide what becomes of a step.

    Raises:
        NeverOpens: the step can never go out.
    """
    if (ended := ending(plan, step, stand, snapshot)) is not None:
        return ended
    if why := around.paused.why(plan=plan.key):
        return Hold(until=around.now + PAUSED_FOR, reason=why)
    if missing := unmet(step.when, snapshot, titles=around.titles):
        return Pass(reason=f"不符合条件：{missing}")
    if step.channel == "branch":
        return _turn(plan, step, stand, snapshot, around)
    contact = step.channel in CONTACTS
    most = plan.journey.max_contacts
    if contact and most is not None and stand.contacts >= most:
        return Pass(reason=f"这个旅程最多联系 {most} 次，已经用完")
    return _when(plan, step, stand, snapshot, around, contact=contact)


def ending(plan: Plan, step: Step | None, stand: Stand, snapshot: Snapshot) -> End | None:
    """Return why the journey ends for her now, or None. ``step``: whose own stops count too."""
    if snapshot.erased:
        return End(reason="她要求删除了个人信息")
    by_visit = any(trigger.kind == "visit" for trigger in plan.journey.trigger)
    if why := stopping(plan.journey.goal, snapshot, trigger_at=stand.trigger_at, by_visit=by_visit):
        return End(reason=f"达到目标：{why}", goal=True)
    stops = (*plan.journey.stops, *(step.stops if step is not None else ()))
    if why := stopping(stops, snapshot, trigger_at=stand.trigger_at, by_visit=by_visit):
        return End(reason=why)
    return None


def _when(
    plan: Plan, step: Step, stand: Stand, snapshot: Snapshot, around: Circumstances, *, contact: bool
) -> Decision:
    at, reason = sending_at(plan, step, stand, around, contact=contact)
    if timing.day_is_off(step, at, hours=around.hours):
        return Pass(reason="这一步休息日不发")
    speaker, why_not = speaker_for(plan, step, stand, snapshot, titles=around.titles)
    if why_not:
        return Pass(reason=why_not)
    due = _due(plan, step, stand, snapshot, around, at=at, speaker=speaker)
    if contact and (why := around.paused.why(plan=plan.key, persona=due.persona)):
        return Hold(until=around.now + PAUSED_FOR, reason=why)
    late = lateness(step, stand, at, zone_of=around, reason=reason)
    if late is not None:
        return Ask(due=due, reason=late.reason) if step.late.kind == "ask" else late
    if not timing.needs_review(step) and at > around.now:
        return Hold(until=at, reason=reason)
    return Go(due=due)


def sending_at(
    plan: Plan, step: Step, stand: Stand, around: Circumstances, *, contact: bool
) -> tuple[datetime, str]:
    """Return when the step may reach her, and if that is not when it was due, why."""
    now, hours = around.now, around.hours
    reason = "错过了时间"
    if timing.needs_review(step):
        on_time = stand.due_at >= now + SOONEST and not stand.tries
        pause = REVIEW_AGAIN if stand.tries else REVIEW
        at = stand.due_at if on_time else _soonest(step, timing.rounded(now + pause), hours)
    else:
        at = _soonest(step, max(now, stand.due_at), hours)
        reason = "现在不是可以联系她的时间" if at > now else reason
    between = plan.journey.min_days_between
    if contact and between and stand.contacted_at is not None:
        earliest = stand.contacted_at + timedelta(days=between)
        if earliest > at:
            at, reason = _soonest(step, earliest, hours), f"离上一次联系不到 {between} 天"
    return at, reason


def _soonest(step: Step, at: datetime, hours: Hours) -> datetime:
    return timing.allowed(step, at, hours=hours, keep_hour=False)


def lateness(step: Step, stand: Stand, at: datetime, *, zone_of: Circumstances, reason: str) -> Pass | None:
    """Return how the step ends when ``at`` is too late for it, by its late policy; None: it is not."""
    late = step.late
    if late.kind == "ask" and stand.tries:
        return None  # somebody was asked and wants it sent
    patience = timedelta(hours=late.hours) if late.kind == "within" else timedelta()
    if at <= stand.due_at + max(patience, GRACE):
        return None
    planned = f"{stand.due_at.astimezone(zone_of.hours.zone):%m-%d %H:%M}"
    most = f"，最多晚 {late.hours} 小时" if late.kind == "within" else ""
    return Pass(reason=f"{reason}（原定 {planned}{most}）")


def put_off(step: Step, stand: Stand, until: datetime, reason: str, around: Circumstances) -> Hold | Pass:
    """Return what becomes of a step that may only happen at ``until``: it waits, or that is too late."""
    late = lateness(step, stand, until, zone_of=around, reason=reason)
    if late is not None:
        return Pass(reason=late.reason, state=DROPPED)
    return Hold(until=until, reason=reason)


def speaker_for(
    plan: Plan, step: Step, stand: Stand, snapshot: Snapshot, *, titles: Mapping[str, str]
) -> tuple[Relation | None, str]:
    """Return who speaks to her, or why the step is left out; nobody, where none is needed."""
    connected = snapshot.connected
    if not connected:
        return None, "已经没有好友关系" if step.channel in _NEEDS_SOMEBODY else ""
    if plan.persona == FOLLOW:
        own = next((one for one in connected if one.userid == stand.userid), None)
        return own or connected[0], ""
    speaker = next((one for one in connected if plan.persona in (one.persona, one.kind)), None)
    if speaker is not None or step.channel not in CONTACTS:
        return speaker or connected[0], ""
    if (step.purpose or plan.purpose) == "marketing":
        return None, f"没有加“{titles.get(PERSONA + plan.persona, plan.persona)}”的好友"
    return connected[0], ""


def _due(
    plan: Plan,
    step: Step,
    stand: Stand,
    snapshot: Snapshot,
    around: Circumstances,
    *,
    at: datetime,
    speaker: Relation | None,
) -> Due:
    began = stand.trigger_at.astimezone(around.hours.zone)
    return Due(
        enrolment_id=stand.enrolment_id,
        patient_id=snapshot.patient_id,
        external_userid=speaker.external_userid if speaker else snapshot.external_userid,
        plan=plan,
        version_id=stand.version_id,
        step=step,
        sender=speaker.userid if speaker else "",
        persona=speaker.persona if speaker else around.default_persona,
        variant=variant_of(plan, step, snapshot.patient_id),
        due_at=stand.due_at,
        at=at,
        purpose=step.purpose or plan.purpose,
        why=f"{plan.title} · {name_of(plan.journey, step.key)}（{began:%Y-%m-%d} 开始）",
        trigger_at=stand.trigger_at,
        tries=stand.tries,
    )


def _turn(plan: Plan, step: Step, stand: Stand, snapshot: Snapshot, around: Circumstances) -> Turn | Hold:
    at = timing.allowed(step, max(around.now, stand.due_at), hours=around.hours)
    if at > around.now:
        return Hold(until=at, reason="还没到选择的时间")
    way = way_for(plan, step, snapshot)
    if way is None:
        return Turn(go="", reason="哪一条路的条件都不符合，接着往下走")
    return Turn(
        go=way.go,
        reason="走完了" if way.go == timing.END else f"走到“{name_of(plan.journey, way.go)}”",
    )


def variant_of(plan: Plan, step: Step, patient_id: int) -> str:
    """Return the key of the wording a patient gets of a step; the same whenever it is asked."""
    if not step.variants:
        return ""
    return step.variants[lot(step.variants, plan.key, step.key, patient_id)].key
