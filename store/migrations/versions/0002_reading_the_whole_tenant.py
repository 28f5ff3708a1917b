"""Reading the whole tenant: progress, people in groups, contact ways, additions not confirmed yet."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from store.types import Document, RowId, UtcDateTime

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "sync_runs",
        sa.Column("id", RowId, nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("moved_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("place", Document, nullable=False),
        sa.Column("serving", Document, nullable=False),
        sa.Column("found", Document, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_runs")),
    )
    op.create_table(
        "group_members",
        sa.Column("chat_id", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("external", sa.Boolean(), nullable=False),
        sa.Column("joined_at", UtcDateTime(), nullable=True),
        sa.Column("join_scene", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["chat_id"],
            ["customer_groups.chat_id"],
            name=op.f("fk_group_members_chat_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("chat_id", "person", name=op.f("pk_group_members")),
    )
    with op.batch_alter_table("group_members", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_group_members_person"), ["person"], unique=False)

    op.create_table(
        "contact_ways",
        sa.Column("config_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("remark", sa.String(length=64), nullable=False),
        sa.Column("userids", Document, nullable=False),
        sa.Column("qr_code", sa.String(length=300), nullable=False),
        sa.Column("gone_at", UtcDateTime(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("config_id", name=op.f("pk_contact_ways")),
    )
    with op.batch_alter_table("contact_ways", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contact_ways_state"), ["state"], unique=False)

    # Not in batch mode: SQLite would copy the table, and a plain column with a default needs no copy.
    op.add_column("follows", sa.Column("half", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("follows", schema=None) as batch_op:
        batch_op.drop_column("half")

    with op.batch_alter_table("contact_ways", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contact_ways_state"))

    op.drop_table("contact_ways")
    with op.batch_alter_table("group_members", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_group_members_person"))

    op.drop_table("group_members")
    op.drop_table("sync_runs")
