"""Planning a week by the API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from console.api import problems
from console.api.access import ACTOR
from console.api.documents import WeekDocument
from console.api.operation import Answer, Call
from console.api.problems import Problem, invalid
from console.api.views import post_document
from console.deps import WeekNotPlannable
from sop.planner import coming_week, monday_of

if TYPE_CHECKING:
    from datetime import date

    from console.api.requests import Nothing, WeekOrder

RETRY_S: Final = 60
WEEKS_AHEAD: Final = 53  # a week further off is a slip of the year


async def plan_week(call: Call[Nothing, Nothing, WeekOrder]) -> Answer:
    """Draft a week, or return the one that was drafted before."""
    deps = call.deps
    today = deps.clock.now().astimezone(deps.zone).date()
    week = coming_week(today) if call.body.start is None else _checked(call.body.start, today)
    try:
        planned = await deps.plan_week(week, ACTOR)
    except WeekNotPlannable as exc:
        raise Problem(
            kind=problems.WEEK_NOT_PLANNABLE, detail=str(exc), headers={"Retry-After": str(RETRY_S)}
        ) from None
    deps.wake()
    return Answer(
        status=201 if planned.created else 200,
        content=WeekDocument(
            week=planned.week,
            items=[post_document(post, deps.zone) for post in planned.posts],
            next=None,
            notices=list(planned.notices),
        ),
    )


def _checked(start: date, today: date) -> date:
    if start.weekday() != 0:
        raise invalid("start", f"{start} 不是周一，这一周的周一是 {monday_of(start)}")
    if start < monday_of(today):
        raise invalid("start", f"{start} 起的一周已经过去，最早可以排 {monday_of(today)} 起的一周")
    if start > today + timedelta(weeks=WEEKS_AHEAD):
        raise invalid("start", f"{start} 太远，最多提前 {WEEKS_AHEAD} 周")
    return start
