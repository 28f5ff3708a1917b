"""Who enters a journey: cards and packages, invitations to surveys, the days that were looked through."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from store.types import RowId, UtcDateTime

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "benefits",
        sa.Column("id", RowId, nullable=False),
        sa.Column("patient_id", RowId, nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_benefits_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_benefits")),
        sa.UniqueConstraint("source", "number", name=op.f("uq_benefits_source_number")),
    )
    for column in ("patient_id", "expires_on", "used_on", "issued_on"):
        op.create_index(f"ix_benefits_{column}", "benefits", [column], unique=False)
    op.create_table(
        "survey_links",
        sa.Column("id", RowId, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("survey", sa.String(length=64), nullable=False),
        sa.Column("patient_id", RowId, nullable=True),
        sa.Column("plan_key", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_survey_links_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_links")),
        sa.UniqueConstraint("key", name=op.f("uq_survey_links_key")),
    )
    op.create_index("ix_survey_links_patient_id", "survey_links", ["patient_id"], unique=False)
    op.create_table(
        "journey_days",
        sa.Column("plan_key", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("plan_key", name=op.f("pk_journey_days")),
    )
    op.add_column(
        "enrolments", sa.Column("cause", sa.String(length=200), server_default=sa.text("''"), nullable=False)
    )
    op.create_index("ix_patients_born_on", "patients", ["born_on"], unique=False)
    op.create_index("ix_survey_answers_at", "survey_answers", ["at"], unique=False)
    op.create_index("ix_kf_messages_at", "kf_messages", ["at"], unique=False)
