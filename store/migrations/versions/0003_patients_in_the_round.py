"""Patients in the round: stages, visits, greetings, to-dos, consents, messages, transfers, channel codes."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from store.types import Document, RowId, UtcDateTime

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


EMPTY = sa.text("''")


# Never in batch mode: SQLite would copy the table and drop the old one, and with it, by cascade, all that
# hangs on a patient. Plain columns with a default need no copy.
def upgrade() -> None:
    op.create_table(
        "channel_codes",
        sa.Column("state", sa.String(length=30), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("config_id", sa.String(length=64), nullable=True),
        sa.Column("qr_code", sa.String(length=300), nullable=False),
        sa.Column("userids", Document, nullable=False),
        sa.Column("wanted", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_channel_codes")),
        sa.UniqueConstraint("config_id", name=op.f("uq_channel_codes_config_id")),
    )
    op.create_table(
        "channel_days",
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("userid", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "day", "kind", "userid", name=op.f("pk_channel_days")),
    )
    op.create_table(
        "group_moves",
        sa.Column("id", RowId, nullable=False),
        sa.Column("chat_id", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("external", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(length=6), nullable=False),
        sa.Column("scene", sa.Integer(), nullable=False),
        sa.Column("inviter", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_moves")),
        sa.UniqueConstraint(
            "chat_id", "person", "kind", "at", name=op.f("uq_group_moves_chat_id_person_kind_at")
        ),
    )
    op.create_index("ix_group_moves_person", "group_moves", ["person"], unique=False)
    op.create_table(
        "group_welcomes",
        sa.Column("role", sa.String(length=64), nullable=False),
        sa.Column("template_id", sa.String(length=64), nullable=True),
        sa.Column("wanted", sa.String(length=64), nullable=False),
        sa.Column("held", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_group_welcomes")),
        sa.UniqueConstraint("template_id", name=op.f("uq_group_welcomes_template_id")),
    )
    op.create_table(
        "imports",
        sa.Column("id", RowId, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("faulty", sa.Integer(), nullable=False),
        sa.Column("notices", Document, nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("faults", Document, nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("moved_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_index(op.f("ix_imports_digest"), "imports", ["digest"], unique=False)
    op.create_table(
        "kf_accounts",
        sa.Column("open_kfid", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("cursor", sa.String(length=200), nullable=False),
        sa.Column("authorised", sa.Boolean(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("open_kfid", name=op.f("pk_kf_accounts")),
    )
    op.create_table(
        "kf_messages",
        sa.Column("id", RowId, nullable=False),
        sa.Column("msgid", sa.String(length=64), nullable=False),
        sa.Column("open_kfid", sa.String(length=64), nullable=False),
        sa.Column("external_userid", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kf_messages")),
        sa.UniqueConstraint("msgid", name=op.f("uq_kf_messages_msgid")),
    )
    op.create_index(
        "ix_kf_messages_external_userid_at", "kf_messages", ["external_userid", "at"], unique=False
    )
    op.create_table(
        "transfers",
        sa.Column("id", RowId, nullable=False),
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("resigned", sa.Boolean(), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("handover", sa.String(length=64), nullable=False),
        sa.Column("takeover", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        sa.UniqueConstraint("run", "subject", name=op.f("uq_transfers_run_subject")),
    )
    op.create_index("ix_transfers_state", "transfers", ["state"], unique=False)
    op.create_index("ix_transfers_subject", "transfers", ["subject"], unique=False)
    op.create_table(
        "consents",
        sa.Column("id", RowId, nullable=False),
        sa.Column("patient_id", RowId, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("purpose", sa.String(length=200), nullable=False),
        sa.Column("proof", sa.String(length=300), nullable=False),
        sa.Column("given_at", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
        sa.Column("recorded_by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_consents_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index("ix_consents_patient_id", "consents", ["patient_id"], unique=False)
    op.create_table(
        "greetings",
        sa.Column("id", RowId, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("patient_id", RowId, nullable=False),
        sa.Column("userid", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("persona", sa.String(length=64), nullable=False),
        sa.Column("welcome", sa.String(length=64), nullable=False),
        sa.Column("variant", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_greetings_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_greetings")),
        sa.UniqueConstraint("key", name=op.f("uq_greetings_key")),
    )
    op.create_index("ix_greetings_at", "greetings", ["at"], unique=False)
    op.create_index("ix_greetings_patient_id", "greetings", ["patient_id"], unique=False)
    op.create_table(
        "patient_terms",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("patient_id", RowId, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_patient_terms_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", "patient_id", "kind", name=op.f("pk_patient_terms")),
    )
    op.create_index(op.f("ix_patient_terms_patient_id"), "patient_terms", ["patient_id"], unique=False)
    op.create_table(
        "stage_moves",
        sa.Column("id", RowId, nullable=False),
        sa.Column("patient_id", RowId, nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("stage", sa.String(length=12), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_stage_moves_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_moves")),
        sa.UniqueConstraint("patient_id", "key", name=op.f("uq_stage_moves_patient_id_key")),
    )
    op.create_table(
        "survey_answers",
        sa.Column("id", RowId, nullable=False),
        sa.Column("patient_id", RowId, nullable=False),
        sa.Column("survey", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("answers", Document, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_survey_answers_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_answers")),
        sa.UniqueConstraint("survey", "number", name=op.f("uq_survey_answers_survey_number")),
    )
    op.create_index("ix_survey_answers_patient_id", "survey_answers", ["patient_id"], unique=False)
    op.create_table(
        "todos",
        sa.Column("id", RowId, nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("assignee", sa.String(length=64), nullable=False),
        sa.Column("patient_id", RowId, nullable=True),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("body", sa.String(length=500), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_by", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_todos_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_todos")),
        sa.UniqueConstraint("key", name=op.f("uq_todos_key")),
    )
    op.create_index("ix_todos_assignee_state", "todos", ["assignee", "state"], unique=False)
    op.create_index("ix_todos_due_at", "todos", ["due_at"], unique=False)
    op.create_index("ix_todos_patient_id", "todos", ["patient_id"], unique=False)
    op.create_table(
        "visits",
        sa.Column("id", RowId, nullable=False),
        sa.Column("patient_id", RowId, nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("treatment", sa.String(length=64), nullable=True),
        sa.Column("treatment_code", sa.String(length=64), nullable=False),
        sa.Column("doctor", sa.String(length=64), nullable=False),
        sa.Column("amount_fen", sa.Integer(), nullable=True),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_visits_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits")),
        sa.UniqueConstraint("source", "number", name=op.f("uq_visits_source_number")),
    )
    op.create_index("ix_visits_at", "visits", ["at"], unique=False)
    op.create_index("ix_visits_patient_id_at", "visits", ["patient_id", "at"], unique=False)
    op.create_index(op.f("ix_visits_treatment"), "visits", ["treatment"], unique=False)
    op.add_column("inbox", sa.Column("hurried", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column(
        "customer_groups",
        sa.Column("role", sa.String(length=64), server_default=EMPTY, nullable=False),
    )
    op.add_column("customer_groups", sa.Column("created_at", UtcDateTime(), nullable=True))
    op.create_table(
        "tag_words",
        sa.Column("id", RowId, nullable=False),
        sa.Column("patient_id", RowId, nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("userid", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=121), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("origin", sa.String(length=12), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patients.id"],
            name=op.f("fk_tag_words_patient_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_words")),
        sa.UniqueConstraint("patient_id", "key", name=op.f("uq_tag_words_patient_id_key")),
    )
    op.create_index("ix_follows_added_at", "follows", ["added_at"], unique=False)
    op.add_column("follows", sa.Column("first_added_at", UtcDateTime(), nullable=True))
    op.add_column("follows", sa.Column("channel_at", UtcDateTime(), nullable=True))
    op.add_column("follows", sa.Column("tags_asked", Document, nullable=True))
    op.execute("UPDATE follows SET first_added_at = added_at")
    op.execute("UPDATE follows SET channel_at = added_at WHERE channel <> ''")
    op.add_column("follows", sa.Column("remark_sealed", sa.LargeBinary(), nullable=True))
    op.add_column(
        "group_members",
        sa.Column("inviter", sa.String(length=64), server_default=EMPTY, nullable=False),
    )
    op.add_column("members", sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column(
        "members", sa.Column("position", sa.String(length=64), server_default=EMPTY, nullable=False)
    )
    op.add_column("members", sa.Column("left_at", UtcDateTime(), nullable=True))
    op.add_column("members", sa.Column("changed_at", UtcDateTime(), nullable=True))
    op.add_column("patient_tags", sa.Column("rule", sa.String(length=64), nullable=True))
    op.add_column("patient_tags", sa.Column("expires_at", UtcDateTime(), nullable=True))
    op.create_index(op.f("ix_patient_tags_expires_at"), "patient_tags", ["expires_at"], unique=False)
    op.create_index(
        "ix_patient_tags_tag_id_patient_id", "patient_tags", ["tag_id", "patient_id"], unique=False
    )
    op.create_index("ix_receipts_recipient", "receipts", ["recipient"], unique=False)
    op.add_column("patients", sa.Column("clinic_number", sa.String(length=64), nullable=True))
    op.add_column("patients", sa.Column("real_name_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("patients", sa.Column("phone_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("patients", sa.Column("born_on", sa.Date(), nullable=True))
    op.add_column("patients", sa.Column("referrer_id", RowId, nullable=True))
    op.add_column(
        "patients", sa.Column("stage", sa.String(length=12), server_default="added", nullable=False)
    )
    op.add_column("patients", sa.Column("stage_at", UtcDateTime(), nullable=True))
    op.add_column("patients", sa.Column("merged_into", RowId, nullable=True))
    op.add_column("patients", sa.Column("erased_at", UtcDateTime(), nullable=True))
    op.create_index(op.f("ix_patients_clinic_number"), "patients", ["clinic_number"], unique=True)
    op.create_index(op.f("ix_patients_merged_into"), "patients", ["merged_into"], unique=False)
    op.create_index(op.f("ix_patients_referrer_id"), "patients", ["referrer_id"], unique=False)
    op.create_index(op.f("ix_patients_stage"), "patients", ["stage"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_patients_stage"), "patients")
    op.drop_index(op.f("ix_patients_referrer_id"), "patients")
    op.drop_index(op.f("ix_patients_merged_into"), "patients")
    op.drop_index(op.f("ix_patients_clinic_number"), "patients")
    op.drop_column("patients", "erased_at")
    op.drop_column("patients", "merged_into")
    op.drop_column("patients", "stage_at")
    op.drop_column("patients", "stage")
    op.drop_column("patients", "referrer_id")
    op.drop_column("patients", "born_on")
    op.drop_column("patients", "phone_sealed")
    op.drop_column("patients", "real_name_sealed")
    op.drop_column("patients", "clinic_number")
    op.drop_index("ix_receipts_recipient", "receipts")
    op.drop_index("ix_patient_tags_tag_id_patient_id", "patient_tags")
    op.drop_index(op.f("ix_patient_tags_expires_at"), "patient_tags")
    op.drop_column("patient_tags", "expires_at")
    op.drop_column("patient_tags", "rule")
    op.drop_column("members", "changed_at")
    op.drop_column("members", "left_at")
    op.drop_column("members", "position")
    op.drop_column("members", "active")
    op.drop_column("group_members", "inviter")
    op.drop_index("ix_follows_added_at", table_name="follows")
    op.drop_column("follows", "remark_sealed")
    op.drop_column("follows", "tags_asked")
    op.drop_column("follows", "channel_at")
    op.drop_column("follows", "first_added_at")
    op.drop_table("tag_words")
    op.drop_column("customer_groups", "created_at")
    op.drop_column("customer_groups", "role")
    op.drop_column("inbox", "hurried")
    op.drop_index(op.f("ix_visits_treatment"), "visits")
    op.drop_index("ix_visits_patient_id_at", "visits")
    op.drop_index("ix_visits_at", "visits")
    op.drop_table("visits")
    op.drop_index("ix_todos_patient_id", "todos")
    op.drop_index("ix_todos_due_at", "todos")
    op.drop_index("ix_todos_assignee_state", "todos")
    op.drop_table("todos")
    op.drop_index("ix_survey_answers_patient_id", "survey_answers")
    op.drop_table("survey_answers")
    op.drop_table("stage_moves")
    op.drop_index(op.f("ix_patient_terms_patient_id"), "patient_terms")
    op.drop_table("patient_terms")
    op.drop_index("ix_greetings_patient_id", "greetings")
    op.drop_index("ix_greetings_at", "greetings")
    op.drop_table("greetings")
    op.drop_index("ix_consents_patient_id", "consents")
    op.drop_table("consents")
    op.drop_index("ix_transfers_subject", "transfers")
    op.drop_index("ix_transfers_state", "transfers")
    op.drop_table("transfers")
    op.drop_index("ix_kf_messages_external_userid_at", "kf_messages")
    op.drop_table("kf_messages")
    op.drop_table("kf_accounts")
    op.drop_index(op.f("ix_imports_digest"), "imports")
    op.drop_table("imports")
    op.drop_index("ix_group_moves_person", "group_moves")
    op.drop_table("group_welcomes")
    op.drop_table("group_moves")
    op.drop_table("channel_days")
    op.drop_table("channel_codes")
