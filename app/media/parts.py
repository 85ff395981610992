"""Photos that arrive in parts. Each part is a row, so that any process on any machine takes the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from app.core.extensions import db
from app.media.models import PhotoPart
from app.media.rules import received_bytes

MAX_PART_BYTES = 1024 * 1024
MAX_PARTS = 64  # of one photo; more than that is no phone that resumes

_LOCK = text("select pg_advisory_xact_lock(hashtextextended(:name, 0))")


@dataclass(frozen=True, slots=True)
class Arriving:
    """Whose photo it is that arrives."""

    street_code: str
    sha256: str
    user_id: UUID


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its first byte in the whole, and how many bytes the whole has."""

    start: int
    total: int
    body: bytes


def _of(photo: Arriving) -> ColumnElement[bool]:
    return and_(
        PhotoPart.street_code == photo.street_code,
        PhotoPart.sha256 == photo.sha256,
        PhotoPart.user_id == photo.user_id,
    )


def received(photo: Arriving) -> int:
    """How many bytes from the beginning have arrived."""
    rows = db.session.execute(select(PhotoPart.starts_at_byte, func.length(PhotoPart.body)).where(_of(photo)))
    return received_bytes([(start, length) for start, length in rows])


def add(photo: Arriving, part: Part, now: datetime) -> tuple[int, bytes | None]:
    """Keep *part*, unless it is the last one that was missing.

    Parts may come twice, in any order, overlapping. One that tells another total begins the photo anew,
    as do more parts than a resuming phone makes.

    Returns:
        how many bytes from the beginning have arrived, and the whole photo where it is complete. Then
        nothing was written: the caller has everything in hand, and a caller that dies is asked again.
    """
    # Of two last parts that arrive at once, one must see the other.
    db.session.execute(_LOCK, {"name": f"photo part {photo.street_code} {photo.sha256} {photo.user_id}"})
    columns = (PhotoPart.starts_at_byte, func.length(PhotoPart.body), PhotoPart.total_bytes)
    rows = db.session.execute(select(*columns).where(_of(photo))).all()
    kept = {start: length for start, length, total in rows if total == part.total}
    reached = received_bytes([*(kept | {part.start: len(part.body)}).items()])
    if reached == part.total:
        return reached, _assemble(photo, part)
    if len(kept) != len(rows) or len(kept) >= MAX_PARTS:
        drop(photo)
        reached = received_bytes([(part.start, len(part.body))])
    row = insert(PhotoPart).values(
        street_code=photo.street_code,
        sha256=photo.sha256,
        user_id=photo.user_id,
        starts_at_byte=part.start,
        total_bytes=part.total,
        body=part.body,
        received_at=now,
    )
    keys = ["street_code", "sha256", "user_id", "starts_at_byte"]
    newer = {"body": part.body, "total_bytes": part.total, "received_at": now}
    db.session.execute(row.on_conflict_do_update(index_elements=keys, set_=newer))
    return reached, None


def _assemble(photo: Arriving, last: Part) -> bytes:
    rows = db.session.execute(
        select(PhotoPart.starts_at_byte, PhotoPart.body).where(
            _of(photo), PhotoPart.total_bytes == last.total
        )
    )
    bodies: dict[int, bytes] = {row.starts_at_byte: row.body for row in rows}
    bodies[last.start] = last.body
    whole = bytearray()
    for start, body in sorted(bodies.items()):
        if start + len(body) > len(whole):
            whole += body[len(whole) - start :]
    return bytes(whole)


def drop(photo: Arriving) -> None:
    """Forget the parts of a photo: it is complete, or will begin anew."""
    db.session.execute(delete(PhotoPart).where(_of(photo)))


def sweep(before: datetime, limit: int) -> int:
    """Forget parts that arrived before *before*; returns how many, at most *limit*."""
    key = (PhotoPart.street_code, PhotoPart.sha256, PhotoPart.user_id, PhotoPart.starts_at_byte)
    old = select(*key).where(PhotoPart.received_at < before).limit(limit)
    gone = db.session.scalars(
        delete(PhotoPart)
        .where(tuple_(*key).in_(old.with_for_update(skip_locked=True)))
        .returning(PhotoPart.starts_at_byte)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
