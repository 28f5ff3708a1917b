"""The story of a post: what was decided and by whom, and what WeCom says happened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from console.wording import ACTIONS, VIA
from sop.tables import Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.tables import AuditEntry
    from console.views import Names
    from sop.tables import Post, Push


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One thing that happened to a post."""

    at: datetime
    who: str
    what: str
    via: str
    reason: str
    tone: str
    version: str  # the first characters of the digest that was decided on


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What WeCom reports about a task."""

    tapped_at: datetime | None  # when the member's tap was first seen
    tapped: bool
    counts: Counter[str]
    recipients: int
    per_group: tuple[tuple[str, str], ...]  # a customer group's name and its status


def story_of(post: Post, entries: Sequence[AuditEntry], names: Names) -> tuple[Chapter, ...]:
    """Return the post's chapters, the beginning first."""
    beginning = Chapter(
        at=post.created_at,
        who="规则",
        what="由周计划生成",
        via="",
        reason=f"取自内容包 {post.content_key}" if post.content_key else "",
        tone="grey",
        version="",
    )
    return (beginning, *(_chapter(entry, names) for entry in entries))


def _chapter(entry: AuditEntry, names: Names) -> Chapter:
    tones = {
        "post.approve": "teal",
        "post.reject": "red",
        "post.failed": "red",
        "post.published": "green",
        "post.task_created": "blue",
        "post.edit": "amber",
    }
    return Chapter(
        at=entry.at,
        who=names.person(entry.actor),
        what=ACTIONS.get(entry.action, entry.action),
        via=VIA.get(str(entry.detail.get("via", "")), ""),
        reason=entry.reason,
        tone=tones.get(entry.action, "grey"),
        version=str(entry.detail.get("digest") or entry.detail.get("after") or "")[:8],
    )


async def tally_of(session: AsyncSession, post: Post, push: Push, names: Names) -> Tally:
    """Read the receipts of a post's task. Patients are counted, never named."""
    receipts = (
        await session.scalars(select(Receipt).where(Receipt.push_id == push.id).order_by(Receipt.recipient))
    ).all()
    own = next((receipt for receipt in receipts if receipt.recipient == ""), None)
    others = [receipt for receipt in receipts if receipt.recipient != ""]
    known = {receipt.recipient: receipt.status for receipt in others}
    return Tally(
        tapped_at=own.at if own is not None else None,
        tapped=own is not None,
        counts=Counter(receipt.status for receipt in others),
        recipients=len(others),
        per_group=tuple(
            (names.groups.get(chat_id, "未知客户群"), known.get(chat_id, "waiting"))
            for chat_id in post.audience.get("chat_ids", ())
        ),
    )
