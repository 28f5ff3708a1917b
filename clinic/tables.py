"""Who the clinic deals with: staff, patients, their relations, tags and groups, and what was done by whom."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, LargeBinary, String, UniqueConstraint, false, text, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from store.tables import Base
from store.types import Document, RowId, UtcDateTime

USERID_CHARS = 64
EXTERNAL_CHARS = 64
LOCAL = "local:"  # no id of WeCom's begins so


class Member(Base):
    """A member of the corp as far as we see one; ``serves`` = has the customer-contact function.

    ``changed_at``: time of the newest contacts event (change_contact) applied.
    """

    __tablename__ = "members"

    userid: Mapped[str] = mapped_column(String(USERID_CHARS), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), default="")
    alias: Mapped[str] = mapped_column(String(64), default="")
    serves: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True, server_default=true())
    position: Mapped[str] = mapped_column(String(64), default="", server_default=text("''"))
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Patient(Base):
    """A person, known by the id WeCom gives this corp; what names her is sealed (see :mod:`store.vault`).

    Somebody known only to the clinic's own system has an ``external_userid`` that begins with
    :data:`LOCAL`. ``merged_into``: the same person as that record, which then speaks for both. ``stage`` is
    what her stage moves make (:class:`clinic.care_tables.StageMove`).
    """

    __tablename__ = "patients"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    external_userid: Mapped[str] = mapped_column(String(EXTERNAL_CHARS), unique=True)
    unionid: Mapped[str | None] = mapped_column(String(64), index=True)
    name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    gender: Mapped[int] = mapped_column(default=0)
    clinic_number: Mapped[str | None] = mapped_column(String(64), index=True, unique=True)
    real_name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    born_on: Mapped[date | None] = mapped_column(Date, index=True)
    referrer_id: Mapped[int | None] = mapped_column(RowId, index=True)
    stage: Mapped[str] = mapped_column(String(12), default="added", server_default="added", index=True)
    stage_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    merged_into: Mapped[int | None] = mapped_column(RowId, index=True)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    follows: Mapped[list[Follow]] = relationship(back_populates="patient", lazy="raise")


class PatientTerm(Base):
    """By which words a patient is found: keyed digests of her names, phone and numbers, never themselves."""

    __tablename__ = "patient_terms"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    patient_id: Mapped[int] = mapped_column(
        ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    kind: Mapped[str] = mapped_column(String(12), primary_key=True)


class Follow(Base):
    """One member's relation to one patient. ``changed_at`` is WeCom's time of the last event applied.

    ``first_added_at`` before ``added_at``: she came back, or added the member once more.
    ``half``: the patient asked, the member has not confirmed yet; WeCom lists such a relation nowhere.
    ``channel_at``: of the addition that brought ``channel``. ``tags_asked``: the tags that WeCom shows on
    this relation once everything queued is done; None: those of :class:`PatientTag`, nothing is under way.
    """

    __tablename__ = "follows"
    __table_args__ = (
        UniqueConstraint("patient_id", "userid"),
        Index("ix_follows_userid", "userid"),
        Index("ix_follows_added_at", "added_at"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    userid: Mapped[str] = mapped_column(String(USERID_CHARS))
    channel: Mapped[str] = mapped_column(String(64), default="")
    channel_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    add_way: Mapped[int | None]
    first_added_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    added_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    remark_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    lost_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lost_by: Mapped[str | None] = mapped_column(String(12))
    half: Mapped[bool] = mapped_column(default=False, server_default=false())
    tags_asked: Mapped[list[str] | None] = mapped_column(Document)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    patient: Mapped[Patient] = relationship(back_populates="follows", lazy="raise")

    @property
    def connected(self) -> bool:
        """Whether the relation stands and is confirmed, so that WeCom lets it be tagged."""
        return self.lost_at is None and not self.half and self.added_at is not None


class Tag(Base):
    """A corp tag, by our names; ``wecom_id`` is empty until WeCom has it."""

    __tablename__ = "tags"
    __table_args__ = (UniqueConstraint("group_name", "name"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    group_name: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(60))
    wecom_id: Mapped[str | None] = mapped_column(String(64), unique=True)

    @property
    def path(self) -> str:
        """Return ``组/标签``, the way packs and people name it."""
        return f"{self.group_name}/{self.name}"


class PatientTag(Base):
    """A tag on a patient as one member's follow carries it, and why it is there."""

    __tablename__ = "patient_tags"
    __table_args__ = (Index("ix_patient_tags_tag_id_patient_id", "tag_id", "patient_id"),)

    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True)
    userid: Mapped[str] = mapped_column(String(USERID_CHARS), primary_key=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True)
    origin: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(200), default="")
    rule: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)


class TagWord(Base):
    """What a rule, or a person on the phone, said about a tag on a patient; the newest word counts.

    Words are never changed, so any order of arrival makes the same tags. ``key`` names rule and fact: told
    twice, it is one word. ``userid``: the member whose relation it is about; empty: all of them.
    """

    __tablename__ = "tag_words"
    __table_args__ = (UniqueConstraint("patient_id", "key"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(300))
    userid: Mapped[str] = mapped_column(String(USERID_CHARS), default="")
    path: Mapped[str] = mapped_column(String(121))
    present: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    origin: Mapped[str] = mapped_column(String(12))
    rule: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(200), default="")
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CustomerGroup(Base):
    """A customer group (客户群); ``role`` is what staff say it is for, or empty: the pack's guess."""

    __tablename__ = "customer_groups"

    chat_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    owner: Mapped[str] = mapped_column(String(USERID_CHARS), default="")
    members: Mapped[int] = mapped_column(default=0)
    member_version: Mapped[str | None] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(64), default="", server_default=text("''"))
    created_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    dismissed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class GroupMember(Base):
    """Somebody in a customer group: a member of the corp, or a patient (``external``), friend or not."""

    __tablename__ = "group_members"

    chat_id: Mapped[str] = mapped_column(
        ForeignKey("customer_groups.chat_id", ondelete="CASCADE"), primary_key=True
    )
    person: Mapped[str] = mapped_column(String(EXTERNAL_CHARS), primary_key=True, index=True)
    external: Mapped[bool]
    joined_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    join_scene: Mapped[int] = mapped_column(default=0)
    inviter: Mapped[str] = mapped_column(String(USERID_CHARS), default="", server_default=text("''"))
    state: Mapped[str] = mapped_column(String(64), default="")


class ContactWay(Base):
    """A 联系我 code made through the API: the admin console never shows those, so we must remember them."""

    __tablename__ = "contact_ways"

    config_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(64), default="", index=True)
    remark: Mapped[str] = mapped_column(String(64), default="")
    userids: Mapped[list[str]] = mapped_column(Document, default=list)
    qr_code: Mapped[str] = mapped_column(String(300), default="")
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SyncRun(Base):
    """One reading of the whole tenant: how far it came, and what it found so far.

    ``place`` changes in the transaction that records what was read there, so a killed run goes on exactly
    behind it. ``owner`` is whoever reads now; who finds another name there has been relieved.
    """

    __tablename__ = "sync_runs"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    moved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    owner: Mapped[str] = mapped_column(String(64))
    stage: Mapped[str] = mapped_column(String(20))
    place: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    serving: Mapped[list[str]] = mapped_column(Document, default=list)
    found: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)


class AuditEntry(Base):
    """Something that was decided: by a person, or by a rule with its reason."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_subject", "subject", "id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(120))
    reason: Mapped[str] = mapped_column(String(500), default="")
    detail: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
