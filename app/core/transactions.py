"""Ending a transaction before work outside of the database. Committing stays where it is."""

from __future__ import annotations

from sqlalchemy import text

from app.core.extensions import db

_WROTE = text("select pg_current_xact_id_if_assigned() is not null")


def end_reading() -> None:
    """End the transaction, which has only read so far, and give its connection back.

    Called before anything slow is waited for: a caller's body, a store, a provider. Meanwhile neither a
    connection nor a snapshot is held. Objects that were read before are read anew when they are used.

    Raises:
        RuntimeError: where something was written that would be lost.
    """
    session = db.session()
    if (
        session.new
        or session.dirty
        or session.deleted
        or (session.in_transaction() and session.scalar(_WROTE))
    ):
        raise RuntimeError("something was written before the work outside; do that work first")
    session.rollback()
