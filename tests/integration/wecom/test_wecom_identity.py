"""Logins, page signatures, statistics and intercept rules: what goes over the wire, and what comes back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.scripted_wecom import ScriptedWeCom, failing, ok, reset, slow
from wecom.api.intercepts import InterceptRule, Semantic
from wecom.api.statistics import Order
from wecom.client import Credentials, WeComClient, open_session
from wecom.errors import NeedsAdmin, OutcomeUnknown, Refused
from wecom.identity import authorize_url, sign_page, web_login_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EC = "externalcontact/"
NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)
PAGE = "https://h5.example/side/index.html?s=12"


class Now:
    def __init__(self) -> None:
        self.time = NOON.timestamp()

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def wecom() -> ScriptedWeCom:
    return ScriptedWeCom()


@pytest.fixture
async def client(wecom: ScriptedWeCom, now: Now, aiohttp_server: Any) -> AsyncIterator[WeComClient]:
    server = await aiohttp_server(wecom.app)
    async with open_session() as session:
        app = Credentials(corp_id="ww0exampleCorp01", secret="s", agent_id=1000007)
        yield WeComClient(session, api_base=str(server.make_url("")), credentials=app, now=now)


def test_a_page_is_signed_as_wecoms_example_says() -> None:
    expected = "3b344548c2fddb15d8056b396bb9c1079a6b7a05"
    for url in (PAGE, PAGE + "#part"):
        made = sign_page(ticket="TICKET_EXAMPLE_0001", nonce="n0nce77", timestamp=1795230000, url=url)
        assert made.signature == expected


def test_the_login_addresses_hold_what_wecom_asks_for() -> None:
    where = {"corp_id": "ww0", "agent_id": 7, "redirect_uri": "https://a.example/back?x=1", "state": "n0nce"}
    url = authorize_url(**where, asks_consent=True)
    assert url.endswith("#wechat_redirect")
    query = parse_qs(urlsplit(url).query)
    assert query == {
        "appid": ["ww0"],
        "redirect_uri": ["https://a.example/back?x=1"],
        "response_type": ["code"],
        "scope": ["snsapi_privateinfo"],
        "state": ["n0nce"],
        "agentid": ["7"],
    }
    assert "scope=snsapi_base" in authorize_url(**where)
    login = web_login_url(**where)
    assert login.startswith("https://login.work.weixin.qq.com/wwlogin/sso/login?login_type=CorpApp&appid=ww0")
    with pytest.raises(ValueError, match="state"):
        authorize_url(**{**where, "state": "a-b"})


async def test_a_code_tells_a_member_or_a_customer(wecom: ScriptedWeCom, client: WeComClient) -> None:
    wecom.script(
        "auth/getuserinfo",
        ok(userid="lin.mei", user_ticket="UT-1"),
        ok(openid="o1", external_userid="wm1"),
        failing(40029),
        failing(50001),
        reset,
    )
    member = await client.identity.visitor("C1")
    assert (member.is_member, member.user_ticket) == (True, "UT-1")
    assert "UT-1" not in repr(member)
    visitor = await client.identity.visitor("C2")
    assert (visitor.is_member, visitor.external_userid) == (False, "wm1")
    with pytest.raises(Refused):
        await client.identity.visitor("C2")
    with pytest.raises(NeedsAdmin):
        await client.identity.visitor("C3")
    with pytest.raises(OutcomeUnknown):
        await client.identity.visitor("C4")
    assert wecom.calls["auth/getuserinfo"][0].query["code"] == "C1"


async def test_private_details_come_for_a_ticket(wecom: ScriptedWeCom, client: WeComClient) -> None:
    wecom.script("auth/getuserdetail", ok(userid="lin.mei", mobile="13900000000"), failing(84014))
    detail = await client.identity.detail("UT-1")
    assert detail.mobile == "13900000000"
    assert "13900000000" not in repr(detail)
    with pytest.raises(Refused):
        await client.identity.detail("UT-1")


async def test_many_pages_are_signed_with_one_ticket_of_each_kind_while_it_lives(
    wecom: ScriptedWeCom, client: WeComClient, now: Now
) -> None:
    wecom.script("ticket/get", slow(0.02, ok(ticket="APP-1", expires_in=7200)), ok(ticket="APP-2"))
    wecom.script("get_jsapi_ticket", ok(ticket="CORP-1", expires_in=7200))
    signed = await asyncio.gather(*(client.identity.sign(PAGE) for _ in range(10)))
    one = signed[0]
    again = sign_page(ticket="APP-1", nonce=one.nonce, timestamp=one.timestamp, url=PAGE)
    assert one == again
    assert len({each.nonce for each in signed}) == 10
    corp = await client.identity.sign(PAGE, identity="corp")
    assert corp == sign_page(ticket="CORP-1", nonce=corp.nonce, timestamp=corp.timestamp, url=PAGE)
    assert wecom.calls["ticket/get"][0].query["type"] == "agent_config"
    assert len(wecom.calls["ticket/get"]) == 1
    now.time += 7000
    await client.identity.sign(PAGE)
    assert len(wecom.calls["ticket/get"]) == 2


async def test_the_addresses_of_callbacks_are_listed(wecom: ScriptedWeCom, client: WeComClient) -> None:
    wecom.script("getcallbackip", ok(ip_list=["203.0.113.1"]))
    assert await client.identity.callback_ips() == ["203.0.113.1"]


async def test_what_members_did_is_told_by_day(wecom: ScriptedWeCom, client: WeComClient) -> None:
    day = {"stat_time": 1795190400, "chat_cnt": 3, "message_cnt": 9, "new_contact_cnt": 2}
    wecom.script(EC + "get_user_behavior_data", ok(behavior_data=[day | {"reply_percentage": 66.6}, day]))
    first, second = await client.statistics.behaviour(
        NOON - timedelta(days=2), NOON, userids=["lin.mei"], department_ids=[5]
    )
    assert (first.reply_percentage, second.reply_percentage) == (66.6, None)
    body = wecom.calls[EC + "get_user_behavior_data"][0].body
    assert (body["userid"], body["partyid"]) == (["lin.mei"], [5])
    assert body["end_time"] - body["start_time"] == 2 * 86_400
    with pytest.raises(ValueError, match="userids"):
        await client.statistics.behaviour(NOON, NOON)
    with pytest.raises(ValueError, match="30 days"):
        await client.statistics.behaviour(NOON - timedelta(days=31), NOON, userids=["a"])


async def test_groups_are_counted_by_owner_page_by_page_and_by_day(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    def page(owner: str, offset: int) -> Any:
        return ok(total=2, next_offset=offset, items=[{"owner": owner, "data": {"member_total": 7}}])

    wecom.script(EC + "groupchat/statistic", page("a", 1), page("b", 2))
    owners = [
        one
        async for one in client.statistics.groups_by_owner(
            NOON - timedelta(days=1), NOON, ["a", "b"], order_by=Order.MEMBERS
        )
    ]
    assert [(one.owner, one.data.member_total) for one in owners] == [("a", 7), ("b", 7)]
    bodies = [call.body for call in wecom.calls[EC + "groupchat/statistic"]]
    assert [(body["offset"], body["order_by"]) for body in bodies] == [(0, 4), (1, 4)]
    wecom.script(
        EC + "groupchat/statistic_group_by_day",
        ok(items=[{"stat_time": 1795190400, "data": {"msg_total": 5}}]),
    )
    (day,) = await client.statistics.groups_by_day(NOON - timedelta(days=1), NOON, ["a"])
    assert (day.data.msg_total, day.stat_time) == (5, datetime.fromtimestamp(1795190400, UTC))


async def test_an_intercept_rule_lives_from_creation_to_deletion(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    rules = client.intercepts
    rule = InterceptRule(name="承诺", words=("包治",), semantics=(Semantic.PHONE,), userids=("lin.mei",))
    wecom.script(EC + "add_intercept_rule", ok(rule_id="r1"), failing(41068))
    assert await rules.add(rule) == "r1"
    body = wecom.calls[EC + "add_intercept_rule"][0].body
    assert (body["semantics_list"], body["intercept_type"]) == ([1], 1)
    assert body["applicable_range"] == {"user_list": ["lin.mei"]}
    with pytest.raises(Refused):
        await rules.add(rule)
    wecom.script(EC + "get_intercept_rule_list", ok(rule_list=[{"rule_id": "r1", "rule_name": "承诺"}]))
    assert [one.rule_name for one in await rules.list()] == ["承诺"]
    shown = {"rule_id": "r1", "word_list": ["包治"], "extra_rule": {"semantics_list": [1]}}
    wecom.script(EC + "get_intercept_rule", ok(rule=shown))
    assert (await rules.get("r1")).extra_rule.semantics_list == (1,)
    wecom.script(EC + "update_intercept_rule", ok())
    await rules.update("r1", rule, remove_userids=["wang.lei"])
    changed = wecom.calls[EC + "update_intercept_rule"][0].body
    assert changed["extra_rule"] == {"semantics_list": [1]}
    assert changed["remove_applicable_range"] == {"user_list": ["wang.lei"]}
    assert changed["add_applicable_range"] == {"user_list": ["lin.mei"]}
    assert "applicable_range" not in changed
    wecom.script(EC + "del_intercept_rule", ok())
    await rules.delete("r1")
    assert wecom.calls[EC + "del_intercept_rule"][0].body == {"rule_id": "r1"}
