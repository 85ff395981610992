"""Writes what the handlers of a batch added, all tables in one statement.

The session's own unit of work sorts, tracks and reloads objects that nobody touches again, and asks the
database once for each table: for a batch of check-ins that costs more than grading them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from typing import Any, cast

from geoalchemy2 import WKTElement
from sqlalchemy import Table, TextClause, text

from app.cases import filing
from app.cases.models import CaseEvent, CaseFile, CasePerson
from app.core.extensions import db
from app.evidence.models import Proof, TrackGap
from app.ledger.models import LedgerRow
from app.notify.models import Notification
from app.patrols.models import CheckIn
from app.sync.models import LogEntry


def _columns(model: type[Any]) -> list[str]:
    """What the handlers give; the rest is the database's to make."""
    table = cast("Table", model.__table__)
    whole = model is CaseFile  # every value of it is given
    return [column.name for column in table.columns if whole or column.server_default is None]


# Nothing refers to these rows and nobody reads them again in the same request, so their order among
# other rows does not matter, and the session need not know them any longer.
_PLAIN = {
    model: _columns(model)
    for model in (Proof, CheckIn, TrackGap, CaseFile, CaseEvent, CasePerson, Notification, LedgerRow)
}


@cache
def _insert(models: tuple[type[Any], ...]) -> TextClause:
    """One statement that takes the rows of each of *models* as JSON: parameters r0, r1, …"""
    parts = []
    for number, model in enumerate(models):
        name, columns = model.__tablename__, ", ".join(_columns(model))
        parts.append(
            f"w{number} as (insert into {name} ({columns}) select {columns} "  # noqa: S608 - our own names
            f"from json_populate_recordset(null::{name}, cast(:r{number} as json)))"
        )
    return text(f"with {', '.join(parts)} select")


def write_added() -> None:
    """Write everything that was added to the session."""
    filing.give_numbers(db.session())
    rows: dict[type[Any], list[dict[str, Any]]] = defaultdict(list)
    for added in list(db.session.new):
        columns = _PLAIN.get(type(added))
        if columns is not None:
            given = added.__dict__
            rows[type(added)].append({name: given.get(name) for name in columns})
            db.session.expunge(added)
    db.session.flush()
    if rows:
        models = tuple(model for model in _PLAIN if model in rows)
        texts = {f"r{n}": _as_json(rows[m]) for n, m in enumerate(models)}
        db.session.connection().execute(_insert(models), texts)


def write_entries(rows: list[dict[str, Any]]) -> None:
    """Write the entries of a request with their results; each row has every column of the table."""
    db.session.connection().execute(_insert((LogEntry,)), {"r0": _as_json(rows)})


def _as_json(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, default=_as_text)


def _as_text(value: object) -> str:
    """What JSON has no form for, as PostgreSQL reads it: bytes in hex, points as EWKT, the rest as it prints."""
    if isinstance(value, WKTElement):
        return f"SRID={value.srid};{value.data}"
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
