"""Which way a branch takes for one patient, and what its ways ask, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from content.plans.naming import names_of
from sop.journeys.conditions import describe, unmet
from sop.journeys.lots import lot
from sop.journeys.timing import END

if TYPE_CHECKING:
    from collections.abc import Mapping

    from content.plans.specs import Condition, JourneyBody, Plan, Step, Way
    from sop.journeys.conditions import Snapshot


def way_for(plan: Plan, step: Step, snapshot: Snapshot) -> Way | None:
    """Return the way she takes as things stand, None where none is open to her: then on to the step below.

    It is the first whose condition holds, by lot among those that ask the same.
    """
    first = next((way for way in step.ways if not unmet(way.when, snapshot)), None)
    if first is None:
        return None
    same = [way for way in step.ways if way.when == first.when]
    return same[lot(same, plan.key, step.key, snapshot.patient_id)]


def ways_told(body: JourneyBody, step: Step, *, titles: Mapping[str, str]) -> tuple[str, ...]:
    """Say where a branch leads, one sentence a condition: ``如果有预约，就到“第 3 步（…）”``.

    Args:
        titles: what keys in conditions are called (:func:`sop.journeys.conditions.titles_of`).
    """
    names = names_of(body)
    asked: dict[Condition | None, list[Way]] = {}
    for way in step.ways:
        asked.setdefault(way.when, []).append(way)
    said = []
    for when, ways in asked.items():
        where = " 或 ".join(_where(way, names, several=len(ways) > 1) for way in ways)
        verb = "按份数分：" if len(ways) > 1 else ""
        said.append(
            f"如果{describe(when, titles=titles)}，就{verb}{where}" if when else f"其余的人{verb}{where}"
        )
    if step.ways and None not in asked:
        said.append("都不符合的，接着往下走")
    return tuple(said)


def _where(way: Way, names: Mapping[str, str], *, several: bool) -> str:
    share = f"（{way.share} 份）" if several else ""
    return f"结束{share}" if way.go == END else f"到“{names.get(way.go, way.go)}”{share}"
