"""Lets days pass in a clinic: its clock jumps, its ticks run, its members tap what they were given."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from sop.journeys.enrolling import hours_of
from sop.journeys.messages import gather_at
from sop.plan_tables import Enrolment, Touch
from sop.tables import Post
from tests.support.quiet import quiet
from wecom.sandbox.people import Mistake

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from tests.support.clinic import Clinic

ZONE = ZoneInfo("Asia/Shanghai")
# What days are made of; the rest reads the whole tenant or looks after codes.
LIVED = frozenset(
    {
        "push_due",
        "look",
        "remind",
        "ensure_week",
        "extend_week",
        "contacts",
        "approvals",
        "journeys",
        "journey_days",
        "journey_todos",
    }
)
# The same without the weeks of groups and moments.
ONE_TO_ONE = frozenset({"push_due", "look", "journeys", "journey_days", "journey_todos"})


class Days:
    """Moves a clinic through time; ``approving`` decides what waits, ``tapping`` is how members behave.

    Args:
        kinds: of posts that anybody looks at; the others are left to expire.
        ticks: what runs of the program's clockwork.
    """

    def __init__(
        self,
        clinic: Clinic,
        *,
        approving: Callable[[dict[str, Any]], bool] = lambda _: True,
        tapping: bool = True,
        kinds: tuple[str, ...] = ("moment", "group", "direct"),
        ticks: frozenset[str] = LIVED,
    ) -> None:
        self.clinic, self.approving, self.tapping, self.kinds = clinic, approving, tapping, kinds
        self.ticks = ticks
        self._tapped: set[str] = set()

    async def until(self, moment: datetime, *, every: timedelta = timedelta(hours=3)) -> None:
        """Let time pass up to ``moment``, looking around every so often while people are awake."""
        while (now := self.clinic.clock.now()) < moment:
            nxt = min(now + every, moment)
            local = nxt.astimezone(ZONE)
            if local.hour >= 21 or local.hour < 8:  # nobody looks at night
                morning = local.date() + timedelta(days=local.hour >= 21)
                nxt = min(datetime.combine(morning, time(8, 30), tzinfo=ZONE), max(moment, nxt))
            self.clinic.clock.advance_to(nxt)
            await self.look()

    async def leap(self, moment: datetime, *, at_least: timedelta = timedelta(hours=2)) -> None:
        """Let time pass up to ``moment``, from one moment at which something is due to the next."""
        while (now := self.clinic.clock.now()) < moment:
            await self.decide()  # the program's own clockwork may have written something meanwhile
            due = await self._next()
            self.clinic.clock.advance_to(min(max(due or moment, now + at_least), moment))
            await self.look()

    async def _next(self) -> datetime | None:
        """Return when the next step, contact, post or look at a task is due."""
        open_ = select(func.min(Post.scheduled_at)).where(
            Post.state.in_(("in_review", "approved")), Post.kind.in_(self.kinds)
        )
        async with self.clinic.runtime.database.read() as session:
            moments = [
                await session.scalar(query)
                for query in (
                    select(func.min(Enrolment.next_at)).where(Enrolment.state == "active"),
                    select(func.min(Touch.at)).where(Touch.state == "held"),
                    select(func.min(Touch.at)).where(Touch.state == "ready"),
                    open_,
                )
            ]
        if moments[2] is not None:  # it becomes a post as long before as a review takes
            moments[2] = gather_at(moments[2], hours=hours_of(self.clinic.pack))
        return min((moment for moment in moments if moment is not None), default=None)

    async def look(self) -> None:
        """Run the ticks of this moment, decide what waits, tap what is there."""
        await self.tick()
        await self.decide()
        await self.tick()
        if self.tapping:
            self.tap()
            await self.tick()

    async def tick(self) -> None:
        for tick in self.clinic.runtime.clockwork.ticks:
            if tick.name in self.ticks:
                await tick.job()
        self.clinic.tenant.settle()
        await quiet(self.clinic)

    async def decide(self) -> None:
        """Approve what waits in review, as far as ``approving`` agrees; the rest is left alone."""
        for post in await self.clinic.posts(state="in_review"):
            at = datetime.fromisoformat(post["scheduled_at"])
            if post["kind"] in self.kinds and at > self.clinic.clock.now() and self.approving(post):
                await self.clinic.api("POST", f"/posts/{post['id']}/approve", {"digest": post["digest"]})

    def tap(self) -> None:
        """Let every member tap every task that waits on the phone."""
        tenant = self.clinic.tenant
        for msgid, task in list(tenant.mass.tasks.items()):
            for userid in task.tasks:
                if (msgid + userid) not in self._tapped:
                    self._tapped.add(msgid + userid)
                    self._try(tenant.mass.tap, userid, msgid)
        for userid in tenant.corp.members:
            for moment in tenant.moments.of_member(userid):
                if (moment.moment_id + userid) not in self._tapped:
                    self._tapped.add(moment.moment_id + userid)
                    self._try(tenant.moments.publish, userid, moment.moment_id)

    @staticmethod
    def _try(act: Callable[[str, str], Any], userid: str, task: str) -> None:
        try:
            act(userid, task)
        except Mistake:  # withdrawn meanwhile, or sent before
            return


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """Return an instant of the clinic's clock."""
    return datetime.combine(day, time(hour, minute), tzinfo=ZONE)
