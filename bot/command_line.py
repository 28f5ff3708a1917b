"""What every command needs: settings and a pack or a clear end, exit codes, a loop to run in."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

import typer

from bot.settings import PackChoice, Settings, SettingsProblem, load_settings
from content.problems import PackError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from content.pack import Pack

FINDINGS: Final = 1
USAGE: Final = 2


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run ``work`` on uvloop where there is one."""
    factory = None
    if sys.platform != "win32":
        import uvloop  # noqa: PLC0415  (not made for Windows)

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


def settings_or_fail() -> Settings:
    """Return the settings, or end with what is wrong with them."""
    try:
        return load_settings()
    except SettingsProblem as exc:
        fail(str(exc))


def settings_if_any() -> Settings | None:
    """Return the settings of this clinic, or None where nothing is set up yet: a rehearsal needs none."""
    try:
        return load_settings()
    except SettingsProblem:
        return None


def pack_or_fail(name: str) -> Pack:
    """Return a pack, or end with what is wrong with it."""
    from content.loader import load_pack  # noqa: PLC0415  (only commands with a pack need it)

    try:
        return load_pack(name)
    except PackError as exc:
        fail(f"内容包 {name} 有问题，没有启动：\n{exc}")


def environment_pack() -> str:
    """Name the pack of this environment: a check must work before the other settings exist."""
    return PackChoice().content_pack or "dental"


def complain(message: str) -> int:
    """Say what is wrong and return the exit code for it."""
    typer.echo(message, err=True)
    return USAGE


def reason_of(exc: OSError) -> str:
    """Return why a file cannot be used, as a person reads it."""
    match exc:
        case FileNotFoundError():
            return "没有这个文件"
        case PermissionError():
            return "没有权限"
        case IsADirectoryError():
            return "这是一个文件夹"
        case NotADirectoryError():
            return "路径里有一段不是文件夹"
    return exc.strerror or str(exc)


def fail(message: str) -> NoReturn:
    """Say what is wrong and end."""
    raise typer.Exit(complain(message))
