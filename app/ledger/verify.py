"""Verifying the ledger: every sealed row and every batch, in one snapshot, streaming.

Memory does not grow with the ledger here; PostgreSQL joins batches and rows on disk where it must.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection

from app.ledger import rules
from app.ledger.reading import BATCH_COLUMNS, ROW_COLUMNS, read_batch, read_row
from app.ledger.rules import Batch, Finding, Frontier, Mark, Seal
from app.ledger.seal import STREETS

_CHUNK = 1_000

_BATCHES = text(
    f"select {BATCH_COLUMNS} from ledger_batch where street_code = :street order by batch_no"  # noqa: S608
)

# Every listed id with its hash, against every row. A batch with fewer rows than fit took all there were.
_ROWS = text(f"""
with listed as (
    select b.batch_no, u.id, substring(b.row_hashes from (u.place::int - 1) * 32 + 1 for 32) as hash,
           b.accounted_at
    from (select batch_no, row_ids, row_hashes,
                 max(sealed_at) filter (where cardinality(row_ids) < {rules.BATCH_ROWS})
                     over (order by batch_no rows between unbounded preceding and 1 preceding) as accounted_at
          from ledger_batch where street_code = :street) b
    cross join lateral unnest(b.row_ids) with ordinality u(id, place)
)
select {ROW_COLUMNS}, l.id as listed_id, l.batch_no, l.hash, l.accounted_at
from (select * from ledger_row where street_code = :street) r
full join listed l on l.id = r.id
""")  # noqa: S608 - constants

_NEXT_TX = text("""
select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next_tx,
       (select system_identifier::text from pg_control_system()) as cluster_id
""")


_MARK = text("select batch_no, hash from ledger_seal_mark where street_code = :street")
_PLACED = text("select exists (select from place where street_code = :street)")


@dataclass(slots=True)
class Count:
    """What was looked at so far; the last batch's hash is worth writing down elsewhere.

    Attributes:
        noted: hashes (hex) that were noted earlier and not met yet; those met are taken out.
    """

    rows: int = 0
    unsealed: int = 0
    batches: int = 0
    head: str = ""
    noted: set[str] = field(default_factory=set)


def streets(connection: Connection) -> list[str]:
    """All streets that have rows, batches or the mark of a last one."""
    with_rows = connection.scalars(text(STREETS)).all()
    sealed = text("select street_code from ledger_batch union select street_code from ledger_seal_mark")
    return sorted({*with_rows, *connection.scalars(sealed).all()})


def verify(connection: Connection, street_code: str, count: Count) -> Iterator[Finding]:
    """Yield everything that is wrong with one street's ledger.

    Args:
        connection: in a REPEATABLE READ transaction, so that batches and rows are of one moment.
        count: filled while going.
    """
    if not connection.scalar(_PLACED, {"street": street_code}):
        yield rules.street_unknown(street_code)
    last: Batch | None = None
    accounted_at = None
    for found in _stream(connection, _BATCHES, street_code, 20):
        batch = read_batch(found)
        yield from rules.check_batch(batch, last)
        last = batch
        count.batches += 1
        count.head = batch.hash.hex()
        count.noted.discard(count.head)
        if len(batch.row_ids) < rules.BATCH_ROWS:
            accounted_at = batch.sealed_at
    ending = rules.check_end(street_code, last, _mark(connection, street_code))
    if ending is not None:
        yield ending
    frontier = None
    if last is not None:
        present = connection.execute(_NEXT_TX).one()
        frontier = Frontier(
            same_cluster=last.cluster_id == present.cluster_id,
            floor_id=last.floor_id,
            last_tx=last.last_tx,
            last_id=last.last_id,
            accounted_at=accounted_at,
            next_tx=present.next_tx,
        )
    for found in _stream(connection, _ROWS, street_code, _CHUNK):
        finding = _check(found, street_code, frontier, count)
        if finding is not None:
            yield finding


def _mark(connection: Connection, street_code: str) -> Mark | None:
    found = connection.execute(_MARK, {"street": street_code}).one_or_none()
    return Mark(found.batch_no, bytes(found.hash)) if found else None


def _check(found: Any, street_code: str, frontier: Frontier | None, count: Count) -> Finding | None:
    if found.id is None:
        return rules.removed(street_code, found.listed_id, found.batch_no)
    count.rows += 1
    row = read_row(found)
    if found.listed_id is None:
        count.unsealed += 1
        return rules.check_unsealed(row, frontier)
    return rules.check_sealed(row, Seal(found.batch_no, bytes(found.hash), found.accounted_at))


def _stream(connection: Connection, statement: Any, street_code: str, size: int) -> Iterator[Any]:
    return iter(
        connection.execute(
            statement, {"street": street_code}, execution_options={"yield_per": size, "stream_results": True}
        )
    )
