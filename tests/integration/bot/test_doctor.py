"""``xiaohu doctor``: each thing that can be wrong with an installation is named, with the place to mend it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from aiohttp import web
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy import text
from typer.testing import CliRunner

from bot.app import create_app
from bot.checkup.callback import check_callback
from bot.checkup.doctor import examine, report
from bot.checkup.findings import Level
from bot.checkup.host import (
    check_content,
    check_database,
    check_disk,
    check_events,
    check_redis,
    check_settings,
)
from bot.checkup.tenant import TenantCheck, check_network
from bot.cli import cli
from sop.roster import Roster
from store import inbox
from store.clock import ShiftedClock, SystemClock
from store.database import Database
from store.inbox import InboxEvent
from store.schema import upgrade
from tests.support.checking import packaged_checker
from tests.support.clinic import settings_for
from tests.support.databases import fresh_database_url
from tests.support.scripted_wecom import failing, ok
from wecom.client import WeComClient, open_session
from wecom.sandbox.server import Sandbox, running_sandbox
from wecom.tokens import Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from pathlib import Path

    from bot.checkup.findings import Finding
    from bot.settings import Settings
    from content.pack import Pack

CLOCK = SystemClock()
READS = re.compile(r"^gettoken$|^getcallbackip$|/get$|/get_[a-z_]*list(_v2)?$|/list$")


@pytest.fixture
def database_url(tmp_path: Path) -> Any:
    with fresh_database_url("sqlite", tmp_path) as url:
        yield url


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox(callback_url=None) as running:
        yield running


def roster_of(pack: Pack) -> Roster:
    return Roster(
        pack=pack,
        speakers={p.key: p.members for p in pack.personas},
        delegates={p.key: p.delegates for p in pack.personas},
        approvers={p.key: p.approvers for p in pack.personas},
        serving=frozenset(),
    )


async def asked(api_base: str, pack: Pack, *, secret: str, corp_id: str, agent_id: int) -> list[Finding]:
    async with open_session() as session:
        client = WeComClient(
            session,
            api_base=api_base,
            credentials=Credentials(corp_id=corp_id, secret=secret, agent_id=agent_id),
        )
        check = TenantCheck(client, roster=roster_of(pack), clock=CLOCK)
        return [finding async for finding in check.findings()]


async def asked_sandbox(sandbox: Sandbox, pack: Pack, *, secret: str = "") -> list[Finding]:
    facts = sandbox.connection
    return await asked(
        sandbox.api_base,
        pack,
        secret=secret or facts["secret"],
        corp_id=facts["corp_id"],
        agent_id=facts["agent_id"],
    )


def wrong(findings: list[Finding], area: str = "") -> list[Finding]:
    return [f for f in findings if f.level is Level.FAIL and area in f.area]


def doubts(findings: list[Finding], area: str) -> list[Finding]:
    return [f for f in findings if f.level is Level.WARN and area == f.area]


@asynccontextmanager
async def serving(sandbox: Sandbox, database_url: str, pack: Pack) -> AsyncIterator[Settings]:
    """Run the program; yield the settings of an installation whose public address it is."""
    settings = settings_for(sandbox, database_url)
    runner = web.AppRunner(
        create_app(settings, pack, checker=packaged_checker()), access_log=None, shutdown_timeout=1
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        sandbox.callbacks.url = f"{url}/wecom/callback"
        sandbox.tenant.rules.callbacks_configured = True
        yield settings.model_copy(update={"public_url": url})
    finally:
        await runner.cleanup()


async def until(truth: Callable[[], Iterable[Any]]) -> None:
    async with asyncio.timeout(10):
        while not list(truth()):
            await asyncio.sleep(0.02)


# -- the whole ---------------------------------------------------------------------------------------


async def test_a_healthy_installation_has_no_cross_and_no_secret_is_shown(
    database_url: str, pack: Pack, sandbox: Sandbox
) -> None:
    out = StringIO()
    async with serving(sandbox, database_url, pack) as settings:
        sandbox.tenant.patient_scans("xiaohu", state="front-desk")
        await sandbox.callbacks.idle()
        await until(lambda: sandbox.tenant.journal.calls("externalcontact/send_welcome_msg"))

        fine = await report(
            examine(settings, clock=CLOCK), Console(file=out, width=100), json_file=None, clock=CLOCK
        )
    shown = out.getvalue()
    assert fine, shown
    assert "✗ 0" in shown
    assert "验证通过" in shown
    assert re.search(r"最近一次：客户 \d{4}-\d\d-\d\d", shown)
    for name in ("wecom_secret", "wecom_token", "wecom_aes_key", "secret_key", "admin_password", "api_key"):
        assert getattr(settings, name).get_secret_value() not in shown


@pytest.fixture
def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    """An empty folder to run commands in; their logging ends with them."""
    monkeypatch.chdir(tmp_path)
    yield CliRunner()
    structlog.reset_defaults()


def test_unusable_settings_are_listed_at_once_without_a_value(
    command_line: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XIAOHU_WECOM_AES_KEY", "much-too-short")
    monkeypatch.setenv("XIAOHU_SECRET_KEY", "0123456789abcdef")

    result = command_line.invoke(cli, ["doctor", "--json", "report.json"])

    assert result.exit_code == 2
    for name in ("XIAOHU_WECOM_AES_KEY", "XIAOHU_WECOM_CORP_ID", "XIAOHU_ADMIN_PASSWORD"):
        assert name in result.output
    assert "much-too-short" not in result.output
    document = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert document["ok"] is False
    assert {f["level"] for f in document["findings"]} == {"fail"}
    assert datetime.fromisoformat(document["checked_at"]).tzinfo is not None


def test_an_unreachable_wecom_and_a_stopped_program_are_two_crosses_and_exit_1(
    command_line: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "SECRET_KEY": "k" * 32,
        "ADMIN_PASSWORD": "a-password",
        "WECOM_API_BASE": "http://127.0.0.1:9",
        "PUBLIC_URL": "http://127.0.0.1:9",
        "PORT": "9",
        "WECOM_CORP_ID": "ww0123456789abcdef",
        "WECOM_AGENT_ID": "1000002",
        "WECOM_SECRET": "the-secret",
        "WECOM_TOKEN": "aToken",
        "WECOM_AES_KEY": "a" * 43,
    }.items():
        monkeypatch.setenv(f"XIAOHU_{name}", value)

    result = command_line.invoke(cli, ["doctor", "--json", "report.json"])

    assert result.exit_code == 1, result.output
    found = json.loads((tmp_path / "report.json").read_text("utf-8"))["findings"]
    crosses = [f for f in found if f["level"] == "fail"]
    assert [f["area"] for f in crosses] == ["网络与时钟", "回调地址"]
    assert "没有在运行" in crosses[1]["text"]
    assert all(f["remedy"] for f in crosses)
    assert not (tmp_path / "var").exists(), "a look made a database"


# -- what WeCom says -----------------------------------------------------------------------------------


async def test_nothing_in_wecom_is_changed(sandbox: Sandbox, pack: Pack) -> None:
    findings = await asked_sandbox(sandbox, pack)

    assert wrong(findings) == []
    asked = {call.api for call in sandbox.tenant.journal.calls()}
    assert asked >= {"gettoken", "user/get", "externalcontact/get_follow_user_list"}
    assert {api for api in asked if not READS.search(api)} == set()


async def test_a_wrong_secret_is_tried_once_and_named_with_its_remedy(sandbox: Sandbox, pack: Pack) -> None:
    findings = await asked_sandbox(sandbox, pack, secret="wrong")

    [cross] = wrong(findings)
    assert (cross.area, "40001" in cross.text, "Secret" in cross.remedy) == ("access_token", True, True)
    assert [call.api for call in sandbox.tenant.journal.calls()] == ["gettoken"]


async def test_the_agent_id_is_compared_and_a_lost_answer_is_called_one(sandbox: Sandbox, pack: Pack) -> None:
    [fits] = [f for f in await asked_sandbox(sandbox, pack) if f.area == "应用"]
    sandbox.tenant.faults.add("reset_before", "agent/get", times=None)  # aiohttp asks twice
    [lost] = [f for f in await asked_sandbox(sandbox, pack) if f.area == "应用"]

    seen = len(list(sandbox.tenant.corp.visible_members()))
    assert (fits.level, f"{seen} 个成员" in fits.text) == (Level.OK, True)
    assert (lost.level, "没有得到企业微信的回答" in lost.text) == (Level.WARN, True)


async def test_an_address_that_is_not_trusted_is_named_with_the_place_to_add_it(
    sandbox: Sandbox, pack: Pack
) -> None:
    sandbox.tenant.faults.add("errcode", "getcallbackip", times=None, errcode=60020)

    [cross] = wrong(await asked_sandbox(sandbox, pack))

    assert cross.area == "可信 IP"
    assert "127.0.0.1" in cross.remedy
    assert "企业可信IP" in cross.remedy


@pytest.mark.parametrize(
    ("api", "errcode", "words"),
    [
        pytest.param("externalcontact/get_follow_user_list", 48002, "可调用接口的应用", id="no permission"),
        pytest.param("externalcontact/get_follow_user_list", 84074, "使用范围", id="outside the range"),
        pytest.param("externalcontact/groupchat/list", 48002, "可调用接口的应用", id="no groups"),
        pytest.param("externalcontact/get_moment_list", 48002, "可调用接口的应用", id="no moments"),
        pytest.param("externalcontact/get_follow_user_list", 60020, "企业可信IP", id="an IP refused late"),
    ],
)
async def test_a_missing_permission_is_a_cross_with_the_page_of_the_admin_console(
    sandbox: Sandbox, pack: Pack, api: str, errcode: int, words: str
) -> None:
    sandbox.tenant.faults.add("errcode", api, times=None, errcode=errcode)

    [cross] = wrong(await asked_sandbox(sandbox, pack))

    assert str(errcode) in cross.text
    assert words in cross.remedy


async def test_nobody_who_serves_customers_is_a_cross(sandbox: Sandbox, pack: Pack) -> None:
    for member in sandbox.tenant.corp.members.values():
        member.contact_enabled = False

    [cross] = wrong(await asked_sandbox(sandbox, pack), "客户联系")

    assert "使用范围" in cross.remedy


async def test_a_persona_whose_members_do_not_serve_is_named(sandbox: Sandbox, pack: Pack) -> None:
    members = sandbox.tenant.corp.members
    members["li.na"].contact_enabled = False

    findings = await asked_sandbox(sandbox, pack)

    assert wrong(findings) == []
    [doubt] = doubts(findings, "客户联系")
    assert "李医生" in doubt.text


async def test_a_persona_whose_reviewers_nobody_sees_is_a_cross(sandbox: Sandbox, pack: Pack) -> None:
    sandbox.tenant.corp.members["chen.jing"].visible = False

    findings = await asked_sandbox(sandbox, pack)

    [doubt] = doubts(findings, "可见范围")
    assert "chen.jing" in doubt.text
    [cross] = wrong(findings)
    assert "小护" in cross.text
    assert "可见范围" in cross.remedy


@asynccontextmanager
async def scripted(**answers: Any) -> AsyncIterator[str]:
    """A WeCom that says what the sandbox does not: the app's own record and 微信客服."""
    plain = {
        "gettoken": ok(access_token="t", expires_in=7200),
        "getcallbackip": ok(ip_list=[]),
        "user/get": ok(userid="xiaohu", name="小护"),
        "externalcontact/get_follow_user_list": ok(follow_user=["xiaohu", "zhang.wei", "li.na"]),
        "agent/get": ok(
            close=0, allow_userinfos={"user": [{"userid": "xiaohu"}]}, allow_partys={"partyid": [1]}
        ),
        "kf/account/list": ok(account_list=[{"open_kfid": "wk1"}]),
    } | {name.replace("__", "/"): reply for name, reply in answers.items()}

    async def answer(request: web.Request) -> web.StreamResponse:
        return await plain.get(request.match_info["api"], ok())(request)

    app = web.Application()
    app.router.add_route("*", "/cgi-bin/{api:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def asked_script(pack: Pack, **answers: Any) -> list[Finding]:
    async with scripted(**answers) as base:
        return await asked(base, pack, secret="s", corp_id="ww1", agent_id=1000002)


async def test_the_apps_own_record_shows_its_range(pack: Pack) -> None:
    findings = await asked_script(pack)

    assert wrong(findings) == []
    assert "1 个成员、1 个部门" in next(f.text for f in findings if f.area == "应用")
    assert "1 个客服账号" in next(f.text for f in findings if f.area == "微信客服")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(failing(301002), "AgentId", id="of another app"),
        pytest.param(ok(close=1), "启用", id="switched off"),
    ],
)
async def test_an_app_that_is_wrong_or_off_is_a_cross(pack: Pack, answer: Any, words: str) -> None:
    [cross] = wrong(await asked_script(pack, agent__get=answer))

    assert words in cross.remedy


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(failing(48002), id="no permission"),
        pytest.param(failing(48007), id="no account granted"),
        pytest.param(ok(account_list=[]), id="no account"),
    ],
)
async def test_missing_customer_service_is_a_hint_since_it_is_optional(pack: Pack, answer: Any) -> None:
    findings = await asked_script(pack, kf__account__list=answer)

    assert wrong(findings) == []
    [doubt] = doubts(findings, "微信客服")
    assert "可选" in doubt.text
    assert doubt.remedy


@pytest.mark.parametrize(
    ("off", "level"),
    [
        pytest.param(timedelta(seconds=20), Level.OK, id="a little"),
        pytest.param(timedelta(minutes=2), Level.WARN, id="two minutes"),
        pytest.param(timedelta(minutes=-10), Level.FAIL, id="ten minutes slow"),
    ],
)
async def test_the_clock_is_compared_with_wecoms(sandbox: Sandbox, off: timedelta, level: Level) -> None:
    async with open_session() as session:
        reached, finding = await check_network(
            session, api_base=sandbox.api_base, clock=ShiftedClock(datetime.now(UTC) + off)
        )

    assert reached
    assert finding.level is level
    assert bool(finding.remedy) == (level is not Level.OK)


# -- the callback address --------------------------------------------------------------------------------


async def called(settings: Settings) -> list[Finding]:
    async with open_session() as session:
        return [f async for f in check_callback(session, settings, clock=CLOCK)]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param({"wecom_token": SecretStr("anotherToken")}, "Token", id="another token"),
        pytest.param({"wecom_aes_key": SecretStr("a" * 43)}, "EncodingAESKey", id="another key"),
        pytest.param({"wecom_corp_id": "wwanother"}, "企业 ID", id="another corp"),
    ],
)
async def test_a_running_program_with_other_settings_is_told_to_restart(
    database_url: str, pack: Pack, sandbox: Sandbox, changed: dict[str, Any], words: str
) -> None:
    async with serving(sandbox, database_url, pack) as settings:
        [cross] = wrong(await called(settings.model_copy(update=changed)))

    assert words in cross.remedy
    assert "重启" in cross.remedy


async def test_a_proxy_that_does_not_pass_the_path_on_is_told_from_a_program_that_is_off(
    sandbox: Sandbox, database_url: str
) -> None:
    # The sandbox's own port answers, but not as Xiaohu does.
    settings = settings_for(sandbox, database_url, public_url=sandbox.api_base)
    [cross] = wrong(await called(settings))
    assert "404" in cross.text
    assert "/wecom/callback" in cross.remedy

    [cross] = wrong(await called(settings.model_copy(update={"public_url": "http://127.0.0.1:9", "port": 9})))
    assert "没有在运行" in cross.text


async def test_an_address_that_wecom_cannot_reach_is_a_cross_before_anything_is_asked(
    sandbox: Sandbox, database_url: str
) -> None:
    settings = settings_for(sandbox, database_url, wecom_api_base="https://qyapi.weixin.qq.com")

    [cross] = await called(settings)

    assert cross.level is Level.FAIL
    assert "公网" in cross.remedy


# -- this machine ------------------------------------------------------------------------------------------


async def database_finding(url: str, *statements: str) -> Finding:
    database = Database(url)
    try:
        if statements:
            await upgrade(database)
            async with database.write() as session:
                for statement in statements:
                    await session.execute(text(statement))
        return (await check_database(database))[1]
    finally:
        await database.close()


async def test_a_database_that_a_newer_version_migrated_is_a_cross(database_url: str) -> None:
    finding = await database_finding(database_url, "UPDATE alembic_version SET version_num = '9999'")

    assert (finding.level, "9999" in finding.text) == (Level.FAIL, True)


async def test_an_empty_or_missing_database_is_made_later_and_not_by_the_look(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "xiaohu.db"

    missing = await database_finding(f"sqlite+aiosqlite:///{path}")

    assert missing.level is Level.WARN
    assert not path.parent.exists()


async def test_a_database_that_does_not_answer_is_a_cross_without_its_password() -> None:
    finding = await database_finding("postgresql+asyncpg://xiaohu:pass-word@127.0.0.1:9/x")

    assert finding.level is Level.FAIL
    assert "pass-word" not in str(finding)


async def test_a_file_that_is_no_database_is_a_cross(tmp_path: Path) -> None:
    (tmp_path / "xiaohu.db").write_bytes(b"this is no database, but a text of some length" * 40)

    finding = await database_finding(f"sqlite+aiosqlite:///{tmp_path / 'xiaohu.db'}")

    assert finding.level is Level.FAIL


async def test_a_redis_that_does_not_answer_is_a_cross_without_its_password() -> None:
    finding = await check_redis("redis://:pass-word@127.0.0.1:9/0")

    assert finding.level is Level.FAIL
    assert "pass-word" not in str(finding)


async def test_a_nearly_full_disk_is_a_cross(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = SimpleNamespace(total=10**12, used=10**12 - 10**8, free=10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'xiaohu.db'}")

    finding = check_disk(database)

    assert finding.level is Level.FAIL
    assert "1 GB" in finding.remedy


def test_a_broken_pack_names_its_first_error(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text("format: 1\n", "utf-8")

    pack, [finding] = check_content(str(tmp_path))

    assert pack is None
    assert finding.level is Level.FAIL
    assert "channels.yaml:1" in finding.text


def test_settings_that_work_but_are_weak_are_pointed_out(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("", "utf-8")
    (tmp_path / ".env").chmod(0o644)
    settings = settings_for(sandbox, "sqlite+aiosqlite:///x.db", wecom_corp_id="corp-1")

    texts = [f.text for f in check_settings(settings, env_file=tmp_path / ".env") if f.level is Level.WARN]

    assert len(texts) == 3
    assert all(any(word in t for t in texts) for word in ("ww", "XIAOHU_SECRET_KEY", ".env"))


async def test_callbacks_that_never_came_wait_or_died_are_told(database_url: str, pack: Pack) -> None:
    database = Database(database_url)
    now = datetime.now(UTC)
    try:
        await upgrade(database)
        empty = [f async for f in check_events(database, now=now, zone=pack.timezone, kf=True)]
        async with database.write() as session:
            for number, state in enumerate((inbox.NEW, inbox.DEAD)):
                session.add(
                    InboxEvent(
                        digest=str(number),
                        lane="",
                        urgent=False,
                        body=b"<xml/>",
                        received_at=now - timedelta(minutes=9),
                        state=state,
                    )
                )
        later = [f async for f in check_events(database, now=now, zone=pack.timezone, kf=False)]
    finally:
        await database.close()

    assert {f.level for f in empty} == {Level.WARN}
    assert any("外部联系人变更回调" in f.remedy for f in empty)
    assert any("微信客服消息和事件" in f.remedy for f in empty)
    [stuck] = wrong(later)
    assert "1 条" in stuck.text
    assert any("处理不了" in f.text for f in doubts(later, "回调事件"))
