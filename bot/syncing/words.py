"""A sync's progress and result in words: a bar where somebody watches, plain lines where nobody does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bot.syncing.runs import Watching
from clinic.reconcile import Tally

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.console import Console
    from rich.progress import TaskID

    from bot.syncing.reconciliation import Report

LINE_EVERY: Final = 5000
STAGE_TITLES: Final = {
    "members": "成员",
    "tags": "企业标签",
    "relations": "核对客户列表",
    "patients": "患者详情",
    "groups": "客户群",
    "ways": "渠道活码",
}
KIND_TITLES: Final = {
    "members": "成员",
    "tags": "企业标签",
    "patients": "患者",
    "follows": "客户关系",
    "marks": "患者标签",
    "groups": "客户群",
    "seats": "群成员",
    "ways": "渠道活码",
}


class Shown(Watching):
    """Shows a run's progress on a console, as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: dict[str, TaskID] = {}
        self._said: dict[str, int] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def stage(self, name: str, done: int, total: int | None) -> None:
        title = STAGE_TITLES.get(name, name)
        if self._console.is_terminal:
            if name not in self._bars:
                self._bars[name] = self._progress.add_task(title, total=total)
            self._progress.update(self._bars[name], completed=done, total=total)
        elif done == total or done - self._said.get(name, 0) >= LINE_EVERY:
            self._said[name] = done
            self._console.print(f"{title}：{done}" + (f" / {total}" if total else ""))


def print_report(report: Report, console: Console, *, seconds: float) -> None:
    """Print what was added, changed and lost, kind by kind."""
    table = Table(title="与企业微信对账的结果")
    table.add_column("内容")
    for heading in ("读到", "新增", "变化", "流失"):
        table.add_column(heading, justify="right")
    for kind, title in KIND_TITLES.items():
        tally = report.tallies.get(kind, Tally())
        table.add_row(title, *map(str, (tally.seen, tally.added, tally.changed, tally.lost)))
    console.print(table)
    if report.resumed:
        console.print("从上次停下的地方继续；上面是两次合起来的数字。")
    for stage in report.unread:
        name, _, remedy = stage.partition(": ")
        console.print(f"没有读到{STAGE_TITLES.get(name, name)}：{remedy}")
    same = not any(tally.differs for tally in report.tallies.values())
    console.print(f"{'没有差异' if same else '已按企业微信更新'}，用时 {seconds:.1f} 秒。")
