"""Which patients' consents stand behind which entries of the library."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic.care_tables import Consent  # the foreign keys need both tables known
from content.library.tables import KEY_CHARS, LibraryItem
from store.tables import Base
from store.types import RowId, UtcDateTime

__all__ = ["Consent", "ContentConsent", "LibraryItem"]


class ContentConsent(Base):
    """An entry shows or quotes a patient, and this is her consent to it.

    A picture with two people in it has two; all of them must hold.
    """

    __tablename__ = "content_consents"
    __table_args__ = (
        ForeignKeyConstraint(
            ["shelf", "key"], ["library_items.shelf", "library_items.key"], ondelete="CASCADE"
        ),
        Index("ix_content_consents_consent_id", "consent_id"),
    )

    shelf: Mapped[str] = mapped_column(String(6), primary_key=True)
    key: Mapped[str] = mapped_column(String(KEY_CHARS), primary_key=True)
    consent_id: Mapped[int] = mapped_column(
        RowId, ForeignKey("consents.id", ondelete="CASCADE"), primary_key=True
    )
    linked_by: Mapped[str] = mapped_column(String(80))
    linked_at: Mapped[datetime] = mapped_column(UtcDateTime)
