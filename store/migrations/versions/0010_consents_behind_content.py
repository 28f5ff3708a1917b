"""Which patients' consents stand behind which entries of the library."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from store.types import RowId, UtcDateTime

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "content_consents",
        sa.Column("shelf", sa.String(length=6), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("consent_id", RowId, nullable=False),
        sa.Column("linked_by", sa.String(length=80), nullable=False),
        sa.Column("linked_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consent_id"],
            ["consents.id"],
            name=op.f("fk_content_consents_consent_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["shelf", "key"],
            ["library_items.shelf", "library_items.key"],
            name=op.f("fk_content_consents_shelf_key"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("shelf", "key", "consent_id", name=op.f("pk_content_consents")),
    )
    op.create_index("ix_content_consents_consent_id", "content_consents", ["consent_id"], unique=False)
