"""Logins, JS-SDK tickets, statistics, intercept rules and uploads by URL over the API."""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.sandbox_driver import CallbackServer, FrozenClock, Program

BASE = "externalcontact/"
DAY = 86_400


async def log_in(program: Program, person: str, *, page: str = "oauth2/authorize", **more: str) -> URL:
    query = {
        "appid": program.sandbox.connection["corp_id"],
        "redirect_uri": "https://h5.example/back?shop=1",
        "response_type": "code",
        "scope": "snsapi_base",
        "state": "nonce1",
        "agentid": "1000002",
        "as": person,
    } | more
    url = f"{program.sandbox.api_base}/sandbox/{page}"
    async with program.http.get(url, params=query, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        return URL(answer.headers["Location"])


async def test_a_member_logs_in_once_per_code(program: Program) -> None:
    back = await log_in(program, "li.na")
    assert (back.host, back.query["shop"], back.query["state"]) == ("h5.example", "1", "nonce1")
    code = back.query["code"]
    assert await program.get("auth/getuserinfo", code=code) == {
        "errcode": 0, "errmsg": "ok", "userid": "li.na",
    }  # fmt: skip
    assert (await program.get("auth/getuserinfo", code=code))["errcode"] == 40029
    assert (await program.get("auth/getuserinfo", code="x"))["errcode"] == 40029
    late = (await log_in(program, "li.na")).query["code"]
    program.sandbox.tenant.advance(301)
    assert (await program.get("auth/getuserinfo", code=late))["errcode"] == 42003


async def test_consent_gives_a_ticket_for_the_private_details(program: Program) -> None:
    code = (await log_in(program, "li.na", scope="snsapi_privateinfo")).query["code"]
    ticket = (await program.get("auth/getuserinfo", code=code))["user_ticket"]
    assert (await program.post("auth/getuserdetail", {"user_ticket": ticket}))["userid"] == "li.na"
    assert (await program.post("auth/getuserdetail", {"user_ticket": "x"}))["errcode"] == 84015
    program.sandbox.tenant.advance(1801)
    assert (await program.post("auth/getuserdetail", {"user_ticket": ticket}))["errcode"] == 84014


async def test_a_patient_is_known_only_through_a_visible_follower(program: Program) -> None:
    patient = (await program.get("externalcontact/list", userid="xiaohu"))["external_userid"][0]
    stranger = (await program.act("create-patient", name="路人"))["external_userid"]
    known = await program.get("auth/getuserinfo", code=(await log_in(program, patient)).query["code"])
    unknown = await program.get("auth/getuserinfo", code=(await log_in(program, stranger)).query["code"])
    assert known["external_userid"] == patient
    assert "external_userid" not in unknown
    assert unknown["openid"].startswith("o")


async def test_a_page_on_a_strange_domain_gets_no_member(program: Program) -> None:
    await program.control("PUT", "/rules", {"trusted_domains": ["clinic.example:8080"]})
    code = (await log_in(program, "li.na")).query["code"]
    assert (await program.get("auth/getuserinfo", code=code))["errcode"] == 50001
    fine = await log_in(program, "li.na", redirect_uri="http://clinic.example:8080/back")
    assert (await program.get("auth/getuserinfo", code=fine.query["code"]))["errcode"] == 0


async def test_without_a_choice_a_page_asks_who_you_are(program: Program) -> None:
    url = f"{program.sandbox.api_base}/sandbox/wwlogin/sso/login"
    query = {"appid": program.sandbox.connection["corp_id"], "redirect_uri": "http://a.example/"}
    async with program.http.get(url, params=query) as answer:
        page = await answer.text()
    assert "小护" in page
    assert "小鱼儿" not in page  # members only
    bad = query | {"appid": "wwother"}
    async with program.http.get(url, params=bad) as answer:
        assert answer.status == 400
    patient = next(iter(program.sandbox.tenant.corp.customers))
    async with program.http.get(url, params=query | {"as": patient}) as answer:
        assert answer.status == 400


async def test_tickets_last_two_hours_and_are_not_given_too_often(program: Program) -> None:
    ticket = (await program.get("get_jsapi_ticket"))["ticket"]
    program.sandbox.tenant.advance(3600)
    again = await program.get("get_jsapi_ticket")
    assert (again["ticket"], again["expires_in"]) == (ticket, 3600)
    assert (await program.get("ticket/get", type="jsapi"))["errcode"] == 91040
    answers = [(await program.get("ticket/get", type="agent_config"))["errcode"] for _ in range(100)]
    assert answers[-2:] == [0, 45009]


async def test_behaviour_is_counted_by_whole_days(program: Program, clock: FrozenClock) -> None:
    patient = (await program.act("patient-adds-member", userid="chen.jing"))["external_userid"]
    await program.act("member-writes-patient", userid="chen.jing", external_userid=patient, text="您好")
    now = int(clock().timestamp())
    body = {"userid": ["chen.jing"], "start_time": now, "end_time": now}
    assert (await program.post(f"{BASE}get_user_behavior_data", body))["errcode"] == 40058  # not today
    program.sandbox.tenant.advance(DAY)
    await program.login()
    (day,) = (await program.post(f"{BASE}get_user_behavior_data", body))["behavior_data"]
    assert (day["new_contact_cnt"], day["chat_cnt"], day["message_cnt"]) == (1, 1, 1)
    assert 80 <= day["reply_percentage"] <= 100
    everyone = {"partyid": [1], "start_time": now - 29 * DAY, "end_time": now}
    answer = await program.post(f"{BASE}get_user_behavior_data", everyone)
    assert len(answer["behavior_data"]) == 30
    assert answer == await program.post(f"{BASE}get_user_behavior_data", everyone)
    for bad in (
        {"start_time": now, "end_time": now},
        body | {"start_time": now - 40 * DAY},
        body | {"start_time": now - 200 * DAY, "end_time": now - 199 * DAY},
    ):
        assert (await program.post(f"{BASE}get_user_behavior_data", bad))["errcode"] == 40058


async def test_groups_are_counted_by_owner_and_by_day(program: Program, clock: FrozenClock) -> None:
    now = int(clock().timestamp())
    owners = {"owner_filter": {"userid_list": ["xiaohu", "zhang.wei", "li.na"]}}
    body = owners | {"day_begin_time": now - 3 * DAY, "day_end_time": now - DAY, "order_by": 2}
    answer = await program.post(f"{BASE}groupchat/statistic", body)
    assert [(row["owner"], row["data"]["chat_total"]) for row in answer["items"]] == [
        ("xiaohu", 2), ("zhang.wei", 1),
    ]  # fmt: skip
    assert (answer["total"], answer["next_offset"]) == (2, 2)
    page = await program.post(f"{BASE}groupchat/statistic", body | {"order_asc": 1, "limit": 1})
    assert [row["owner"] for row in page["items"]] == ["zhang.wei"]
    days = (await program.post(f"{BASE}groupchat/statistic_group_by_day", body))["items"]
    assert [day["data"]["chat_total"] for day in days] == [3, 3, 3]
    nobody = await program.post(f"{BASE}groupchat/statistic", {"day_begin_time": now - DAY})
    assert nobody["errcode"] == 40058


async def test_intercept_rules_are_kept_changed_and_deleted(program: Program) -> None:
    body = {
        "rule_name": "红包", "word_list": ["红包"], "semantics_list": [3], "intercept_type": 1,
        "applicable_range": {"user_list": ["xiaohu"]},
    }  # fmt: skip
    rule = {"rule_id": (await program.post(f"{BASE}add_intercept_rule", body))["rule_id"]}
    change = {
        "extra_rule": {"semantics_list": [1, 2]},
        "add_applicable_range": {"department_list": [3]},
        "remove_applicable_range": {"user_list": ["xiaohu"]},
    }
    assert (await program.post(f"{BASE}update_intercept_rule", rule | change))["errcode"] == 0
    shown = (await program.post(f"{BASE}get_intercept_rule", rule))["rule"]
    assert shown["extra_rule"] == {"semantics_list": [1, 2]}
    assert shown["applicable_range"] == {"user_list": [], "department_list": [3]}
    listed = (await program.get(f"{BASE}get_intercept_rule_list"))["rule_list"]
    assert [row["rule_name"] for row in listed] == ["红包"]
    assert (await program.post(f"{BASE}del_intercept_rule", rule))["errcode"] == 0
    assert (await program.post(f"{BASE}del_intercept_rule", rule))["errcode"] == 41077


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        pytest.param({"rule_name": "名" * 21}, 41068, id="a long name"),
        pytest.param({"word_list": ["词" * 33]}, 41069, id="a long word"),
        pytest.param({"word_list": []}, 41069, id="no word"),
        pytest.param({"semantics_list": [4]}, 41083, id="an unknown thing"),
        pytest.param({"intercept_type": 3}, 41070, id="an unknown type"),
        pytest.param({"applicable_range": {}}, 40058, id="nobody"),
    ],
)
async def test_a_bad_intercept_rule_is_refused(
    program: Program, change: dict[str, Any], errcode: int
) -> None:
    body = {
        "rule_name": "红包", "word_list": ["红包"], "intercept_type": 1,
        "applicable_range": {"user_list": ["xiaohu"]},
    }  # fmt: skip
    assert (await program.post(f"{BASE}add_intercept_rule", body | change))["errcode"] == errcode


@asynccontextmanager
async def files(blob: bytes) -> AsyncIterator[str]:
    """Serve one file that can be fetched in ranges at /a, and only whole at /b."""

    async def ranged(_: web.Request) -> web.Response:
        return web.Response(status=206, body=blob)

    async def whole(_: web.Request) -> web.Response:
        return web.Response(body=blob)

    app = web.Application()
    app.router.add_get("/a", ranged)
    app.router.add_get("/b", whole)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_large_file_is_fetched_from_this_machine(program: Program, callbacks: CallbackServer) -> None:
    blob = b"a large price list"
    body = {"scene": 1, "type": "file", "filename": "价目.pdf", "md5": hashlib.md5(blob).hexdigest()}
    async with files(blob) as url:
        jobs = [
            (await program.post("media/upload_by_url", body | change))["jobid"]
            for change in (
                {"url": f"{url}/a"}, {"url": f"{url}/b"}, {"url": f"{url}/c"},
                {"url": f"{url}/a", "md5": "0" * 32},
            )
        ]  # fmt: skip
        await program.sandbox.tenant.remote.fetch_waiting()
        results = [await program.post("media/get_upload_by_url_result", {"jobid": job}) for job in jobs]
    assert [(r["status"], r["detail"]["errcode"]) for r in results] == [
        (2, 0), (3, 830002), (3, 830003), (3, 301019),
    ]  # fmt: skip
    await program.sandbox.callbacks.idle()
    assert [e["JobId"] for e in callbacks.events if e["Event"] == "upload_media_job_finish"] == jobs
    template = {"text": {"content": "价目"}, "file": {"media_id": results[0]["detail"]["media_id"]}}
    assert (await program.post(f"{BASE}group_welcome_template/add", template))["errcode"] == 0
    far = await program.post("media/upload_by_url", body | {"url": "http://93.184.216.34/a"})
    assert far["errcode"] == 830001
    program.sandbox.tenant.advance(3601)
    stale = await program.post("media/get_upload_by_url_result", {"jobid": jobs[0]})
    assert stale["errcode"] == 40058
