"""Tells the story on the terminal: what happens, at which hour of the clinic, and what was seen of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from store.clock import Clock

ZONE: Final = ZoneInfo("Asia/Shanghai")
WEEKDAYS: Final = "一二三四五六日"


class Narrator:
    """Prints; decides nothing."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._step = ""
        self._seen = 0

    def chapter(self, title: str) -> None:
        """Begin a step of the story."""
        self._step = title
        self._console.print()
        self._console.print(Rule(f"[bold cyan]{escape(title)}[/]", align="left", style="cyan"))

    def tell(self, text: str) -> None:
        """Say what somebody does, with the clinic's hour."""
        local = self._clock.now().astimezone(ZONE)
        stamp = f"周{WEEKDAYS[local.weekday()]} {local:%m-%d %H:%M}"
        line = Table.grid(padding=(0, 1))
        line.add_column(width=16, style="dim", no_wrap=True)
        line.add_column(overflow="fold")
        line.add_row(stamp, escape(text))
        self._console.print(line)

    def seen(self, text: str) -> None:
        """Say what was verified."""
        self._seen += 1
        line = Table.grid(padding=(0, 1))
        line.add_column(width=16)
        line.add_column(width=1, style="green")
        line.add_column(overflow="fold")
        line.add_row("", "✓", escape(text))
        self._console.print(line)

    def quote(self, who: str, text: str) -> None:
        """Show a text as its reader sees it."""
        panel = Panel(escape(text), title=escape(who), title_align="left", border_style="dim", width=62)
        self._console.print(Padding(panel, (0, 0, 0, 17)))

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show a small table."""
        table = Table(*headers, box=None, header_style="dim", pad_edge=False)
        for row in rows:
            table.add_row(*(escape(cell) for cell in row))
        self._console.print(Padding(table, (0, 0, 0, 17)))

    def failed(self, what: str) -> None:
        """Say which step did not happen."""
        self._console.print(f"\n[bold red]✗ “{escape(self._step)}”没有完成：{escape(what)}[/]")

    def finished(self) -> None:
        """Say that everything happened."""
        self._console.print(f"\n[bold green]✓ 故事演完了：{self._seen} 处都亲眼看到。[/]\n")
