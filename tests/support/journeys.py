"""Runs journeys in a test: plans from specs, patients by the dozen, and a clock that is told what time it is."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from clinic.care_tables import Todo
from clinic.tables import Follow, Member, Patient
from clinic.todos import TodoState
from clinic.todos import close as close_todo
from content.almanac.workdays import packaged_workdays
from content.plans.documents import digest_of
from content.plans.specs import Again, JourneyBody, Plan, Step, Trigger
from content.plans.writing import of_spec
from content.render import Renderer
from sop import pauses
from sop.journeys import timing, touch_life
from sop.journeys.engine import Engine
from sop.journeys.messages import Messages
from sop.journeys.ports import DONE, QUEUED, Contact, Due, Gathered, Made, Verdict
from sop.journeys.timing import Hours
from sop.journeys.wording import MassChannel
from sop.plan_tables import Enrolment, PlanVersion, StoredPlan, Touch
from sop.plans.book import PlanBook
from sop.roster import load_roster
from sop.tables import Post
from tests.support.checking import packaged_checker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from store.database import Database

# A Monday, 10:00 in Shanghai.
MONDAY = datetime(2026, 3, 2, 2, tzinfo=UTC)
TEXT = "洗牙后第三天啦，牙龈还有不舒服吗？有问题随时找小护。"


def hours(days: float = 0, **more: float) -> datetime:
    """Return a moment so long after Monday, 10:00."""
    return MONDAY + timedelta(days=days, **more)


def step(key: str = "day-3", channel: Any = "mass", **changes: Any) -> Step:
    values: dict[str, Any] = {"key": key, "channel": channel, "text": TEXT if channel == "mass" else ""}
    return Step(**(values | changes))


def journey(*steps: Step, key: str = "care", **changes: Any) -> Plan:
    body = {name: changes.pop(name) for name in list(changes) if name in JourneyBody.__slots__}
    body = {"trigger": (Trigger(kind="manual"),), "again": Again()} | body
    return Plan(key=key, kind="journey", title="洗牙回访", body=JourneyBody(steps=steps, **body), **changes)


class Does:
    """A channel that does what it is told at once, and remembers."""

    def __init__(self, state: str = DONE) -> None:
        self.state = state
        self.dues: list[Due] = []

    async def carry_out(self, session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> Sequence[Made]:
        self.dues += dues
        return [Made(state=self.state) for _ in dues]


class Allows:
    """Caps that allow everything but what a test says, and count what is recorded."""

    def __init__(self) -> None:
        self.judge: Callable[[Due], Verdict] = lambda _: Verdict()
        self.contacts: list[Contact] = []
        self.voided: set[int] = set()

    async def weigh(self, session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> Sequence[Verdict]:
        return [self.judge(due) for due in dues]

    async def record(self, session: AsyncSession, contacts: Sequence[Contact], *, now: datetime) -> None:
        self.contacts += contacts

    async def posted(self, session: AsyncSession, posts: Mapping[int, Sequence[int]]) -> None:
        pass

    async def settle(
        self, session: AsyncSession, *, made: Collection[int], void: Collection[int], now: datetime
    ) -> None:
        self.voided |= set(void)


class Nothing:
    """No approval was given for good."""

    async def approve(self, session: AsyncSession, posts: Sequence[Gathered], *, now: datetime) -> None:
        pass


class Journeys:
    """The engine on a database of its own; channels but ``mass`` remember what they were given."""

    def __init__(self, database: Database, pack: Pack) -> None:
        self.database, self.pack = database, pack
        self.hours = Hours(zone=pack.timezone, workdays=packaged_workdays())
        self.book, self.caps = PlanBook(), Allows()
        self.done = {
            "todo": Does(QUEUED),
            "kf": Does("sent"),
            "card": Does(),
            "tag": Does(),
            "stage": Does(),
            "survey": Does(QUEUED),
            "invite_group": Does(QUEUED),
        }
        renderer = Renderer()
        self.engine = Engine(
            pack=pack,
            hours=self.hours,
            book=self.book,
            caps=self.caps,
            pauses=pauses.load,
            channels={"mass": MassChannel(pack, renderer), **self.done},
        )
        self.messages = Messages(
            pack=pack,
            renderer=renderer,
            checker=packaged_checker(),
            hours=self.hours,
            book=self.book,
            caps=self.caps,
            standing=Nothing(),
            rosters=load_roster,
            public_url="https://clinic.example",
        )

    async def publish(self, plan: Plan) -> int:
        """Store a plan as published and return its version's id."""
        async with self.database.write() as session:
            stored = await session.get(StoredPlan, plan.key)
            if stored is None:
                stored = StoredPlan(
                    key=plan.key,
                    kind=plan.kind,
                    title=plan.title,
                    state="active",
                    version=0,
                    created_at=MONDAY,
                    changed_at=MONDAY,
                )
                session.add(stored)
                await session.flush()
            stored.version += 1
            version = PlanVersion(
                plan_key=plan.key,
                number=stored.version,
                document=of_spec(plan),
                digest=digest_of(plan),
                origin="staff",
                created_at=MONDAY,
                created_by="admin",
                published_at=MONDAY,
                published_by="admin",
            )
            session.add(version)
            await session.flush()
            return version.id

    async def patients(self, count: int = 1, *, userid: str = "xiaohu", first: int = 1) -> list[int]:
        """Record patients who have added a member; return their ids."""
        async with self.database.write() as session:
            return await people(session, count, userid=userid, first=first)

    async def enrol(
        self,
        plan: Plan,
        version_id: int,
        patient_ids: Sequence[int],
        *,
        at: datetime = MONDAY,
        now: datetime | None = None,
        userid: str = "xiaohu",
        fact: str = "manual:1",
    ) -> list[int]:
        """Let patients begin a journey."""
        first = timing.first_due(plan.journey, at, hours=self.hours, now=now or at)
        assert first is not None
        rows = [
            {
                "patient_id": patient_id,
                "plan_key": plan.key,
                "version_id": version_id,
                "fact": fact,
                "userid": userid,
                "state": "active",
                "step": first.step.key,
                "trigger_at": at,
                "due_at": first.due_at,
                "next_at": first.look_at,
                "started_at": now or at,
                "reason": "",
            }
            for patient_id in patient_ids
        ]
        async with self.database.write() as session:
            made = await session.execute(
                insert(Enrolment).returning(Enrolment.id, sort_by_parameter_order=True), rows
            )
            return list(made.scalars())

    async def begin(self, plan: Plan, count: int = 1, **changes: Any) -> list[int]:
        """Publish a plan and let new patients begin it; return their enrolments' ids."""
        return await self.enrol(plan, await self.publish(plan), await self.patients(count), **changes)

    async def run(self, now: datetime, *, limit: int = 500) -> int:
        """Tick until nothing is due and gather what is ready; return how many ticks."""
        ticks = 0
        while True:
            async with self.database.write() as session:
                ticked = await self.engine.tick(session, now=now, limit=limit)
            ticks += 1
            if not ticked.looked:
                break
        while True:
            async with self.database.write() as session:
                if not await self.messages.gather(session, now=now):
                    return ticks

    async def touches(self) -> list[Touch]:
        async with self.database.read() as session:
            return list(await session.scalars(select(Touch).order_by(Touch.enrolment_id, Touch.id)))

    async def told(self) -> list[tuple[str, str, str]]:
        """Return step, state and reason of each touch."""
        return [(touch.step, touch.state, touch.reason) for touch in await self.touches()]

    async def states(self) -> Counter[str]:
        return Counter(touch.state for touch in await self.touches())

    async def enrolments(self) -> list[Enrolment]:
        async with self.database.read() as session:
            return list(await session.scalars(select(Enrolment).order_by(Enrolment.id)))

    async def todos(self) -> list[Todo]:
        async with self.database.read() as session:
            return list(await session.scalars(select(Todo).order_by(Todo.id)))

    async def answer(self, *, done: bool, now: datetime) -> None:
        """Close the one open to-do, as the console does."""
        (todo,) = [one for one in await self.todos() if one.state == "open"]
        async with self.database.write() as session:
            state = TodoState.DONE if done else TodoState.DROPPED
            await close_todo(session, todo.id, by="xiaohu", now=now, state=state)
            await touch_life.follow_todo(session, todo.id, done=done, now=now)

    async def posts(self) -> list[Post]:
        async with self.database.read() as session:
            return list(await session.scalars(select(Post).order_by(Post.id)))


async def people(
    session: AsyncSession, count: int, *, userid: str = "xiaohu", first: int = 1, at: datetime = MONDAY
) -> list[int]:
    """Record patients who have added a member; return their ids."""
    if await session.get(Member, userid) is None:
        session.add(Member(userid=userid, name=userid, serves=True, seen_at=at))
    values = [
        {
            "external_userid": f"wm{number:030d}",
            "gender": 1 + number % 2,
            "stage": "added",
            "stage_at": at - timedelta(days=30),
            "first_seen_at": at - timedelta(days=30),
            "updated_at": at,
        }
        for number in range(first, first + count)
    ]
    made = await session.execute(insert(Patient).returning(Patient.id, sort_by_parameter_order=True), values)
    ids = list(made.scalars())
    await session.execute(
        insert(Follow),
        [
            {
                "patient_id": patient_id,
                "userid": userid,
                "channel": "front-desk",
                "first_added_at": at - timedelta(days=30),
                "added_at": at - timedelta(days=30),
                "changed_at": at - timedelta(days=30),
            }
            for patient_id in ids
        ],
    )
    return ids
