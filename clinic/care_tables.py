"""What happened with a patient: stages, visits, greetings, to-dos, consents, answers, messages, transfers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic.tables import EXTERNAL_CHARS, USERID_CHARS
from store.tables import Base
from store.types import Document, RowId, UtcDateTime


class StageMove(Base):
    """A fact that moves a patient along her way; her stage is what all her moves, in order of ``at``, make.

    ``key`` names the fact (``added:lin.mei:1795230000``): told twice, it is one move. ``at`` is when it
    happened, ``recorded_at`` when we learned of it.
    """

    __tablename__ = "stage_moves"
    __table_args__ = (UniqueConstraint("patient_id", "key"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(120))
    stage: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(80))
    rule: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(200))


class Visit(Base):
    """A visit as the clinic's own system, a file or a person told us; ``number`` is the source's id of it."""

    __tablename__ = "visits"
    __table_args__ = (
        UniqueConstraint("source", "number"),
        Index("ix_visits_patient_id_at", "patient_id", "at"),
        Index("ix_visits_at", "at"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(String(20))
    number: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    treatment: Mapped[str | None] = mapped_column(String(64), index=True)
    treatment_code: Mapped[str] = mapped_column(String(64), default="")
    doctor: Mapped[str] = mapped_column(String(USERID_CHARS), default="")
    amount_fen: Mapped[int | None]
    note_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Benefit(Base):
    """A card or package of a patient: so many uses, so many used up, until a day (次卡、套餐、会员卡).

    ``number`` is the source's id of it. ``key`` names what it is, e.g. ``family-card``. ``used_on``: when it
    was used last. ``changed_at``: when the source wrote what stands here.
    """

    __tablename__ = "benefits"
    __table_args__ = (
        UniqueConstraint("source", "number"),
        Index("ix_benefits_patient_id", "patient_id"),
        Index("ix_benefits_expires_on", "expires_on"),
        Index("ix_benefits_used_on", "used_on"),
        Index("ix_benefits_issued_on", "issued_on"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(String(20))
    number: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(100))
    total: Mapped[int]
    used: Mapped[int] = mapped_column(default=0)
    issued_on: Mapped[date] = mapped_column(Date)
    used_on: Mapped[date | None] = mapped_column(Date)
    expires_on: Mapped[date | None] = mapped_column(Date)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Greeting(Base):
    """A welcome: which one was chosen and why, and whether it arrived within its 20 s."""

    __tablename__ = "greetings"
    __table_args__ = (Index("ix_greetings_patient_id", "patient_id"), Index("ix_greetings_at", "at"))

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)  # the outbox key of its effect
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    userid: Mapped[str] = mapped_column(String(USERID_CHARS))
    channel: Mapped[str] = mapped_column(String(64), default="")
    persona: Mapped[str] = mapped_column(String(64))
    welcome: Mapped[str] = mapped_column(String(64))
    variant: Mapped[str] = mapped_column(String(64), default="")
    why: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(8))
    cause: Mapped[str] = mapped_column(String(200), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Todo(Base):
    """Something a person should do; ``key`` keeps it from being asked twice.

    Args:
        assignee: a userid, or a role word (``manager``) that the roster resolves when it is shown.
        text_sealed: words ready to be sent to the patient; they may name her.
    """

    __tablename__ = "todos"
    __table_args__ = (
        Index("ix_todos_assignee_state", "assignee", "state"),
        Index("ix_todos_patient_id", "patient_id"),
        Index("ix_todos_due_at", "due_at"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    key: Mapped[str] = mapped_column(String(160), unique=True)
    kind: Mapped[str] = mapped_column(String(24))
    assignee: Mapped[str] = mapped_column(String(USERID_CHARS))
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(120))
    body: Mapped[str] = mapped_column(String(500), default="")
    state: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_by: Mapped[str | None] = mapped_column(String(80))
    text_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


class Consent(Base):
    """What a patient agreed to, for how long, and the proof; ``withdrawn_at`` ends it."""

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_patient_id", "patient_id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    purpose: Mapped[str] = mapped_column(String(200), default="")
    proof: Mapped[str] = mapped_column(String(300), default="")
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    recorded_by: Mapped[str] = mapped_column(String(80))


class SurveyAnswer(Base):
    """One filled-in survey; ``number`` is the source's id of it, so that an import repeats harmlessly."""

    __tablename__ = "survey_answers"
    __table_args__ = (
        UniqueConstraint("survey", "number"),
        Index("ix_survey_answers_patient_id", "patient_id"),
        Index("ix_survey_answers_at", "at"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    survey: Mapped[str] = mapped_column(String(64))
    number: Mapped[str] = mapped_column(String(64))
    answers: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class KfMessage(Base):
    """A message of 微信客服, sealed; ``external_userid`` may belong to nobody we know as a patient yet."""

    __tablename__ = "kf_messages"
    __table_args__ = (
        Index("ix_kf_messages_external_userid_at", "external_userid", "at"),
        Index("ix_kf_messages_at", "at"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    msgid: Mapped[str] = mapped_column(String(64), unique=True)
    open_kfid: Mapped[str] = mapped_column(String(64))
    external_userid: Mapped[str] = mapped_column(String(EXTERNAL_CHARS))
    origin: Mapped[int]
    kind: Mapped[str] = mapped_column(String(24))
    text_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class KfAccount(Base):
    """A 微信客服 account that the app may use, and how far its messages were read (sync_msg's cursor)."""

    __tablename__ = "kf_accounts"

    open_kfid: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), default="")
    cursor: Mapped[str] = mapped_column(String(200), default="")
    authorised: Mapped[bool] = mapped_column(default=True)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Transfer(Base):
    """A patient or a group handed from one member to another (在职继承, 离职继承), and how it ended."""

    __tablename__ = "transfers"
    __table_args__ = (
        UniqueConstraint("run", "subject"),
        Index("ix_transfers_state", "state"),
        Index("ix_transfers_subject", "subject"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    run: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(10))
    resigned: Mapped[bool]
    subject: Mapped[str] = mapped_column(String(EXTERNAL_CHARS))  # external_userid or chat_id
    handover: Mapped[str] = mapped_column(String(USERID_CHARS))
    takeover: Mapped[str] = mapped_column(String(USERID_CHARS))
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class GroupMove(Base):
    """Somebody joined or left a customer group."""

    __tablename__ = "group_moves"
    __table_args__ = (
        UniqueConstraint("chat_id", "person", "kind", "at"),
        Index("ix_group_moves_person", "person"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    chat_id: Mapped[str] = mapped_column(String(64))
    person: Mapped[str] = mapped_column(String(EXTERNAL_CHARS))
    external: Mapped[bool]
    kind: Mapped[str] = mapped_column(String(6))
    scene: Mapped[int] = mapped_column(default=0)
    inviter: Mapped[str] = mapped_column(String(USERID_CHARS), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class GroupWelcome(Base):
    """The 入群欢迎语素材 of one of the pack's group roles; WeCom lists none, so its id must not be lost.

    ``wanted`` is the digest of what was asked for last, ``held`` of what WeCom has taken.
    """

    __tablename__ = "group_welcomes"

    role: Mapped[str] = mapped_column(String(64), primary_key=True)
    template_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    wanted: Mapped[str] = mapped_column(String(64), default="")
    held: Mapped[str] = mapped_column(String(64), default="")
    reason: Mapped[str] = mapped_column(String(200), default="")
    looked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ChannelCode(Base):
    """The live code of one of the pack's channels: what we asked WeCom for and what it gave.

    ``wanted`` is the digest of the members and settings asked for last; ``userids`` are on it now.
    ``qr_code`` is where WeCom keeps its picture, ``picture`` that picture as it came.
    """

    __tablename__ = "channel_codes"

    state: Mapped[str] = mapped_column(String(30), primary_key=True)
    status: Mapped[str] = mapped_column(String(10))
    config_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    qr_code: Mapped[str] = mapped_column(String(300), default="")
    userids: Mapped[list[str]] = mapped_column(Document, default=list)
    wanted: Mapped[str] = mapped_column(String(64), default="")
    reason: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_on: Mapped[date | None] = mapped_column(Date)
    picture: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class ChannelDay(Base):
    """What happened at a channel on one clinic day, by kind (``opened``, ``requested``, ``added`` …)."""

    __tablename__ = "channel_days"

    channel: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    userid: Mapped[str] = mapped_column(String(USERID_CHARS), primary_key=True, default="")
    count: Mapped[int] = mapped_column(default=0)


class Import(Base):
    """A file of visits, patients or answers being read: how far, and what was wrong with which row.

    ``content_sealed`` is the file (:mod:`sop.importing`), kept until nobody needs it any more; a file that
    the command line reads is not kept. ``faults`` are the first of the ``faulty`` rows and never quote a
    cell.
    """

    __tablename__ = "imports"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(10))
    rows: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    people: Mapped[int] = mapped_column(default=0)  # patients nobody knew before
    faulty: Mapped[int] = mapped_column(default=0)
    notices: Mapped[list[str]] = mapped_column(Document, default=list)
    content_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    faults: Mapped[list[dict[str, Any]]] = mapped_column(Document, default=list)
    actor: Mapped[str] = mapped_column(String(80))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    moved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
