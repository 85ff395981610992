"""How the ledger is sealed: canonical form, hashes, and what is wrong with a row or batch. Pure.

A value's canonical form is compact JSON: members sorted by code point, no white space, text as it is
(only ``"``, ``\\`` and control characters escaped), and a number as its significant digits and a power of
ten (``31.10`` and ``31.1`` are ``311e-1``). So the form does not depend on how PostgreSQL or Python write
numbers, order members or show time zones.

* row hash = SHA-256 of ``ironfeet-ledger-row-1`` + newline + the canonical array of all columns; times are
  whole microseconds since 1970 (UTC).
* batch hash = SHA-256 of ``ironfeet-ledger-batch-1`` + newline + the canonical array of all columns but the
  hash itself; hashes are lower-case hex.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

BATCH_ROWS = 5_000  # at most; a batch with fewer took everything there was
HASH_BYTES = 32
NO_HASH = bytes(HASH_BYTES)  # what the first batch of a street is chained to
SLOW_COMMIT = timedelta(hours=1)  # a row may be this much older than the seal that did not see it yet

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """One ledger row as it is hashed; *data* is parsed JSON with numbers as int or Decimal."""

    street_code: str
    id: int
    at: datetime
    tx: int
    actor_kind: str
    actor_id: str | None
    action: str
    subject_kind: str
    subject_id: str
    place_code: str
    data: Any


@dataclass(frozen=True, slots=True)
class Batch:
    """One sealed batch, all columns."""

    street_code: str
    batch_no: int
    sealed_at: datetime
    cluster_id: str
    floor_id: int
    horizon_tx: int
    last_tx: int
    last_id: int
    row_ids: tuple[int, ...]
    row_hashes: bytes
    previous_hash: bytes
    hash: bytes = NO_HASH


@dataclass(frozen=True, slots=True)
class Seal:
    """What the batches say of one row: its batch and hash, and the last full account before it.

    ``accounted_at`` is when an earlier batch last took everything there was; a row that was there by
    then should have been in it.
    """

    batch_no: int
    hash: bytes
    accounted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Frontier:
    """How far a street is sealed: rows up to (*last_tx*, *last_id*) with ids above *floor_id*.

    Attributes:
        same_cluster: False where the database was restored elsewhere and nothing was sealed since, so
            that transaction ids tell nothing.
        next_tx: the first transaction id that has not been given out yet.
    """

    same_cluster: bool
    floor_id: int
    last_tx: int
    last_id: int
    accounted_at: datetime | None
    next_tx: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Which batch was sealed last, as a second table says."""

    batch_no: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes:
        kind: ``changed``, ``removed``, ``inserted``, ``batch_altered``, ``batch_missing``,
            ``mark_altered``, ``noted_missing`` or ``street_unknown``.
        row_id: the row, or None where a batch is meant.
        batch_no: the batch that lists the row or is meant; None for a row that no batch lists.
    """

    kind: str
    street_code: str
    row_id: int | None
    batch_no: int | None
    detail: str


def canonical(value: Any) -> str:
    """The canonical text of a JSON value.

    Raises:
        TypeError: for anything that JSON does not know, and for floats: they have lost digits already.
    """
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int | Decimal):
        return _number(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    if isinstance(value, dict):
        members = (f"{canonical(key)}:{canonical(value[key])}" for key in sorted(value))
        return "{" + ",".join(members) + "}"
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _number(value: int | Decimal) -> str:
    if isinstance(value, int):
        sign, digits, exponent = value < 0, str(abs(value)), 0
    else:
        parts = value.as_tuple()
        if not isinstance(parts.exponent, int):
            raise TypeError("NaN and infinity are not JSON")
        sign, digits, exponent = bool(parts.sign), "".join(map(str, parts.digits)), parts.exponent
    short = digits.strip("0")
    if not short:
        return "0e0"
    exponent += len(digits) - len(digits.rstrip("0"))
    return f"{'-' if sign else ''}{short}e{exponent}"


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970 (UTC) of an aware time."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def row_hash(row: Row) -> bytes:
    """SHA-256 of everything in a row."""
    columns = [
        row.street_code,
        row.id,
        microseconds(row.at),
        row.tx,
        row.actor_kind,
        row.actor_id,
        row.action,
        row.subject_kind,
        row.subject_id,
        row.place_code,
        row.data,
    ]
    return _digest("ironfeet-ledger-row-1", columns)


def batch_hash(batch: Batch) -> bytes:
    """SHA-256 of everything in a batch but its hash."""
    columns = [
        batch.street_code,
        batch.batch_no,
        microseconds(batch.sealed_at),
        batch.cluster_id,
        batch.floor_id,
        batch.horizon_tx,
        batch.last_tx,
        batch.last_id,
        list(batch.row_ids),
        batch.row_hashes.hex(),
        batch.previous_hash.hex(),
    ]
    return _digest("ironfeet-ledger-batch-1", columns)


def _digest(purpose: str, columns: list[Any]) -> bytes:
    # surrogates cannot come out of PostgreSQL, so plain UTF-8 is enough
    return hashlib.sha256(f"{purpose}\n{canonical(columns)}".encode()).digest()


def check_batch(batch: Batch, previous: Batch | None) -> list[Finding]:
    """What is wrong with a batch and its link to the one before (None: it should be the first)."""
    found: list[Finding] = []
    expected_no = previous.batch_no + 1 if previous else 1
    if batch.batch_no != expected_no:
        gone = (
            f"{expected_no}" if batch.batch_no == expected_no + 1 else f"{expected_no}–{batch.batch_no - 1}"
        )
        detail = f"batch {gone} is missing before batch {batch.batch_no}"
        found.append(Finding("batch_missing", batch.street_code, None, expected_no, detail))
    elif batch.previous_hash != (previous.hash if previous else NO_HASH):
        detail = f"batch {batch.batch_no} is not chained to the batch before it"
        found.append(Finding("batch_altered", batch.street_code, None, batch.batch_no, detail))
    if batch.hash != batch_hash(batch) or len(batch.row_hashes) != HASH_BYTES * len(batch.row_ids):
        detail = f"batch {batch.batch_no} does not have the hash of its content"
        found.append(Finding("batch_altered", batch.street_code, None, batch.batch_no, detail))
    return found


def check_end(street_code: str, last: Batch | None, mark: Mark | None) -> Finding | None:
    """What is wrong with the end of the chain: batches cut off, or the last one put in another's place."""
    last_no = last.batch_no if last else 0
    marked_no = mark.batch_no if mark else 0
    if last_no < marked_no:
        gone = f"{marked_no}" if marked_no == last_no + 1 else f"{last_no + 1}–{marked_no}"
        detail = f"batch {gone} is missing at the end"
        return Finding("batch_missing", street_code, None, last_no + 1, detail)
    if last_no > marked_no:
        says = f"names batch {marked_no} as the last one" if mark else "is gone"
        detail = f"the mark of the last seal {says}, but there is batch {last_no}"
        return Finding("mark_altered", street_code, None, last_no, detail)
    if last and mark and last.hash != mark.hash:
        detail = f"batch {last_no} is not the one that the mark of the last seal names"
        return Finding("batch_altered", street_code, None, last_no, detail)
    return None


def check_sealed(row: Row, seal: Seal) -> Finding | None:
    """What is wrong with a row that a batch lists."""
    if row_hash(row) != seal.hash:
        detail = f"row {row.id} ({row.action}) is not what batch {seal.batch_no} sealed"
        return Finding("changed", row.street_code, row.id, seal.batch_no, detail)
    if _older_than(row, seal.accounted_at):
        detail = f"row {row.id} ({row.action}) says {row.at.isoformat()}, but was sealed only in batch {seal.batch_no}"
        return Finding("inserted", row.street_code, row.id, seal.batch_no, detail)
    return None


def check_unsealed(row: Row, frontier: Frontier | None) -> Finding | None:
    """What is wrong with a row that no batch lists; *frontier* is None where nothing is sealed yet."""
    if frontier is None:
        return None
    reason = ""
    if row.id <= frontier.floor_id:
        reason = "is numbered below a complete account"
    elif frontier.same_cluster and row.tx >= frontier.next_tx:
        reason = "names a transaction that has not happened"
    elif frontier.same_cluster and (row.tx, row.id) <= (frontier.last_tx, frontier.last_id):
        reason = "lies inside the sealed range"
    elif _older_than(row, frontier.accounted_at):
        reason = f"says {row.at.isoformat()}, before the last seal"
    if not reason:
        return None
    detail = f"row {row.id} ({row.action}) {reason}, but no batch lists it"
    return Finding("inserted", row.street_code, row.id, None, detail)


def removed(street_code: str, row_id: int, batch_no: int) -> Finding:
    """A row that a batch lists and that is not there."""
    detail = f"row {row_id} of batch {batch_no} is gone"
    return Finding("removed", street_code, row_id, batch_no, detail)


def noted_missing(street_code: str, noted: str) -> Finding:
    """A hash that somebody noted and that no batch has any more."""
    detail = f"no batch has the noted hash {noted}: what it sealed was removed or sealed anew"
    return Finding("noted_missing", street_code, None, None, detail)


def street_unknown(street_code: str) -> Finding:
    """A ledger of a street that does not exist."""
    detail = "there are ledger rows or batches, but no place has this street"
    return Finding("street_unknown", street_code, None, None, detail)


def _older_than(row: Row, accounted_at: datetime | None) -> bool:
    return accounted_at is not None and row.at < accounted_at - SLOW_COMMIT
