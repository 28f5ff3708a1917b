"""Every fault × every effect: nothing is lost, nothing is doubled, and what did not happen says why.

The clinic's clock is moved from one due effect to the next, so an outage of six hours takes a second.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

import wecom.api.contacts
import wecom.api.mass
import wecom.api.moments
import wecom.api.tags
from bot.syncing.reconciliation import Reconciliation
from clinic.effects import MarkTags, SendWelcome
from sop.effects import CreateTask
from sop.review import SETTLE
from store import outbox
from store.outbox import OutboxEffect
from store.vault import Vault
from tests.support.clinic import Clinic, running_clinic
from tests.support.databases import Templates
from tests.support.direct import befriend, draft_for, queue_drafts
from wecom.sandbox.faults import API_KINDS, CALLBACK_KINDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from content.pack import Pack

WELCOME, TAG = "externalcontact/send_welcome_msg", "externalcontact/mark_tag"
MOMENT, SEND = "externalcontact/add_moment_task", "externalcontact/add_msg_template"
APIS = {"welcome": WELCOME, "tag": TAG, "moment": MOMENT, "group": SEND, "mass": SEND}
EFFECTS = Counter(APIS.values())  # of each API
POSTS = ("moment", "group", "mass")
LISTS = ("externalcontact/get_moment_list", "externalcontact/get_groupmsg_list_v2")
KINDS = (SendWelcome.kind, MarkTags.kind, CreateTask.kind)
ADD = "change_external_contact.add_external_contact"
TAP = "template_card_event"
ENDS = {"welcome": ("welcome.sent", "welcome.missed"), "tag": ("tags.marked", "tags.missed")}
SOON = timedelta(seconds=5)
UNLISTED = 999_999  # an errcode that nobody documents
MOST_STEPS = 100
CARE = "洗牙后第三天啦，牙龈还有不舒服吗？有问题可以给我的助手留言。"
TIMEOUT_S, DELAY_S = 0.15, 0.4  # of the real clock: the client's patience, and how long WeCom takes
PLAIN_CHINESE = re.compile(r"[\u4e00-\u9fff]{4}")
INTERNAL = re.compile(r"Error|Exception|Traceback|access_token=|None")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What was begun: one of each effect, all at once."""

    clinic: Clinic
    patient: str  # greeted and tagged
    posts: dict[str, dict[str, Any]]

    async def settle(self, *, stride: timedelta = timedelta()) -> None:
        """Let time pass, from one due effect to the next, until none is open.

        Args:
            stride: pass over what is due within so much time of the last step, as a long outage does.
        """
        clinic = self.clinic
        for _ in range(MOST_STEPS):
            await clinic.sandbox.callbacks.idle()
            await clinic.runtime.worker.drain()
            await clinic.runtime.courier.drain()
            await clinic.until(self._wecom_is_done, what="WeCom has done what it was late with")
            due = await self._next_due()
            if due is None:
                break
            clinic.clock.advance_to(max(due, clinic.clock.now() + stride))
        else:
            raise AssertionError("effects never end")
        clinic.clock.advance(timedelta(minutes=1))
        await clinic.runtime.watcher.look()

    async def _next_due(self) -> datetime | None:
        async with self.clinic.runtime.database.read() as session:
            due: datetime | None = await session.scalar(
                select(func.min(OutboxEffect.not_before)).where(
                    OutboxEffect.kind.in_(KINDS), OutboxEffect.state.in_(outbox.OPEN)
                )
            )
        return due

    def _wecom_is_done(self) -> bool:
        return all(
            call.errcode is not None for call in self.clinic.tenant.journal.calls() if call.fault == "delay"
        )

    async def made(self, name: str) -> int:
        """Return how often the effect is there in the tenant."""
        tenant = self.clinic.tenant
        match name:
            case "welcome":
                phone = await self.clinic.phone("patients", self.patient)
                shown = [m for chat in phone["chats"] for m in chat["messages"] if m["origin"] == "welcome"]
                return sum(message["kind"] == "text" for message in shown)
            case "tag":
                return len(tenant.corp.follow("xiaohu", self.patient).tags)
            case "moment":
                return sum(m.text == self.posts["moment"]["text"] for m in tenant.moments._moments.values())
            case _:
                return sum(task.text == self.posts[name]["text"] for task in tenant.mass.tasks.values())

    async def told(self, name: str) -> tuple[str, str]:
        """Return what staff can read: how it stands (arrived or ended), and why."""
        if name in self.posts:
            post = await self.clinic.api("GET", f"/posts/{self.posts[name]['id']}")
            return ("arrived" if post["state"] == "awaiting_sender" else post["state"], post["reason"] or "")
        record = await self.clinic.api("GET", f"/patients/{self.patient}")
        [entry] = [entry for entry in record["timeline"] if entry["action"] in ENDS[name]]
        return ("arrived" if entry["action"] == ENDS[name][0] else "missed", entry["reason"])

    async def arrived_once(self, name: str) -> None:
        assert (await self.told(name))[0] == "arrived", (name, await self.told(name))
        assert await self.made(name) == 1, name

    async def ended_with_a_reason(self, name: str) -> None:
        state, reason = await self.told(name)
        assert state in {"missed", "failed", "expired"}, (name, state)
        assert PLAIN_CHINESE.search(reason), (name, reason)
        assert not INTERNAL.search(reason), (name, reason)
        assert await self.made(name) == 0, name

    def calls(self, name: str) -> list[Any]:
        """Return the calls of the effect's API: group messages and mass sends share one."""
        return self.clinic.journal(APIS[name])


def test_the_matrix_plays_every_kind_of_fault_that_the_sandbox_knows() -> None:
    played = Path(__file__).read_text()
    assert {kind for kind in API_KINDS | CALLBACK_KINDS if f'"{kind}"' not in played} == set()


@pytest.fixture
async def clinic(tmp_path: Path, started: Templates, pack: Pack) -> AsyncIterator[Clinic]:
    """On SQLite only: the courier's and the deliveries' decisions are the same on both databases."""
    with started.copy("sqlite", tmp_path) as url:
        async with running_clinic(url, pack) as running:
            yield running


async def planned(clinic: Clinic) -> dict[str, dict[str, Any]]:
    """Return a post of each kind of the assistant's, waiting for review."""
    week = [post for post in await clinic.plan() if post["persona"] == "assistant"]
    posts = {name: next(p for p in week if p["kind"] == name) for name in ("moment", "group")}
    friends = await befriend(clinic, "阿远", "安安")
    [posts["mass"]] = await queue_drafts(clinic, draft_for(clinic, friends))
    return posts


@asynccontextmanager
async def begun(
    clinic: Clinic,
    kind: str | None,
    *,
    times: int | None = 1,
    stride: timedelta = timedelta(),
    posts: dict[str, dict[str, Any]] | None = None,
    before: Callable[[], object] = lambda: None,
    **fault: Any,
) -> AsyncIterator[Case]:
    """Let the fault wait at every API, begin one of each effect, and settle."""
    posts = posts or await planned(clinic)
    clinic.tenant.journal.clear()
    for api, effects in EFFECTS.items() if kind else ():
        clinic.tenant.faults.add(kind, api, times=times and times * effects, **fault)
    for name, post in posts.items():
        posts[name] = await approved_for(clinic, post, clinic.clock.now() + SOON)
    before()
    added = await clinic.act("patient-adds-member", userid="xiaohu", state="front-desk", name="晓晴")
    clinic.clock.advance(SOON + timedelta(seconds=1))
    await clinic.runtime.clockwork.push_due()
    case = Case(clinic=clinic, patient=added["external_userid"], posts=posts)
    await case.settle(stride=stride)
    for name, api in APIS.items() if kind else ():
        assert sum(bool(call.fault) for call in case.calls(name)) >= EFFECTS[api], name
    yield case


async def approved_for(clinic: Clinic, post: dict[str, Any], hour: datetime) -> dict[str, Any]:
    path = f"/posts/{post['id']}"
    post = await clinic.api("PATCH", path, {"scheduled_at": hour.isoformat()})
    approved: dict[str, Any] = await clinic.api("POST", f"{path}/approve", {"digest": post["digest"]})
    return approved


PASSING = [
    pytest.param(-1, 2, set(), id="-1 twice"),
    pytest.param(45009, 1, {"welcome"}, id="45009, a minute longer than a welcome lives"),
    pytest.param(45033, 1, set(), id="45033"),
    pytest.param(40014, 2, set(), id="40014, a token revoked, and the fresh one too"),
    pytest.param(42001, 1, set(), id="42001, a token expired early"),
]


@pytest.mark.parametrize(("errcode", "times", "too_late"), PASSING)
async def test_a_passing_refusal_costs_nothing_and_doubles_nothing(
    clinic: Clinic, errcode: int, times: int, too_late: set[str]
) -> None:
    async with begun(clinic, "errcode", errcode=errcode, times=times) as case:
        for name in APIS:
            if name in too_late:
                await case.ended_with_a_reason(name)
            else:
                await case.arrived_once(name)


@pytest.mark.parametrize("errcode", [60020, 48002, UNLISTED])
async def test_a_lasting_refusal_ends_each_with_a_reason_after_one_call(clinic: Clinic, errcode: int) -> None:
    async with begun(clinic, "errcode", errcode=errcode, times=None) as case:
        for name in APIS:
            await case.ended_with_a_reason(name)
            assert f"错误码 {errcode}" in (await case.told(name))[1]
        assert {api: len(clinic.journal(api)) for api in EFFECTS} == EFFECTS
        async with clinic.http.get(f"{clinic.url}/metrics") as response:
            alarms = re.findall(r'xiaohu_alarms_total{name="wecom.unlisted"} (\S+)', await response.text())
        assert alarms == ([f"{sum(EFFECTS.values())}.0"] if errcode == UNLISTED else [])


async def test_an_outage_of_days_ends_each_with_a_reason(clinic: Clinic) -> None:
    async with begun(clinic, "errcode", errcode=-1, times=None, stride=timedelta(hours=4)) as case:
        for name in APIS:
            await case.ended_with_a_reason(name)


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
async def test_a_connection_that_breaks_before_or_after_the_act_leaves_exactly_one(
    clinic: Clinic, kind: str
) -> None:
    async with begun(clinic, kind) as case:
        for name in APIS:
            await case.arrived_once(name)


async def test_a_token_that_wecom_revokes_is_renewed_and_each_arrives_once(clinic: Clinic) -> None:
    posts = await planned(clinic)

    async with begun(clinic, None, posts=posts, before=clinic.tenant.tokens.revoke) as case:
        for name in APIS:
            await case.arrived_once(name)
        refused = [call.api for call in clinic.tenant.journal.calls() if call.errcode == 40014]
        assert refused, "nobody noticed"


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_storm_of_all_faults_doubles_nothing_and_says_what_it_cost(clinic: Clinic, seed: int) -> None:
    faults = clinic.tenant.faults
    faults._random.seed(seed)
    posts = await planned(clinic)

    def brew() -> None:
        for api in (*EFFECTS, *LISTS):
            for kind in ("reset_before", "reset_after", "errcode"):
                faults.add(kind, api, times=8, probability=0.3, errcode=-1)
        for kind in ("duplicate_callback", "hold_callback"):
            faults.add(kind, times=None, probability=0.3)

    async with begun(clinic, None, posts=posts, before=brew) as case:
        faults.clear()
        await clinic.act("member-enters-app", userid="chen.jing")  # what was held goes out with it
        await case.settle()
        for name in APIS:
            state, reason = await case.told(name)
            if state == "arrived":
                await case.arrived_once(name)
            elif name == "welcome" and "可能已经发出" in reason:
                assert await case.made(name) <= 1
            else:
                await case.ended_with_a_reason(name)
        struck = {call.fault for call in clinic.tenant.journal.calls() if call.fault}
        assert struck, "the storm passed by"


async def test_a_welcome_that_never_gets_an_answer_is_not_said_to_be_unsent(clinic: Clinic) -> None:
    clinic.tenant.faults.add("reset_after", WELCOME, times=None)

    case = await scanned(clinic, "晓晴")
    await case.settle()

    assert await case.made("welcome") == 1
    state, reason = await case.told("welcome")
    assert (state, "可能已经发出" in reason) == ("missed", True)


async def test_a_lost_answer_whose_task_wecom_lists_late_creates_no_second_one(clinic: Clinic) -> None:
    clinic.tenant.rules.list_lag_s = 50
    for api in LISTS:
        clinic.tenant.faults.add("errcode", api, times=2, errcode=-1)

    async with begun(clinic, "reset_after") as case:
        for name in POSTS:
            await case.arrived_once(name)
            assert len(case.calls(name)) == EFFECTS[APIS[name]]


async def test_an_answer_later_than_our_patience_leaves_exactly_one(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in (
        (wecom.api.contacts, "SEND_WELCOME"),
        (wecom.api.tags, "MARK"),
        (wecom.api.moments, "CREATE"),
        (wecom.api.mass, "CREATE"),
    ):
        monkeypatch.setattr(module, name, replace(getattr(module, name), timeout_s=TIMEOUT_S))

    async with begun(clinic, "delay", delay_s=DELAY_S) as case:
        for name in APIS:
            await case.arrived_once(name)
        # WeCom did it, so nothing was created again.
        assert {api: len(clinic.journal(api)) for api in (MOMENT, SEND)} == {MOMENT: 1, SEND: 2}


# -- callbacks ---------------------------------------------------------------------------------------------


async def scanned(clinic: Clinic, name: str) -> Case:
    added = await clinic.act("patient-adds-member", userid="xiaohu", state="front-desk", name=name)
    return Case(clinic=clinic, patient=added["external_userid"], posts={})


async def test_a_duplicated_callback_greets_and_tags_once(clinic: Clinic) -> None:
    clinic.tenant.faults.add("duplicate_callback", ADD)

    case = await scanned(clinic, "晓晴")
    await case.settle()

    for name in ("welcome", "tag"):
        await case.arrived_once(name)
        assert len(case.calls(name)) == 1


async def test_callbacks_out_of_order_greet_and_tag_everybody_once(clinic: Clinic) -> None:
    clinic.tenant.faults.add("hold_callback", ADD)

    cases = [await scanned(clinic, name) for name in ("晓晴", "阿远")]
    for case in cases:
        await case.settle()

    for case in cases:
        await case.arrived_once("welcome")
        await case.arrived_once("tag")


async def test_an_addition_that_is_told_after_its_end_does_not_bring_her_back(clinic: Clinic) -> None:
    clinic.tenant.faults.add("hold_callback", ADD)

    case = await scanned(clinic, "晓晴")
    await clinic.act("patient-deletes-member", userid="xiaohu", external_userid=case.patient)
    await case.settle()

    record = await clinic.api("GET", f"/patients/{case.patient}")
    assert [follow["lost_at"] is not None for follow in record["follows"]] == [True]
    assert await case.made("welcome") <= 1


async def test_an_addition_that_was_never_told_is_found_by_the_nightly_reading(
    clinic: Clinic, pack: Pack
) -> None:
    clinic.tenant.faults.add("drop_callback", ADD)
    case = await scanned(clinic, "晓晴")
    await case.settle()
    clinic.clock.advance(timedelta(hours=6))

    for _ in range(2):
        await Reconciliation(
            clinic.runtime.database,
            clinic.runtime.client,
            pack=pack,
            vault=Vault(clinic.settings.secret_key.get_secret_value()),
            clock=clinic.clock,
            public_url=clinic.settings.public_url,
        ).run()
        await case.settle()

    await case.arrived_once("tag")
    marked = [call for call in case.calls("tag") if call.body["external_userid"] == case.patient]
    assert len(marked) == 1
    assert case.calls("welcome") == [], "a greeting hours later"


async def test_a_server_that_answers_no_callback_in_time_gets_it_again(clinic: Clinic) -> None:
    # The first delivery meets a closed door (as during a restart), WeCom's second finds it open.
    url, clinic.sandbox.callbacks.url = clinic.sandbox.callbacks.url, "http://127.0.0.1:9/wecom/callback"
    case = await scanned(clinic, "晓晴")
    await clinic.until(lambda: clinic.sandbox.callbacks.log()[-1].attempts, what="the first delivery")
    clinic.sandbox.callbacks.url = url
    await case.settle()

    assert len(clinic.sandbox.callbacks.log()[-1].attempts) == 2
    await case.arrived_once("welcome")
    await case.arrived_once("tag")


TAPS = [
    pytest.param("duplicate_callback", id="duplicated"),
    pytest.param("hold_callback", id="delivered after the second reviewer's"),
    pytest.param("drop_callback", id="dropped, so the second reviewer taps"),
]


@pytest.mark.parametrize("fault", TAPS)
async def test_a_reviewers_tap_decides_once_and_each_post_becomes_one_task(
    clinic: Clinic, fault: str
) -> None:
    week = [post for post in await clinic.plan() if post["persona"] == "doctor-zhang"]
    posts = {name: next(p for p in week if p["kind"] == name) for name in ("moment", "group")}
    friends = await befriend(clinic, "阿远", userid="zhang.wei")
    draft = draft_for(clinic, friends, persona="doctor-zhang", sender="zhang.wei", text=CARE)
    [posts["mass"]] = await queue_drafts(clinic, draft)
    clinic.clock.advance(SETTLE)
    await clinic.runtime.courier.drain()
    clinic.tenant.faults.add(fault, TAP)

    await tap(clinic, "zhao.min")
    if fault != "duplicate_callback":
        await clinic.sandbox.callbacks.idle()
        await tap(clinic, "zhang.wei")
    await clinic.sandbox.callbacks.idle()
    await clinic.runtime.worker.drain()

    case = Case(clinic=clinic, patient="", posts=posts)
    for name in sorted(posts, key=lambda name: str(posts[name]["scheduled_at"])):
        post = await clinic.api("GET", f"/posts/{posts[name]['id']}")
        decider = "zhao.min" if fault == "duplicate_callback" else "zhang.wei"
        assert [(a["decision"], a["actor"]) for a in post["approvals"]] == [("approve", decider)]
        clinic.clock.advance_to(datetime.fromisoformat(post["scheduled_at"]) + timedelta(seconds=1))
        await clinic.runtime.clockwork.push_due()
        await case.settle()
        await case.arrived_once(name)


async def tap(clinic: Clinic, member: str) -> None:
    """Let a reviewer approve 张医生's week on the card."""

    async def card() -> Any:
        phone = await clinic.phone("members", member)
        cards = [m["card"] for m in phone["app_chat"]["messages"] if m.get("card")]
        week = [c for c in cards if "张医生" in c["card"]["main_title"]["title"] and not c["replaced"]]
        return next((c for c in week if "一对一" in str(c["card"])), None)

    shown = await clinic.until(card, what=f"the review card of {member}")
    await clinic.act("tap-card", userid=member, task_id=shown["task_id"], key="approve")
