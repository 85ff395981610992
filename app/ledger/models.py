"""Tables of the ledger. Rows are never changed: the application's role may not, and a trigger refuses."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity, Index, LargeBinary, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.extensions import Base

ACTOR_KINDS = ("user", "worker", "cli")


class LedgerRow(Base):
    """One thing that happened: who, when (server time), what, to what, where.

    ``tx`` is the writing transaction's 64-bit id. Readers that follow the ledger (live stream, seals)
    order by ``(tx, id)`` and stop below the oldest running transaction, so a row that commits late is
    never passed over.
    """

    __tablename__ = "ledger_row"
    __table_args__ = (
        Index("ix_ledger_row_follow", "tx", "id"),
        Index("ix_ledger_row_subject", "subject_kind", "subject_id", "id"),
        # who looked at my tracks: everybody may ask that of a table that only grows
        Index(
            "ix_ledger_row_viewed",
            text("(data ->> 'user_id')"),
            "at",
            postgresql_where=text("action = 'track.viewed'"),
        ),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), primary_key=True, server_default=func.clock_timestamp()
    )
    # the sentinel lets many rows be written by one statement
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, insert_sentinel=True)
    tx: Mapped[int] = mapped_column(BigInteger, server_default=text("(pg_current_xact_id()::text::bigint)"))
    actor_kind: Mapped[str] = mapped_column(Text)  # of ACTOR_KINDS
    actor_id: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(Text)  # dotted, past tense: round.started
    subject_kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[str] = mapped_column(Text)
    place_code: Mapped[str] = mapped_column(Text)  # decides who may see it
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)


class LedgerBatch(Base):
    """A sealed batch: the ids and hashes of its rows, chained to the batch before it.

    ``hash`` covers every other column (see ``rules.batch_hash``). ``last_tx`` and ``last_id`` are the
    position up to which the ledger is sealed; it counts for rows with an id above ``floor_id``, because
    a database that was restored into another cluster (``cluster_id``) starts counting transactions anew.
    """

    __tablename__ = "ledger_batch"

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    batch_no: Mapped[int] = mapped_column(BigInteger, primary_key=True)  # from 1, without gaps
    sealed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    cluster_id: Mapped[str] = mapped_column(Text)  # PostgreSQL's system identifier
    floor_id: Mapped[int] = mapped_column(BigInteger)
    horizon_tx: Mapped[int] = mapped_column(BigInteger)  # rows of later transactions are not in it
    last_tx: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)
    row_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    row_hashes: Mapped[bytes] = mapped_column(LargeBinary)  # 32 bytes a row, in the order of row_ids
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class LedgerSealMark(Base):
    """The last batch of a street, noted in a second place: whoever cuts batches off must forge it, too.

    It only goes forward (a trigger sees to that), and the next batch is chained to it.
    """

    __tablename__ = "ledger_seal_mark"

    street_code: Mapped[str] = mapped_column(Text, primary_key=True)
    batch_no: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
