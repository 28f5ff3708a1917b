"""A power cut at the worst moment: nothing is lost, nothing is sent twice.

A real process (``python -m bot serve``) is killed with SIGKILL between the 200 and the handling, and between
WeCom's act and its answer; another one is started on the same database.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from sqlalchemy import select

from clinic.effects import SendWelcome
from clinic.tables import Patient
from sop.effects import CreateTask
from sop.tables import Push
from store import inbox, outbox
from store.database import Database
from store.inbox import InboxEvent
from store.outbox import OutboxEffect
from tests.support.process import Program, Wire, served_program, until
from wecom.sandbox.rules import Rules
from wecom.sandbox.server import Sandbox, running_sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

pytestmark = pytest.mark.timeout(480)  # cold starts of a process, several per test, on a busy machine

WELCOME = "externalcontact/send_welcome_msg"
MARK = "externalcontact/mark_tag"
MASS = "externalcontact/add_msg_template"
MOMENT = "externalcontact/add_moment_task"
CREATING_APIS = [
    pytest.param("group", MASS, id="a group message"),
    pytest.param("moment", MOMENT, id="a moment"),
]
BURSTS = (60, 300, 900)
TOO_OLD = 41050  # WeCom counts the 20 s from the scan, we from the callback
SOON = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The program, its tenant, the wire between them, and a look into its database from outside."""

    program: Program
    sandbox: Sandbox
    wire: Wire
    database: Database

    async def rows(self, statement: Any) -> Sequence[Any]:
        async with self.database.read() as session:
            return (await session.scalars(statement)).all()

    async def effects(self, kind: str) -> Sequence[OutboxEffect]:
        return await self.rows(select(OutboxEffect).where(OutboxEffect.kind == kind))

    async def everything_done(self) -> None:
        """Wait until no event and no effect waits any more (a lease of a dead process lasts 3 min at most)."""
        try:
            await until(self.nothing_open, what="nothing is open", within_s=240)
        except AssertionError as exc:
            raise AssertionError(f"{exc}: {await self.open_rows()}") from exc

    async def nothing_open(self) -> bool:
        return not await self.open_rows()

    async def open_rows(self) -> list[tuple[Any, ...]]:
        """Return what waits: kind, state, attempts, until when it waits, and its error."""
        events = await self.rows(select(InboxEvent).where(InboxEvent.state.in_(inbox.PENDING)))
        effects = await self.rows(select(OutboxEffect).where(OutboxEffect.state.in_(outbox.OPEN)))
        return [
            *(("event", row.state, row.attempts, row.next_at, row.error) for row in events),
            *(
                (row.kind, row.state, row.attempts, row.not_before, row.leased_until, row.error)
                for row in effects
            ),
        ]

    def calls(self, api: str) -> list[Any]:
        return list(self.sandbox.tenant.journal.calls(api))

    async def welcomes(self, external_userid: str) -> int:
        """Return how many welcome texts her phone shows."""
        url = f"{self.sandbox.api_base}/sandbox/api/phones/patients/{external_userid}"
        async with self.program.http.get(url) as response:
            chats = (await response.json())["chats"]
        messages = [message for chat in chats for message in chat["messages"]]
        return sum(message["origin"] == "welcome" and message["kind"] == "text" for message in messages)

    async def tags(self, external_userid: str) -> list[str]:
        follows = self.sandbox.tenant.corp.follows_of_member["xiaohu"]
        return list(follows[external_userid].tags)

    async def approved_post(self, kind: str) -> dict[str, Any]:
        """Plan the week and let one post of this kind be due in a moment."""
        planned = await self.program.api("POST", "/plans/week", {}, expect=(200, 201))
        post = next(p for p in planned["items"] if p["kind"] == kind)
        hour = (datetime.now(UTC) + SOON).isoformat()
        post = await self.program.api("PATCH", f"/posts/{post['id']}", {"scheduled_at": hour})
        return await self.program.api("POST", f"/posts/{post['id']}/approve", {"digest": post["digest"]})

    async def state_of(self, post_id: int, *states: str) -> dict[str, Any]:
        """Wait until the post stands in one of ``states``."""

        async def there() -> Any:
            post = await self.program.api("GET", f"/posts/{post_id}")
            return post if post["state"] in states else None

        return await until(there, what=f"post {post_id} in {states}")

    def tasks(self, kind: str, text: str) -> list[str]:
        """Return the ids of the tasks with this text that exist in the tenant."""
        tenant = self.sandbox.tenant
        if kind == "moment":
            return [m.moment_id for m in tenant.moments._moments.values() if m.text == text]
        return [task.msgid for task in tenant.mass.tasks.values() if task.text == text]


@pytest.fixture
async def scene(database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with (
        running_sandbox(callback_url=None, rules=Rules(dispatch_s=0, moment_job_s=0)) as sandbox,
        Wire(sandbox.api_base).running() as wire,
        served_program(sandbox, database_url=database_url, cwd=tmp_path, api_base=wire.url) as program,
        looking_into(database_url) as database,
    ):
        yield Scene(program=program, sandbox=sandbox, wire=wire, database=database)


@asynccontextmanager
async def looking_into(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    try:
        yield database
    finally:
        await database.close()


async def burst_and_kill(scene: Scene) -> list[str]:
    """Let a crowd scan the front desk's code and kill the program as soon as WeCom has every 200.

    A bigger crowd comes when the program was so fast that nothing was left to be handled.
    """
    for size in BURSTS:
        crowd = [scene.sandbox.tenant.patient_scans("xiaohu", state="front-desk")[0] for _ in range(size)]
        await scene.sandbox.callbacks.idle(timeout_s=60)
        await scene.program.sigkill()
        answers = {d.attempts[-1].status for d in scene.sandbox.callbacks.log()}
        assert answers == {200}
        if await scene.rows(select(InboxEvent.id).where(InboxEvent.state == inbox.NEW).limit(1)):
            return [patient.external_userid for patient in crowd]
        await scene.program.start()
    raise AssertionError("no burst was big enough to be killed in")


async def test_a_kill_between_the_200_and_the_handling_loses_and_repeats_nothing(scene: Scene) -> None:
    crowd = await burst_and_kill(scene)
    under_way = {
        effect.payload["external_userid"]
        for effect in await scene.rows(select(OutboxEffect).where(OutboxEffect.state == outbox.SENDING))
    }

    await scene.program.start()
    await scene.everything_done()

    assert {row.state for row in await scene.rows(select(InboxEvent))} == {inbox.DONE}
    assert set(crowd) <= set(await scene.rows(select(Patient.external_userid)))
    assert {len(await scene.tags(patient)) for patient in crowd} == {1}
    marked = Counter(call.body["external_userid"] for call in scene.calls(MARK))
    assert set(crowd) <= set(marked)
    # A mark that was under way at the kill is made again (marking twice is marking once); no other is.
    assert {patient for patient, times in marked.items() if times > 1} <= under_way
    greeted = {
        effect.payload["external_userid"]: (effect.state, effect.errcode)
        for effect in await scene.effects(SendWelcome.kind)
    }
    shown = {patient: await scene.welcomes(patient) for patient in crowd}
    # Whose 20 s were over before the restart is told in her timeline; everybody else is greeted once.
    told = {(outbox.SENT, None), (outbox.EXPIRED, None), (outbox.REFUSED, TOO_OLD)}
    assert {greeted[patient] for patient in crowd} <= told
    assert max(shown.values()) == 1
    sent = {patient for patient in crowd if greeted[patient] == (outbox.SENT, None)}
    assert sent <= {patient for patient in crowd if shown[patient]}
    assert sent


@pytest.mark.parametrize(("kind", "api"), CREATING_APIS)
async def test_a_kill_before_the_answer_finds_the_task_and_creates_no_second_one(
    scene: Scene, kind: str, api: str
) -> None:
    held = scene.wire.hold_answer(api)
    post = await scene.approved_post(kind)
    await held.reached()
    assert len(scene.tasks(kind, post["text"])) == 1
    await scene.program.sigkill()
    held.cut()

    await scene.program.start()
    await scene.state_of(post["id"], "awaiting_sender")

    assert len(scene.calls(api)) == 1
    [task] = scene.tasks(kind, post["text"])
    [push] = await scene.rows(select(Push).where(Push.post_id == post["id"]))
    assert push.remote_id == task
    # Settled for good: nothing is left that could make a second one in a minute or an hour.
    [effect] = await scene.effects(CreateTask.kind)
    found = {"remote_id": task, "found": True, "unreachable": []}
    assert (effect.state, effect.result) == (outbox.SENT, found)


@pytest.mark.parametrize(("kind", "api"), CREATING_APIS)
async def test_a_kill_before_wecom_acted_is_not_taken_for_absence_at_first_sight(
    scene: Scene, kind: str, api: str
) -> None:
    held = scene.wire.hold_request(api)
    post = await scene.approved_post(kind)
    await held.reached()
    await scene.program.sigkill()
    held.cut()
    killed_at = datetime.now(UTC)

    await scene.program.start()

    async def looked() -> Any:
        return [effect for effect in await scene.effects(CreateTask.kind) if effect.looks == 1]

    [effect] = await until(looked, what="the first look")
    assert effect.state == outbox.UNKNOWN
    assert effect.not_before - killed_at > timedelta(seconds=60)
    assert scene.calls(api) == []
    assert (await scene.state_of(post["id"], "unknown", "creating"))["state"] == "unknown"


async def test_a_kill_before_the_answer_to_a_welcome_greets_her_once(scene: Scene) -> None:
    held = scene.wire.hold_answer(WELCOME)
    patient = scene.sandbox.tenant.patient_scans("xiaohu", state="front-desk")[0].external_userid
    await held.reached()
    await scene.program.sigkill()
    held.cut()

    await scene.program.start()
    await scene.everything_done()

    assert await scene.welcomes(patient) == 1
    assert [call.errcode for call in scene.calls(WELCOME)] in ([0, 41051], [0])
    assert len(await scene.tags(patient)) == 1


async def test_a_kill_before_the_answer_to_a_mark_leaves_her_tagged_and_recorded(scene: Scene) -> None:
    held = scene.wire.hold_answer(MARK)
    patient = scene.sandbox.tenant.patient_scans("xiaohu", state="front-desk")[0].external_userid
    await held.reached()
    await scene.program.sigkill()
    held.cut()

    await scene.program.start()
    await scene.everything_done()

    assert len(await scene.tags(patient)) == 1
    record = await scene.program.api("GET", f"/patients/{patient}")
    assert [tag["name"] for tag in record["tags"]] == ["前台扫码"]
    assert [entry["action"] for entry in record["timeline"]].count("tags.marked") == 1


async def takes_no_callbacks(program: Program) -> bool:
    try:
        async with program.http.get(f"{program.url}/healthz"):
            return False
    except aiohttp.ClientError:
        return True


async def test_sigterm_finishes_what_is_under_way_and_exits_with_0(scene: Scene) -> None:
    held = scene.wire.hold_answer(MASS)
    post = await scene.approved_post("group")
    await held.reached()

    stopping = asyncio.create_task(scene.program.sigterm(within_s=10))
    await until(lambda: takes_no_callbacks(scene.program), what="it takes no more callbacks")
    held.release()

    assert await stopping == 0
    [effect] = await scene.effects(CreateTask.kind)
    assert (effect.state, effect.result["remote_id"]) == (outbox.SENT, *scene.tasks("group", post["text"]))


async def test_sigterm_does_not_wait_for_an_answer_that_never_comes(scene: Scene) -> None:
    held = scene.wire.hold_answer(MASS)
    post = await scene.approved_post("group")
    await held.reached()

    assert await scene.program.sigterm(within_s=10) == 0
    held.cut()

    await scene.program.start()
    await scene.state_of(post["id"], "awaiting_sender")
    assert len(scene.tasks("group", post["text"])) == 1
