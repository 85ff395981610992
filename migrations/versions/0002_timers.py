"""Working calendars and timers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "work_calendar",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("first_year", sa.Integer(), nullable=False),
        sa.Column("last_year", sa.Integer(), nullable=False),
        sa.Column("hours", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("street_code", "version", name=op.f("pk_work_calendar")),
    )
    op.create_table(
        "work_day",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("is_work", sa.Boolean(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["street_code", "version"],
            ["work_calendar.street_code", "work_calendar.version"],
            name=op.f("fk_work_day_street_code_work_calendar"),
        ),
        sa.PrimaryKeyConstraint("street_code", "version", "on_day", name=op.f("pk_work_day")),
    )
    op.create_table(
        "timer",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("place_code", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('pending','fired','dropped','cancelled','failed')", name=op.f("ck_timer_state")
        ),
        sa.PrimaryKeyConstraint("street_code", "id", name=op.f("pk_timer")),
    )
    op.create_index(
        "ix_timer_try", "timer", ["try_at"], unique=False, postgresql_where=sa.text("state = 'pending'")
    )
    op.create_index(
        "uq_timer_pending",
        "timer",
        ["street_code", "subject_kind", "subject_id", "kind"],
        unique=True,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_timer_failed",
        "timer",
        ["street_code"],
        unique=False,
        postgresql_where=sa.text("state = 'failed'"),
    )
    op.create_index(
        "ix_timer_settled",
        "timer",
        ["settled_at"],
        unique=False,
        postgresql_where=sa.text("state <> 'pending'"),
    )
