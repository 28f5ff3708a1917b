"""The rehearsal's report: one HTML file that a manager opens, and the same figures as JSON."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sop.rehearsal.charts import COLOURS, Series, histogram, stacked
from sop.rehearsal.figures import WORDS

if TYPE_CHECKING:
    from datetime import date

    from markupsafe import Markup

    from sop.rehearsal.figures import Figures

CHANNELS: Final = {
    "mass": "群发",
    "todo": "同事手发",
    "kf": "微信客服",
    "survey": "问卷",
    "invite_group": "邀请进群",
    "moment": "朋友圈",
    "group": "客户群",
}
STATES: Final = {
    "active": "进行中",
    "done": "走完",
    "stopped": "提前结束",
    "goal": "达到目标",
}
PLAN_STATES: Final = {"draft": "草稿", "active": "启用", "paused": "暂停", "retired": "停用"}
KINDS: Final = {"journey": "一对一", "group": "客户群", "moments": "朋友圈"}


def to_html(figures: Figures) -> str:
    """Return the report as one HTML document without scripts and without anything to fetch."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        figures=figures,
        channels=CHANNELS,
        states=STATES,
        plan_states=PLAN_STATES,
        kinds=KINDS,
        words=WORDS,
        colours=COLOURS,
        shown=[key for key in CHANNELS if any(one.channel == key for one in figures.contacts)],
        by_day=by_day(figures),
        weeks=histogram(figures.weeks, title="每人最忙的七天里收到几次", unit=" 次"),
        quota=histogram(figures.quota, title="每人群发最多的一个月里收到几次", unit=" 次"),
        approvals=approvals(figures),
        approvers=approvers(figures),
        total=sum(one.count for one in figures.contacts),
        most=max(figures.weeks, default=0),
        busiest=busiest(figures),
    )


def by_day(figures: Figures) -> Markup:
    """Draw what reached people day by day, a colour for each channel."""
    days = [figures.start + timedelta(days=n) for n in range(figures.days)]
    counts: defaultdict[str, Counter[date]] = defaultdict(Counter)
    for one in figures.contacts:
        counts[one.channel][one.day] += one.count
    series = [
        Series(name=words, values=tuple(counts[key][day] for day in days))
        for key, words in CHANNELS.items()
        if key in counts
    ]
    return stacked([f"{day:%m-%d}" for day in days], series, title="每天各渠道触达多少次")


def approvals(figures: Figures) -> Markup:
    """Draw how many posts were approved day by day, a colour for each person."""
    days = [figures.start + timedelta(days=n) for n in range(figures.days)]
    people = list(dict.fromkeys(one.who for one in figures.approvers))
    counts = {(one.who, one.day): one.posts for one in figures.approvers}
    series = [Series(name=who, values=tuple(counts.get((who, day), 0) for day in days)) for who in people]
    return stacked([f"{day:%m-%d}" for day in days], series, title="每天每人审核多少条")


def approvers(figures: Figures) -> list[tuple[str, int, int]]:
    """Return each approver with the posts of the busiest day and of all days."""
    most: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for one in figures.approvers:
        most[one.who] = max(most[one.who], one.posts)
        total[one.who] += one.posts
    return [(who, most[who], count) for who, count in total.most_common()]


def busiest(figures: Figures) -> tuple[str, int]:
    """Return the day on which most reached people, and how much that was."""
    days: Counter[date] = Counter()
    for one in figures.contacts:
        days[one.day] += one.count
    if not days:
        return "", 0
    day, count = days.most_common(1)[0]
    return f"{day:%m-%d}", count
