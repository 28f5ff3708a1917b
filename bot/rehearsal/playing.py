"""Playing the plans forward: the program's own ticks on a clock that jumps, people and staff as a model."""

from __future__ import annotations

import time as wall
from contextlib import suppress
from datetime import datetime, time, timedelta
from functools import partial
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from bot.rehearsal.patients import Agenda, Patients
from clinic import todos
from clinic.care_tables import Todo
from sop import decisions
from sop.life import NotPossible, PostState
from sop.roster import load_roster
from sop.tables import Post
from store import outbox
from store.outbox import OutboxEffect
from wecom.sandbox.people import Mistake

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.rehearsal.stage import Cast, StillClock
    from bot.runtime import Runtime
    from content.pack import Pack
    from sop.rehearsal.model import Behaviour
    from store.vault import Vault
    from wecom.sandbox.tenant import Tenant

# The hours at which something can happen; between them nothing is due that could not wait.
HOURS: Final = (
    time(8, 30),
    time(9, 30),
    time(10, 30),
    time(12, 30),
    time(14),
    time(16),
    time(18),
    time(19, 30),
    time(20, 30),
)
EVENING: Final = time(20, 30)
# A task waits for one that looks like it (a text, a sender) until that one is certain: here never for long.
ROUND: Final = timedelta(seconds=10)
ROUNDS: Final = 12
# What a rehearsal does not play: reading the tenant, codes, handovers and what only counts.
LEFT_OUT: Final = frozenset(
    {
        "read_tenant",
        "reconcile",
        "warm_media",
        "count",
        "watch_personas",
        "imports",
        "channel_codes",
        "channel_days",
        "handovers",
        "leavers",
        "group_care",
        "rule_care",
    }
)


class Play:
    """One rehearsal. Construct it on a settled stage and run it once."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        clock: StillClock,
        tenant: Tenant,
        pack: Pack,
        vault: Vault,
        cast: Cast,
        behaviour: Behaviour,
        seed: int,
        public_url: str,
    ) -> None:
        self._runtime = runtime
        self._clock = clock
        self._tenant = tenant
        self._pack = pack
        self._behaviour = behaviour
        self._dice = Random(f"play:{seed}")  # noqa: S311  (a model, no secret)
        self._agenda = Agenda()
        self._members = cast.members
        self._patients = Patients(
            runtime.database,
            clock=clock,
            tenant=tenant,
            pack=pack,
            vault=vault,
            people=cast.people,
            behaviour=behaviour,
            agenda=self._agenda,
            dice=self._dice,
            seed=seed,
            public_url=public_url,
        )
        self._seen_tasks = 0
        self._seen_moments: set[str] = set()
        self.seconds = 0.0

    async def run(self, start: datetime, days: int, *, watch: Callable[[int, int], None]) -> None:
        """Play ``days`` from ``start``; ``watch`` is told of each day that is over."""
        began = wall.perf_counter()
        zone = self._pack.timezone
        self._patients.expect(start, start + timedelta(days=days))
        first = start.astimezone(zone).date()
        for number in range(days):
            day = first + timedelta(days=number)
            for hour in HOURS:
                moment = datetime.combine(day, hour, tzinfo=zone)
                if moment >= start:
                    self._clock.move_to(moment)
                    await self._step(hour)
            watch(number + 1, days)
        self.seconds = wall.perf_counter() - began

    async def _step(self, hour: time) -> None:
        await self._patients.do(list(self._agenda.due(self._clock.now())))
        for tick in self._runtime.clockwork.ticks:
            if tick.name not in LEFT_OUT:
                await tick.job()
        await self._deliver()
        await self._review()
        self._tap()
        if hour == EVENING:
            await self._patients.react()
            await self._finish_errands()

    async def _deliver(self) -> None:
        """Deliver what is due, and what had to wait some seconds for a task that looked like it."""
        await self._runtime.courier.drain()
        for _ in range(ROUNDS):
            async with self._runtime.database.glance() as session:
                waits = select(OutboxEffect.id).where(
                    OutboxEffect.state == outbox.QUEUED,
                    OutboxEffect.not_before > self._clock.now(),
                    OutboxEffect.not_before <= self._clock.now() + ROUND,
                )
                if await session.scalar(waits.limit(1)) is None:
                    return
            self._clock.move_to(self._clock.now() + ROUND)
            await self._runtime.courier.drain()

    # ── staff ────────────────────────────────────────────────────────────────────────────────────────

    async def _review(self) -> None:
        """Let each reviewer decide what waits, as people do when a card comes: most is fine."""
        now = self._clock.now()
        async with self._runtime.database.write() as session:
            roster = await load_roster(session, self._pack)
            waiting: Sequence[Post] = (
                await session.scalars(
                    select(Post).where(Post.state == PostState.IN_REVIEW, Post.scheduled_at > now)
                )
            ).all()
            for post in waiting:
                reviewers = roster.reviewers(post.persona) or roster.managers()
                if not reviewers:
                    continue
                who = reviewers[post.id % len(reviewers)]
                # What must not be approved (no consent, a warning that nobody answers for) stays and expires.
                with suppress(NotPossible):
                    await self._decide(session, post, who)

    async def _decide(self, session: AsyncSession, post: Post, who: str) -> None:
        now = self._clock.now()
        if self._dice.random() < self._behaviour.approves:
            await decisions.approve(session, post.id, digest=post.digest, actor=who, via="card", now=now)
        else:
            await decisions.reject(
                session,
                post.id,
                digest=post.digest,
                actor=who,
                via="card",
                now=now,
                reason="预演：审核人退回",
            )

    def _tap(self) -> None:
        """Let members get to the tasks that are new on their phones."""
        now = self._clock.now()
        tasks = self._tenant.mass.tasks
        for msgid, task in islice(tasks.items(), self._seen_tasks, None):
            for userid in task.tasks:
                self._soon(now, partial(self._tap_mass, userid, msgid))
        self._seen_tasks = len(tasks)
        for userid in self._members:
            for moment in self._tenant.moments.of_member(userid):
                if moment.moment_id not in self._seen_moments:
                    self._seen_moments.add(moment.moment_id)
                    self._soon(now, partial(self._publish, userid, moment.moment_id))

    def _soon(self, now: datetime, what: Callable[[], None]) -> None:
        if self._dice.random() < self._behaviour.taps:
            wait = self._dice.randint(*self._behaviour.tap_wait)
            self._agenda.at(now + timedelta(minutes=wait), what)

    def _tap_mass(self, userid: str, msgid: str) -> None:
        try:
            self._tenant.mass.tap(userid, msgid)
        except Mistake:  # withdrawn before he came to it
            return

    def _publish(self, userid: str, moment_id: str) -> None:
        try:
            self._tenant.moments.publish(userid, moment_id)
        except Mistake:
            return

    async def _finish_errands(self) -> None:
        """Let colleagues do most of their to-dos of the day."""
        async with self._runtime.database.write() as session:
            rows = await session.scalars(select(Todo.id).where(Todo.state == "open").order_by(Todo.id))
            for todo_id in rows.all():
                if self._dice.random() < self._behaviour.does_todos:
                    await todos.close(session, todo_id, by="rehearsal", now=self._clock.now())
