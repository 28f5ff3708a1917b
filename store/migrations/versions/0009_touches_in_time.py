"""Touches count their tries, and those that wait for a post or for a to-do are found by it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("touches", sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False))
    ready = sa.text("state = 'ready'")
    op.create_index(
        "ix_touches_ready",
        "touches",
        ["at", "id"],
        unique=False,
        sqlite_where=ready,
        postgresql_where=ready,
    )
    op.create_index("ix_touches_todo_id", "touches", ["todo_id"], unique=False)
