"""What no honest program sends: the sandbox refuses it with a reason, and stays as it was."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.support.sandbox_driver import START

if TYPE_CHECKING:
    from tests.support.sandbox_driver import Program
    from wecom.sandbox import Sandbox

BROKEN_URL = "http://["  # urlsplit raises on it


def card(extra: bytes, agent_id: int) -> bytes:
    """Return a message/send body whose card carries a part that no rule looks at."""
    return (
        b'{"touser": "xiaohu", "agentid": %d, "msgtype": "template_card", "template_card": {"card_type": '
        b'"text_notice", "main_title": {"title": "a", "x": %s}, "card_action": {"type": 1, "url": "http://a"}}}'
    ) % (agent_id, extra)


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(b"[" * 600 + b"]" * 600, id="nested 600 deep"),
        pytest.param(b"1e999", id="a number beyond every float"),
        pytest.param(b"-1e999", id="a number below every float"),
    ],
)
async def test_json_that_cannot_be_told_on_is_refused_and_the_journal_still_reads(
    program: Program, sandbox: Sandbox, extra: bytes
) -> None:
    answer = await program.post_raw("message/send", card(extra, sandbox.connection["agent_id"]))

    assert answer["errcode"] == 40058
    assert (await program.control("GET", "/journal"))["items"][-1]["errcode"] == 40058
    assert (await program.control("GET", "/phones/members/xiaohu"))["app_chat"]["messages"] == []


async def test_an_url_that_cannot_be_split_is_refused(program: Program, sandbox: Sandbox) -> None:
    upload = {"scene": 1, "type": "file", "filename": "a.pdf", "md5": "0" * 32, "url": BROKEN_URL}
    assert (await program.post("media/upload_by_url", upload))["errcode"] == 830001

    assert "error" in await program.act("kf-enter", url=BROKEN_URL, status=404)
    assert "error" in await program.control("PUT", "/callback", {"url": BROKEN_URL}, status=400)

    query = {"appid": sandbox.connection["corp_id"], "redirect_uri": BROKEN_URL, "as": "xiaohu"}
    async with program.http.get(
        f"{sandbox.api_base}/sandbox/oauth2/authorize", params=query, allow_redirects=False
    ) as answer:
        assert answer.status == 400


@pytest.mark.parametrize(
    "rule", ["dispatch_s", "moment_job_s", "moment_dispatch_s", "list_lag_s", "corp_tag_quota"]
)
async def test_a_rule_beyond_all_reason_is_refused(program: Program, rule: str) -> None:
    assert "error" in await program.control("PUT", "/rules", {rule: 1e300}, status=400)


async def test_the_clock_stays_within_this_century(program: Program) -> None:
    before = await program.control("GET", "/clock")

    await program.control("POST", "/clock/advance", {"seconds": 2.5e11}, status=400)
    assert await program.control("GET", "/clock") == before
    month = await program.control("POST", "/clock/advance", {"seconds": 30 * 86_400})
    assert month["now"].startswith("2026-12-23")
    assert START.year == 2026


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"kind": "errcode", "errcode": 0}, id="no refusal"),
        pytest.param({"kind": "errcode", "target": "externalcontact/mark_tags"}, id="no such API"),
    ],
)
async def test_a_fault_that_would_never_strike_is_refused(program: Program, body: dict[str, object]) -> None:
    assert "error" in await program.control("POST", "/faults", body, status=400)
    assert (await program.control("GET", "/faults"))["items"] == []


async def test_bytes_that_are_no_request_of_this_server_are_a_400(program: Program, sandbox: Sandbox) -> None:
    where = urlsplit(sandbox.api_base)

    async def status(head: str, body: bytes = b"{}") -> int:
        """Send a request no HTTP client would let through and return the answer's status."""
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        path = f"/cgi-bin/externalcontact/get_corp_tag_list?access_token={program.token}"
        request = f"POST {path} HTTP/1.1\r\n{head}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(request.encode() + body)
        line = await asyncio.wait_for(reader.readline(), 5)
        writer.close()
        return int(line.split()[1])

    assert await status("Host: localhost") == 200
    assert await status("Host: a:b:c") == 400
    assert await status("Host: localhost\r\nContent-Encoding: gzip") == 400
