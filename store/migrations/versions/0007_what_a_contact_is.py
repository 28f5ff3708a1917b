"""Which step of a journey a contact of the ledger is, and an index of those that are still planned."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from store.types import RowId

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

PLANNED = sa.text("state = 'planned'")


def upgrade() -> None:
    op.add_column("contact_ledger", sa.Column("touch_id", RowId, nullable=True))
    op.create_index(
        "ix_contact_ledger_planned",
        "contact_ledger",
        ["post_id"],
        unique=False,
        sqlite_where=PLANNED,
        postgresql_where=PLANNED,
    )
