"""Indexes to count what one person has sent that nothing names; live cases in the order of all their clocks."""

from alembic import op

revision = "0006"
down_revision = "0005"

NEXT_DUE = """
update case_file set next_due_at = least(acknowledge_due_at, due_at)
 where state = 'dispatched' and acknowledge_due_at < coalesce(next_due_at, 'infinity')
"""


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("ix_photo_unnamed", "photo", ["street_code", "uploaded_by"], postgresql_where="not used")
    op.create_index("ix_photo_part_user", "photo_part", ["street_code", "user_id"])
    op.execute(NEXT_DUE)
