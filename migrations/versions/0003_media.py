"""Photos and what they are used for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "photo",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("used", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=True),
        sa.Column("format", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("uploaded_by", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("exif_taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exif_lat", sa.Float(), nullable=True),
        sa.Column("exif_lon", sa.Float(), nullable=True),
        sa.Column("camera", sa.Text(), nullable=True),
        sa.Column("sizes_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sizes_tries", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("(state = 'rejected') = (storage_key is null)", name=op.f("ck_photo_bytes_kept")),
        sa.CheckConstraint("state in ('stored','ready','rejected')", name=op.f("ck_photo_state")),
        sa.PrimaryKeyConstraint("street_code", "sha256", name=op.f("pk_photo")),
    )
    op.create_index(
        "ix_photo_sizes_due", "photo", ["sizes_due_at"], unique=False, postgresql_where="state = 'stored'"
    )
    op.create_index(
        "ix_photo_unused",
        "photo",
        ["received_at"],
        unique=False,
        postgresql_where="not used",
    )
    op.create_table(
        "photo_part",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at_byte", sa.Integer(), nullable=False),
        sa.Column("total_bytes", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "street_code", "sha256", "user_id", "starts_at_byte", name=op.f("pk_photo_part")
        ),
    )
    op.create_index("ix_photo_part_received", "photo_part", ["received_at"], unique=False)
    op.create_table(
        "photo_use",
        sa.Column("street_code", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("place_code", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("used_by", sa.Uuid(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claim_lat", sa.Float(), nullable=True),
        sa.Column("claim_lon", sa.Float(), nullable=True),
        sa.Column("claim_accuracy_m", sa.Float(), nullable=True),
        sa.Column("distance_m", sa.Float(), nullable=True),
        sa.Column("doubts", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("never_came_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role in ('before','after','report','note','verify')", name=op.f("ck_photo_use_role")
        ),
        sa.PrimaryKeyConstraint(
            "street_code", "subject_kind", "subject_id", "sha256", "role", name=op.f("pk_photo_use")
        ),
    )
    op.create_index("ix_photo_use_sha256", "photo_use", ["street_code", "sha256"], unique=False)
    op.create_index(
        "ix_photo_use_waiting",
        "photo_use",
        ["used_at"],
        unique=False,
        postgresql_where="doubts is null and never_came_at is null",
    )
    # Parts are pictures, which are compressed already.
    op.execute("alter table photo_part alter column body set storage external")
