"""The command line: ``xiaohu …`` or ``python -m bot …``. Exit codes: 0 fine, 1 findings, 2 wrong usage."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from bot.almanac_command import almanac_command
from bot.command_line import (
    FINDINGS,
    complain,
    environment_pack,
    fail,
    pack_or_fail,
    reason_of,
    run,
    settings_if_any,
    settings_or_fail,
)
from bot.logs import configure_logging
from bot.plans_group import plans_group
from bot.roles import Role
from bot.settings import PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from content.pack import Pack

# The driver's own words may hold the URL with its password.
NO_DATABASE: Final = f"不能打开数据库，请检查 {PREFIX}DATABASE_URL 和文件夹的权限"

cli = typer.Typer(
    name="xiaohu",
    help="小护：诊所的企业微信助手。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="数据库。", no_args_is_help=True)
content_group = typer.Typer(help="内容库。", no_args_is_help=True)
cli.add_typer(db, name="db")
cli.add_typer(content_group, name="content")
cli.add_typer(plans_group, name="plans")
cli.command("almanac")(almanac_command)


def main() -> None:
    """Run the command line (the ``xiaohu`` script)."""
    cli()


@cli.command("serve")
def serve_command(
    role: Annotated[Role, typer.Option(help="这个进程做什么；一家诊所用 all")] = Role.ALL,
) -> None:
    """启动服务：接收回调、处理、发送、控制台与 API。"""
    configure_logging()
    settings = settings_or_fail()
    pack = pack_or_fail(settings.content_pack)
    if role is not Role.ALL and settings.redis_url is None:
        fail(f"分成多个进程需要 {PREFIX}REDIS_URL；只有一个进程时用 --role all")
    raise typer.Exit(run(_serve(settings, pack, role)))


async def _serve(settings: Settings, pack: Pack, role: Role) -> int:
    # Most of the modules of the program: every other command would wait for them.
    from bot.app import create_app  # noqa: PLC0415
    from bot.server import Stopper, serve  # noqa: PLC0415
    from store.schema import SchemaTooNew  # noqa: PLC0415
    from store.solitude import NotAlone  # noqa: PLC0415

    stopper = Stopper()
    app = create_app(settings, pack, role=role, on_crash=stopper.crash)
    try:
        return await serve(
            app, host=settings.host, port=settings.port, stopper=stopper, on_ready=lambda _port: None
        )
    except (SchemaTooNew, NotAlone) as exc:
        return complain(str(exc))
    except OSError as exc:
        return complain(f"不能在 {settings.host}:{settings.port} 上监听或打开数据库：{exc.strerror or exc}")
    except SQLAlchemyError as exc:
        return complain(f"{NO_DATABASE}（{type(exc).__name__}）")


@cli.command("demo")
def demo_command(
    leave: Annotated[bool, typer.Option("--exit", help="演完故事就退出")] = False,
    port: Annotated[int, typer.Option(help="控制台的端口；0 = 任意空闲端口")] = 8080,
    sandbox_port: Annotated[int, typer.Option(help="模拟企业微信的端口；0 = 任意空闲端口")] = 8081,
) -> None:
    """用模拟的企业微信演示一遍主要流程，然后继续运行，直到 Ctrl-C。"""
    from bot.demo.main import demo  # noqa: PLC0415  (serve must work with no sandbox in the process)

    raise typer.Exit(run(demo(leave=leave, port=port, sandbox_port=sandbox_port)))


@cli.command("sandbox")
def sandbox_command(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 = 任意空闲端口")] = 8081,
    host: Annotated[str, typer.Option(help="监听地址")] = "127.0.0.1",
    scene: Annotated[
        str, typer.Option(help="场景：small（一间门诊）、chain（十二间，三十万患者）")
    ] = "small",
    patients: Annotated[int | None, typer.Option(help="chain 有多少患者；缺省 300000")] = None,
    seed: Annotated[int, typer.Option(help="同样的种子得到同样的人和编号")] = 1,
    callback: Annotated[
        str | None, typer.Option(help="回调地址；缺省 http://127.0.0.1:8080/wecom/callback")
    ] = None,
) -> None:
    """单独启动模拟的企业微信；准备好后打印一行 JSON 连接信息。"""
    from bot.sandbox_command import run_sandbox  # noqa: PLC0415  (as above)

    configure_logging()
    raise typer.Exit(
        run(run_sandbox(host=host, port=port, scene=scene, patients=patients, seed=seed, callback=callback))
    )


@cli.command("check")
def check_command(
    pack: Annotated[str | None, typer.Argument(help="内容包的名字或文件夹；缺省用设置里的")] = None,
    schemas: Annotated[Path | None, typer.Option(help="顺便把编辑器用的 JSON Schema 写到这个文件夹")] = None,
) -> None:
    """检查内容包：格式、引用、企业微信的限制和合规用语。"""
    from content.jsonschema import write_schemas  # noqa: PLC0415  (only this command needs them)
    from content.report import check_pack  # noqa: PLC0415
    from content.table import print_report  # noqa: PLC0415

    if schemas is not None:
        write_schemas(schemas)
    report = check_pack(pack or environment_pack())
    print_report(report, Console())
    raise typer.Exit(0 if report.ok else FINDINGS)


@cli.command("lint")
def lint_command(
    file: Annotated[str, typer.Argument(help="JSON Lines 文件，- 是标准输入")] = "-",
) -> None:
    """检查文案：每行 {"id","text","persona","channel"} 进，每行 {"id","findings"} 出。"""
    from bot.lint import LintInputProblem, lint_lines  # noqa: PLC0415

    try:
        source = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        worst = lint_lines(source, sys.stdout)
    except OSError as exc:
        fail(f"读不到 {file}：{reason_of(exc)}")
    except LintInputProblem as exc:
        fail(str(exc))
    raise typer.Exit(FINDINGS if worst else 0)


@cli.command("sync")
def sync_command() -> None:
    """从企业微信读一遍全部成员、患者、标签和客户群，补上漏掉的回调，打印差异；中断后再运行会接着做。"""
    from bot.syncing.command import sync  # noqa: PLC0415  (only this command needs it)

    configure_logging(level=logging.WARNING)
    settings = settings_or_fail()
    pack = pack_or_fail(settings.content_pack)
    try:
        code = run(sync(settings, pack))
    except KeyboardInterrupt:
        fail("已停下；再运行一次 xiaohu sync，会从停下的地方继续。")
    raise typer.Exit(code)


@cli.command("doctor")
def doctor_command(
    json_file: Annotated[Path | None, typer.Option("--json", help="顺便把结果写到这个 JSON 文件")] = None,
) -> None:
    """自检：设置、企业微信的权限、回调、数据库……逐条给出哪里不对、在后台哪里改。只看不改。"""
    from bot.checkup.doctor import run_doctor  # noqa: PLC0415  (only this command needs it)

    configure_logging()
    raise typer.Exit(run(run_doctor(Console(), json_file=json_file)))


@cli.command("import")
def import_command(
    kind: Annotated[str, typer.Argument(help="visits 就诊、patients 客户、answers 问卷、benefits 权益")],
    file: Annotated[Path, typer.Argument(help="诊所系统导出的 .xlsx 或 .csv")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，什么都不记下")] = False,
) -> None:
    """导入诊所系统的文件：逐行记下，问题逐行列出；中断后再运行会接着做，重复导入不会重复记录。"""
    from bot.import_command import import_file  # noqa: PLC0415  (only this command needs it)
    from clinic.imports.columns import KINDS  # noqa: PLC0415

    if kind not in KINDS:
        fail(f"没有“{kind}”这一种：写 {'、'.join(KINDS)} 中的一个")
    configure_logging(level=logging.WARNING)
    settings = settings_or_fail()
    pack = pack_or_fail(settings.content_pack)
    try:
        code = run(import_file(settings, pack, kind, file, dry_run=dry_run))
    except KeyboardInterrupt:
        fail("已停下；再运行一次同样的命令，会从停下的地方继续。")
    raise typer.Exit(code)


@cli.command("rehearse")
def rehearse_command(
    days: Annotated[int, typer.Option("--days", min=1, max=400, help="演多少天")] = 90,
    synthetic: Annotated[int, typer.Option("--synthetic", min=1, max=50_000, help="多少位模拟患者")] = 5000,
    patients: Annotated[
        Path | None, typer.Option("--patients", help="用这份名单里的患者（CSV），不用模拟的")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="同一个种子，结果一样")] = 7,
    report: Annotated[Path, typer.Option("--report", help="报告写到哪里")] = Path("rehearsal.html"),
    json_file: Annotated[Path | None, typer.Option("--json", help="同样的数字写成 JSON")] = None,
) -> None:
    """预演：把启用的计划往后演一遍，看每天发多少、谁被打扰最多、谁要审多少；不碰真的数据和企业微信。"""
    from bot.rehearsal.command import Wish, rehearse_command  # noqa: PLC0415  (only this command needs it)
    from bot.rehearsal.list_file import ListRefused, read_list  # noqa: PLC0415
    from store.clock import SystemClock  # noqa: PLC0415

    configure_logging(level=logging.CRITICAL)
    settings = settings_if_any()
    pack = pack_or_fail(settings.content_pack if settings else environment_pack())
    try:
        listed = read_list(patients, pack) if patients else None
    except ListRefused as exc:
        fail(str(exc))
    wish = Wish(days=days, patients=len(listed) if listed else synthetic, seed=seed, listed=listed)
    work = rehearse_command(settings, pack, wish, now=SystemClock().now(), report=report, json_file=json_file)
    try:
        code = run(work)
    except KeyboardInterrupt:
        fail("预演停下了，没有写报告。")
    raise typer.Exit(code)


@cli.command("explain")
def explain_command(
    patient: Annotated[str, typer.Option("--patient", help="external_userid、就诊号，或 # 加控制台里的编号")],
    at: Annotated[
        str | None, typer.Option("--at", help="截至什么时候，如 2026-12-03T10:21；不写 = 现在")
    ] = None,
) -> None:
    """说清一位患者：走着哪些计划、每一步怎么样了、为什么别的计划没有开始。"""
    from bot.explain_command import explain_patient  # noqa: PLC0415  (only this command needs it)

    configure_logging(level=logging.WARNING)
    settings = settings_or_fail()
    raise typer.Exit(run(explain_patient(settings, pack_or_fail(settings.content_pack), patient, at=at)))


@cli.command("enrol")
def enrol_command(
    plan: Annotated[str, typer.Argument(help="旅程的 key")],
    file: Annotated[
        Path | None, typer.Option("--list", help=".xlsx 或 .csv：病历号、电话或企业微信ID")
    ] = None,
    tag: Annotated[str, typer.Option("--tag", help="有这个标签的人：组/标签")] = "",
    everybody: Annotated[bool, typer.Option("--all", help="所有人")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="只看会加入多少位、其余为什么不，什么都不改")
    ] = False,
    run_name: Annotated[str, typer.Option("--run", help="这一次的名字；不写 = 今天的日期")] = "",
) -> None:
    """让一批顾客开始一个旅程：按名单、标签，或所有人；中断后再运行会接着做，不会重复加入。"""
    from bot.enrol_command import enrol  # noqa: PLC0415  (only this command needs it)

    if [file is not None, bool(tag), everybody].count(True) != 1:
        fail("写 --list 文件、--tag 组/标签、--all 中的一个")
    configure_logging(level=logging.WARNING)
    settings = settings_or_fail()
    pack = pack_or_fail(settings.content_pack)
    try:
        code = run(enrol(settings, pack, plan, file=file, tag=tag, dry_run=dry_run, run=run_name))
    except KeyboardInterrupt:
        fail("已停下；再运行一次同样的命令，会接着做。")
    raise typer.Exit(code)


@content_group.command("export")
def content_export(
    folder: Annotated[Path, typer.Argument(help="写到哪里：空文件夹，或还不存在的名字")],
) -> None:
    """把内容库写成一个完整的内容包：能看、能改、能检查、能读回来。"""
    from bot.content_command import export_library  # noqa: PLC0415  (only this command needs it)

    configure_logging(level=logging.WARNING)
    settings = settings_or_fail()
    raise typer.Exit(_on_database(export_library(settings, pack_or_fail(settings.content_pack), folder)))


@content_group.command("import")
def content_import(
    folder: Annotated[Path, typer.Argument(help="内容包的文件夹")],
) -> None:
    """把一个内容包里的内容和素材读进内容库；每一条改动前的版本都留着。"""
    from bot.content_command import import_library  # noqa: PLC0415  (only this command needs it)

    configure_logging(level=logging.WARNING)
    settings = settings_or_fail()
    raise typer.Exit(_on_database(import_library(settings, pack_or_fail(settings.content_pack), folder)))


def _on_database(work: Coroutine[Any, Any, int]) -> int:
    try:
        return run(work)
    except (OSError, SQLAlchemyError) as exc:
        return complain(f"{NO_DATABASE}（{type(exc).__name__}）")


Scope = Annotated[str, typer.Argument(help="all 全部、persona:角色的 key，或 plan:计划的 key")]
Reason = Annotated[str, typer.Option(help="为什么；同事在控制台会看到")]


@cli.command("pause")
def pause_command(scope: Scope = "all", reason: Reason = "") -> None:
    """暂停发送：在下一次向企业微信发送之前生效，等着的内容都保留。"""
    _switch(scope, on=True, reason=reason)


@cli.command("resume")
def resume_command(scope: Scope = "all", reason: Reason = "") -> None:
    """恢复发送。"""
    _switch(scope, on=False, reason=reason)


def _switch(scope: str, *, on: bool, reason: str) -> NoReturn:
    from bot.pause_command import switch  # noqa: PLC0415  (only these commands need it)

    configure_logging(level=logging.WARNING)
    settings = settings_or_fail()
    pack = pack_or_fail(settings.content_pack)
    raise typer.Exit(run(switch(settings, pack, scope, on=on, reason=reason)))


@db.command("upgrade")
def db_upgrade() -> None:
    """把数据库升级到这个版本的结构（serve 启动时也会做）。"""
    from store.database import Database  # noqa: PLC0415  (only this command needs them)
    from store.schema import SchemaTooNew, upgrade  # noqa: PLC0415

    configure_logging()
    settings = settings_or_fail()

    async def migrate() -> int:
        database = Database(settings.database_url.get_secret_value())
        try:
            before, after = await upgrade(database)
        except SchemaTooNew as exc:
            return complain(str(exc))
        except (OSError, SQLAlchemyError) as exc:
            return complain(f"{NO_DATABASE}（{type(exc).__name__}）")
        finally:
            await database.close()
        typer.echo(
            f"数据库已是最新结构（{after}）" if before == after else f"数据库：{before or '空'} → {after}"
        )
        return 0

    raise typer.Exit(run(migrate()))
