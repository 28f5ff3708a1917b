"""Getting in, staying in, and what keeps others out."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import aiohttp
import pytest

from clinic.tables import AuditEntry
from tests.support.api_driver import copied
from tests.support.console_driver import HTMX, PASSWORD, Desk, console_desk

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.api_driver import Scene


async def test_a_visitor_is_sent_to_the_login_and_then_where_he_wanted_to_go(visitor: Desk) -> None:
    sent = await visitor.get("/console/week?start=2025-06-02")
    assert sent.status == 303
    assert sent.location == "/console/login?next=%2Fconsole%2Fweek%3Fstart%3D2025-06-02"

    entered = await visitor.send(
        await visitor.get(sent.location), "/console/login", name="admin", password=PASSWORD
    )

    assert entered.location == "/console/week?start=2025-06-02"
    assert (await visitor.follow(entered)).status == 200
    assert [entry.action for entry in await visitor.rows(AuditEntry)] == ["console.login"]


async def test_both_short_addresses_lead_to_the_console(visitor: Desk) -> None:
    assert (await visitor.get("/")).location == "/console/"
    assert (await visitor.get("/console")).location == "/console/"


@pytest.mark.parametrize(
    ("name", "password"),
    [
        pytest.param("admin", "wrong", id="wrong password"),
        pytest.param("root", PASSWORD, id="wrong name"),
        pytest.param("admin", "", id="no password"),
        pytest.param("admin", "密码\ud800".encode("utf-8", "replace").decode(), id="not ASCII"),
    ],
)
async def test_a_wrong_name_or_password_stays_at_the_login(visitor: Desk, name: str, password: str) -> None:
    refused = await visitor.send(
        await visitor.get("/console/login"), "/console/login", name=name, password=password
    )

    assert refused.status == 422
    assert "用户名或密码不对" in refused.text
    assert (await visitor.get("/console/")).status == 303


async def test_after_three_failures_an_address_has_to_wait_even_with_the_right_password(
    visitor: Desk,
) -> None:
    for _ in range(3):
        assert (await visitor.login("wrong")).status == 422

    fourth = await visitor.login("wrong")
    assert fourth.status == 429
    assert fourth.headers["Retry-After"] == "2"
    assert "请 2 秒后再试" in fourth.text

    assert (await visitor.login(PASSWORD)).status == 429


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/console/",
        "/wecom/callback",
        "/console/\\evil.example",
        "javascript:alert(1)",
        "/console/%0d%0aSet-Cookie:x",
    ],
)
async def test_next_never_leads_out_of_the_console(visitor: Desk, target: str) -> None:
    form = await visitor.get("/console/login")

    entered = await visitor.send(form, "/console/login", name="admin", password=PASSWORD, next=target)

    assert entered.status == 303
    assert entered.location == "/console/" or entered.location.startswith("/console/%0d%0a")


async def test_without_a_password_the_login_says_which_setting_is_missing(
    scene: Scene, tmp_path: Path
) -> None:
    async with console_desk(scene, copied(scene, tmp_path), password=None) as desk:
        shown = await desk.get("/console/login")
        assert "XIAOHU_ADMIN_PASSWORD" in shown.text
        await desk.post("/console/login", [("name", "admin"), ("password", "")])

        assert (await desk.get("/console/")).status == 303


async def test_a_login_whose_cookie_was_lost_says_so(visitor: Desk) -> None:
    lost = await visitor.post("/console/login", [("name", "admin"), ("password", PASSWORD)])

    assert "浏览器没有带回 Cookie" in (await visitor.follow(lost)).text


async def test_only_the_demo_shows_its_password(scene: Scene, visitor: Desk, tmp_path: Path) -> None:
    assert PASSWORD not in (await visitor.get("/console/login")).html
    (tmp_path / "demo").mkdir()
    async with console_desk(scene, copied(scene, tmp_path / "demo"), demo_login=True) as desk:
        assert PASSWORD in (await desk.get("/console/login")).html


async def test_logging_out_needs_a_form_and_ends_the_session(desk: Desk) -> None:
    assert (await desk.get("/console/logout")).status == 405

    left = await desk.send(await desk.get("/console/"), "/console/logout")

    assert left.location == "/console/login"
    assert "已安全退出" in (await desk.follow(left)).text
    assert (await desk.get("/console/")).status == 303


async def test_the_session_cookie_is_for_this_site_and_not_for_scripts(visitor: Desk) -> None:
    entered = await visitor.login()

    cookie = entered.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Path=/console", "Max-Age=43200"))
    assert PASSWORD not in cookie


async def test_a_forged_cookie_is_no_session(desk: Desk) -> None:
    cookie = next(c for c in desk.http.cookie_jar if c.key == "xiaohu_session")
    payload, _, signature = cookie.value.rpartition(".")

    async def answer_to(value: str) -> int:
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
            http.get(
                f"{desk.url}/console/", headers={"Cookie": f"xiaohu_session={value}"}, allow_redirects=False
            ) as answer,
        ):
            return answer.status

    assert await answer_to(cookie.value) == 200
    assert await answer_to(f"{payload}x.{signature}") == 303
    assert await answer_to("junk") == 303


async def test_a_form_without_the_sessions_token_changes_nothing(desk: Desk) -> None:
    fields = [
        (name, value) for name, value in (await desk.get("/console/")).form("/console/plan") if name != "csrf"
    ]

    for token in ([], [("csrf", "guess")], [("csrf", "密")]):
        refused = await desk.post("/console/plan", [*fields, *token])
        assert refused.status == 403
        assert "刷新页面" in refused.text

    assert await desk.posts() == []


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "https://evil.example"}, id="another origin"),
        pytest.param({"Origin": "null"}, id="no origin to speak of"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="another site"),
    ],
)
async def test_a_form_from_another_site_changes_nothing(desk: Desk, headers: dict[str, str]) -> None:
    refused = await desk.send(await desk.get("/console/"), "/console/plan", headers=headers)

    assert refused.status == 403
    assert await desk.posts() == []


@pytest.mark.parametrize("origin", ["http://clinic.example", "own"])
async def test_a_form_from_the_public_address_or_the_one_in_use_is_ours(desk: Desk, origin: str) -> None:
    headers = {"Origin": desk.url if origin == "own" else origin}

    assert (await desk.send(await desk.get("/console/"), "/console/plan", headers=headers)).status == 303


async def test_htmx_is_told_to_go_to_the_login_instead_of_getting_it_into_the_page(visitor: Desk) -> None:
    current = {"HX-Current-URL": f"{visitor.url}/console/review/1"}

    told = await visitor.post("/console/check", [], headers=HTMX | current)

    assert told.status == 401
    assert told.headers["HX-Redirect"] == "/console/login?next=%2Fconsole%2Freview%2F1"


@pytest.mark.parametrize(
    "path", ["/console/", "/console/login", "/console/nope", "/console/static/console.css"]
)
async def test_every_answer_of_the_console_keeps_browsers_careful(desk: Desk, path: str) -> None:
    headers = (await desk.get(path)).headers

    policy = headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


async def test_pages_carry_no_inline_script_or_style(desk: Desk) -> None:
    await desk.plan()

    for path in ("/console/", "/console/review/1", "/console/week", "/console/posts/1", "/console/accounts"):
        html = (await desk.get(path)).html
        assert "<script>" not in html
        assert "style=" not in html
        assert " onclick" not in html


async def test_nothing_of_the_console_touches_the_callback(visitor: Desk) -> None:
    answered = await visitor.post("/wecom/callback")

    assert (answered.status, answered.html) == (200, "success")
    assert "Set-Cookie" not in answered.headers
    assert "Content-Security-Policy" not in answered.headers


async def test_static_files_need_no_login_and_are_kept_while_their_address_names_the_version(
    visitor: Desk,
) -> None:
    html = (await visitor.get("/console/login")).html
    address = html.split('rel="stylesheet" href="')[1].split('"')[0]

    versioned = await visitor.get(address)
    plain = await visitor.get(address.partition("?")[0])

    assert versioned.status == 200
    assert "immutable" in versioned.headers["Cache-Control"]
    assert plain.headers["Cache-Control"] == "no-cache"
    assert (await visitor.get("/console/static/../app.py")).status in {303, 404}
    assert (await visitor.get("/console/static/%2e%2e/app.py")).status in {303, 403, 404}


async def test_a_body_that_is_no_form_is_refused_not_a_fault(desk: Desk) -> None:
    junk = {"Content-Type": "multipart/form-data; boundary=x"}

    async with desk.http.post(f"{desk.url}/console/plan", data=b"\xff\xfe junk", headers=junk) as response:
        assert response.status in {400, 403}
    long = {"Content-Type": "application/x-www-form-urlencoded"}
    body = BytesIO(b"x=" + b"a" * 1_100_000)
    async with desk.http.post(f"{desk.url}/console/plan", data=body, headers=long) as response:
        assert response.status == 413
