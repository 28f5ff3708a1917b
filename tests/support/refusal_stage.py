"""What a refusal is tested on: a tenant of its own with people who cannot be asked, and how it looks."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from typing import Any, TypeAlias

from aiohttp import ClientSession

from tests.support.sandbox_driver import FrozenClock, mp4, picture
from tests.support.wecom_rows import rows
from wecom.api.mass import MassSend
from wecom.api.moments import MomentTask
from wecom.cards import Button, ButtonInteraction
from wecom.client import Credentials, WeComClient, open_session
from wecom.errors import Refused
from wecom.messages import Message, Text
from wecom.sandbox import Rules, Sandbox, running_sandbox
from wecom.sandbox.rules import CHINA
from wecom.sandbox.state import Member
from wecom.sandbox.tenant import Tenant

HIDDEN, IDLE, ASLEEP, GONE = "hidden.one", "idle.one", "asleep.one", "gone.one"
LEFT_OUT = frozenset({"_corp", "_service", "ids", "clock", "rules", "credentials", "emit_event", "changed"})
PARTS = (
    "corp",
    "people",
    "identity",
    "mass",
    "moments",
    "messages",
    "media",
    "ways",
    "joins",
    "links",
    "tags",
    "templates",
    "transfers",
    "kf",
    "intercepts",
    "knowledge",
    "remote",
)
API = {f"{row.group}.{row.method}": row.path for row in rows()}
ATOMS = (str, int, float, bool, bytes, datetime, timedelta, Enum, type(None))


@dataclass
class Stage:
    """One tenant and a client of it. HIDDEN is out of the app's sight, IDLE may serve no customers, ASLEEP
    is not activated, GONE has left.
    """

    sandbox: Sandbox
    client: WeComClient
    other_client: Callable[..., WeComClient]
    http: ClientSession  # for what no client would send
    patient: str = ""  # a friend of xiaohu's
    stranger: str = ""  # whom nobody knows
    kfid: str = ""

    @property
    def tenant(self) -> Tenant:
        return self.sandbox.tenant

    @property
    def rules(self) -> Rules:
        return self.tenant.rules

    @property
    def now(self) -> datetime:
        return self.tenant.clock.now()

    def later(self, **span: float) -> None:
        self.tenant.advance(timedelta(**span).total_seconds())

    def day(self, ago: int) -> datetime:
        """Return China's midnight of so many days ago."""
        return self.now.astimezone(CHINA).replace(hour=0, minute=0, second=0) - timedelta(days=ago)

    async def image(self) -> str:
        return (await self.client.media.upload("image", "a.png", picture(), "image/png")).media_id

    async def moment_image(self, *, album: bool = False) -> str:
        upload = self.client.media.upload_attachment
        return (
            await upload("image", "a.png", picture(), "image/png", attachment_type=2 if album else 1)
        ).media_id

    async def video(self) -> str:
        return (await self.client.media.upload("video", "a.mp4", mp4(), "video/mp4")).media_id

    async def mass(self) -> str:
        """Return the msgid of a fresh task of xiaohu's."""
        send = MassSend(chat_type="single", sender="xiaohu", text="周六义诊")
        return (await self.client.mass.create(send)).msgid

    async def moment(self, *, published: bool = False) -> str:
        """Return the id of a moment of xiaohu's."""
        jobid = await self.client.moments.create(MomentTask(text="护牙两分钟", userids=("xiaohu",)))
        job = await self.client.moments.job_result(jobid)
        assert job.result is not None
        if published:
            self.tenant.moments.publish("xiaohu", job.result.moment_id)
        return job.result.moment_id

    async def message(self) -> str:
        text = Message(content=Text(content="今日待发 3 条"), to_users=("chen.jing",))
        return (await self.client.messages.send(text)).msgid

    async def card(self, task_id: str = "t-1") -> str:
        """Send a card to chen.jing and return its response code."""
        message = Message(content=a_card(task_id), to_users=("chen.jing",))
        return (await self.client.messages.send(message)).response_code

    async def desk(self, *words: str) -> str:
        """Open 微信客服 with two servicers; the patient has entered, and written ``words``. Return its id."""
        self.kfid = self.tenant.kf.open("微笑口腔客服", "").open_kfid
        account = self.tenant.kf.accounts[self.kfid]
        for userid in ("xiaohu", "sun.yue"):
            assert self.tenant.kf.add_servicer(account, userid) == 0
        self.tenant.desk.enter(self.kfid, self.patient)
        for text in words:
            self.write(text)
        return self.kfid

    def write(self, text: str = "在吗") -> None:
        self.tenant.desk.write(self.kfid, self.patient, "text", {"content": text})

    def look(self) -> Any:
        """Return how the tenant looks: everything an API call may change. Counters of calls are not."""
        self.tenant.settle()  # what is due happens by itself, whoever calls next
        for account in self.tenant.kf.accounts.values():
            for some_id in account.chats:
                self.tenant.kf.session(account, some_id)
        seen: set[int] = set()
        return {part: _look(getattr(self.tenant, part), seen) for part in PARTS}


def a_card(task_id: str = "t-1") -> ButtonInteraction:
    return ButtonInteraction(title="待审批", task_id=task_id, buttons=(Button(text="通过", key="ok"),))


def _look(value: Any, seen: set[int]) -> Any:
    if isinstance(value, ATOMS):
        return value
    if id(value) in seen:
        return "seen"
    seen.add(id(value))
    if isinstance(value, Mapping):
        return [(key, _look(one, seen)) for key, one in list(value.items())]
    if isinstance(value, list | tuple | deque):
        return [_look(one, seen) for one in value]
    if isinstance(value, AbstractSet):
        return sorted(map(str, value))
    return _look_inside(value, seen) if type(value).__module__.startswith("wecom.sandbox") else "outside"


def _look_inside(value: Any, seen: set[int]) -> Any:
    names = [field.name for field in fields(value)] if is_dataclass(value) else list(vars(value))
    # Calls without a token are counted, as rates are.
    wanted = [name for name in names if name not in LEFT_OUT and name != "_untokened"]
    return type(value).__name__, [(name, _look(getattr(value, name), seen)) for name in wanted]


@asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """Serve a small clinic on a socket; nothing in it takes time unless a rule is changed."""
    rules = Rules(dispatch_s=0.0, moment_job_s=0.0)
    async with running_sandbox(now=FrozenClock(), callback_url=None, rules=rules) as sandbox:
        sandbox.tenant.rules.callbacks_configured = True
        people, members = sandbox.tenant.people, sandbox.tenant.corp.members
        for member in (
            Member(userid=HIDDEN, name="隐", visible=False),
            Member(userid=IDLE, name="闲", contact_enabled=False),
            Member(userid=ASLEEP, name="睡", verified=False),
            Member(userid=GONE, name="去"),
        ):
            members[member.userid] = member
        sandbox.tenant.transfers.leave(GONE)
        async with open_session() as session:
            client = partial(_client, session, sandbox)
            stage = Stage(sandbox, client(), client, session)
            stage.patient = next(iter(sandbox.tenant.corp.follows_of_member["xiaohu"]))
            stage.stranger = people.create_patient("路人").external_userid
            yield stage


def _client(session: Any, sandbox: Sandbox, *, agent_id: int | None = None) -> WeComClient:
    connection = sandbox.connection
    credentials = Credentials(
        corp_id=connection["corp_id"],
        secret=connection["secret"],
        agent_id=int(connection["agent_id"]) if agent_id is None else agent_id,
    )
    return WeComClient(session, api_base=sandbox.api_base, credentials=credentials)


Given: TypeAlias = Callable[[Stage], Awaitable[Any] | Any]
Act: TypeAlias = Callable[[Stage, Any], Awaitable[Any] | Any]


async def _nothing(_: Stage) -> None:
    """Nothing needs to be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One documented refusal: after ``given``, ``act`` ends with ``error``.

    ``errcode`` None: the client refuses before any call, and ``says`` names the field.
    """

    method: str  # such as mass.create
    errcode: int | None
    when: str
    act: Act
    given: Given = _nothing
    error: type[Exception] = Refused
    says: str = ""
    answered: int | None = None  # WeCom's errcode where the client refuses what came; else ``errcode``

    @property
    def api(self) -> str:
        """The endpoint's path, such as externalcontact/add_msg_template."""
        return API[self.method]

    @property
    def name(self) -> str:
        return f"{self.method}-{self.errcode or self.says}-{self.when}".replace(" ", "_")


def refuses(
    method: str,
    errcode: int,
    when: str,
    act: Act,
    *,
    given: Given = _nothing,
    error: type[Exception] = Refused,
    answered: int | None = None,
) -> Case:
    """Say that WeCom refuses a call."""
    return Case(
        method=method, errcode=errcode, when=when, act=act, given=given, error=error, answered=answered
    )


def forbids(method: str, says: str, when: str, act: Act) -> Case:
    """Say that the client refuses a call by itself, and names the field in what it ``says``."""
    return Case(method=method, errcode=None, when=when, act=act, error=ValueError, says=says)


async def drain(pages: AsyncIterator[Any]) -> list[Any]:
    return [one async for one in pages]
