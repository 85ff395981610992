"""Ledger rows and batches as the rules want them, from rows of a query."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.ledger.rules import Batch, Row

# The text of data is read, not the parsed value: json would turn 31.10 into a float and lose digits.
ROW_COLUMNS = (
    "r.street_code, r.id, r.at, r.tx, r.actor_kind, r.actor_id::text as actor_id, r.action, "
    "r.subject_kind, r.subject_id, r.place_code, r.data::text as data"
)
BATCH_COLUMNS = (
    "street_code, batch_no, sealed_at, cluster_id, floor_id, horizon_tx, last_tx, last_id, row_ids, "
    "row_hashes, previous_hash, hash"
)


def read_row(found: Any) -> Row:
    """A ledger row from a result with ROW_COLUMNS."""
    at: datetime = found.at
    return Row(
        street_code=found.street_code,
        id=found.id,
        at=at,
        tx=found.tx,
        actor_kind=found.actor_kind,
        actor_id=found.actor_id,
        action=found.action,
        subject_kind=found.subject_kind,
        subject_id=found.subject_id,
        place_code=found.place_code,
        data=json.loads(found.data, parse_float=Decimal, parse_int=Decimal),
    )


def read_batch(found: Any) -> Batch:
    """A batch from a result with BATCH_COLUMNS."""
    return Batch(
        street_code=found.street_code,
        batch_no=found.batch_no,
        sealed_at=found.sealed_at,
        cluster_id=found.cluster_id,
        floor_id=found.floor_id,
        horizon_tx=found.horizon_tx,
        last_tx=found.last_tx,
        last_id=found.last_id,
        row_ids=tuple(found.row_ids),
        row_hashes=bytes(found.row_hashes),
        previous_hash=bytes(found.previous_hash),
        hash=bytes(found.hash),
    )
