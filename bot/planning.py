"""Planning weeks: on request, and every Monday 08:30 of the clinic, or as soon after it as we run."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from console.deps import WeekNotPlannable
from content.plans.specs import GroupBody
from sop import consented, yearly
from sop.planner import monday_of
from sop.plans.book import PlanBook
from sop.roster import load_roster
from sop.weeks import Planned, draft_week, extend_week, latest_drafted
from wecom.errors import WeComError

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.sync import TenantSync
    from content.compliance import Checker
    from content.library.view import Library
    from content.pack import Pack
    from content.plans.specs import Plan
    from content.render import Renderer
    from sop.wants import Calendar
    from store.clock import Clock
    from store.database import Database

log = structlog.get_logger(__name__)

MONDAY_AT: Final = time(8, 30)
LEAD: Final = timedelta(minutes=30)  # nobody can review a post that is due sooner
CLOCKWORK: Final = "定时任务"


class WeekPlanning:
    """Drafts weeks from the library as it stands, once each."""

    def __init__(
        self,
        database: Database,
        sync: TenantSync,
        *,
        library: Library,
        renderer: Renderer,
        checker: Checker,
        clock: Clock,
        zone: ZoneInfo,
        public_url: str,
        on_planned: Callable[[], None],
    ) -> None:
        self._database = database
        self._sync = sync
        self._library = library
        self._renderer = renderer
        self._checker = checker
        self._clock = clock
        self._zone = zone
        self._public_url = public_url
        self._on_planned = on_planned
        self._book = PlanBook()
        self._turn = asyncio.Lock()

    async def plan(self, week: date, actor: str) -> Planned:
        """Draft the week that begins on Monday ``week``; a drafted one is returned as it stands.

        Raises:
            WeekNotPlannable: WeCom has not told us yet who could send anything.
        """
        async with self._turn:
            await self._refresh()
            calendar = await self._calendar(week)
            async with self._database.write() as session:
                planned = await draft_week(
                    session,
                    week,
                    roster=await load_roster(session, await self._drawable(session), now=self._clock.now()),
                    renderer=self._renderer,
                    checker=self._checker,
                    now=self._clock.now(),
                    zone=self._zone,
                    actor=actor,
                    lead=LEAD,
                    plans=await self._plans(session),
                    calendar=calendar,
                )
        log.info("week.planned", week=str(week), created=planned.created, posts=len(planned.posts))
        self._on_planned()
        return planned

    async def ensure_current(self) -> None:
        """Draft this week if its hour has come and nobody did.

        On Monday from 08:30. On a later day only where an earlier week exists: then the server was down on
        Monday; a clinic that has just installed the program is not surprised by half a week of posts.
        """
        local = self._clock.now().astimezone(self._zone)
        week = monday_of(local.date())
        if local < datetime.combine(week, MONDAY_AT, tzinfo=self._zone):
            return
        async with self._database.read() as session:
            latest = await latest_drafted(session)
        if latest is not None and latest >= week:
            return
        if latest is None and local.weekday() != 0:
            return
        await self.plan(week, CLOCKWORK)

    async def extend(self) -> int:
        """Draft what new groups and newcomers of this week are owed by the group plans; return how many."""
        now = self._clock.now()
        async with self._database.read() as session:
            plans = await self._plans(session)
        if not any(
            isinstance(p.body, GroupBody) and (p.body.after_creation or p.body.after_joining) for p in plans
        ):
            return 0
        week = monday_of(now.astimezone(self._zone).date())
        calendar = await self._calendar(week)
        async with self._turn, self._database.write() as session:
            count = await extend_week(
                session,
                week,
                roster=await load_roster(session, await self._drawable(session)),
                renderer=self._renderer,
                checker=self._checker,
                now=now,
                zone=self._zone,
                lead=LEAD,
                public_url=self._public_url,
                plans=plans,
                calendar=calendar,
            )
        if count:
            log.info("week.extended", posts=count)
            self._on_planned()
        return count

    async def _drawable(self, session: AsyncSession) -> Pack:
        """Return the pack as it stands, without what could not be approved: it shows a patient who has not
        agreed.
        """
        pack = await self._library.pack(session)
        return await consented.allowed(session, pack, now=self._clock.now())

    async def _calendar(self, week: date) -> Calendar:
        """Return the calendar of a week, by the year as staff changed it in the console."""
        async with self._database.read() as session:
            edits = await yearly.load(session, *yearly.years_of(week))
        return await asyncio.to_thread(yearly.calendar_around, week, edits)  # reads the almanac's tables

    async def _plans(self, session: AsyncSession) -> list[Plan]:
        await self._book.refresh(session)
        return [one.plan for one in (*self._book.moments_plans(), *self._book.group_plans())]

    async def _refresh(self) -> None:
        try:
            await self._sync.fresh()
        except WeComError as exc:
            async with self._database.read() as session:
                roster = await load_roster(session, await self._library.pack(session))
            if not roster.serving:
                raise WeekNotPlannable(
                    f"还没有从企业微信读到成员，暂时不能排内容：{exc.remedy or exc}"
                ) from exc
            # What was read earlier today is better than no plan.
            log.warning("week.planned_on_old_members", errcode=exc.errcode)
