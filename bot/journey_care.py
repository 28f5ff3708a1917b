"""Keeps the journeys going: decides what is due, in short transactions, and finds whom a day lets begin."""

from __future__ import annotations

import asyncio
from datetime import time
from typing import TYPE_CHECKING, Final

import structlog

from sop.journeys import looking
from sop.journeys.assembly import assemble
from sop.journeys.books import book_of
from sop.journeys.channels import errands
from sop.journeys.claims import anything_due
from sop.journeys.enrolling import Gate, begin, hours_of
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from content.compliance import Checker
    from content.library.view import Library
    from content.pack import Pack
    from content.render import Renderer
    from sop.journeys.assembly import Machine
    from sop.journeys.enrolling import Candidate
    from sop.plans.book import PlanBook, Published
    from store.clock import Clock
    from store.database import Database
    from store.vault import Vault

log = structlog.get_logger(__name__)

DAILY_AT: Final = time(4, 45)  # clinic time, after the nightly sync and the rules' look
# Steps of one transaction: on SQLite a greeting waits behind it.
STEPS: Final = {True: 100, False: 500}
PEOPLE: Final = {True: 100, False: 500}


class JourneyCare:
    """Run its parts again and again; each looks first, since SQLite has one writer."""

    def __init__(
        self,
        database: Database,
        *,
        library: Library,
        renderer: Renderer,
        checker: Checker,
        vault: Vault,
        public_url: str,
        clock: Clock,
        on_queued: Callable[[], None],
    ) -> None:
        self._database, self._library, self._clock = database, library, clock
        self._renderer, self._checker, self._vault = renderer, checker, vault
        self._public_url = public_url
        self._on_queued = on_queued
        self._made: tuple[Pack, PlanBook, Machine] | None = None
        self._looked: dict[str, date] = {}
        self._ticking = asyncio.Lock()  # whoever asks for a tick meanwhile gets the next one, whole

    async def tick(self) -> int:
        """Decide everything that is due, and queue the posts that are complete; return how many steps."""
        async with self._ticking:
            return await self._tick()

    async def _tick(self) -> int:
        async with self._database.read() as session:
            if not await anything_due(session, now=self._clock.now()):
                return 0
            machine = await self._machine(await self._library.pack(session), await book_of(session))
        looked = 0
        while True:  # a step that was decided may bring the next one, which is due as well
            async with self._database.write() as session:
                ticked = await machine.engine.tick(
                    session, now=self._clock.now(), limit=STEPS[self._database.is_sqlite]
                )
            if not ticked.looked:
                break
            looked += ticked.looked
        gathered = 0
        while True:
            async with self._database.write() as session:
                some = await machine.messages.gather(session, now=self._clock.now())
            gathered += some
            if not some:
                break
        if looked or gathered:
            log.info("journeys.ticked", looked=looked, gathered=gathered)
            self._on_queued()
        return looked

    async def _machine(self, pack: Pack, book: PlanBook) -> Machine:
        """Return the engine for the content as it stands; it is built anew when staff changed some."""
        if self._made is None or self._made[0] is not pack or self._made[1] is not book:
            machine = assemble(
                pack=pack,
                renderer=self._renderer,
                checker=self._checker,
                vault=self._vault,
                public_url=self._public_url,
                book=book,
            )
            self._made = pack, book, machine
        return self._made[2]

    async def look(self) -> int:
        """Let those begin whose day has come, for each plan up to today; return how many began.

        A day that was missed is made up for, up to a month; what became too late is then told so.
        """
        now = self._clock.now()
        async with self._database.read() as session:
            pack = await self._library.pack(session)
            local = now.astimezone(pack.timezone)
            today = local.date()
            if local.time() < DAILY_AT:
                return 0
            book = await book_of(session)
            plans = [
                plan
                for plan in book.journeys()
                if looking.looks_by_day(plan) and self._looked.get(plan.key) != today
            ]
        began = 0
        for plan in plans:
            try:
                began += await self._look_for(plan, today, pack=pack, book=book)
            except Exception as exc:  # the plan's boundary: one of them must not keep the others waiting
                log.error("journeys.look_failed", plan=plan.key, error=type(exc).__name__)
            else:
                self._looked[plan.key] = today
        return began

    async def _look_for(self, plan: Published, today: date, *, pack: Pack, book: PlanBook) -> int:
        async with self._database.read() as session:
            until = await looking.looked_until(session, plan.key)
        began = 0
        for day in looking.days_to_look(until, today):
            now = self._clock.now()
            async with self._database.read() as session:
                gate = Gate(
                    book=book, pack=pack, roster=await load_roster(session, pack), hours=hours_of(pack)
                )
                found = await looking.found_on(session, plan, day, gate=gate, now=now)
            began += await self._begin(plan, found, gate, now)
            async with self._database.write() as session:
                await looking.note_looked(session, plan.key, day)
            if found:
                log.info("journeys.looked", plan=plan.key, day=str(day), found=len(found))
        return began

    async def _begin(self, plan: Published, found: list[Candidate], gate: Gate, now: datetime) -> int:
        began = 0
        for some in looking.in_slices(found, PEOPLE[self._database.is_sqlite]):
            async with self._database.write() as session:
                began += len((await begin(session, plan, some, gate=gate, now=now)).began)
        return began

    async def tidy(self) -> int:
        """Close to-dos that nobody did in time; return how many."""
        closed = 0
        while True:
            async with self._database.read() as session:
                late = await errands.anything_late(session, now=self._clock.now())
                pack = await self._library.pack(session)
            if not late:
                return closed
            async with self._database.write() as session:
                closed += await errands.give_up(session, zone=pack.timezone, now=self._clock.now())
