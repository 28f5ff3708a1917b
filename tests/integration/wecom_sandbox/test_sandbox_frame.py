"""What every API of the sandbox does before its own rules: token, method, body, faults, rates."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import aiohttp
import pytest

if TYPE_CHECKING:
    from tests.support.sandbox_driver import FrozenClock, Program
    from wecom.sandbox import Sandbox


async def test_the_same_token_is_given_while_it_is_valid(program: Program, clock: FrozenClock) -> None:
    first = program.token
    clock.forward(7199)
    connection = program.sandbox.connection
    answer = await program.get("gettoken", corpid=connection["corp_id"], corpsecret=connection["secret"])

    assert (answer["access_token"], answer["expires_in"]) == (first, 1)
    clock.forward(1)
    assert await program.login() != first


@pytest.mark.parametrize(
    ("query", "errcode"),
    [
        pytest.param({"corpid": None}, 41002, id="no corpid"),
        pytest.param({"corpsecret": None}, 41004, id="no secret"),
        pytest.param({"corpid": "ww0"}, 40013, id="wrong corpid"),
        pytest.param({"corpsecret": "nonsense"}, 40001, id="wrong secret"),
    ],
)
async def test_a_wrong_identity_gets_no_token(
    program: Program, query: dict[str, str | None], errcode: int
) -> None:
    connection = program.sandbox.connection
    right = {"corpid": connection["corp_id"], "corpsecret": connection["secret"]}
    answer = await program.get("gettoken", **(right | query))
    assert answer["errcode"] == errcode


async def test_a_missing_unknown_expired_or_revoked_token_is_refused(
    program: Program, clock: FrozenClock
) -> None:
    async def errcode(token: str | None) -> int:
        return (await program.get("getcallbackip", access_token=token))["errcode"]

    assert await errcode(None) == 41001
    assert await errcode("AT_made_up") == 40014
    assert await errcode(program.token) == 0
    await program.act("revoke-token")
    assert await errcode(program.token) == 40014
    await program.login()
    clock.forward(7200)
    assert await errcode(program.token) == 42001


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        pytest.param(b"", 40063, id="empty"),
        pytest.param(b"[]", 40058, id="no object"),
        pytest.param(b'{"userid": ', 40058, id="broken JSON"),
        pytest.param(b'{"userid": NaN}', 40058, id="NaN"),
        pytest.param(b"\xff\xfe{}", 40058, id="no UTF-8"),
        pytest.param(b"[" * 100_000, 40058, id="deep nesting"),
        pytest.param(b'{"n": ' + b"9" * 5000 + b"}", 40058, id="a number of 5000 digits"),
        pytest.param(json.dumps({"remark": "周周"}).encode(), 40033, id="unicode escapes"),
        pytest.param(
            b'{"remark": "\\\\u5468", "userid": "nobody"}', 41035, id="an escaped backslash is none"
        ),
    ],
)
async def test_a_malformed_body_gets_its_errcode(program: Program, body: bytes, errcode: int) -> None:
    answer = await program.post_raw("externalcontact/remark", body)
    assert answer["errcode"] == errcode


async def test_a_form_instead_of_json_is_refused(program: Program, sandbox: Sandbox) -> None:
    url = f"{sandbox.api_base}/cgi-bin/externalcontact/remark?access_token={program.token}"
    async with program.http.post(url, data={"userid": "xiaohu"}) as answer:
        assert (await answer.json())["errcode"] == 40063


async def test_the_app_is_told_about_itself_and_whom_it_sees(program: Program, sandbox: Sandbox) -> None:
    own = sandbox.connection["agent_id"]

    told = await program.get("agent/get", agentid=str(own))

    seen = [user["userid"] for user in told["allow_userinfos"]["user"]]
    assert (told["agentid"], told["close"]) == (own, 0)
    assert seen == [member.userid for member in sandbox.tenant.corp.visible_members()]
    assert (await program.get("agent/get"))["errcode"] == 40056
    assert (await program.get("agent/get", agentid=str(own + 1)))["errcode"] == 301002


async def test_the_wrong_method_is_refused(program: Program) -> None:
    assert (await program.get("externalcontact/remark"))["errcode"] == 40058
    assert (await program.post("externalcontact/list", {"userid": "xiaohu"}))["errcode"] == 43001


async def test_a_refusal_is_worded_like_wecoms(program: Program) -> None:
    answer = await program.get("user/get", userid="nobody")
    assert answer["errcode"] == 60111
    assert "hint: [" in answer["errmsg"]
    assert "from ip: 127.0.0.1" in answer["errmsg"]
    assert answer["errmsg"].endswith("query?e=60111")


async def test_a_path_that_is_no_api_is_not_found(program: Program, sandbox: Sandbox) -> None:
    async with program.http.get(f"{sandbox.api_base}/cgi-bin/no/such/api") as answer:
        assert answer.status == 404


async def test_a_fault_answers_any_errcode_as_often_as_asked(program: Program) -> None:
    fault = {"kind": "errcode", "target": "/cgi-bin/getcallbackip", "errcode": 45009, "times": 2}
    await program.control("POST", "/faults", fault)

    codes = [(await program.get("getcallbackip"))["errcode"] for _ in range(3)]

    assert codes == [45009, 45009, 0]
    assert (await program.control("GET", "/faults"))["items"] == []


async def test_a_reset_before_the_commit_changes_nothing(program: Program) -> None:
    body = {"group_name": "来源", "tag": [{"name": "抖音"}]}
    await program.control(
        "POST", "/faults", {"kind": "reset_before", "target": "externalcontact/add_corp_tag"}
    )

    with pytest.raises(aiohttp.ClientConnectionError):
        await program.post("externalcontact/add_corp_tag", body)

    assert (await program.post("externalcontact/get_corp_tag_list"))["tag_group"] == []


async def test_a_reset_after_the_commit_leaves_the_task_committed(program: Program) -> None:
    body = {"sender": "xiaohu", "text": {"content": "记得复查"}}
    await program.control(
        "POST", "/faults", {"kind": "reset_after", "target": "externalcontact/add_msg_template"}
    )

    with pytest.raises(aiohttp.ClientConnectionError):
        await program.post("externalcontact/add_msg_template", body)

    (task,) = (await program.control("GET", "/phones/members/xiaohu"))["mass_tasks"]
    assert task["text"] == "记得复查"


async def test_a_delay_holds_the_answer_back(program: Program) -> None:
    await program.control("POST", "/faults", {"kind": "delay", "target": "getcallbackip", "delay_s": 30})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(program.get("getcallbackip"), 0.1)
    assert (await program.get("getcallbackip"))["errcode"] == 0


async def test_the_journal_tells_what_was_called_without_the_token(program: Program) -> None:
    await program.post("externalcontact/mark_tag", {"userid": "xiaohu"})

    text = json.dumps(await program.control("GET", "/journal"))
    (call,) = (await program.control("GET", "/journal?api=externalcontact/mark_tag"))["items"]

    assert program.token not in text
    assert program.sandbox.connection["secret"] not in text
    assert (call["method"], call["body"], call["errcode"]) == ("POST", {"userid": "xiaohu"}, 41035)
    assert (await program.control("GET", f"/journal?since={call['seq']}"))["items"] == []


async def test_moments_are_limited_to_ten_a_minute(program: Program, clock: FrozenClock) -> None:
    body = {"text": {"content": "护牙小知识"}}
    codes = [(await program.post("externalcontact/add_moment_task", body))["errcode"] for _ in range(11)]
    assert codes == [0] * 10 + [45009]
    clock.forward(60)
    assert (await program.post("externalcontact/add_moment_task", body))["errcode"] == 0


async def test_a_sixth_parallel_mark_tag_is_refused(program: Program) -> None:
    await program.control("PUT", "/rules", {"latency_s": 0.3})
    answers = await asyncio.gather(*(program.post("externalcontact/mark_tag", {}) for _ in range(6)))
    assert sorted(answer["errcode"] for answer in answers) == [40003] * 5 + [45033]
