"""``xiaohu plans …`` as it is called; what it does is in `bot.plans_command`."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal, NoReturn

import typer

from bot.command_line import pack_or_fail, run, settings_or_fail
from bot.logs import configure_logging

plans_group = typer.Typer(help="计划：看有哪些、做什么，发布、暂停、停用。", no_args_is_help=True)

PlanKey = Annotated[str, typer.Argument(metavar="KEY", help="计划的 key，如 recall.implant")]
Why = Annotated[str, typer.Option("--reason", help="为什么，记在操作记录里")]


@plans_group.command("list")
def plans_list() -> None:
    """列出所有计划：状态、版本、多少人在其中，内容包有没有新版本。"""
    from bot.plans_command import show_list  # noqa: PLC0415  (only these commands need it)

    _with_plans(show_list)


@plans_group.command("show")
def plans_show(
    key: PlanKey,
    version: Annotated[int | None, typer.Option("--version", help="第几版；不写 = 现在用的")] = None,
) -> None:
    """看一个计划：各个版本，什么时候开始，每一步做什么。"""
    from bot.plans_command import show  # noqa: PLC0415  (as above)

    _with_plans(show(key, version))


@plans_group.command("publish")
def plans_publish(
    key: PlanKey,
    version: Annotated[int | None, typer.Option("--version", help="第几版；不写 = 最新的草稿")] = None,
    inside: Annotated[
        Literal["stay", "move", "restart"],
        typer.Option("--inside", help="已在其中的人：stay 走完旧版，move 转到新版，restart 重新开始"),
    ] = "stay",
    at: Annotated[
        str | None, typer.Option("--at", help="move 时都从这一步接着走；不写 = 各自现在的步骤")
    ] = None,
) -> None:
    """发布一个版本：以后的人走新版，已在其中的人按 --inside。"""
    from bot.plans_command import publish  # noqa: PLC0415  (as above)

    _with_plans(publish(key, version, inside, at))


@plans_group.command("pause")
def plans_pause(key: PlanKey, reason: Why = "") -> None:
    """暂停：不让新的人进来，到期的先等着。"""
    _become(key, "paused", reason)


@plans_group.command("resume")
def plans_resume(key: PlanKey, reason: Why = "") -> None:
    """恢复（或启用发布过的草稿）。"""
    _become(key, "active", reason)


@plans_group.command("retire")
def plans_retire(key: PlanKey, reason: Why = "") -> None:
    """停用：已在其中的人的旅程也结束。"""
    _become(key, "retired", reason)


def _become(key: str, state: str, reason: str) -> NoReturn:
    from bot.plans_command import become  # noqa: PLC0415  (as above)
    from sop.plans.states import PlanState  # noqa: PLC0415

    _with_plans(become(key, PlanState(state), reason))


def _with_plans(work: Any) -> NoReturn:
    from bot.plans_command import run_plans  # noqa: PLC0415  (as above)

    configure_logging(level=logging.WARNING)
    settings = settings_or_fail()
    raise typer.Exit(run(run_plans(settings, pack_or_fail(settings.content_pack), work)))
