"""The words on review cards. Pure: what a reviewer sees on the phone, as WeCom's template_card documents.

Limits (doc 90236): title ~36, desc ~44, horizontal values ~30, sub title ~160 characters, button text ~10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from datetime import date

APPROVE: Final = "approve"
REJECT: Final = "reject"
SAMPLE_CHARS: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSummary:
    """What a card says about a batch."""

    batch_id: int
    revision: int
    persona_name: str
    week: date
    moments: int
    group_posts: int
    warnings: int
    sample: str
    url: str

    @property
    def waiting(self) -> int:
        return self.moments + self.group_posts


def task_id(batch_id: int, revision: int) -> str:
    """Return the card's task id: unique per app, and it names what was shown."""
    return f"batch-{batch_id}@{revision}"


def review_card(summary: BatchSummary) -> dict[str, Any]:
    """Return the card that offers a batch for review."""
    return _frame(
        summary,
        title=f"{summary.persona_name}：本周内容待审核",
        desc=_week_of(summary.week),
        text=f"例：{summary.sample}",
        buttons=[
            {"text": "全部通过", "style": 1, "key": APPROVE},
            {"text": "全部退回", "style": 3, "key": REJECT},
            {"type": 1, "text": "逐条查看", "style": 4, "url": summary.url},
        ],
    )


def outcome_card(summary: BatchSummary, *, outcome: str, detail: str) -> dict[str, Any]:
    """Return the card that replaces a review card: the outcome in words, no button that decides."""
    return _frame(
        summary,
        title=f"{summary.persona_name}：{outcome}"[:36],
        desc=_week_of(summary.week),
        text=detail,
        buttons=[{"type": 1, "text": "查看内容", "style": 1, "url": summary.url}],
    ) | {"replace_text": outcome[:10]}


def _frame(
    summary: BatchSummary, *, title: str, desc: str, text: str, buttons: list[dict[str, Any]]
) -> dict[str, Any]:
    facts = [
        {"keyname": "朋友圈", "value": f"{summary.moments} 条"},
        {"keyname": "客户群", "value": f"{summary.group_posts} 条"},
    ]
    if summary.warnings:
        facts.append({"keyname": "请留意", "value": f"{summary.warnings} 条有检查提示"})
    return {
        "card_type": "button_interaction",
        "source": {"desc": "小护 · 内容审核", "desc_color": 3},
        "main_title": {"title": title, "desc": desc},
        "sub_title_text": text[:160],
        "horizontal_content_list": facts,
        "card_action": {"type": 1, "url": summary.url},
        "task_id": task_id(summary.batch_id, summary.revision),
        "button_list": buttons,
    }


def _week_of(week: date) -> str:
    return f"{week.month} 月 {week.day} 日起的一周"


def sample_of(text: str) -> str:
    """Return the beginning of a post for a card, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= SAMPLE_CHARS else line[: SAMPLE_CHARS - 1] + "…"
