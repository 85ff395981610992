"""Photos and what they are used for."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
