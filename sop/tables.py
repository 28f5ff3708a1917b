"""The post queue and what became of it in WeCom."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy import text as sql_text
from sqlalchemy.orm import Mapped, mapped_column

from store.tables import Base
from store.types import Document, RowId, UtcDateTime

USERID_CHARS = 64


class PersonaBinding(Base):
    """A member's part in a persona: ``speaker`` (posts as it), ``delegate`` (医助) or ``approver``."""

    __tablename__ = "persona_bindings"

    persona: Mapped[str] = mapped_column(String(60), primary_key=True)
    userid: Mapped[str] = mapped_column(String(USERID_CHARS), primary_key=True)
    role: Mapped[str] = mapped_column(String(12), primary_key=True)


class Away(Base):
    """A member is away from ``since`` until ``until`` (exclusive); ``substitute`` stands in, or nobody."""

    __tablename__ = "away"
    __table_args__ = (Index("ix_away_until", "until"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    userid: Mapped[str] = mapped_column(String(USERID_CHARS))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    substitute: Mapped[str] = mapped_column(String(USERID_CHARS), default="")
    noted_by: Mapped[str] = mapped_column(String(80))
    noted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Batch(Base):
    """The posts of one persona for one week, reviewed together.

    ``revision`` counts the states an approver can have seen: any edit, new post or reopened review raises it.
    """

    __tablename__ = "batches"
    __table_args__ = (UniqueConstraint("week", "persona"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    week: Mapped[date] = mapped_column(Date)
    persona: Mapped[str] = mapped_column(String(60))
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Post(Base):
    """One queued piece of content for one sender (DESIGN §3: its life is in :mod:`sop.life`).

    ``plan_key``, ``step`` and ``variant``: which plan it came of, empty for none; ``purpose``: ``care`` or
    ``marketing``, for the caps of 1-to-1 posts.
    """

    __tablename__ = "posts"
    __table_args__ = (
        Index("ix_posts_state_scheduled_at", "state", "scheduled_at"),
        Index("ix_posts_scheduled_at_id", "scheduled_at", "id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), index=True)
    slot: Mapped[str] = mapped_column(String(200), unique=True)
    scope: Mapped[str] = mapped_column(String(130))
    kind: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(16))
    persona: Mapped[str] = mapped_column(String(60))
    sender: Mapped[str] = mapped_column(String(USERID_CHARS))
    category: Mapped[str] = mapped_column(String(12), default="")
    content_key: Mapped[str | None] = mapped_column(String(120), index=True)
    plan_key: Mapped[str] = mapped_column(String(64), default="", server_default=sql_text("''"))
    step: Mapped[str] = mapped_column(String(64), default="", server_default=sql_text("''"))
    variant: Mapped[str] = mapped_column(String(64), default="", server_default=sql_text("''"))
    purpose: Mapped[str] = mapped_column(String(9), default="care", server_default=sql_text("'care'"))
    text: Mapped[str] = mapped_column(Text)
    attachments: Mapped[list[dict[str, Any]]] = mapped_column(Document, default=list)
    audience: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    scheduled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    digest: Mapped[str] = mapped_column(String(64))
    revision: Mapped[int] = mapped_column(default=1)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(Document, default=list)
    reason: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Approval(Base):
    """Who decided what about which exact content."""

    __tablename__ = "approvals"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    decision: Mapped[str] = mapped_column(String(12))
    actor: Mapped[str] = mapped_column(String(80))
    via: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(500), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReviewCard(Base):
    """The WeCom card by which a batch revision was offered for review.

    ``response_code`` is the one from sending: it updates the copies of approvers who did not tap. It works
    once; ``closed_at`` says that it was used.
    """

    __tablename__ = "review_cards"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), index=True)
    revision: Mapped[int]
    task_id: Mapped[str] = mapped_column(String(128), unique=True)
    receivers: Mapped[list[str]] = mapped_column(Document, default=list)
    response_code: Mapped[str | None] = mapped_column(String(200))
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Push(Base):
    """The task WeCom created for a post, and when to look at it again."""

    __tablename__ = "pushes"
    __table_args__ = (Index("ix_pushes_next_poll_at", "next_poll_at"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), unique=True)
    kind: Mapped[str] = mapped_column(String(8))
    job_id: Mapped[str | None] = mapped_column(String(128))
    remote_id: Mapped[str | None] = mapped_column(String(128), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    polls: Mapped[int] = mapped_column(default=0)
    next_poll_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reminders: Mapped[int] = mapped_column(default=0)
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Receipt(Base):
    """What WeCom says happened, per member and per recipient (empty = the member's own tap)."""

    __tablename__ = "receipts"
    __table_args__ = (Index("ix_receipts_recipient", "recipient"),)

    push_id: Mapped[int] = mapped_column(ForeignKey("pushes.id", ondelete="CASCADE"), primary_key=True)
    userid: Mapped[str] = mapped_column(String(USERID_CHARS), primary_key=True)
    recipient: Mapped[str] = mapped_column(String(64), primary_key=True)
    status: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Upload(Base):
    """A file in WeCom's temporary media store: it lives three days and serves one purpose."""

    __tablename__ = "uploads"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(12), primary_key=True)
    media_id: Mapped[str] = mapped_column(String(300))
    uploaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
