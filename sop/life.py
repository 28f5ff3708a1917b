"""The life of a post (DESIGN §3): which state may follow which, and what each means to a reader.

::

    draft ◀▶ in_review ─▶ approved ─▶ creating ─▶ awaiting_sender ─▶ published | partial
                                         │ ▲
                                         ▼ │
                                       unknown (the answer was lost; WeCom's lists are being read)

What shows a patient goes back from approved to draft when her consent ends (:mod:`sop.withdrawals`).
Every state before the end can also end in ``cancelled``; ``rejected``, ``expired`` and ``failed`` are ends.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class PostState(StrEnum):
    """Where a post stands; the values are part of the API."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    CREATING = "creating"
    UNKNOWN = "unknown"
    AWAITING_SENDER = "awaiting_sender"
    PUBLISHED = "published"
    PARTIAL = "partial"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"


_S = PostState

NEXT: Final[dict[PostState, frozenset[PostState]]] = {
    _S.DRAFT: frozenset({_S.IN_REVIEW, _S.CANCELLED, _S.EXPIRED}),
    _S.IN_REVIEW: frozenset({_S.IN_REVIEW, _S.DRAFT, _S.APPROVED, _S.REJECTED, _S.CANCELLED, _S.EXPIRED}),
    _S.APPROVED: frozenset({_S.IN_REVIEW, _S.DRAFT, _S.CREATING, _S.REJECTED, _S.CANCELLED, _S.EXPIRED}),
    _S.CREATING: frozenset({_S.AWAITING_SENDER, _S.UNKNOWN, _S.FAILED, _S.EXPIRED, _S.CANCELLED}),
    _S.UNKNOWN: frozenset({_S.AWAITING_SENDER, _S.CREATING, _S.FAILED, _S.EXPIRED}),
    _S.AWAITING_SENDER: frozenset({_S.PUBLISHED, _S.PARTIAL, _S.EXPIRED, _S.CANCELLED, _S.FAILED}),
    _S.PUBLISHED: frozenset(),
    _S.PARTIAL: frozenset({_S.PUBLISHED}),
    _S.REJECTED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.FAILED: frozenset(),
}

ENDS: Final = frozenset({_S.PUBLISHED, _S.PARTIAL, _S.REJECTED, _S.EXPIRED, _S.CANCELLED, _S.FAILED})
EDITABLE: Final = frozenset({_S.DRAFT, _S.IN_REVIEW, _S.APPROVED})
CANCELLABLE: Final = frozenset({_S.DRAFT, _S.IN_REVIEW, _S.APPROVED, _S.AWAITING_SENDER})

LABELS: Final[dict[PostState, str]] = {
    _S.DRAFT: "草稿",
    _S.IN_REVIEW: "待审核",
    _S.APPROVED: "已通过",
    _S.CREATING: "创建中",
    _S.UNKNOWN: "核对中",
    _S.AWAITING_SENDER: "待成员发送",
    _S.PUBLISHED: "已发布",
    _S.PARTIAL: "部分送达",
    _S.REJECTED: "已退回",
    _S.EXPIRED: "已过期",
    _S.CANCELLED: "已取消",
    _S.FAILED: "失败",
}


class NotPossible(Exception):
    """A post cannot go from its state to the wanted one; the message says what can be done instead."""

    def __init__(self, post_id: int, state: PostState, wanted: PostState, remedy: str = "") -> None:
        super().__init__(f"内容 #{post_id} 现在是“{LABELS[state]}”，不能变为“{LABELS[wanted]}”{remedy}")
        self.post_id, self.state, self.wanted = post_id, state, wanted


def check_step(post_id: int, state: str, wanted: PostState) -> None:
    """Raise :class:`NotPossible` unless ``wanted`` may follow ``state``."""
    current = PostState(state)
    if wanted not in NEXT[current]:
        raise NotPossible(post_id, current, wanted)
