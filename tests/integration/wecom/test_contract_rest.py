"""Logins, page signatures, numbers, rules and uploads by URL against the sandbox, and what it refuses."""

from __future__ import annotations

import hashlib
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web

from tests.support.sandbox_driver import mp4
from wecom.api.intercepts import InterceptRule, Semantic
from wecom.api.statistics import Order
from wecom.errors import NeedsAdmin, Refused
from wecom.identity import authorize_url

if TYPE_CHECKING:
    from pathlib import Path

    from wecom.api.media import UploadJob
    from wecom.client import WeComClient
    from wecom.sandbox import Sandbox

PAGE = "https://h5.example/side/index.html"
CHINA = ZoneInfo("Asia/Shanghai")


def code_for(sandbox: Sandbox, person: str, *, asks_consent: bool = False) -> str:
    """Log somebody in through the address we make, and return the code they come back with."""
    connection = sandbox.connection
    url = authorize_url(
        corp_id=connection["corp_id"],
        agent_id=int(connection["agent_id"]),
        redirect_uri=PAGE,
        state="n0nce",
        asks_consent=asks_consent,
    )
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    back = parse_qs(urlsplit(sandbox.tenant.identity.authorize(query, person)).query)
    assert back["state"] == ["n0nce"]
    return back["code"][0]


def midnight(sandbox: Sandbox, *, days_ago: int) -> datetime:
    today = sandbox.tenant.clock.now().astimezone(CHINA).date()
    return datetime.combine(today - timedelta(days=days_ago), time(), CHINA)


async def test_a_member_logs_in_once_with_one_code(sandbox: Sandbox, client: WeComClient) -> None:
    code = code_for(sandbox, "chen.jing", asks_consent=True)
    visitor = await client.identity.visitor(code)
    assert (visitor.userid, visitor.is_member) == ("chen.jing", True)
    assert (await client.identity.detail(visitor.user_ticket)).userid == "chen.jing"
    with pytest.raises(Refused) as caught:
        await client.identity.visitor(code)
    assert caught.value.errcode in {40029, 42022}
    sandbox.tenant.advance(1801)
    with pytest.raises(Refused) as caught:
        await client.identity.detail(visitor.user_ticket)
    assert caught.value.errcode == 84014


async def test_a_patient_is_known_by_their_own_id(sandbox: Sandbox, client: WeComClient) -> None:
    (patient, *_) = await client.contacts.list_of("xiaohu")
    visitor = await client.identity.visitor(code_for(sandbox, patient))
    assert (visitor.is_member, visitor.external_userid) == (False, patient)
    assert visitor.openid


async def test_a_code_dies_after_five_minutes_and_a_strange_domain_is_refused(
    sandbox: Sandbox, client: WeComClient
) -> None:
    code = code_for(sandbox, "chen.jing")
    sandbox.tenant.advance(301)
    with pytest.raises(Refused) as caught:
        await client.identity.visitor(code)
    assert caught.value.errcode == 42003
    sandbox.tenant.rules.trusted_domains = frozenset({"other.example"})
    with pytest.raises(NeedsAdmin) as caught:
        await client.identity.visitor(code_for(sandbox, "chen.jing"))
    assert caught.value.errcode == 50001


async def test_pages_are_signed_with_the_tickets_of_the_corp_and_of_the_app(client: WeComClient) -> None:
    app, corp = await client.identity.sign(PAGE), await client.identity.sign(PAGE, identity="corp")
    assert len(app.signature) == len(corp.signature) == 40


async def test_callbacks_come_from_known_addresses(client: WeComClient) -> None:
    assert await client.identity.callback_ips()


async def test_members_days_are_told_until_yesterday(sandbox: Sandbox, client: WeComClient) -> None:
    start, end = midnight(sandbox, days_ago=5), midnight(sandbox, days_ago=1)
    days = await client.statistics.behaviour(start, end, userids=["xiaohu"])
    assert [day.stat_time for day in days] == [start + timedelta(days=n) for n in range(5)]
    assert await client.statistics.behaviour(start, end, department_ids=[3])
    with pytest.raises(Refused):
        await client.statistics.behaviour(start, end, userids=["nobody.here"])
    with pytest.raises(Refused):
        await client.statistics.behaviour(start, midnight(sandbox, days_ago=0), userids=["xiaohu"])


async def test_groups_are_counted_by_owner_and_by_day(sandbox: Sandbox, client: WeComClient) -> None:
    start, end = midnight(sandbox, days_ago=2), midnight(sandbox, days_ago=1)
    owners = [
        one
        async for one in client.statistics.groups_by_owner(
            start, end, ["xiaohu", "zhang.wei"], order_by=Order.GROUPS
        )
    ]
    assert [(one.owner, one.data.chat_total) for one in owners] == [("xiaohu", 2), ("zhang.wei", 1)]
    days = await client.statistics.groups_by_day(start, end, ["xiaohu"])
    assert [day.data.chat_total for day in days] == [2, 2]
    with pytest.raises(Refused):
        await client.statistics.groups_by_day(start, end, ["nobody.here"])


async def test_an_intercept_rule_lives_from_creation_to_deletion(client: WeComClient) -> None:
    rules = client.intercepts
    rule = InterceptRule(
        name="承诺", words=("包治",), semantics=(Semantic.PHONE,), userids=("xiaohu", "li.na")
    )
    rule_id = await rules.add(rule)
    assert [(one.rule_id, one.rule_name) for one in await rules.list()] == [(rule_id, "承诺")]
    warned = InterceptRule(name="提醒", words=("最好",), blocks=False, userids=("zhang.wei",))
    await rules.update(rule_id, warned, remove_userids=["li.na"])
    kept = await rules.get(rule_id)
    assert (kept.rule_name, kept.word_list, kept.intercept_type) == ("提醒", ("最好",), 2)
    assert kept.extra_rule.semantics_list == ()
    assert set(kept.applicable_range.user_list) == {"xiaohu", "zhang.wei"}
    await rules.delete(rule_id)
    with pytest.raises(Refused):
        await rules.get(rule_id)
    with pytest.raises(Refused):
        await rules.add(InterceptRule(name="无人", words=("包治",), userids=("nobody.here",)))


async def fetched(sandbox: Sandbox, client: WeComClient, url: str, md5: str) -> UploadJob:
    jobid = await client.media.upload_by_url("video", "科普.mp4", url, md5)
    await sandbox.tenant.remote.fetch_waiting()
    return await client.media.upload_result(jobid)


async def test_a_file_is_fetched_from_our_server(
    sandbox: Sandbox, client: WeComClient, tmp_path: Path, aiohttp_server: Any
) -> None:
    (tmp_path / "a.mp4").write_bytes(mp4())
    app = web.Application()
    app.router.add_static("/", tmp_path)
    server = await aiohttp_server(app)
    md5 = hashlib.md5(mp4()).hexdigest()
    url = str(server.make_url("/a.mp4"))
    job = await fetched(sandbox, client, url, md5)
    assert job.is_done
    assert (await client.media.get(job.detail.media_id)).data == mp4()
    wrong = await fetched(sandbox, client, url, "0" * 32)
    assert (wrong.is_failed, wrong.detail.errcode) == (True, 301019)
    gone = str(server.make_url("/gone.mp4"))
    lost = await fetched(sandbox, client, gone, md5)
    assert (lost.is_failed, lost.detail.errcode) == (True, 830003)
    with pytest.raises(Refused):
        await client.media.upload_result("no-such-job")
