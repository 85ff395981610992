"""Tidying up: what never came, what nobody named, and bytes that no row tells of."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, select, text

from app.core import current
from app.core.extensions import db
from app.ledger import service as ledger
from app.media import parts, pictures, service, storage
from app.media.models import Photo, PhotoUse

log = logging.getLogger(__name__)

PARTS_KEPT = timedelta(days=2)
UNUSED_KEPT = timedelta(days=7)
COMES_WITHIN = timedelta(days=30)
ORPHANS_KEPT = timedelta(days=30)  # long enough to notice a database that was restored from too old a copy
SUSPICIOUS = 20  # so many orphans in a shard, and more than there are known, are no accident
SHARD_EVERY_S = 300.0  # one shard at a time: all of them within 22 hours
BATCH = 200

_TOGETHER = and_(Photo.street_code == PhotoUse.street_code, Photo.sha256 == PhotoUse.sha256)
# All streets with photos, each found by one look into the key instead of by reading the whole table.
_STREETS = text("""
    with recursive street(code) as (
        select min(street_code) from photo
        union all
        select (select min(street_code) from photo where street_code > street.code)
        from street where street.code is not null
    ) select code from street where code is not null
""")


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of the store, the originals in it that rows tell of, and from when on all is kept anyway."""

    number: int
    known: frozenset[str]
    keep_from: datetime


def sweep_parts(now: datetime) -> bool:
    """Forget parts of photos that were never completed; True where there are more."""
    return parts.sweep(now - PARTS_KEPT, BATCH) == BATCH


def join_late() -> bool:
    """Join uses and photos that arrived at the very same moment; True where there are more."""
    rows = db.session.execute(
        select(PhotoUse.street_code, PhotoUse.sha256)
        .join(Photo, _TOGETHER)
        .where(PhotoUse.doubts.is_(None), PhotoUse.never_came_at.is_(None))
        .limit(BATCH)
    ).all()
    joined = 0
    for street_code in {row.street_code for row in rows}:
        joined += service.join(street_code, {row.sha256 for row in rows if row.street_code == street_code})
    return joined > 0 and len(rows) == BATCH


def note_never_came(now: datetime) -> bool:
    """Give up waiting for photos that were named long ago; True where there are more.

    The position that was kept to compare them with goes. A photo that comes later is still taken.
    """
    uses = db.session.scalars(
        select(PhotoUse)
        .where(
            PhotoUse.doubts.is_(None),
            PhotoUse.never_came_at.is_(None),
            PhotoUse.used_at < now - COMES_WITHIN,
            ~select(Photo.sha256).where(_TOGETHER).exists(),
        )
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for use in uses:
        use.never_came_at = now
        use.claim_lat = use.claim_lon = use.claim_accuracy_m = None
        ledger.record(
            "photo.never_came",
            actor_id=None,
            actor_kind="worker",
            street_code=use.street_code,
            place_code=use.place_code,
            subject_kind=use.subject_kind,
            subject_id=use.subject_id,
            data={"sha256": use.sha256, "role": use.role, "used_by": str(use.used_by)},
        )
    return len(uses) == BATCH


def forget_unused(now: datetime) -> list[str]:
    """Forget photos that nobody has named in time; returns the keys of their bytes, to be removed next.

    A worker that is killed before it removes them leaves bytes without a row, which go as orphans.
    """
    old = select(Photo).where(~Photo.used, Photo.received_at < now - UNUSED_KEPT).limit(BATCH)
    photos = db.session.scalars(old.with_for_update(skip_locked=True)).all()
    keys = [photo.storage_key for photo in photos if photo.storage_key is not None]
    for photo in photos:
        ledger.record(
            "photo.swept",
            actor_id=None,
            actor_kind="worker",
            street_code=photo.street_code,
            place_code=photo.street_code,
            subject_kind="photo",
            subject_id=photo.sha256,
            data={"uploaded_by": str(photo.uploaded_by), "state": photo.state},
        )
        db.session.delete(photo)
    return keys


def remove(key: str) -> None:
    """Remove an original and what was drawn from it. No transaction may be open."""
    store = storage.open_store(current.settings().photos)
    for size in pictures.SIZES:
        store.delete(storage.size_key(key, size))
    store.delete(key)


def shard_of(now: datetime) -> list[Shard]:
    """The part of the store whose turn it is at *now*, for all workers the same."""
    number = int(now.timestamp() // SHARD_EVERY_S) % storage.SHARDS
    first, after = f"{number:02x}", f"{number + 1:02x}" if number + 1 < storage.SHARDS else "g"
    known: set[str] = set()
    for street_code in db.session.scalars(_STREETS).all():
        known.update(
            key
            for key in db.session.scalars(
                select(Photo.storage_key).where(
                    Photo.street_code == street_code, Photo.sha256 >= first, Photo.sha256 < after
                )
            )
            if key is not None
        )
    return [Shard(number, frozenset(known), now - ORPHANS_KEPT)]


def remove_orphans(shard: Shard) -> int:
    """Remove what no row tells of; returns how many. No transaction may be open.

    A key is made for one arrival and written once. One that is old and has no row will never get one.
    Where most of a shard is unknown, the store belongs to another database: nothing is removed then.
    """
    store = storage.open_store(current.settings().photos)
    orphans = [
        kept.key
        for kept in store.shard(shard.number)
        if kept.modified_at < shard.keep_from and storage.original_key(kept.key) not in shard.known
    ]
    if len(orphans) > max(SUSPICIOUS, len(shard.known)):
        log.error(
            "%d things in part %02x of the store of photos are unknown here, %d are known: does the store "
            "belong to another database? Nothing was removed",
            len(orphans),
            shard.number,
            len(shard.known),
        )
        return 0
    for key in orphans:
        store.delete(key)
    return len(orphans)
