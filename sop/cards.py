"""The words on review cards. Pure: what a reviewer sees on the phone.

WeCom shows (doc 90236) about 36 characters of a title, 44 of its desc, 160 of the text, 10 of a button.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date  # noqa: TC003  (pydantic reads the field's type when a summary leaves the outbox)
from typing import Final

from wecom.cards import Button, ButtonInteraction, Row, Source

APPROVE: Final = "approve"
REJECT: Final = "reject"
SOURCE: Final = Source(desc="小护 · 内容审核", colour=3)
SAMPLE_CHARS: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSummary:
    """What a card says about a batch; it travels in the outbox."""

    batch_id: int
    revision: int
    persona_name: str
    week: date
    moments: int
    group_posts: int
    warnings: int
    sample: str
    url: str
    direct_posts: int = 0  # summaries written before there were any carry none

    @property
    def waiting(self) -> int:
        return self.moments + self.group_posts + self.direct_posts


def task_id(batch_id: int, revision: int) -> str:
    """Return the card's task id: unique per app, and it names what was shown."""
    return f"batch-{batch_id}@{revision}"


def review_card(summary: BatchSummary) -> ButtonInteraction:
    """Return the card that offers a batch for review."""
    facts = [
        Row(key="朋友圈", value=f"{summary.moments} 条"),
        Row(key="客户群", value=f"{summary.group_posts} 条"),
    ]
    if summary.direct_posts:
        facts.append(Row(key="一对一", value=f"{summary.direct_posts} 条"))
    if summary.warnings:
        facts.append(Row(key="请留意", value=f"{summary.warnings} 条有检查提示"))
    return ButtonInteraction(
        title=f"{summary.persona_name}：一周内容待审核",
        desc=_week_of(summary.week),
        text=f"例：{summary.sample}" if summary.sample else "",
        source=SOURCE,
        rows=tuple(facts),
        url=summary.url,
        task_id=task_id(summary.batch_id, summary.revision),
        buttons=(
            Button(text="全部通过", key=APPROVE, style=1),
            Button(text="全部退回", key=REJECT, style=3),
            Button(text="逐条查看", url=summary.url, style=4),
        ),
    )


def outcome_card(
    summary: BatchSummary, *, outcome: str, detail: str, shown_task_id: str
) -> ButtonInteraction:
    """Return the card that replaces a review card: the outcome in words, no button that decides."""
    return ButtonInteraction(
        title=f"{summary.persona_name}：{outcome}",
        desc=_week_of(summary.week),
        text=detail,
        source=SOURCE,
        url=summary.url,
        task_id=shown_task_id,
        buttons=(Button(text="查看内容", url=summary.url),),
        replace_text=outcome[:10],
    )


def _week_of(week: date) -> str:
    return f"{week.month} 月 {week.day} 日起的一周"


def sample_of(text: str) -> str:
    """Return the beginning of a post for a card, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= SAMPLE_CHARS else line[: SAMPLE_CHARS - 1] + "…"
