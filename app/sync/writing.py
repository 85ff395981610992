"""Writes what the handlers of a batch added, in one statement a table.

The session's own unit of work sorts, tracks and reloads objects that nobody touches again: for a batch
of check-ins that costs more than grading them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, cast

from sqlalchemy import Table, insert

from app.core.extensions import db
from app.evidence.models import Proof, TrackGap
from app.ledger.models import LedgerRow
from app.patrols.models import CheckIn


def _columns(table: Table) -> list[str]:
    """What the handlers give; the rest is the database's to make."""
    return [column.name for column in table.columns if column.server_default is None]


# Nothing refers to these rows and nobody reads them again in the same request, so their order among
# other rows does not matter, and the session need not know them any longer.
_PLAIN: dict[type[Any], tuple[Any, list[str]]] = {
    model: (insert(cast("Table", model.__table__)), _columns(cast("Table", model.__table__)))
    for model in (Proof, CheckIn, TrackGap, LedgerRow)
}


def write_added() -> None:
    """Write everything that was added to the session."""
    rows: dict[type[Any], list[dict[str, Any]]] = defaultdict(list)
    for added in list(db.session.new):
        if type(added) in _PLAIN:
            _, columns = _PLAIN[type(added)]
            given = added.__dict__
            rows[type(added)].append({name: given.get(name) for name in columns})
            db.session.expunge(added)
    db.session.flush()
    connection = db.session.connection()
    for model, some in rows.items():
        connection.execute(_PLAIN[model][0], some)
