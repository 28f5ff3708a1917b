"""Each documented refusal of what is sent: mass sends, moments, messages, media, 微信客服, statistics.

Every case runs on a tenant of its own, over a socket: the error has its class and errcode, the journal shows
that the refused call arrived (or, for a limit of the client's own, that none did), and the tenant looks as
before.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from tests.support.refusal_checks import (
    check_answered,
    check_forbidden,
    check_refused,
    methods_of,
    promised,
)
from tests.support.refusal_stage import API, GONE, HIDDEN, IDLE, Case, Stage, drain, open_stage
from tests.support.refused import ENFORCED, on_demand
from tests.support.refused.kf_accounts import RESULTS
from wecom.api.kf import Kf
from wecom.api.kf_accounts import KfAccounts
from wecom.api.kf_customers import KfPeople
from wecom.api.kf_knowledge import KfKnowledge
from wecom.api.mass import Mass, MassSend
from wecom.api.media import MediaApi
from wecom.api.messages import Messages
from wecom.api.moments import Moments, MomentTask
from wecom.api.statistics import Statistics
from wecom.errors import RateLimited
from wecom.messages import Message, Text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CASES: list[Case] = [*ENFORCED, *on_demand.CASES]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with open_stage() as stage:
        yield stage


@pytest.mark.parametrize("case", [one for one in CASES if one.errcode is None], ids=lambda case: case.name)
async def test_the_client_refuses_it_before_any_call(stage: Stage, case: Case) -> None:
    await check_forbidden(stage, case)


@pytest.mark.parametrize(
    "case", [one for one in CASES if one.errcode is not None], ids=lambda case: case.name
)
async def test_it_is_refused_and_changes_nothing(stage: Stage, case: Case) -> None:
    await check_refused(stage, case)


CHANGES = {
    "mass.create",
    "mass.remind",
    "mass.cancel",
    "moments.create",
    "moments.cancel",
    "messages.send",
    "messages.recall",
    "messages.update_card",
    "media.upload",
    "media.upload_attachment",
    "media.upload_image",
    "media.upload_by_url",
    "kf.send",
    "kf.send_on_event",
    "kf.move",
    "kf_accounts.add",
    "kf_accounts.update",
    "kf_accounts.delete",
    "kf_accounts.link",
    "kf_accounts.add_servicers",
    "kf_accounts.remove_servicers",
    "kf_customers.offer_member",
    "kf_customers.offer_group",
    "kf_knowledge.add_group",
    "kf_knowledge.rename_group",
    "kf_knowledge.delete_group",
    "kf_knowledge.add",
    "kf_knowledge.update",
    "kf_knowledge.delete",
}


@pytest.mark.parametrize("method", on_demand.USUAL)
async def test_a_good_call_is_answered_and_what_it_changes_can_be_seen(stage: Stage, method: str) -> None:
    await check_answered(stage, method, on_demand.USUAL[method], changes=method in CHANGES)


GROUPS = {
    "mass": Mass,
    "moments": Moments,
    "messages": Messages,
    "media": MediaApi,
    "statistics": Statistics,
    "kf": Kf,
    "kf_accounts": KfAccounts,
    "kf_customers": KfPeople,
    "kf_knowledge": KfKnowledge,
}
METHODS = methods_of(GROUPS)


@pytest.mark.parametrize("method", METHODS)
def test_every_errcode_that_a_method_documents_has_its_case(method: str) -> None:
    assert promised(method, GROUPS) <= {case.errcode for case in CASES if case.method == method}


@pytest.mark.parametrize("method", METHODS)
def test_every_errcode_that_the_sandbox_enforces_is_documented(method: str) -> None:
    assert {case.errcode for case in ENFORCED if case.method == method and case.errcode} <= promised(
        method, GROUPS
    )


def test_every_method_has_a_call_that_is_answered() -> None:
    assert set(METHODS) == set(on_demand.USUAL)


# --- refusals inside a good answer ----------------------------------------------------------------------------


async def test_each_servicer_who_cannot_be_has_an_errcode(stage: Stage) -> None:
    kfid = await stage.desk()
    before = stage.look()
    wanted = RESULTS
    results = await stage.client.kf_accounts.add_servicers(kfid, userids=[*wanted], department_ids=[99])
    assert {one.userid: one.errcode for one in results if one.userid} == wanted
    assert [one.errcode for one in results if one.department_id == 99] == [60123]
    assert stage.look() == before


async def test_a_moment_for_nobody_ends_in_its_job(stage: Stage) -> None:
    task = MomentTask(text="护牙两分钟", userids=(HIDDEN, GONE, IDLE, "nobody"), tag_ids=("etNobody",))
    job = await stage.client.moments.job_result(await stage.client.moments.create(task))
    assert job.result is not None
    assert (job.is_finished, job.result.errcode, job.result.moment_id) == (True, 60011, "")
    assert set(job.result.invalid_senders.user_list) == {HIDDEN, GONE, IDLE, "nobody"}
    assert job.result.invalid_tags.tag_list == ("etNobody",)
    now = stage.now
    assert await drain(stage.client.moments.list(now - timedelta(days=1), now)) == []


async def test_those_who_cannot_be_sent_to_are_named_and_left_out(stage: Stage) -> None:
    send = MassSend(
        chat_type="single",
        sender="xiaohu",
        external_userids=(stage.patient, stage.stranger, "wmNobody"),
        text="周六义诊",
    )
    made = await stage.client.mass.create(send)
    assert made.fail_list == (stage.stranger, "wmNobody")
    results = await drain(stage.client.mass.results(made.msgid, "xiaohu"))
    assert [one.external_userid for one in results] == [stage.patient]


async def test_members_who_cannot_be_written_to_are_named_and_left_out(stage: Stage) -> None:
    message = Message(
        content=Text(content="早"),
        to_users=("chen.jing", HIDDEN, "Nobody"),
        to_parties=("99",),
        to_tags=("7",),
    )
    sent = await stage.client.messages.send(message)
    assert (sent.invaliduser, sent.invalidparty, sent.invalidtag) == ((HIDDEN, "nobody"), ("99",), ("7",))
    assert set(stage.tenant.corp.app_chats) == {"chen.jing"}


async def test_customers_of_more_than_two_days_ago_are_absent(stage: Stage) -> None:
    await stage.desk("在吗")
    stage.later(hours=48, seconds=1)
    people = await stage.client.kf_customers.get([stage.patient, "wmNobody"])
    assert (people.found, people.absent) == ((), (stage.patient, "wmNobody"))


@pytest.mark.parametrize(
    ("status", "blob", "md5", "errcode"),
    [
        pytest.param(206, b"%PDF-1.7 x", "0" * 32, 301019, id="the md5 is another file's"),
        pytest.param(404, b"%PDF-1.7 x", None, 830003, id="the file is gone"),
        pytest.param(200, b"%PDF-1.7 x", None, 830002, id="the server knows no ranges"),
        pytest.param(206, b"x", None, 40006, id="the file is too small"),
        pytest.param(206, b"no video at all", None, 40005, id="the video is no MP4"),
    ],
)
async def test_a_file_that_cannot_be_fetched_fails_in_its_job(
    stage: Stage, aiohttp_server: Any, status: int, blob: bytes, md5: str | None, errcode: int
) -> None:
    async def serve(_: web.Request) -> web.Response:
        return web.Response(status=status, body=blob)

    app = web.Application()
    app.router.add_get("/a", serve)
    url = str((await aiohttp_server(app)).make_url("/a"))
    md5 = md5 or hashlib.md5(blob).hexdigest()
    jobid = await stage.client.media.upload_by_url("video", "a.mp4", url, md5)
    await stage.tenant.remote.fetch_waiting()
    job = await stage.client.media.upload_result(jobid)
    assert (job.is_failed, job.detail.errcode, job.detail.media_id) == (True, errcode, "")


async def test_an_eleventh_moment_in_a_minute_is_held_back_before_it_is_sent(stage: Stage) -> None:
    for _ in range(10):
        await stage.client.moments.create(MomentTask(text="护牙两分钟"))
    before = stage.look()
    with pytest.raises(RateLimited) as caught:
        await stage.client.moments.create(MomentTask(text="护牙两分钟"))
    assert caught.value.retry_after_s
    assert stage.look() == before
    assert len(list(stage.tenant.journal.calls(API["moments.create"]))) == 10
