"""The way through a journey's steps: no step before its trigger, no loop, none that nobody reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from content.plans.models import END

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from content.plans.models import StepModel, WayModel
    from content.plans.spots import Spot
    from content.problems import Problem

_MONTH_DAYS: Final = (28, 31)  # the shortest and the longest
_DAY_MINUTES: Final = 24 * 60


def check_flow(spot: Spot, steps: Sequence[StepModel]) -> Iterator[Problem]:
    """Check keys, order and ways of the steps; ``spot`` is the plan's."""
    places: dict[str, int] = {}
    for index, step in enumerate(steps):
        here = step_spot(spot, index, step)
        if step.key in places:
            first = spot.entry.line(*spot.path, "steps", places[step.key])
            where = f"第 {first} 行" if spot.entry.document.file else f"第 {places[step.key] + 1} 步"
            yield here.fault("key", says="两个步骤用了同一个 key", remedy=f"{where}已经用了，换一个名字")
        if step.key == END:
            yield here.fault("key", says=f"{END} 是“结束”的意思", remedy="换一个名字")
        places.setdefault(step.key, index)
        yield from _before_its_trigger(here, step)
    for index, step in enumerate(steps):
        yield from _targets(step_spot(spot, index, step), index, step, places)
    yield from _reached(spot, steps, places)
    yield from _in_order(spot, steps, places)


def step_spot(spot: Spot, index: int, step: StepModel) -> Spot:
    """Return the spot of a step."""
    return spot.at("steps", index, name=f"步骤 {step.key}")


def _before_its_trigger(spot: Spot, step: StepModel) -> Iterator[Problem]:
    after = step.after
    if after.months * _MONTH_DAYS[1] * _DAY_MINUTES + after.days * _DAY_MINUTES + after.hours * 60 >= 0:
        return
    if after.since == "trigger":
        says = "排在触发之前"
        remedy = "改成 0 或正数；要在某个日子之前做，用 on: date 和 offset_days: 负数"
    else:
        says, remedy = "排在上一步之前", "改成 0 或正数，或把这一步移到前面"
    yield spot.fault("after", says=says, remedy=remedy)


def _ways_out(
    index: int, step: StepModel, places: dict[str, int], count: int
) -> list[tuple[str, int | None]]:
    """Return the steps that may follow, each with where it is written; None: the end."""
    ways: list[tuple[str, int | None]] = []
    open_ways = _open_ways(step)
    ways += [("ways", places.get(way.go)) for way in open_ways if way.go == END or way.go in places]
    # A way without a condition is always open, so that nobody falls through.
    if not any(way.when is None for way in open_ways):
        if step.next is not None:
            ways += [("next", places.get(step.next))] if step.next == END or step.next in places else []
        else:
            ways.append(("next", index + 1 if index + 1 < count else None))
    return ways


def _open_ways(step: StepModel) -> list[WayModel]:
    """Return the ways that somebody may go: the first whose condition holds, by lot among its equals."""
    open_ways: list[WayModel] = []
    for way in step.ways if step.channel == "branch" else []:
        if way.when is not None and any(one.when is None for one in open_ways):
            break
        if way.share > 0:
            open_ways.append(way)
    return open_ways


def _targets(spot: Spot, index: int, step: StepModel, places: dict[str, int]) -> Iterator[Problem]:
    named = [(("next",), step.next)] if step.next is not None else []
    ways = [(("ways", number, "go"), way.go) for number, way in enumerate(step.ways)]
    for path, go in (*named, *ways):
        if go == END:
            continue
        if go not in places:
            yield spot.unknown(*path, what="步骤", key=go, known={*places, END})
        elif places[go] <= index:
            says = f"回到了{'自己' if places[go] == index else f'前面的步骤 {go}'}，会没完没了"
            yield spot.fault(*path, says=says, remedy=f"只能去后面的步骤，或写 {END}")


def _reached(spot: Spot, steps: Sequence[StepModel], places: dict[str, int]) -> Iterator[Problem]:
    reached, ahead = set[int](), [0]
    while ahead:
        index = ahead.pop()
        if index in reached:
            continue
        reached.add(index)
        ahead += [
            place
            for _, place in _ways_out(index, steps[index], places, len(steps))
            if place is not None and place > index
        ]
    for index, step in enumerate(steps):
        if index not in reached and places.get(step.key) == index:
            remedy = "让前面的某一步通到这里（next 或 ways），或删掉它"
            yield step_spot(spot, index, step).fault(says="没有人会走到这一步", remedy=remedy)


def _in_order(spot: Spot, steps: Sequence[StepModel], places: dict[str, int]) -> Iterator[Problem]:
    """A step counted from the trigger must not be earlier than the one that leads to it."""
    told: set[int] = set()
    for index, step in enumerate(steps):
        if step.after.since != "trigger" or step.channel == "branch":
            continue
        for _, place in _ways_out(index, step, places, len(steps)):
            if place is None or place <= index or place in told:
                continue
            later = steps[place]
            if later.after.since == "trigger" and _earlier(later, step):
                told.add(place)
                says = f"比它前面的步骤 {step.key} 还早"
                remedy = "按先后排步骤，或改天数；同一天的改 at"
                yield step_spot(spot, place, later).fault("after", says=says, remedy=remedy)


def _earlier(later: StepModel, step: StepModel) -> bool:
    """Tell whether ``later`` is certainly due before ``step``, whatever the lengths of the months."""
    if later.after.months == step.after.months:
        mine, other = _minutes(later, 0), _minutes(step, 0)
    else:
        mine, other = _minutes(later, _MONTH_DAYS[1]), _minutes(step, _MONTH_DAYS[0])
    if later.at is not None and step.at is not None and not (later.after.hours or step.after.hours):
        return mine + _clock(later.at) < other + _clock(step.at)
    # Without both times of day only whole days can be compared.
    return mine // _DAY_MINUTES < other // _DAY_MINUTES


def _minutes(step: StepModel, month_days: int) -> int:
    after = step.after
    return (after.months * month_days + after.days) * _DAY_MINUTES + after.hours * 60


def _clock(at: str) -> int:
    hours, minutes = at.split(":")
    return int(hours) * 60 + int(minutes)
