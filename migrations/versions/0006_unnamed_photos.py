"""Indexes to count what one person has sent that nothing names."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("ix_photo_unnamed", "photo", ["street_code", "uploaded_by"], postgresql_where="not used")
    op.create_index("ix_photo_part_user", "photo_part", ["street_code", "user_id"])
