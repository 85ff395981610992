"""Notifications, deliveries and addresses."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "notification",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("place_code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_by", sa.Uuid(), nullable=True),
        sa.Column("rungs_used", sa.SmallInteger(), nullable=False),
        sa.Column("next_rung_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("street_code", "user_id", "id", name=op.f("pk_notification")),
    )
    op.create_index(
        "ix_notification_next_rung",
        "notification",
        ["next_rung_at"],
        unique=False,
        postgresql_where=sa.text("next_rung_at is not null"),
    )
    op.create_index(
        "ix_notification_subject",
        "notification",
        ["street_code", "subject_kind", "subject_id", "user_id"],
        unique=False,
    )
    op.create_index(
        "ix_notification_unread",
        "notification",
        ["street_code", "user_id"],
        unique=False,
        postgresql_where=sa.text("acknowledged_at is null"),
    )
    op.create_table(
        "delivery",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address_id", sa.Uuid(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state in ('offered','pending','sending','sent','failed','gone','cancelled','no_address')",
            name=op.f("ck_delivery_state"),
        ),
        sa.PrimaryKeyConstraint(
            "street_code", "user_id", "notification_id", "channel", "address_id", name=op.f("pk_delivery")
        ),
    )
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["lane", "urgent", "due_at"],
        unique=False,
        postgresql_where="state in ('pending','sending')",
    )
    op.create_index(
        "ix_delivery_sending",
        "delivery",
        ["lane"],
        unique=False,
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_table(
        "push_subscription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("p256dh", sa.Text(), nullable=False),
        sa.Column("auth", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_subscription")),
        sa.UniqueConstraint("endpoint", name=op.f("uq_push_subscription_endpoint")),
    )
    op.create_index(
        "ix_push_subscription_user", "push_subscription", ["street_code", "user_id"], unique=False
    )
    op.create_table(
        "channel_address",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("place_code", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "recent",
            postgresql.ARRAY(sa.DateTime(timezone=True)),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(user_id is null) <> (place_code is null)", name=op.f("ck_channel_address_whose")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_address")),
    )
    op.create_index("ix_channel_address_street", "channel_address", ["street_code", "channel"], unique=False)
    op.create_table(
        "notify_setting",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("channel_order", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("quiet_from_minute", sa.Integer(), nullable=True),
        sa.Column("quiet_until_minute", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("street_code", "user_id", name=op.f("pk_notify_setting")),
    )
    op.create_table(
        "notify_policy",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("street_code", name=op.f("pk_notify_policy")),
    )
    op.create_table(
        "lane_rest",
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rests_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_lane_rest")),
    )
