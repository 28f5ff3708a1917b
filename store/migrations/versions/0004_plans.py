"""Plans: their versions, who is in them, planned contacts, the ledger of caps, standing approvals, pauses."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from store.types import Document, RowId, UtcDateTime

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "pauses",
        sa.Column("scope", sa.String(length=80), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_pauses")),
    )
    op.create_table(
        "plans",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pack_digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_plans")),
    )
    op.create_table(
        "standing_approvals",
        sa.Column("id", RowId, nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("plan_key", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("variant", sa.String(length=64), nullable=False),
        sa.Column("persona", sa.String(length=60), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.String(length=80), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_by", sa.String(length=80), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_approvals")),
    )
    op.create_index(
        "ix_standing_approvals_content_digest", "standing_approvals", ["content_digest"], unique=False
    )
    op.create_table(
        "contact_ledger",
        sa.Column("id", RowId, nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("patient_id", RowId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("purpose", sa.String(length=9), nullable=False),
        sa.Column("quota", sa.Boolean(), nullable=False),
        sa.Column("plan_key", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_contact_ledger_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_ledger")),
        sa.UniqueConstraint("key", name=op.f("uq_contact_ledger_key")),
    )
    op.create_index("ix_contact_ledger_patient_id_at", "contact_ledger", ["patient_id", "at"], unique=False)
    op.create_table(
        "plan_versions",
        sa.Column("id", RowId, nullable=False),
        sa.Column("plan_key", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=8), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("inside", sa.String(length=8), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.Column("published_by", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(
            ["plan_key"], ["plans.key"], name=op.f("fk_plan_versions_plan_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_versions")),
        sa.UniqueConstraint("plan_key", "number", name=op.f("uq_plan_versions_plan_key_number")),
    )
    op.create_table(
        "enrolments",
        sa.Column("id", RowId, nullable=False),
        sa.Column("patient_id", RowId, nullable=False),
        sa.Column("plan_key", sa.String(length=64), nullable=False),
        sa.Column("version_id", RowId, nullable=False),
        sa.Column("fact", sa.String(length=160), nullable=False),
        sa.Column("userid", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=True),
        sa.Column("trigger_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("next_at", UtcDateTime(), nullable=True),
        sa.Column("contacts", sa.Integer(), nullable=False),
        sa.Column("contacted_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_enrolments_patient_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["version_id"], ["plan_versions.id"], name=op.f("fk_enrolments_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolments")),
        sa.UniqueConstraint(
            "patient_id", "plan_key", "fact", name=op.f("uq_enrolments_patient_id_plan_key_fact")
        ),
    )
    op.create_index(
        "ix_enrolments_next_at",
        "enrolments",
        ["next_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index("ix_enrolments_plan_key_state", "enrolments", ["plan_key", "state"], unique=False)
    op.create_table(
        "touches",
        sa.Column("id", RowId, nullable=False),
        sa.Column("enrolment_id", RowId, nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("patient_id", RowId, nullable=False),
        sa.Column("plan_key", sa.String(length=64), nullable=False),
        sa.Column("version_id", RowId, nullable=False),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("purpose", sa.String(length=9), nullable=False),
        sa.Column("variant", sa.String(length=64), nullable=False),
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("post_id", RowId, nullable=True),
        sa.Column("todo_id", RowId, nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolments.id"], name=op.f("fk_touches_enrolment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_touches_patient_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name=op.f("fk_touches_post_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["todo_id"], ["todos.id"], name=op.f("fk_touches_todo_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["version_id"], ["plan_versions.id"], name=op.f("fk_touches_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_touches")),
        sa.UniqueConstraint("enrolment_id", "step", name=op.f("uq_touches_enrolment_id_step")),
    )
    op.create_index(
        "ix_touches_open",
        "touches",
        ["state", "at"],
        unique=False,
        sqlite_where=sa.text("state IN ('held', 'asked', 'queued')"),
        postgresql_where=sa.text("state IN ('held', 'asked', 'queued')"),
    )
    op.create_index("ix_touches_patient_id_at", "touches", ["patient_id", "at"], unique=False)
    op.create_index("ix_touches_post_id", "touches", ["post_id"], unique=False)
    op.add_column("todos", sa.Column("text_sealed", sa.LargeBinary(), nullable=True))
