"""Bars as SVG, small enough for a report that is one file: no script, no server, prints well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Told apart by people who see few colours too (Okabe and Ito), and by their order in the legend.
COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c8c", "#b8a900")
WIDTH: Final = 960
HEIGHT: Final = 260
LEFT: Final = 44
BOTTOM: Final = 34
TOP: Final = 10
STEPS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One colour of a stacked chart: a name and a value for each place."""

    name: str
    values: tuple[int, ...]


def stacked(labels: Sequence[str], series: Sequence[Series], *, title: str) -> Markup:
    """Draw stacked bars, one for each label; ``title`` is read out to who cannot see them."""
    totals = [sum(one.values[place] for one in series) for place in range(len(labels))]
    top = nice(max(totals, default=0))
    plot = HEIGHT - TOP - BOTTOM
    wide = (WIDTH - LEFT) / max(len(labels), 1)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        *_grid(top, plot),
    ]
    for place, label in enumerate(labels):
        x, y = LEFT + place * wide, float(HEIGHT - BOTTOM)
        bars = []
        for index, one in enumerate(series):
            tall = plot * one.values[place] / top
            if not tall:
                continue
            y -= tall
            bars.append(
                f'<rect x="{x + wide * 0.1:.1f}" y="{y:.1f}" width="{wide * 0.8:.1f}" height="{tall:.1f}" '
                f'fill="{COLOURS[index % len(COLOURS)]}"/>'
            )
        told = "，".join(f"{one.name} {one.values[place]}" for one in series if one.values[place])
        parts.append(f"<g><title>{escape(label)}：{escape(told or '没有')}</title>{''.join(bars)}")
        parts.append(
            f'<rect x="{x:.1f}" y="{TOP}" width="{wide:.1f}" height="{plot}" fill="transparent"/></g>'
        )
        if place % max(len(labels) // 12, 1) == 0:
            parts.append(
                f'<text x="{x + wide / 2:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
                f"{escape(label)}</text>"
            )
    parts.append("</svg>")
    return Markup("".join(parts))  # noqa: S704  (every label is escaped above)


def histogram(counts: Mapping[int, int], *, title: str, unit: str, limit: int | None = None) -> Markup:
    """Draw how many stand at each number; places beyond ``limit`` are marked."""
    if not counts:
        return Markup("")
    numbers = range(min(counts), max(counts) + 1)
    within = tuple(counts.get(n, 0) if limit is None or n <= limit else 0 for n in numbers)
    beyond = tuple(counts.get(n, 0) if limit is not None and n > limit else 0 for n in numbers)
    series = [Series(name="人", values=within)]
    if any(beyond):
        series += [Series(name="人", values=(0,) * len(within)) for _ in range(4)]
        series.append(Series(name="人（超过上限）", values=beyond))
    return stacked([f"{n}{unit}" for n in numbers], series, title=title)


def nice(most: int) -> int:
    """Return a round number at or above ``most`` that the grid divides evenly."""
    step = 1
    while step * STEPS < most:
        digits = 10 ** (len(str(step)) - 1)
        step = {1: 2, 2: 5, 5: 10}[step // digits] * digits
    return step * STEPS


def _grid(top: int, plot: int) -> list[str]:
    lines = []
    for n in range(STEPS + 1):
        y = HEIGHT - BOTTOM - plot * n / STEPS
        lines.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH}" y2="{y:.1f}" class="grid"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{top * n // STEPS}</text>')
    return lines
