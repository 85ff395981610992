"""Sealing: rows that are final go into hash-chained batches, each exactly once.

Final means that the row's transaction is older than every running one (docs/adr/0003-ledger-order.md),
so nothing can still appear before it. A database that was restored into another cluster counts its
transactions anew; its first seal there pauses writers, seals whatever no batch lists, and follows the
new count from then on, for rows with higher ids only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import insert, text

from app.core import clock
from app.core.extensions import db
from app.ledger.models import LedgerBatch
from app.ledger.reading import ROW_COLUMNS, read_row
from app.ledger.rules import BATCH_ROWS, NO_HASH, Batch, Row, batch_hash, row_hash

_LOCK = "select pg_try_advisory_xact_lock(hashtext('ledger.seal'))"

# Jumps from street to street along the primary key instead of reading every row.
STREETS = """
with recursive street(code) as (
    select min(street_code) from ledger_row
    union all
    select (select min(street_code) from ledger_row where street_code > code) from street where code is not null
)
select code from street where code is not null
"""

# What is known of the end. Where the mark is ahead, batches were removed: the next one is numbered and
# chained after the mark, so that the hole stays for whoever verifies.
_TIP = text("""
select greatest(coalesce(mark.batch_no, 0), coalesce(last.batch_no, 0)) as batch_no,
       case when mark.batch_no >= coalesce(last.batch_no, 0) then mark.hash else last.hash end as hash,
       last.cluster_id, coalesce(last.floor_id, 0) as floor_id,
       coalesce(last.last_tx, 0) as last_tx, coalesce(last.last_id, 0) as last_id
from (values (cast(:street as text))) as street(code)
left join (select * from ledger_batch where street_code = :street order by batch_no desc limit 1) last on true
left join ledger_seal_mark mark on mark.street_code = street.code
""")

_NOTE = text("""
insert into ledger_seal_mark (street_code, batch_no, hash) values (:street, :batch_no, :hash)
on conflict (street_code) do update set batch_no = excluded.batch_no, hash = excluded.hash
""")

_MOMENT = text("""
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon_tx,
       (select system_identifier::text from pg_control_system()) as cluster_id
""")

_FINAL = text(f"""
select {ROW_COLUMNS}
from ledger_row r
where r.street_code = :street and r.id > :floor_id and (r.tx, r.id) > (:last_tx, :last_id)
  and r.tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
order by r.tx, r.id limit :most
""")  # noqa: S608 - constants

_UNLISTED = text(f"""
select {ROW_COLUMNS}
from ledger_row r
left join (select unnest(row_ids) as id from ledger_batch where street_code = :street) listed on listed.id = r.id
where r.street_code = :street and listed.id is null
order by r.id
""")  # noqa: S608 - constants

_FROM_ELSEWHERE = text("""
select exists (select from ledger_row where street_code = :street
               and tx >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
""")

_PAUSE = text("select set_config('lock_timeout', '10s', true), pause_ledger()")


@dataclass(frozen=True, slots=True)
class _Tip:
    """Where a street's next batch goes on; *cluster_id* is None where there is no batch."""

    batch_no: int
    hash: bytes
    cluster_id: str | None
    floor_id: int
    last_tx: int
    last_id: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one run did; *busy* where another sealer was at work, *more* where it stopped at its limit."""

    rows: int = 0
    batches: int = 0
    busy: bool = False
    more: bool = False


def seal_pending(most_batches: int = 1_000) -> Sealed:
    """Seal what is final, street by street, in the caller's transaction.

    One sealer works at a time; a second one finds it busy and does nothing. No rows, no batch.

    Args:
        most_batches: stop after so many, so that a transaction stays short; the account of a restored
            database is taken as a whole.
    """
    if not db.session.scalar(text(_LOCK)):
        return Sealed(busy=True)
    rows = batches = 0
    for street_code in db.session.scalars(text(STREETS)).all():
        moment = db.session.execute(_MOMENT).one()
        tip = _tip(street_code)
        if _is_restored(street_code, tip, moment):
            for made in _account(street_code, tip, moment):
                tip = _after(made)
                rows, batches = rows + len(made.row_ids), batches + 1
        full = True
        while full and (following := _next_batch(street_code, tip, moment)):
            tip = _after(following)
            rows, batches = rows + len(following.row_ids), batches + 1
            if batches >= most_batches:
                return Sealed(rows, batches, more=True)
            full = len(following.row_ids) == BATCH_ROWS
    return Sealed(rows, batches)


def _tip(street_code: str) -> _Tip:
    found = db.session.execute(_TIP, {"street": street_code}).one()
    return _Tip(
        batch_no=found.batch_no,
        hash=NO_HASH if found.hash is None else bytes(found.hash),
        cluster_id=found.cluster_id,
        floor_id=found.floor_id,
        last_tx=found.last_tx,
        last_id=found.last_id,
    )


def _after(batch: Batch) -> _Tip:
    return _Tip(
        batch_no=batch.batch_no,
        hash=batch.hash,
        cluster_id=batch.cluster_id,
        floor_id=batch.floor_id,
        last_tx=batch.last_tx,
        last_id=batch.last_id,
    )


def _is_restored(street_code: str, tip: _Tip, moment: Any) -> bool:
    """True where rows may stem from a cluster with a transaction count of its own."""
    if tip.cluster_id is None:
        return bool(db.session.scalar(_FROM_ELSEWHERE, {"street": street_code}))
    return bool(tip.cluster_id != moment.cluster_id)


def _next_batch(street_code: str, tip: _Tip, moment: Any) -> Batch | None:
    """Seal the next rows in order, or return None where there are none."""
    found = db.session.execute(
        _FINAL,
        {
            "street": street_code,
            "floor_id": tip.floor_id,
            "last_tx": tip.last_tx,
            "last_id": tip.last_id,
            "most": BATCH_ROWS,
        },
    ).all()
    if not found:
        return None
    rows = [read_row(row) for row in found]
    position = (rows[-1].tx, rows[-1].id)
    return _store(street_code, tip, moment, rows, floor_id=tip.floor_id, position=position)


def _account(street_code: str, tip: _Tip, moment: Any) -> Iterator[Batch]:
    """Seal every row that no batch lists, whatever its transaction, while nobody writes.

    The last batch may be empty: it says from which id on the new cluster's count is followed.
    """
    db.session.execute(_PAUSE)
    floor_id = db.session.scalar(
        text("select coalesce(max(id), 0) from ledger_row where street_code = :street"),
        {"street": street_code},
    )
    stream = db.session.execute(
        _UNLISTED, {"street": street_code}, execution_options={"yield_per": BATCH_ROWS}
    )
    size = BATCH_ROWS
    for found in stream.partitions(BATCH_ROWS):
        rows = [read_row(row) for row in found]
        size = len(rows)
        made = _store(street_code, tip, moment, rows, floor_id=floor_id or 0, position=(0, 0))
        tip = _after(made)
        yield made
    if size == BATCH_ROWS:
        yield _store(street_code, tip, moment, [], floor_id=floor_id or 0, position=(0, 0))


def _store(
    street_code: str,
    tip: _Tip,
    moment: Any,
    rows: Sequence[Row],
    *,
    floor_id: int,
    position: tuple[int, int],
) -> Batch:
    batch = Batch(
        street_code=street_code,
        batch_no=tip.batch_no + 1,
        sealed_at=clock.now(),
        cluster_id=moment.cluster_id,
        floor_id=floor_id,
        horizon_tx=moment.horizon_tx,
        last_tx=position[0],
        last_id=position[1],
        row_ids=tuple(row.id for row in rows),
        row_hashes=b"".join(row_hash(row) for row in rows),
        previous_hash=tip.hash,
    )
    batch = replace(batch, hash=batch_hash(batch))
    db.session.execute(insert(LedgerBatch).values(asdict(batch) | {"row_ids": list(batch.row_ids)}))
    db.session.execute(_NOTE, {"street": street_code, "batch_no": batch.batch_no, "hash": batch.hash})
    return batch
