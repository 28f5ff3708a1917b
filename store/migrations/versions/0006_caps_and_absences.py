"""Which plan a post came of, what carries a contact of the ledger, and who is away."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from store.types import RowId, UtcDateTime

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

EMPTY = sa.text("''")


# Never in batch mode, see 0003.
def upgrade() -> None:
    op.create_table(
        "away",
        sa.Column("id", RowId, nullable=False),
        sa.Column("userid", sa.String(length=64), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("substitute", sa.String(length=64), nullable=False),
        sa.Column("noted_by", sa.String(length=80), nullable=False),
        sa.Column("noted_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_away")),
    )
    op.create_index("ix_away_until", "away", ["until"], unique=False)
    for name in ("plan_key", "step", "variant"):
        op.add_column("posts", sa.Column(name, sa.String(length=64), server_default=EMPTY, nullable=False))
    op.add_column(
        "posts", sa.Column("purpose", sa.String(length=9), server_default=sa.text("'care'"), nullable=False)
    )
    op.add_column(
        "contact_ledger",
        sa.Column("persona", sa.String(length=60), server_default=EMPTY, nullable=False),
    )
    op.add_column("contact_ledger", sa.Column("post_id", RowId, nullable=True))
    op.create_index("ix_contact_ledger_post_id", "contact_ledger", ["post_id"], unique=False)
