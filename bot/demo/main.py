"""``xiaohu demo``: play the story, then keep serving."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rich.console import Console

from bot.demo.narrator import Narrator
from bot.demo.stage import PASSWORD, USER, DidNotHappen, Stage, stage
from bot.demo.story import play
from bot.logs import configure_logging
from bot.server import Stopper

if TYPE_CHECKING:
    from collections.abc import Mapping


async def demo(*, leave: bool, port: int, sandbox_port: int) -> int:
    """Play the story on a fresh stage; return 0, or 1 when a step did not happen."""
    configure_logging(level=logging.ERROR)
    console = Console(highlight=False)
    stopper = Stopper()
    async with stage(port=port, sandbox_port=sandbox_port, on_crash=stopper.crash) as set_stage:
        narrator = Narrator(console, set_stage.clock)
        try:
            people = await play(set_stage, narrator)
        except DidNotHappen as exc:
            narrator.failed(str(exc))
            return 1
        narrator.finished()
        if leave:
            return 0
        _tell_where(console, set_stage, people)
        await stopper.wait()
    return 1 if stopper.crashed else 0


def _tell_where(console: Console, set_stage: Stage, people: Mapping[str, str]) -> None:
    """Print the addresses whole: a terminal makes links only of those that are not broken."""
    phones = set_stage.sandbox.phones_url
    lines = [
        f"[bold]控制台[/]  {set_stage.url}/console/",
        f"        用户名 [bold]{USER}[/]，密码 [bold]{PASSWORD}[/]",
        f"[bold]手机[/]    {phones}",
        *(f"        {phones}#/{path}  {name}" for name, path in people.items()),
        "",
        "时钟停在故事的最后一刻继续走，程序也在运行：可以接着在控制台审核，在手机上点发送。按 Ctrl-C 结束。",
    ]
    for line in lines:
        console.print(line, soft_wrap=True)
