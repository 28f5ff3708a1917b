"""The first tables: inbox, outbox, people, queue."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from store.types import Document, RowId, UtcDateTime

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", RowId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("detail", Document, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index("ix_audit_subject", ["subject", "id"], unique=False)

    op.create_table(
        "batches",
        sa.Column("id", RowId, nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("persona", sa.String(length=60), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("week", "persona", name=op.f("uq_batches_week_persona")),
    )
    op.create_table(
        "customer_groups",
        sa.Column("chat_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("member_version", sa.String(length=64), nullable=True),
        sa.Column("dismissed_at", UtcDateTime(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("chat_id", name=op.f("pk_customer_groups")),
    )
    op.create_table(
        "inbox",
        sa.Column("id", RowId, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.String(length=160), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=True),
        sa.Column("kind", sa.String(length=80), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("handled_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("digest", name=op.f("uq_inbox_digest")),
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.create_index(
            "ix_inbox_lane",
            ["lane", "id"],
            unique=False,
            sqlite_where=sa.text("state IN ('new', 'retry')"),
            postgresql_where=sa.text("state IN ('new', 'retry')"),
        )
        batch_op.create_index(
            "ix_inbox_pending",
            ["urgent", "id"],
            unique=False,
            sqlite_where=sa.text("state IN ('new', 'retry')"),
            postgresql_where=sa.text("state IN ('new', 'retry')"),
        )

    op.create_table(
        "members",
        sa.Column("userid", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("alias", sa.String(length=64), nullable=False),
        sa.Column("serves", sa.Boolean(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("userid", name=op.f("pk_members")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", RowId, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("payload", Document, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("deadline", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("leased_until", UtcDateTime(), nullable=True),
        sa.Column("dispatched_at", UtcDateTime(), nullable=True),
        sa.Column("result", Document, nullable=True),
        sa.Column("errcode", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(
            "ix_outbox_due",
            ["urgent", "not_before", "id"],
            unique=False,
            sqlite_where=sa.text("state IN ('queued', 'sending', 'unknown')"),
            postgresql_where=sa.text("state IN ('queued', 'sending', 'unknown')"),
        )

    op.create_table(
        "patients",
        sa.Column("id", RowId, nullable=False),
        sa.Column("external_userid", sa.String(length=64), nullable=False),
        sa.Column("unionid", sa.String(length=64), nullable=True),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("gender", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patients")),
        sa.UniqueConstraint("external_userid", name=op.f("uq_patients_external_userid")),
    )
    with op.batch_alter_table("patients", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_patients_unionid"), ["unionid"], unique=False)

    op.create_table(
        "persona_bindings",
        sa.Column("persona", sa.String(length=60), nullable=False),
        sa.Column("userid", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.PrimaryKeyConstraint("persona", "userid", "role", name=op.f("pk_persona_bindings")),
    )
    op.create_table(
        "tags",
        sa.Column("id", RowId, nullable=False),
        sa.Column("group_name", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("wecom_id", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tags")),
        sa.UniqueConstraint("group_name", "name", name=op.f("uq_tags_group_name_name")),
        sa.UniqueConstraint("wecom_id", name=op.f("uq_tags_wecom_id")),
    )
    op.create_table(
        "uploads",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("media_id", sa.String(length=300), nullable=False),
        sa.Column("uploaded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "purpose", name=op.f("pk_uploads")),
    )
    op.create_table(
        "follows",
        sa.Column("id", RowId, nullable=False),
        sa.Column("patient_id", RowId, nullable=False),
        sa.Column("userid", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("add_way", sa.Integer(), nullable=True),
        sa.Column("added_at", UtcDateTime(), nullable=True),
        sa.Column("lost_at", UtcDateTime(), nullable=True),
        sa.Column("lost_by", sa.String(length=12), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_follows_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follows")),
        sa.UniqueConstraint("patient_id", "userid", name=op.f("uq_follows_patient_id_userid")),
    )
    with op.batch_alter_table("follows", schema=None) as batch_op:
        batch_op.create_index("ix_follows_userid", ["userid"], unique=False)

    op.create_table(
        "patient_tags",
        sa.Column("patient_id", RowId, nullable=False),
        sa.Column("userid", sa.String(length=64), nullable=False),
        sa.Column("tag_id", RowId, nullable=False),
        sa.Column("origin", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_patient_tags_patient_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tag_id"], ["tags.id"], name=op.f("fk_patient_tags_tag_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("patient_id", "userid", "tag_id", name=op.f("pk_patient_tags")),
    )
    op.create_table(
        "posts",
        sa.Column("id", RowId, nullable=False),
        sa.Column("batch_id", RowId, nullable=False),
        sa.Column("slot", sa.String(length=200), nullable=False),
        sa.Column("scope", sa.String(length=130), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("persona", sa.String(length=60), nullable=False),
        sa.Column("sender", sa.String(length=64), nullable=False),
        sa.Column("category", sa.String(length=12), nullable=False),
        sa.Column("content_key", sa.String(length=120), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("attachments", Document, nullable=False),
        sa.Column("audience", Document, nullable=False),
        sa.Column("scheduled_at", UtcDateTime(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("findings", Document, nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_posts_batch_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
        sa.UniqueConstraint("slot", name=op.f("uq_posts_slot")),
    )
    with op.batch_alter_table("posts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_posts_batch_id"), ["batch_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_posts_content_key"), ["content_key"], unique=False)
        batch_op.create_index("ix_posts_scheduled_at_id", ["scheduled_at", "id"], unique=False)
        batch_op.create_index("ix_posts_state_scheduled_at", ["state", "scheduled_at"], unique=False)

    op.create_table(
        "review_cards",
        sa.Column("id", RowId, nullable=False),
        sa.Column("batch_id", RowId, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.String(length=128), nullable=False),
        sa.Column("receivers", Document, nullable=False),
        sa.Column("response_code", sa.String(length=200), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_review_cards_batch_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_cards")),
        sa.UniqueConstraint("task_id", name=op.f("uq_review_cards_task_id")),
    )
    with op.batch_alter_table("review_cards", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_cards_batch_id"), ["batch_id"], unique=False)

    op.create_table(
        "approvals",
        sa.Column("id", RowId, nullable=False),
        sa.Column("post_id", RowId, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("decision", sa.String(length=12), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("via", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name=op.f("fk_approvals_post_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_approvals_post_id"), ["post_id"], unique=False)

    op.create_table(
        "pushes",
        sa.Column("id", RowId, nullable=False),
        sa.Column("post_id", RowId, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("job_id", sa.String(length=128), nullable=True),
        sa.Column("remote_id", sa.String(length=128), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("next_poll_at", UtcDateTime(), nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("reminded_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name=op.f("fk_pushes_post_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pushes")),
        sa.UniqueConstraint("post_id", name=op.f("uq_pushes_post_id")),
        sa.UniqueConstraint("remote_id", name=op.f("uq_pushes_remote_id")),
    )
    with op.batch_alter_table("pushes", schema=None) as batch_op:
        batch_op.create_index("ix_pushes_next_poll_at", ["next_poll_at"], unique=False)

    op.create_table(
        "receipts",
        sa.Column("push_id", RowId, nullable=False),
        sa.Column("userid", sa.String(length=64), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["push_id"], ["pushes.id"], name=op.f("fk_receipts_push_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("push_id", "userid", "recipient", name=op.f("pk_receipts")),
    )


def downgrade() -> None:
    op.drop_table("receipts")
    with op.batch_alter_table("pushes", schema=None) as batch_op:
        batch_op.drop_index("ix_pushes_next_poll_at")

    op.drop_table("pushes")
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_approvals_post_id"))

    op.drop_table("approvals")
    with op.batch_alter_table("review_cards", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_cards_batch_id"))

    op.drop_table("review_cards")
    with op.batch_alter_table("posts", schema=None) as batch_op:
        batch_op.drop_index("ix_posts_state_scheduled_at")
        batch_op.drop_index("ix_posts_scheduled_at_id")
        batch_op.drop_index(batch_op.f("ix_posts_content_key"))
        batch_op.drop_index(batch_op.f("ix_posts_batch_id"))

    op.drop_table("posts")
    op.drop_table("patient_tags")
    with op.batch_alter_table("follows", schema=None) as batch_op:
        batch_op.drop_index("ix_follows_userid")

    op.drop_table("follows")
    op.drop_table("uploads")
    op.drop_table("tags")
    op.drop_table("persona_bindings")
    with op.batch_alter_table("patients", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_patients_unionid"))

    op.drop_table("patients")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_outbox_due",
            sqlite_where=sa.text("state IN ('queued', 'sending', 'unknown')"),
            postgresql_where=sa.text("state IN ('queued', 'sending', 'unknown')"),
        )

    op.drop_table("outbox")
    op.drop_table("members")
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_inbox_pending",
            sqlite_where=sa.text("state IN ('new', 'retry')"),
            postgresql_where=sa.text("state IN ('new', 'retry')"),
        )
        batch_op.drop_index(
            "ix_inbox_lane",
            sqlite_where=sa.text("state IN ('new', 'retry')"),
            postgresql_where=sa.text("state IN ('new', 'retry')"),
        )

    op.drop_table("inbox")
    op.drop_table("customer_groups")
    op.drop_table("batches")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_subject")

    op.drop_table("audit")
