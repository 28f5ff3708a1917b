"""Whatever the order of ticks, crashes and restarts: each step is pushed at most once, and ends in a stated state."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update

from clinic import todos
from clinic.care_tables import SurveyAnswer, Todo
from clinic.tables import Follow, Patient
from content.plans.specs import After, Condition, Late, Stop, Variant, Way
from sop import decisions, pauses, push, receipts
from sop.journeys import touch_life, withdrawing
from sop.journeys.ports import QUEUED, Made
from sop.life import PostState
from sop.plan_tables import Touch
from sop.posts import get_post
from sop.receipts import Look, Seen
from sop.tables import Post, Push
from store.database import Database
from tests.support.journeys import MONDAY, Journeys, journey, step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from sop.journeys.ports import Due
    from tests.support.databases import Templates

PLAN = journey(
    step("hello", "todo", after=After(hours=1), late=Late(hours=12)),
    step(
        "day-1",
        after=After(days=1),
        at=time(10),
        variants=(
            Variant(key="a", share=1, text="今天好些了吗？"),
            Variant(key="b", share=2, text="还疼吗？"),
        ),
    ),
    step("fork", "branch", after=After(days=2), ways=(Way(go="women", when=Condition(gender=2)),)),
    step("all", after=After(days=3), at=time(19), late=Late(kind="skip")),
    step("women", after=After(days=3), at=time(20), late=Late(kind="ask")),
    step("mark", "tag", after=After(days=4)),
    stops=(Stop(on="replied"),),
    max_contacts=3,
)


class Crash(Exception):
    """The process dies here."""


class Asks:
    """Hands a step to staff, by a row that a rollback takes back."""

    async def carry_out(self, session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> Sequence[Made]:
        made = []
        for due in dues:
            fresh = await todos.ask(
                session, key=due.key, kind="touch", assignee="xiaohu", title=due.why, body="", now=now
            )
            assert fresh, "the same step was handed over twice"
            todo_id = await session.scalar(select(Todo.id).where(Todo.key == due.key))
            made.append(Made(state=QUEUED, todo_id=todo_id))
        return made


class Story(RuleBasedStateMachine):
    """One clinic, a few patients, and everything that may happen to them in any order."""

    pack: Pack
    templates: Templates

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.copy = self.templates.copy("sqlite", Path(self.folder.name))
        self.database = Database(self.copy.__enter__())
        self.now = MONDAY
        self.sent: Counter[tuple[str, str]] = Counter()
        self.people = 0
        self.restart()

    def teardown(self) -> None:
        try:
            self.runner.run(self._to_the_end())
        finally:
            self.runner.run(self.database.close())
            self.copy.__exit__(None, None, None)
            self.folder.cleanup()
            self.runner.close()

    @rule()
    def restart(self) -> None:
        self.journeys = Journeys(self.database, self.pack)
        self.journeys.engine._channels |= {"todo": Asks()}  # type: ignore[operator]

    @initialize()
    def publish(self) -> None:
        self.version = self.runner.run(self.journeys.publish(PLAN))
        self.enrol(2)

    @rule(count=st.integers(1, 3))
    @precondition(lambda self: self.people < 8)
    def enrol(self, count: int) -> None:
        async def work() -> None:
            ids = await self.journeys.patients(count, first=self.people + 1)
            await self.journeys.enrol(PLAN, self.version, ids, at=self.now)

        self.runner.run(work())
        self.people += count

    @rule(hours=st.sampled_from([1, 3, 8, 13, 24, 40]))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(limit=st.sampled_from([1, 2, 500]), crash=st.booleans())
    def tick(self, limit: int, crash: bool) -> None:
        self._in_transaction(
            lambda session: self.journeys.engine.tick(session, now=self.now, limit=limit), crash=crash
        )

    @rule(crash=st.booleans())
    def gather(self, crash: bool) -> None:
        self._in_transaction(
            lambda session: self.journeys.messages.gather(session, now=self.now), crash=crash
        )

    @rule()
    def two_ticks_at_once(self) -> None:
        async def one() -> None:
            async with self.database.write() as session:
                await self.journeys.engine.tick(session, now=self.now)

        async def work() -> None:
            await asyncio.gather(one(), one())

        self.runner.run(work())

    @rule(verb=st.sampled_from([decisions.approve, decisions.approve, decisions.reject, decisions.cancel]))
    def review(self, verb: Callable[..., Awaitable[Post]]) -> None:
        async def work(session: AsyncSession) -> None:
            for post in await session.scalars(select(Post).where(Post.state == PostState.IN_REVIEW)):
                if post.scheduled_at > self.now:
                    await verb(
                        session, post.id, digest=post.digest, actor="admin", via="console", now=self.now
                    )

        self._in_transaction(work)

    @rule(outcome=st.sampled_from(["sent", "waiting", "capped", "untapped", "refused"]))
    def push(self, outcome: str) -> None:
        self.runner.run(self._push(outcome))

    @rule(which=st.integers(0, 7), how=st.sampled_from(["reply", "leave"]))
    def something_happens(self, which: int, how: str) -> None:
        async def work(session: AsyncSession) -> None:
            patient = await session.scalar(select(Patient.id).order_by(Patient.id).offset(which).limit(1))
            if patient is None:
                return
            if how == "leave":
                await session.execute(
                    update(Follow).where(Follow.patient_id == patient).values(lost_at=self.now)
                )
                return
            number = f"{patient}:{self.now.timestamp()}"
            if await session.scalar(select(SurveyAnswer.id).where(SurveyAnswer.number == number)) is None:
                session.add(
                    SurveyAnswer(patient_id=patient, survey="s", number=number, answers={}, at=self.now)
                )

        self._in_transaction(work)

    @rule(on=st.booleans())
    def kill_switch(self, on: bool) -> None:
        async def work(session: AsyncSession) -> None:
            if on:
                await pauses.throw(session, "all", pack=self.pack, by="admin", reason="", now=self.now)
            else:
                await pauses.lift(session, "all", by="admin", now=self.now)

        self._in_transaction(work)

    @rule(done=st.booleans())
    def close_todos(self, done: bool) -> None:
        async def work(session: AsyncSession) -> None:
            for todo in await session.scalars(select(Todo).where(Todo.state == "open")):
                state = todos.TodoState.DONE if done else todos.TodoState.DROPPED
                await todos.close(session, todo.id, by="xiaohu", now=self.now, state=state)
                await touch_life.follow_todo(session, todo.id, done=done, now=self.now)

        self._in_transaction(work)

    # ── what stands behind it ──────────────────────────────────────────────────────────────────────────

    def _in_transaction(self, work: Callable[[Any], Awaitable[object]], *, crash: bool = False) -> None:
        async def run() -> None:
            with suppress(Crash):
                async with self.database.write() as session:
                    await work(session)
                    await session.flush()
                    if crash:
                        raise Crash

        self.runner.run(run())

    async def _push(self, outcome: str) -> None:
        """Let due posts go out: to whom they are for now, as the courier and the watcher do it."""
        async with self.database.write() as session:
            await push.expire_unreviewed(session, now=self.now)
            await push.start_due(session, now=self.now)
            creating = list(await session.scalars(select(Post.id).where(Post.state == PostState.CREATING)))
        for post_id in creating:
            async with self.database.write() as session:
                post = await get_post(session, post_id, lock=True)
                left = await withdrawing.remaining(session, post, pack=self.pack, now=self.now)
                await withdrawing.note(session, post, left.withdrawn, now=self.now)
                if not left.external_userids:
                    await push.end(session, post, PostState.CANCELLED, now=self.now, reason="没有收件人了")
                elif outcome == "refused":
                    await push.end(session, post, PostState.FAILED, now=self.now, reason="企业微信拒绝了任务")
                else:
                    await self._task(session, post, left.external_userids, outcome)

    async def _task(self, session: AsyncSession, post: Post, people: Sequence[str], outcome: str) -> None:
        row = await push.created(session, post, now=self.now, remote_id=f"msg-{post.id}")
        if outcome == "untapped":
            await receipts.record(session, row.id, Look(tapped=False), now=row.expires_at)
            return
        self.sent.update((post.step, who) for who in people if outcome == "sent")
        look = Look(tapped=True, rows=tuple(Seen(recipient=who, status=outcome) for who in people))
        await receipts.record(session, row.id, look, now=self.now)
        await receipts.record(session, row.id, look, now=self.now + timedelta(minutes=11))

    async def _to_the_end(self) -> None:
        """Let all that is under way come to its end, and look at what was made of it."""
        async with self.database.write() as session:
            await pauses.lift(session, "all", by="admin", now=self.now)
        for _ in range(15):
            await self.journeys.run(self.now)
            await self._push("sent")
            self.now += timedelta(hours=13)
        async with self.database.write() as session:
            for todo in await session.scalars(select(Todo).where(Todo.state == "open")):
                await touch_life.follow_todo(session, todo.id, done=True, now=self.now)
        assert max(self.sent.values(), default=0) <= 1
        for enrolment in await self.journeys.enrolments():
            assert enrolment.state in ("done", "stopped", "goal"), enrolment.state
            assert enrolment.reason
        async with self.database.read() as session:
            reached = await session.execute(
                select(Touch.step, Patient.external_userid)
                .join(Patient, Patient.id == Touch.patient_id)
                .where(Touch.channel == "mass", Touch.state == "sent")
            )
            assert Counter((key, who) for key, who in reached) == self.sent
            assert await session.scalar(select(Push.id).where(Push.closed_at.is_(None)).limit(1)) is None
        by_enrolment: dict[int, list[str]] = {}
        for touch in await self.journeys.touches():
            assert touch.state in touch_life.ENDS, (touch.step, touch.state, touch.reason)
            assert touch.reason or touch.state in ("sent", "done"), (touch.step, touch.state)
            by_enrolment.setdefault(touch.enrolment_id, []).append(touch.step)
        order = [one.key for one in PLAN.journey.steps]
        for enrolment in await self.journeys.enrolments():
            steps = by_enrolment.get(enrolment.id, [])
            passed = [key for key in order if key in steps]
            assert len(steps) == len(set(steps))
            if enrolment.state == "done":  # every step of her way has its touch
                assert passed in (order, [key for key in order if key != "all"])


@contextmanager
def _given(pack: Pack, templates: Templates) -> Iterator[None]:
    Story.pack, Story.templates = pack, templates
    yield


def test_every_step_is_pushed_at_most_once_and_ends_in_a_stated_state(
    pack: Pack, templates: Templates
) -> None:
    with _given(pack, templates):
        run_state_machine_as_test(
            Story,
            settings=settings(
                max_examples=int(os.environ.get("XIAOHU_TEST_STORIES", "5")),
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
