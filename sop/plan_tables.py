"""Plans, who is in them, what they owe whom, and what is held back."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic.tables import USERID_CHARS
from store.tables import Base
from store.types import Document, RowId, UtcDateTime

KEY_CHARS = 64

_ACTIVE = text("state = 'active'")
_PLANNED = text("state = 'planned'")
_OPEN_TOUCH = text("state IN ('held', 'asked', 'queued')")
_READY_TOUCH = text("state = 'ready'")


class StoredPlan(Base):
    """A plan by key: ``state`` is ``draft``, ``active``, ``paused`` or ``retired``.

    ``version``: the number of the published version, 0 before the first. ``pack_digest``: of the document
    that the pack brought last, so that a newer one is noticed.
    """

    __tablename__ = "plans"

    key: Mapped[str] = mapped_column(String(KEY_CHARS), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    title: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(8))
    version: Mapped[int] = mapped_column(default=0)
    pack_digest: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PlanVersion(Base):
    """One version of a plan's document; a published one never changes.

    ``inside``: what its publication did to people who were in the plan: ``stay``, ``move`` or ``restart``.
    """

    __tablename__ = "plan_versions"
    __table_args__ = (UniqueConstraint("plan_key", "number"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    plan_key: Mapped[str] = mapped_column(ForeignKey("plans.key", ondelete="CASCADE"))
    number: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(Document)
    digest: Mapped[str] = mapped_column(String(64))
    origin: Mapped[str] = mapped_column(String(8))  # pack | staff
    note: Mapped[str] = mapped_column(String(200), default="")
    inside: Mapped[str] = mapped_column(String(8), default="stay")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(80))
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    published_by: Mapped[str | None] = mapped_column(String(80))


class Enrolment(Base):
    """One patient in one version of a journey, begun by one fact (``fact``: told twice, she begins once).

    ``step`` is what comes next, due at ``due_at``; the engine looks at ``next_at``, early enough that what
    needs review can be reviewed. Ends: ``done``, ``stopped`` (``reason`` says why) and ``goal``.
    """

    __tablename__ = "enrolments"
    __table_args__ = (
        UniqueConstraint("patient_id", "plan_key", "fact"),
        # What is due is found without reading those that are not, however many there are.
        Index("ix_enrolments_next_at", "next_at", "id", sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
        Index("ix_enrolments_plan_key_state", "plan_key", "state"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    plan_key: Mapped[str] = mapped_column(String(KEY_CHARS))
    version_id: Mapped[int] = mapped_column(ForeignKey("plan_versions.id"))
    fact: Mapped[str] = mapped_column(String(160))
    userid: Mapped[str] = mapped_column(String(USERID_CHARS), default="")  # whom the fact was about
    state: Mapped[str] = mapped_column(String(8))
    step: Mapped[str | None] = mapped_column(String(KEY_CHARS))
    trigger_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    contacts: Mapped[int] = mapped_column(default=0)
    contacted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cause: Mapped[str] = mapped_column(String(200), default="", server_default=text("''"))  # why she began
    reason: Mapped[str] = mapped_column(String(200), default="")  # why it ended
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Touch(Base):
    """What became of one step for one patient: a planned contact (states in `sop.journeys.touch_life`).

    ``tries``: how often it was tried before and did not go out, or was asked about.
    """

    __tablename__ = "touches"
    __table_args__ = (
        UniqueConstraint("enrolment_id", "step"),
        Index("ix_touches_post_id", "post_id"),
        Index("ix_touches_patient_id_at", "patient_id", "at"),
        Index("ix_touches_open", "state", "at", sqlite_where=_OPEN_TOUCH, postgresql_where=_OPEN_TOUCH),
        Index("ix_touches_ready", "at", "id", sqlite_where=_READY_TOUCH, postgresql_where=_READY_TOUCH),
        Index("ix_touches_todo_id", "todo_id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolments.id", ondelete="CASCADE"))
    step: Mapped[str] = mapped_column(String(KEY_CHARS))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    plan_key: Mapped[str] = mapped_column(String(KEY_CHARS))
    version_id: Mapped[int] = mapped_column(ForeignKey("plan_versions.id"))
    channel: Mapped[str] = mapped_column(String(12))
    purpose: Mapped[str] = mapped_column(String(9))
    variant: Mapped[str] = mapped_column(String(KEY_CHARS), default="")
    sender: Mapped[str] = mapped_column(String(USERID_CHARS), default="")
    state: Mapped[str] = mapped_column(String(8))
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)  # by the plan
    at: Mapped[datetime] = mapped_column(UtcDateTime)  # as it stands now: deferred, or when it ended
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="SET NULL"))
    todo_id: Mapped[int | None] = mapped_column(ForeignKey("todos.id", ondelete="SET NULL"))
    reason: Mapped[str] = mapped_column(String(200), default="")
    tries: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class JourneyDay(Base):
    """Up to which clinic day (inclusive) those were looked for whom a date, or silence, lets begin a plan."""

    __tablename__ = "journey_days"

    plan_key: Mapped[str] = mapped_column(String(KEY_CHARS), primary_key=True)
    day: Mapped[date] = mapped_column(Date)


class SurveyLink(Base):
    """An invitation to a survey: hers alone and good once, or, without a patient, one for many.

    ``key`` names what it is for (``touch:ID``, the slot of a post), so that it is made once.
    """

    __tablename__ = "survey_links"
    __table_args__ = (Index("ix_survey_links_patient_id", "patient_id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    survey: Mapped[str] = mapped_column(String(64))
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    plan_key: Mapped[str] = mapped_column(String(KEY_CHARS), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class LedgerEntry(Base):
    """One contact of one patient on any channel, planned or made: what the caps count.

    ``quota``: it counts against WeCom's own limit of mass messages. ``touch_id``: the step of a journey that
    it is; ``post_id``: the post that carries it, by which it learns what became of it. ``state``:
    ``planned``, ``made``, ``void``, or ``full``: no contact but WeCom's word that her quota was used up at
    that moment.
    """

    __tablename__ = "contact_ledger"
    __table_args__ = (
        Index("ix_contact_ledger_patient_id_at", "patient_id", "at"),
        Index("ix_contact_ledger_post_id", "post_id"),
        Index("ix_contact_ledger_planned", "post_id", sqlite_where=_PLANNED, postgresql_where=_PLANNED),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)  # touch:ID, post:ID:PATIENT
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    channel: Mapped[str] = mapped_column(String(12))
    purpose: Mapped[str] = mapped_column(String(9))
    quota: Mapped[bool]
    plan_key: Mapped[str] = mapped_column(String(KEY_CHARS), default="")
    persona: Mapped[str] = mapped_column(String(60), default="", server_default=text("''"))
    touch_id: Mapped[int | None] = mapped_column(RowId)
    post_id: Mapped[int | None] = mapped_column(RowId)
    state: Mapped[str] = mapped_column(String(8))


class StandingApproval(Base):
    """Somebody approved one exact wording of one care step for good; another wording needs another.

    ``content_digest`` covers plan, step, variant, speaker, text and attachments, not audience and time.
    """

    __tablename__ = "standing_approvals"
    __table_args__ = (Index("ix_standing_approvals_content_digest", "content_digest"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    content_digest: Mapped[str] = mapped_column(String(64))
    plan_key: Mapped[str] = mapped_column(String(KEY_CHARS))
    step: Mapped[str] = mapped_column(String(KEY_CHARS))
    variant: Mapped[str] = mapped_column(String(KEY_CHARS), default="")
    persona: Mapped[str] = mapped_column(String(60))
    text: Mapped[str] = mapped_column(Text)
    granted_by: Mapped[str] = mapped_column(String(80))
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_by: Mapped[str | None] = mapped_column(String(80))
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Pause(Base):
    """A kill switch that is on: ``scope`` is ``all``, ``persona:KEY`` or ``plan:KEY``."""

    __tablename__ = "pauses"

    scope: Mapped[str] = mapped_column(String(80), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(String(200), default="")


class YearPlanEdit(Base):
    """What staff changed of one campaign of a year: another first day, another length, or not this year."""

    __tablename__ = "year_plan_edits"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    start: Mapped[date | None] = mapped_column(Date)
    days: Mapped[int | None]
    drop: Mapped[bool] = mapped_column(default=False)
    by: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
