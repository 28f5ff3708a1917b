"""What the library keeps: every text and asset with all its versions, and the pictures and videos."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.tables import Base
from store.types import Document, RowId, UtcDateTime

KEY_CHARS = 64


class LibraryItem(Base):
    """A text or an asset as it stands.

    Args:
        shelf: ``text``, ``script``, ``answer`` or ``asset``: each has keys of its own.
        kind: what it is, see `content.written.SHAPES`.
        file: the pack's file it is exchanged in; ``position`` is its place there.
        version: the number of its current version; earlier ones are kept.
        pack_digest: of the pack's last wording that came in here or was declined; empty: staff made it.
        offered: a newer wording of the pack that staff have not looked at, because they had edited theirs.
    """

    __tablename__ = "library_items"
    __table_args__ = (Index("ix_library_items_kind", "kind"),)

    shelf: Mapped[str] = mapped_column(String(6), primary_key=True)
    key: Mapped[str] = mapped_column(String(KEY_CHARS), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    category: Mapped[str] = mapped_column(String(12), default="")
    state: Mapped[str] = mapped_column(String(8))
    file: Mapped[str] = mapped_column(String(200))
    position: Mapped[int] = mapped_column(default=0)
    version: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    pack_digest: Mapped[str] = mapped_column(String(64), default="")
    offered: Mapped[dict[str, Any] | None] = mapped_column(Document)
    offered_picture: Mapped[str] = mapped_column(String(64), default="")
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LibraryVersion(Base):
    """One wording of an item, never changed. ``origin`` is ``pack``, ``staff`` or ``files``."""

    __tablename__ = "library_versions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["shelf", "key"], ["library_items.shelf", "library_items.key"], ondelete="CASCADE"
        ),
        UniqueConstraint("shelf", "key", "number"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    shelf: Mapped[str] = mapped_column(String(6))
    key: Mapped[str] = mapped_column(String(KEY_CHARS))
    number: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(Document)
    picture: Mapped[str] = mapped_column(String(64), default="")
    digest: Mapped[str] = mapped_column(String(64))
    origin: Mapped[str] = mapped_column(String(8))
    author: Mapped[str] = mapped_column(String(80))
    note: Mapped[str] = mapped_column(String(200), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class LibraryPicture(Base):
    """A picture or video by the digest of its bytes; what was approved once can be sent for ever.

    A video's ``width`` and ``height`` are 0: nobody measured them.
    """

    __tablename__ = "library_pictures"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    width: Mapped[int]
    height: Mapped[int]
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
