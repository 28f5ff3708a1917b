"""Prints a pack's report for people: rich tables, in Chinese."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, get_args

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from content.gaps import gaps, quarters, variables_used
from content.plans.wordings import said_in
from content.schema import Category

if TYPE_CHECKING:
    from rich.console import Console

    from content.pack import Pack
    from content.plans.specs import PlanKind
    from content.report import PackReport

_LEVELS = {"block": ("禁止", "bold red"), "warn": ("警告", "yellow"), "hint": ("提示", "cyan")}


def print_report(report: PackReport, console: Console) -> None:
    """Print problems, findings and counts; the last line says whether the pack can be used."""
    console.print(f"[bold]内容包检查：{escape(report.name)}[/bold]")
    if report.pack is not None:
        _print_pack(report, report.pack, console)
    for problem in report.problems:
        style, word = ("red", "错误") if problem.level == "error" else ("yellow", "提醒")
        console.print(Text(f"{word}  ", style=style), Text(str(problem)), soft_wrap=True)
    if report.findings:
        _print_findings(report, console)
    _print_verdict(report, console)


def _print_pack(report: PackReport, pack: Pack, console: Console) -> None:
    console.print(
        f"{escape(pack.title)} {escape(pack.version)}　{escape(pack.clinic['name'])}　"
        f"角色 {len(pack.personas)}　渠道 {len(pack.channels)}　欢迎语 {len(pack.welcomes)}　"
        f"标签 {sum(len(group.tags) for group in pack.tag_groups)}　素材 {len(pack.assets)}　"
        f"话术 {len(pack.scripts)}　自动回答 {len(pack.answers)}　"
        f"{pack.rotation_days} 天内不重复"
    )
    titles = {persona.key: f"朋友圈 · {persona.name}" for persona in pack.personas}
    roles = {role.key: f"群 · {role.title}" for role in pack.roles}
    direct = {persona.key: f"一对一 · {persona.name}" for persona in pack.personas}
    table = Table(title="内容条数", title_justify="left", header_style="bold")
    table.add_column("用在哪里")
    for category in get_args(Category):
        table.add_column(category, justify="right")
    table.add_column("合计", justify="right", style="bold")
    table.add_column("季需", justify="right")
    needed = {(quarter.kind, quarter.key): quarter.needed for quarter in quarters(pack)}
    for kind, names, counts in (
        ("moment", titles, report.moment_counts()),
        ("group", roles, report.group_counts()),
        ("direct", direct, report.direct_counts()),
    ):
        for key, counter in counts.items():
            table.add_row(escape(names[key]), *_row(counter), str(needed.get((kind, key), "")))
        table.add_section()
    console.print(table)
    console.print(
        f"朋友圈共 {len(pack.moments)} 条，群内容共 {len(pack.group_posts)} 条，"
        f"一对一内容共 {len(pack.direct_texts)} 条"
    )
    if pack.plans:
        _print_plans(pack, console)
    used = variables_used(pack)
    console.print(
        "变量：" + escape("　".join(f"{name} {count} 处" for name, count in used.most_common())),
        soft_wrap=True,
    )
    missing = gaps(pack)
    if missing:
        console.print("[bold]可以补的[/bold]（不影响使用）")
        for line in missing:
            console.print(Text(f"· {line}"), soft_wrap=True)


_PLANS: dict[PlanKind, str] = {"journey": "旅程", "group": "群计划", "moments": "朋友圈计划"}
_WHOEVER: dict[PlanKind, str] = {"journey": "她加的那位", "group": "群主", "moments": ""}


def _print_plans(pack: Pack, console: Console) -> None:
    kinds = Counter(plan.kind for plan in pack.plans)
    steps = sum(len(plan.journey.steps) for plan in pack.plans if plan.kind == "journey")
    table = Table(title="计划", title_justify="left", header_style="bold")
    table.add_column("种类", no_wrap=True)
    table.add_column("key", overflow="fold")
    table.add_column("名称", overflow="fold")
    table.add_column("谁说", overflow="fold")
    table.add_column("内容")
    for kind, word in _PLANS.items():
        for plan in (plan for plan in pack.plans if plan.kind == kind):
            name = plan.title + ("" if plan.starts_active else "（带来时不启用）")
            speaker = _WHOEVER[kind] if plan.persona == "follow" else plan.persona
            table.add_row(word, *map(Text, (plan.key, name, speaker, said_in(plan))))
        table.add_section()
    console.print(table)
    told = "，".join(f"{word} {kinds[kind]} 个" for kind, word in _PLANS.items() if kinds[kind])
    console.print(f"计划：{told}；旅程共 {steps} 步")


def _row(counter: Counter[str]) -> list[str]:
    cells = [str(counter[category]) if counter[category] else "·" for category in get_args(Category)]
    return [*cells, str(counter.total())]


def _print_findings(report: PackReport, console: Console) -> None:
    table = Table(title="合规检查", title_justify="left", header_style="bold", show_lines=True)
    table.add_column("级别", no_wrap=True)
    table.add_column("位置", overflow="fold")
    table.add_column("原文", overflow="fold")
    table.add_column("依据与改法", overflow="fold", ratio=1)
    for told in report.findings:
        word, style = _LEVELS[told.finding.level]
        speaker = "医生" if told.persona == "doctor" else "小助理"
        table.add_row(
            Text(word, style=style),
            Text(f"{told.place}\n{told.key}（{speaker}）"),
            Text(told.excerpt, style="bold"),
            Text(f"{told.finding.ground}\n改法：{told.finding.advice}\n规则：{told.finding.rule}"),
        )
    console.print(table)


def _print_verdict(report: PackReport, console: Console) -> None:
    levels = [told.finding.level for told in report.findings]
    facts = (
        f"错误 {len(report.errors)}，提醒 {len(report.warnings)}，"
        f"合规：禁止 {levels.count('block')}、警告 {levels.count('warn')}、提示 {levels.count('hint')}"
    )
    if report.ok:
        console.print(f"[bold green]✓ 可以使用[/bold green]　{facts}")
    else:
        console.print(f"[bold red]✗ 请先修改[/bold red]　{facts}")
